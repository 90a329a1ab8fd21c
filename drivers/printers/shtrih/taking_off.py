"""What a discount is in the words of a register, whether a close may be touched, and its payments afterwards; pure."""

from __future__ import annotations

from typing import Final

from drivers.vocabulary.inside import InsidePolicy, Untouched, WhatTillBelieves, payments_left, why_untouched

from .basket import Basket
from .layout import Value
from .positions import number

TITLE: Final = "Скидка по карте"  # printed by the register beside the sum
NOT_GIVEN: Final = "Скидка не дана: отказ кассы"  # printed where it was promised and the register takes none
DISCOUNTS: Final = frozenset({"discount", "surcharge", "receipt_discount"})
#: What registers say to a discount they do not take: unknown, not with these settings, not this model, out of range
#: (registers with a fiscal memory, by a public problem report).
NOT_TAKEN: Final = frozenset({0x01, 0x35, 0x36, 0x37, 0x40})
UNKNOWN: Final = 0x37  # "not supported in this implementation"
_CASH: Final = 1
_FIXED: Final = frozenset({14, 15, 16})  # advance, credit, counter-provision: numbers of FF45h
_COMPUTED: Final = frozenset({b"\0" * 5, b"\xff" * 5})  # a tax sum that the register works out


def ways(close: str, wanted: int) -> tuple[str, ...]:
    """The requests that take so much off, or give it back where it is below 0, the likeliest first."""
    classic = "discount" if wanted > 0 else "surcharge"
    return ("receipt_discount", classic) if close == "close_receipt_v2" else (classic, "receipt_discount")


def values_of(name: str, wanted: int, taxes: tuple[int, ...]) -> dict[str, Value]:
    """The parameters of one of these requests; `taxes` are the groups whose turnover it is off, () for none."""
    sum_ = abs(wanted)
    if name != "receipt_discount":
        groups = taxes or (0, 0, 0, 0)
        taxed: dict[str, Value] = {f"tax{place}": group for place, group in enumerate(groups, start=1)}
        return {"sum": sum_, "text": TITLE, **taxed}
    off, more = (sum_, 0) if wanted > 0 else (0, sum_)
    return {"discount": off, "surcharge": more, "tax": 0, "text": TITLE}


def may_touch(
    basket: Basket, values: dict[str, Value], policy: InsidePolicy, *, applied: int, off: int
) -> Untouched | None:
    """Why so much may not be off this close, or None when it may; `applied` is off already."""
    taxes = values.get("taxes", b"")
    sums = {taxes[at : at + 5] for at in range(0, 30, 5)} if isinstance(taxes, bytes) else set()
    if number(values, "percent") or not sums <= _COMPUTED | {b""}:
        return Untouched.DEVICE  # the till works its discount or its taxes out from the sum it knows
    due = basket.due(values) + applied
    tenders = basket.tenders(values)
    if sum(one.amount.minor for one in tenders) < due or off >= due > 0:
        return Untouched.DEVICE  # the register will refuse it as it is, or a receipt of nothing
    return why_untouched(policy, tenders, total_minor=due, off_minor=off)


def believed(basket: Basket, values: dict[str, Value], off: int) -> WhatTillBelieves:
    """What the till takes the receipt for."""
    return WhatTillBelieves(
        total=basket.money(basket.due(values) + off), tenders=basket.tenders(values), off_minor=off
    )  # fmt: skip


def paid(basket: Basket, values: dict[str, Value], off: int) -> dict[str, Value]:
    """The till's close with what is left to pay."""
    payments = {place: number(values, f"payment{place}") for place in range(1, 17)}
    left = payments_left(payments, cash=_CASH, fixed=_FIXED, total=basket.due(values) + off, off=off)
    return values | {f"payment{place}": minor for place, minor in left.items() if f"payment{place}" in values}
