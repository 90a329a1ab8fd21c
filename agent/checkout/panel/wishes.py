"""How many points the customer at the till wants to spend, said at the panel, kept with the customer, used by quotes.

A wish is a figure that is set, never one that is added to: saying it twice, or saying it again after the power was
cut, asks for the same. It ends with the receipt, in the transaction that closes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from agent.checkout.records import Open, Wish, read_all
from agent.loyalty.rules import SpendPoints
from drivers.vocabulary import checkout as contract

if TYPE_CHECKING:
    from agent.checkout.state import DeskState
    from drivers.vocabulary.decision import Decision

__all__ = [
    "PROOF_CARD",
    "PROOF_CODE",
    "PROOF_SUPERVISOR",
    "in_hand",
    "newest_quote",
    "spendable",
    "unit_title",
    "with_wish",
]

PROOF_CARD: Final = "card"
PROOF_CODE: Final = "code"
PROOF_SUPERVISOR: Final = "supervisor"


def with_wish(desk: DeskState, request: contract.QuoteRequest, customer_id: str | None) -> contract.QuoteRequest:
    """The request as the panel completes it: a till that says nothing of points leaves them to the cashier's panel."""
    current = desk.current
    if request.points is not None or request.points_max or request.points_worth is not None or customer_id is None:
        return request
    if current is None or current.wish is None or current.customer_id != customer_id:
        return request
    wish: Wish = current.wish
    return replace(request, points=wish.points, points_max=wish.points is None, unit=wish.unit)


def newest_quote(desk: DeskState) -> tuple[Open, Decision] | None:
    """The newest quote for the customer at the till."""
    if desk.current is None or desk.current.customer_id is None:
        return None
    quoted = [
        (opened, opened.decision)
        for _, opened in read_all(desk.store, "checkout", Open)
        if opened.decision is not None and opened.customer_id == desk.current.customer_id
    ]
    return max(quoted, key=lambda one: one[0].touched_at, default=None)


def in_hand(desk: DeskState, opened: Open, unit: str, points: int) -> int:
    """How many of the points a receipt takes this till may let its customer spend now: fewer without a line."""
    from agent.checkout.quoting import spend_limit

    known = desk.known(opened.customer_id, for_receipt=opened.uid) if opened.customer_id is not None else None
    return min(points, spend_limit(desk, known, unit, opened.uid)[0]) if known is not None else 0


def spendable(desk: DeskState) -> tuple[str, int, bool]:
    """(unit, points, whether a receipt says so): the most the customer at the till may spend; ("", 0, …) is nothing."""
    rules = desk.programme.file.rules if desk.programme is not None else ()
    unit = next((rule.unit for rule in rules if isinstance(rule, SpendPoints)), "")
    if not unit or desk.current is None or desk.current.customer_id is None:
        return "", 0, False
    quoted = newest_quote(desk)
    if quoted is not None and unit in quoted[1].spendable:
        return unit, in_hand(desk, quoted[0], unit, quoted[1].spendable[unit]), True
    known = desk.known(desk.current.customer_id)
    balances = known.balances(desk.clock.now()) if known is not None else ()
    free = max(0, next((one.available for one in balances if one.unit == unit), 0))
    any_receipt = Open(uid="", touched_at=desk.current.touched_at, customer_id=desk.current.customer_id)
    return unit, in_hand(desk, any_receipt, unit, free), False


def unit_title(desk: DeskState, unit: str) -> str:
    """What people call these points."""
    units = desk.programme.file.units if desk.programme is not None else {}
    return (units[unit].title or unit) if unit in units else unit
