"""Which sale a printed receipt is: one the POS asked us about, one it has confirmed already, or a new one; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from agent.checkout.records import AwaitingPrint, Open
from drivers.vocabulary.decision import Decision
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt

__all__ = ["as_printed", "expected_total", "match", "match_late"]

# A POS prints within seconds of its confirm; a print that comes later belongs to another sale.
CONFIRMED_PRINTS_WITHIN: Final = timedelta(minutes=2)
# Between the quote and the print a customer looks for a card and coins.
QUOTED_PRINTS_WITHIN: Final = timedelta(minutes=15)
# A fiscal memory keeps the minute, by the device's own clock, which is set by hand.
LATE_WITHIN: Final = timedelta(minutes=5)


def expected_total(decision: Decision) -> Money:
    """What a receipt that applied this decision says as its total (points spent as a tender are still inside)."""
    return decision.total - decision.discount


def match(
    receipt: Receipt,
    awaiting: Iterable[AwaitingPrint],
    opened: Iterable[Open],
    now: datetime,
) -> AwaitingPrint | Open | None:
    """The newest sale of the same total that is waiting for its print; a confirmed one goes before a quoted one."""
    confirmed = [
        one for one in awaiting if one.total == receipt.total and now - one.closed_at <= CONFIRMED_PRINTS_WITHIN
    ]
    if confirmed:
        return max(confirmed, key=lambda one: one.closed_at)
    quoted = [
        one
        for one in opened
        if one.decision is not None
        and expected_total(one.decision) == receipt.total
        and now - one.touched_at <= QUOTED_PRINTS_WITHIN
    ]
    return max(quoted, key=lambda one: one.touched_at) if quoted else None


def match_late(
    receipt: Receipt, awaiting: Iterable[AwaitingPrint], opened: Iterable[Open]
) -> AwaitingPrint | Open | None:
    """The same for a receipt that is read out of a memory later: the sale of that total nearest in time to it.

    A receipt that does not say when it was closed is a new one.
    """
    at = receipt.closed_at
    if at is None:
        return None
    confirmed = [one for one in awaiting if one.total == receipt.total and abs(at - one.closed_at) <= LATE_WITHIN]
    if confirmed:
        return min(confirmed, key=lambda one: abs(at - one.closed_at))
    quoted = [
        one
        for one in opened
        if one.decision is not None
        and expected_total(one.decision) == receipt.total
        and -LATE_WITHIN <= at - one.touched_at <= QUOTED_PRINTS_WITHIN
    ]
    return min(quoted, key=lambda one: abs(at - one.touched_at)) if quoted else None


def as_printed(quoted: Receipt, off: Mapping[int, int], printed: Receipt) -> Receipt:
    """The quoted receipt as it was closed: `off` its lines, the tenders, number and time of the print."""
    lines = tuple(_discounted(line, off.get(line.number, 0)) for line in quoted.lines)
    return replace(
        quoted,
        kind=DocumentKind.SALE,
        lines=lines,
        total=printed.total,
        tenders=printed.tenders,
        change=printed.change,
        number=quoted.number or printed.number,
        shift=quoted.shift if quoted.shift is not None else printed.shift,
        cashier=quoted.cashier or printed.cashier,
        closed_at=printed.closed_at or quoted.closed_at,
    )


def _discounted(line: Line, off_minor: int) -> Line:
    """One line after our discount."""
    if not off_minor:
        return line
    before = line.discount.minor if line.discount is not None else 0
    return replace(
        line,
        discount=Money(before + off_minor, line.price.currency),
        total=Money(line.total.minor - off_minor, line.price.currency),
    )
