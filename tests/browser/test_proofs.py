"""A one-time code in a real browser: six keys with a number that was typed, and another way out whatever happens."""

from __future__ import annotations

import threading

import pytest

from agent.snapshot import LinkState
from agent.till_loop import LinkChanged
from drivers.vocabulary.spend_codes import CodeWanted
from tests.browser.real_till import PIN, Phone

pytestmark = [pytest.mark.browser, pytest.mark.net]


@pytest.fixture
def asking(real_panel, real):
    """Anna's number was typed, and the panel asks how many points."""
    real.set_rules(codes=True)
    real.ask_code = Phone()
    real_panel.type_slowly("9000000001")
    real_panel.wait("found")
    return real_panel


def test_spending_by_phone_is_six_keys(asking, real):
    """Scorecard row 5: F2, F10, four digits, and no Enter; a wrong code says how many tries are left."""
    asking.press("F2")
    asking.wait("redeem")
    assert "F10 Код на телефон" == asking.text("footer button:nth-of-type(3)").replace("\n", " ")
    asking.press("F10")
    asking.page.wait_for_selector("#redeem-proof:text-is('Код отправлен на +7900***01: введите')")
    assert "····" == asking.text("#redeem-pin")
    asking.type_slowly("4711")
    asking.wait("found")

    assert real.shown.wish is not None
    assert [True, False] == [isinstance(one, CodeWanted) for one in real.ask_code.asked]
    assert "4711" not in asking.page.content()
    assert [] == asking.errors


def test_a_wrong_code_can_be_typed_again(asking, real):
    """Backspace takes a digit back; nothing is sent before the last one."""
    asking.press("F2")
    asking.wait("redeem")
    asking.press("F10")
    asking.page.wait_for_selector("#redeem-pin:visible")
    asking.type_slowly("119")
    asking.press("Backspace")
    asking.type_slowly("11")
    asking.page.wait_for_selector("#redeem-proof:text-is('Неверный код, осталось 2 попытки')")
    assert real.shown.wish is None
    asking.type_slowly("4711")
    asking.wait("found")

    assert real.shown.wish is not None


def test_a_supervisor_is_one_key_away_from_a_code_that_does_not_come(asking, real):
    """The message hangs; nothing on the page waits for it."""
    gate = threading.Event()

    def silent(_):
        gate.wait(20)

    real.ask_code = silent
    try:
        asking.press("F2")
        asking.wait("redeem")
        asking.press("F10")
        asking.page.wait_for_selector("#redeem-proof:text-is('Отправляем код…')")
        asking.press("F10")
        asking.page.wait_for_selector("#redeem-proof:text-is('Старший: PIN')")
        asking.type_slowly(PIN)
        asking.press("Enter")
        asking.wait("found")
        assert real.shown.wish is not None
    finally:
        gate.set()


def test_without_a_line_f10_is_the_supervisor_at_once(asking, real):
    """Nothing is offered that cannot be had."""
    real.till.emit(LinkChanged(LinkState.OFFLINE))
    asking.page.wait_for_selector("#strip:visible")
    asking.press("F2")
    asking.wait("redeem")
    asking.press("F10")

    asking.page.wait_for_selector("#redeem-proof:text-is('Старший: PIN')")
    assert [] == real.ask_code.asked
