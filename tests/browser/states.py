"""Every state of the panel, brought up on a real till: for what must hold on each of them, and for the pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from agent.acts import DropSale
from agent.snapshot import LinkState
from agent.till_loop import CareChanged, LinkChanged
from tests.browser.case_states import CASE_STATES, settle
from tests.browser.real_till import PIN_IT

__all__ = ["CARD", "OTHER", "STATES", "reset", "show"]

CARD, OTHER = "2900000000018", "2900000000025"
RICH, BLOCKED, PRODUCT = "2900000000049", "2900000000032", "4600000000008"
NOBODY = "9000000077"


def reset(panel: Any, till: Any) -> None:
    """IDLE, with a line, nothing typed, no dialog."""
    settle(till)
    till.till.panel_act(DropSale(), timeout_s=10)
    till.set_rules(standalone=False, points_cap=100)
    till.till.emit(LinkChanged(LinkState.ONLINE))
    till.till.emit(CareChanged(()))
    till.till.panel_clear(timeout_s=10)
    till.drop()
    till.clock.forward(seconds=30)  # look-ups are limited
    panel.page.goto(f"{till.url}/panel")
    panel.wait("idle")
    panel.settle()


def show(panel: Any, till: Any, state: str) -> None:
    """Bring one state up from IDLE."""
    STATES[state](panel, till)


def _typing(panel: Any, _: Any) -> None:
    panel.type_slowly("890000000")


def _not_found(panel: Any, _: Any) -> None:
    panel.type_slowly(NOBODY)
    panel.wait("not_found")


def _found(panel: Any, till: Any) -> None:
    till.till.panel_identify(CARD, presented=True, timeout_s=10)
    panel.wait("found")


def _quote(panel: Any, till: Any) -> None:
    _found(panel, till)
    till.quote(coupons=("BREAD50", "NO-SUCH"))
    panel.page.wait_for_selector("#notes li")


def _rich(panel: Any, till: Any) -> None:
    till.till.panel_identify(RICH, presented=True, timeout_s=10)
    panel.wait("found")
    till.quote(price="9999999.99")
    panel.page.wait_for_selector("#quote .big")


def _rich_redeem(panel: Any, till: Any) -> None:
    _rich(panel, till)
    panel.press("F2")
    panel.wait("redeem")


def _redeem(panel: Any, till: Any) -> None:
    _quote(panel, till)
    panel.press("F2")
    panel.wait("redeem")


def _redeem_by_phone(panel: Any, till: Any) -> None:
    till.till.panel_identify("+79000000001", presented=False, timeout_s=10)
    panel.wait("found")
    panel.press("F2")
    panel.wait("redeem")


def _redeem_pin(panel: Any, till: Any) -> None:
    _redeem_by_phone(panel, till)
    panel.press("F10")
    panel.type_slowly("12")


def _wish(panel: Any, till: Any) -> None:
    _redeem(panel, till)
    panel.press("Enter")
    panel.page.wait_for_selector("#wish:visible")


def _spent(panel: Any, till: Any) -> None:
    _wish(panel, till)
    till.quote()
    panel.page.wait_for_selector("#wish[data-state='good']")


def _enrol(panel: Any, till: Any) -> None:
    _not_found(panel, till)
    panel.press("F4")
    panel.wait("enrol")


def _enrol_agreed(panel: Any, till: Any) -> None:
    _enrol(panel, till)
    panel.press("F2")
    panel.page.wait_for_selector("#consents [aria-checked='true']")


def _enrol_from_idle(panel: Any, _: Any) -> None:
    panel.press("F4")
    panel.wait("enrol")
    panel.type_slowly("900000")


def _ask(panel: Any, till: Any) -> None:
    _found(panel, till)
    panel.scan(OTHER)
    panel.wait("ask")


def _ask_typed(panel: Any, till: Any) -> None:
    _found(panel, till)
    panel.type_slowly("900")
    panel.wait("ask")


def _blocked(panel: Any, till: Any) -> None:
    till.till.panel_identify(BLOCKED, presented=True, timeout_s=10)
    panel.wait("blocked")


def _product(panel: Any, till: Any) -> None:
    till.till.panel_identify(PRODUCT, presented=True, timeout_s=10)
    panel.wait("product")


def _offline(panel: Any, till: Any) -> None:
    _quote(panel, till)
    till.till.emit(LinkChanged(LinkState.OFFLINE, "no route to the centre"))
    panel.page.wait_for_selector("#strip:visible")


def _offline_idle(panel: Any, till: Any) -> None:
    till.till.emit(LinkChanged(LinkState.OFFLINE, "no route to the centre"))
    panel.page.wait_for_selector("#strip:visible")


def _offline_spent(panel: Any, till: Any) -> None:
    till.till.emit(LinkChanged(LinkState.OFFLINE, "no route to the centre"))
    till.set_rules(points_cap=0)
    _quote(panel, till)
    panel.page.wait_for_selector("footer button:disabled")


def _sum(panel: Any, till: Any) -> None:
    till.set_rules(standalone=True)
    panel.page.wait_for_selector("footer button:visible:has-text('F7')")
    panel.press("F7")
    panel.wait("sum")
    panel.type_slowly("1240,5")


def _sale(panel: Any, till: Any) -> None:
    _sum(panel, till)
    panel.press("Enter")
    panel.wait("sale")


def _sold_here(panel: Any, till: Any) -> None:
    till.set_rules(standalone=True)
    _found(panel, till)
    panel.type_slowly("1000")
    panel.wait("sum")
    panel.press("Enter")
    panel.page.wait_for_selector("#quote .big")


def _help(panel: Any, _: Any) -> None:
    panel.press("F1")
    panel.page.wait_for_selector("#help:visible")


def _it_closed(panel: Any, till: Any) -> None:
    _help(panel, till)
    panel.page.click("#it-show")
    panel.page.wait_for_selector("#it-door:visible")


def _it(panel: Any, till: Any) -> None:
    _it_closed(panel, till)
    if panel.page.is_visible("#it-door"):
        panel.page.fill("#it-pin", PIN_IT)
        panel.press("Enter")
    panel.page.wait_for_selector("#it-rows:visible")


def _joined(panel: Any, till: Any) -> None:
    till.number += 1
    panel.press("F4")
    panel.wait("enrol")
    panel.type_slowly(f"90000001{till.number:02d}")
    panel.press("F2")
    panel.page.wait_for_selector("#consents [aria-checked='true']")
    panel.press("Enter")
    panel.wait("found")


def _second_tab(panel: Any, till: Any) -> None:
    other = panel.page.context.new_page()
    other.goto(f"{till.url}/panel")
    other.wait_for_selector("#overlay:visible")
    other.click("#take-over")
    panel.page.wait_for_selector("#overlay:visible")
    other.close()


def _care(panel: Any, till: Any) -> None:
    till.till.emit(CareChanged(("disk", "clock")))
    panel.page.wait_for_selector("#toast:not(:empty)", state="attached")


STATES: Final[dict[str, Callable[[Any, Any], None]]] = {
    "idle": lambda *_: None,
    "typing": _typing,
    "not-found": _not_found,
    "enrol": _enrol,
    "enrol-agreed": _enrol_agreed,
    "enrol-from-idle": _enrol_from_idle,
    "joined": _joined,
    "found": _found,
    "quote": _quote,
    "rich": _rich,
    "rich-redeem": _rich_redeem,
    "redeem": _redeem,
    "redeem-by-phone": _redeem_by_phone,
    "redeem-pin": _redeem_pin,
    "wish": _wish,
    "spent": _spent,
    "ask": _ask,
    "ask-typed": _ask_typed,
    "blocked": _blocked,
    "product": _product,
    "offline": _offline,
    "offline-idle": _offline_idle,
    "care": _care,
    "offline-spent": _offline_spent,
    "sum": _sum,
    "sale": _sale,
    "sold-here": _sold_here,
    "help": _help,
    "it-closed": _it_closed,
    "it": _it,
    **CASE_STATES,
    "second-tab": _second_tab,
}
