"""A slip printer of our own on the panel: the last slip once more, and a calm sentence when it cannot print."""

from __future__ import annotations

import pytest

from agent.snapshot import DeviceView
from tests.agent.doors.memory_desk import first_snapshot

pytestmark = [pytest.mark.browser, pytest.mark.net]


def with_printer(till, *, state="on", detail=""):
    slips = DeviceView(name="slips", driver="escpos_slip", state=state, detail=detail)
    till.desk.change(devices=(*first_snapshot().devices, slips))


def test_f10_prints_the_last_slip_again(panel, till):
    """The key is there only with a printer of our own and a receipt that was closed."""
    with_printer(till)
    panel.settle()
    hidden = panel.page.locator("footer .slot:visible", has_text="F10").count()
    till.desk.change(last_receipt={"uid": "r-1", "total": "100.00 RUB"})
    panel.page.wait_for_selector("footer .slot:visible >> text=F10")
    till.desk._closed["r-1"] = (b"", None)
    panel.press("F10")
    panel.page.wait_for_selector("#toast:not(:empty)")

    assert 0 == hidden
    assert ["reprint"] == [name for name, _ in till.desk.calls if name == "reprint"]
    assert "ещё раз" in panel.text("#toast")
    assert [] == panel.errors


@pytest.mark.parametrize(
    ("detail", "sentence"),
    [
        ("E301 out of paper: put in a new roll and close the cover", "нет бумаги"),
        ("E302 the printer's cover is open: close it until it clicks", "закройте крышку"),
        ("cannot open usb:04b8:0202: no USB device 04b8:0202 is plugged in", "выключен"),
    ],
)
def test_a_printer_that_cannot_print_is_a_calm_sentence(panel, till, detail, sentence):
    """In the cashier's language, with what to do, and that the sale goes on."""
    with_printer(till, state="off", detail=detail)
    panel.page.wait_for_selector("#strip:visible")
    text = panel.text("#strip-text")

    assert sentence in text
    assert text.endswith("Продажа идёт")
