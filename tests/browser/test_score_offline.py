"""Rows of the scorecard about a till without a line: what works, what is said, and what happens when the line is back."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from agent.clock import SystemClock
from agent.demo.people import members
from agent.demo.story import open_shop
from agent.doors.keys import DoorSecrets
from agent.snapshot import LinkState
from agent.till_loop import LinkChanged
from tests.browser.conftest import Panel
from tests.browser.figures import note
from tests.browser.states import CARD

pytestmark = [pytest.mark.browser, pytest.mark.net]

BOB = next(one for one in members(40) if one.points > 500)


@pytest.fixture
def offline(real_panel, real):
    """No line."""
    real.till.emit(LinkChanged(LinkState.OFFLINE, "no route to the centre"))
    real_panel.page.wait_for_selector("#strip:visible")
    return real_panel


def test_earning_and_joining_go_on(offline, real):
    """Row 26: a receipt earns, somebody joins; both wait on disk."""
    offline.scan(CARD)
    offline.wait("found")
    real.quote()
    offline.page.wait_for_selector("#quote .big")
    real.confirm("r-1", "1240", "62")
    offline.wait("idle")
    offline.press("F4")
    offline.wait("enrol")
    offline.type_slowly("9000000079")
    offline.press("F2")
    offline.page.wait_for_selector("#consents [aria-checked='true']")
    offline.press("Enter")
    offline.wait("found")

    assert real.shown.waiting == 2
    assert "очередь 2" in offline.text("#queue")


def test_spending_ends_where_the_lease_ends_and_says_why(offline, real):
    """Row 26: up to what is in hand; then the button stays, disabled, and the reason stands above."""
    offline.scan(CARD)
    offline.wait("found")
    real.quote()
    offline.page.wait_for_selector("#quote .big")
    may = "списать можно до" in offline.text("#strip-text")
    real.set_rules(points_cap=0)
    real.quote()
    offline.page.wait_for_selector("#strip-text:text-matches('списать пока нельзя')")
    button = offline.page.locator("footer button:visible", has_text="F2")

    assert may
    assert button.is_disabled()
    offline.press("F2")
    assert offline.screen() == "found"


def test_the_line_comes_back(chromium, tmp_path):
    """Row 27: the centre was away and is back: the banner goes within five seconds, what waited is sent once."""
    stage = open_shop(tmp_path, lambda _: None)
    try:
        secrets = DoorSecrets.load_or_create(stage.state, SystemClock())
        shop = SimpleNamespace(
            secrets=secrets, server=SimpleNamespace(port=stage.doors_port), desk=SimpleNamespace(calls="elsewhere")
        )
        panel = Panel(chromium.new_context(viewport={"width": 1024, "height": 768}), shop).open()
        panel.page.set_default_timeout(60_000)
        assert stage.gate is not None
        stage.gate.cut()
        panel.scan(BOB.card)
        panel.wait("found")
        panel.press("F8")
        panel.page.wait_for_selector("#strip:visible")
        stage.gate.mend()
        stage.wait_until(lambda status: status["link"] == "online")
        began = time.monotonic()
        panel.page.wait_for_selector("#strip", state="hidden")
        took = time.monotonic() - began
        panel.page.context.close()
    finally:
        stage.close()
    note(27, f"{took:.1f} s after the agent knew")

    assert took <= 5
