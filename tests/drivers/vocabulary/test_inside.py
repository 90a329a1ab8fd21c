"""The discount inside an open receipt: when its sums may be touched, and what is left to pay each way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.vocabulary.inside import InsidePolicy, Untouched, payments_left, why_untouched
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import Tender, TenderKind

CASH, CARD, PREPAID = TenderKind.CASH, TenderKind.CARD, TenderKind.PREPAID
NUMBERS = {1: CASH, 2: CARD, 14: PREPAID}


def tenders(paid: dict[TenderKind, int]) -> tuple[Tender, ...]:
    return tuple(Tender(kind=kind, amount=Money(minor, "RUB")) for kind, minor in paid.items())


@pytest.mark.parametrize(
    ("policy", "paid", "why"),
    [
        ("off", {CASH: 1000}, Untouched.POLICY),
        ("advise", {CASH: 1000}, Untouched.POLICY),
        ("cash_only", {CASH: 1000}, None),
        ("cash_only", {CASH: 5000}, None),
        ("cash_only", {CARD: 1000}, Untouched.ELECTRONIC),
        ("cash_only", {CASH: 100, CARD: 900}, None),
        ("cash_only", {CASH: 99, CARD: 901}, Untouched.ELECTRONIC),
        ("cash_only", {CASH: 500, CARD: 900}, None),
        ("cash_only", {CASH: 500, CARD: 901}, Untouched.ELECTRONIC),
        ("always", {CARD: 1000}, None),
        ("always", {PREPAID: 901, CASH: 99}, Untouched.STORED_VALUE),
        ("always", {PREPAID: 900, CASH: 100}, None),
    ],
)
def test_whose_sums_may_be_touched(policy: str, paid: dict[TenderKind, int], why: Untouched | None) -> None:
    assert why_untouched(InsidePolicy(policy), tenders(paid), total_minor=1000, off_minor=100) is why


def test_without_a_discount_there_is_nothing_to_touch() -> None:
    found = why_untouched(InsidePolicy.ALWAYS, tenders({CASH: 1000}), total_minor=1000, off_minor=0)
    assert found is Untouched.NOTHING


@pytest.mark.parametrize(
    ("payments", "left"),
    [
        ({1: 1000}, {1: 900}),
        ({1: 5000}, {1: 5000}),  # a note on the table: the change grows
        ({1: 100, 2: 900}, {1: 0, 2: 900}),
        ({1: 50, 2: 950}, {1: 0, 2: 900}),
        ({2: 1000}, {2: 900}),
        ({1: 500, 2: 950}, {1: 500, 2: 900}),
        ({1: 100, 14: 900}, {1: 0, 14: 900}),
    ],
)
def test_what_is_left_to_pay(payments: dict[int, int], left: dict[int, int]) -> None:
    assert payments_left(payments, cash=1, fixed=frozenset({14}), total=1000, off=100) == left


@given(
    payments=st.dictionaries(st.sampled_from([1, 2, 14]), st.integers(0, 10**9), min_size=1),
    off=st.integers(0, 10**9),
    change=st.integers(0, 10**6),
)
def test_what_is_left_always_pays_the_lower_sum(payments: dict[int, int], off: int, change: int) -> None:
    """Whenever touching is allowed: enough is paid, nothing but cash is paid beyond it, nothing stored is changed."""
    change = min(change, payments.get(1, 0))
    total = sum(payments.values()) - change
    paid = tenders({NUMBERS[number]: minor for number, minor in payments.items()})
    off = min(off, total)
    why = why_untouched(InsidePolicy.ALWAYS, paid, total_minor=total, off_minor=off)
    if why is not None:
        return
    left = payments_left(payments, cash=1, fixed=frozenset({14}), total=total, off=off)
    assert all(0 <= left[number] <= payments[number] for number in payments)
    assert left.get(14, 0) == payments.get(14, 0)
    assert sum(left.values()) >= total - off
    assert sum(minor for number, minor in left.items() if number != 1) <= total - off
    if why_untouched(InsidePolicy.CASH_ONLY, paid, total_minor=total, off_minor=off) is None:
        assert left.get(2, 0) == payments.get(2, 0)
    if not change:
        assert sum(left.values()) == total - off
