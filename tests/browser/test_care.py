"""Warnings of the machine on the panel: calm, in the cashier's language, and out of the way of whoever is served."""

from __future__ import annotations

import pytest

from agent.till_loop import CareChanged
from tests.browser.states import CARD

pytestmark = [pytest.mark.browser, pytest.mark.net]


def test_a_full_disk_is_said_while_nobody_is_served(real_panel, real):
    """No red, nothing to press; it leaves with the customer, and for good when the disk has room."""
    real.till.emit(CareChanged(("disk", "clock")))
    real_panel.page.wait_for_selector("#toast:not(:empty)", state="attached")
    said, kind = real_panel.text("#toast"), real_panel.page.get_attribute("#toast", "data-kind")
    real_panel.scan(CARD)
    real_panel.wait("found")
    while_served = real_panel.text("#toast")
    real.till.panel_clear(timeout_s=10)
    real_panel.wait("idle")
    real_panel.page.wait_for_selector("#toast:not(:empty)", state="attached")
    real.till.emit(CareChanged(()))
    real_panel.page.wait_for_selector("#toast:empty", state="attached")

    assert ("Всё работает. Когда будет время, сообщите ИТ: на диске кассы мало места", "note") == (said, kind)
    assert "" == while_served
    assert [] == real_panel.errors
