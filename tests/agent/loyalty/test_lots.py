"""The ledger of lots: soonest first, deficits carried, and every entry moves the balance by exactly its amount."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st

from agent.loyalty import lots, refund
from agent.loyalty.refund import RefundEffect, settle_refund
from drivers.vocabulary.customer import Customer, PointsLot
from drivers.vocabulary.decision import Decision, PointsEarned, PointsSpent
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt
from tests.agent.loyalty.soaking import prove

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def lot(name: str, amount: int, *, start: int | None = None, end: int | None = None, unit: str = "bonus") -> PointsLot:
    """A lot that begins and ends so many days from NOW."""
    return PointsLot(
        id=name,
        unit=unit,
        amount=amount,
        active_from=None if start is None else NOW + timedelta(days=start),
        expires_at=None if end is None else NOW + timedelta(days=end),
    )


def owned(ledger: Sequence[PointsLot], deficits: dict[str, int], unit: str = "bonus") -> int:
    """Everything in lots less what is owed."""
    return sum(one.amount for one in ledger if one.unit == unit) - deficits.get(unit, 0)


def test_the_soonest_to_expire_goes_first() -> None:
    """Then later ones, and those without end last; a lot not active yet stays."""
    ledger = [lot("never", 5), lot("late", 5, end=9), lot("soon", 5, end=1), lot("next", 5, start=1, end=2)]
    left, owed, taken = lots.spend(ledger, {}, "bonus", 12, NOW)

    assert ("never", 3) == (left[0].id, left[0].amount)
    assert [("never", 3), ("next", 5)] == [(one.id, one.amount) for one in left]
    assert [("soon", 5), ("late", 5), ("never", 2)] == [(one.id, one.amount) for one in taken]
    assert {} == owed


def test_what_is_missing_is_owed() -> None:
    """A spend that came late never fails: the deficit is carried and the next lot pays it first."""
    left, owed, taken = lots.spend([lot("a", 5), lot("other", 9, unit="mile")], {}, "bonus", 8, NOW)

    assert [("other", 9)] == [(one.id, one.amount) for one in left]
    assert {"bonus": 3} == owed
    assert [("a", 5), (lots.OVERSPENT, 3)] == [(one.id, one.amount) for one in taken]
    left, owed = lots.earn(left, owed, lot("b", 10))

    assert [("other", 9), ("b", 7)] == [(one.id, one.amount) for one in left]
    assert {} == owed


def test_a_deficit_larger_than_the_lot_swallows_it() -> None:
    """Nothing is left of the lot, something of the deficit."""
    assert ((), {"bonus": 3}) == lots.earn([], {"bonus": 8}, lot("b", 5))


def test_the_moment_of_expiry_is_too_late() -> None:
    """And the moment of activation is in time."""
    ledger = (lot("gone", 5, end=0), lot("begun", 3, start=0), lot("to come", 2, start=1))
    customer = Customer(id="c", lots=ledger)
    balance = lots.balance(customer, "bonus", NOW)

    assert (3, 2, 0) == (balance.available, balance.pending, balance.expiring)
    assert ((ledger[1], ledger[2]), (ledger[0],)) == lots.expire(ledger, NOW)


def test_a_balance_says_what_expires_next() -> None:
    """All that goes at the same moment, counted together."""
    ledger = (lot("a", 5, end=3), lot("b", 7, end=3), lot("c", 9, end=4), lot("d", 1))
    balance = lots.balance(Customer(id="c", lots=ledger, deficits={"bonus": 2}), "bonus", NOW)

    assert (20, 12, NOW + timedelta(days=3)) == (balance.available, balance.expiring, balance.expiring_at)


def test_giving_back_refills_the_lots_with_their_expiry() -> None:
    """The last taken first, as if fewer had been spent in the first place."""
    ledger = (lot("soon", 5, end=1), lot("late", 5, end=9))
    left, owed, taken = lots.spend(ledger, {}, "bonus", 8, NOW)
    left, owed, rest = lots.give_back(left, owed, "bonus", 4, taken=taken, name="r:back")

    assert [("late", 5), ("soon", 1)] == [(one.id, one.amount) for one in left]
    assert [("soon", 4)] == [(one.id, one.amount) for one in rest]
    assert ledger[0].expires_at == left[1].expires_at


def test_giving_back_more_than_is_known_makes_a_lot() -> None:
    """A sale of another till: nobody knows which lots it took."""
    left, owed, rest = lots.give_back([], {"bonus": 2}, "bonus", 9, taken=(), name="r:back")

    assert ([("r:back", 7)], {}, ()) == ([(one.id, one.amount) for one in left], owed, rest)


def test_taking_back_begins_with_the_sales_own_lot() -> None:
    """Active or not; then like spending; the rest is owed."""
    ledger = (lot("old", 2, end=1), lot("s1:back", 4, start=1), lot("s10:back", 9, start=1))
    left, owed = lots.take_back(ledger, {}, "bonus", 9, receipt_uid="s1", now=NOW)

    assert [("s10:back", 9)] == [(one.id, one.amount) for one in left]
    assert {"bonus": 3} == owed


amounts = st.integers(min_value=1, max_value=200)
days = st.none() | st.integers(min_value=-3, max_value=5)
ledgers = st.lists(st.tuples(amounts, days, days), max_size=5).map(
    lambda rows: tuple(lot(f"l{i}", amount, start=start, end=end) for i, (amount, start, end) in enumerate(rows))
)
entries = st.lists(
    st.tuples(st.sampled_from(["spend", "earn", "back", "take", "expire"]), st.integers(min_value=-5, max_value=300)),
    max_size=12,
)


@prove(ledgers, st.integers(min_value=0, max_value=50), entries)
def test_any_order_of_entries_adds_up(ledger: tuple[PointsLot, ...], debt: int, todo: list[tuple[str, int]]) -> None:
    """Whatever comes when, nothing raises and the balance is the sum of the entries."""
    owed = {"bonus": debt} if debt else {}
    expected = owned(ledger, owed)
    for step, (kind, amount) in enumerate(todo):
        counted = max(0, amount)
        if kind == "spend":
            ledger, owed, _ = lots.spend(ledger, owed, "bonus", amount, NOW)
            expected -= counted
        elif kind == "earn":
            ledger, owed = lots.earn(ledger, owed, lot(f"e{step}", amount))
            expected += counted
        elif kind == "back":
            ledger, owed, _ = lots.give_back(ledger, owed, "bonus", amount, taken=(), name=f"g{step}")
            expected += counted
        elif kind == "take":
            ledger, owed = lots.take_back(ledger, owed, "bonus", amount, receipt_uid="e1", now=NOW)
            expected -= counted
        else:
            ledger, gone = lots.expire(ledger, NOW)
            expected -= sum(one.amount for one in gone)

        assert expected == owned(ledger, owed)
        assert all(one.amount > 0 for one in ledger)
        assert all(debt > 0 for debt in owed.values())


def decided(spent: int, earned: int) -> Decision:
    """A decision that spends and earns so many."""
    zero = Money(0, "RUB")
    effects = (
        PointsSpent(unit="bonus", amount=spent, worth=Money(spent * 100, "RUB")),
        PointsEarned(unit="bonus", amount=earned, rule="back", expires_at=NOW + timedelta(days=90)),
    )
    return Decision(programme_version=1, total=zero, discount=zero, payable=zero, effects=effects)


def receipt(uid: str, total: int, kind: DocumentKind = DocumentKind.SALE, *, name: str = "goods") -> Receipt:
    """A receipt of one line."""
    money = Money(total, "RUB")
    line = Line(number=1, name=name, quantity=Quantity(total * 1000 + 1), price=Money(0, "RUB"), total=Money(0, "RUB"))
    return Receipt(uid=uid, kind=kind, total=money, lines=(line,), adjustment=money)


@prove(
    ledgers,
    st.integers(min_value=0, max_value=50),
    st.integers(min_value=0, max_value=300),
    st.integers(min_value=0, max_value=300),
    st.lists(st.integers(min_value=1, max_value=5000), min_size=1, max_size=6),
)
def test_sale_and_full_return_is_no_change(
    ledger: tuple[PointsLot, ...], debt: int, spent: int, earned: int, parts: list[int]
) -> None:
    """However the return is cut into parts, the ledger ends as it began (settled: active lots pay what is owed)."""
    owed = {"bonus": debt} if debt else {}
    before = settled(ledger, owed)
    decision, sale = decided(spent, earned), receipt("s1", sum(parts))
    left, debts, taken = lots.settle_sale(ledger, owed, decision, "s1", NOW)
    done: list[Receipt] = []
    totals: dict[str, int] = {"given": 0, "taken": 0}
    for number, part in enumerate(parts):
        back = receipt(f"r{number}", part, DocumentKind.RETURN, name=f"part {number}")
        effect = refund(decision, sale, back, done)
        done.append(back)
        totals["given"] += effect.points_given_back.get("bonus", 0)
        totals["taken"] += effect.points_taken_back.get("bonus", 0)
        left, debts, taken = settle_refund(
            left, debts, effect, taken=taken, sale_uid="s1", return_uid=back.uid, now=NOW
        )

    assert {"given": spent, "taken": earned} == totals
    assert before == settled(left, debts)


def settled(ledger: Sequence[PointsLot], owed: dict[str, int]) -> tuple[list[tuple[str, int]], dict[str, int]]:
    """The ledger once active lots have paid what is owed, in one comparable form."""
    left, rest = lots.settle(ledger, owed, "bonus", NOW)
    return sorted((one.id, one.amount) for one in left), rest


def test_a_return_in_parts_refills_the_lots_it_came_from() -> None:
    """What was overspent and paid by the sale's own points moves nothing; no point loses its expiry on the way."""
    ledger = (lot("l0", 2, end=3),)
    decision, sale = decided(3, 1), receipt("s1", 2)
    left, owed, taken = lots.settle_sale(ledger, {}, decision, "s1", NOW)

    assert ((), {}) == (left, owed)
    done: list[Receipt] = []
    for number in (1, 2):
        back = receipt(f"r{number}", 1, DocumentKind.RETURN, name="part")
        effect = refund(decision, sale, back, done)
        done.append(back)
        left, owed, taken = settle_refund(left, owed, effect, taken=taken, sale_uid="s1", return_uid=back.uid, now=NOW)

    assert (ledger, {}) == (left, owed)


def test_a_repeated_return_counts_once() -> None:
    """The same return again, and `before` that holds it twice, change nothing."""
    decision, sale = decided(30, 9), receipt("s1", 300)
    part = receipt("r1", 100, DocumentKind.RETURN, name="part")
    first = refund(decision, sale, part)

    assert RefundEffect(points_given_back={"bonus": 10}, points_taken_back={"bonus": 3}) == first
    assert first == refund(decision, sale, part, [part, part])


def test_more_than_was_sold_is_not_undone() -> None:
    """A return above the sale takes what there was."""
    effect = refund(decided(30, 9), receipt("s1", 300), receipt("r1", 900, DocumentKind.RETURN, name="part"))

    assert (
        RefundEffect(points_given_back={"bonus": 30}, points_taken_back={"bonus": 9}, complete=True, last=True)
        == effect
    )


@pytest.mark.parametrize("total", [0, 100])
def test_another_currency_undoes_nothing(total: int) -> None:
    """A return in other money is not a return of this sale."""
    back = receipt("r1", total, DocumentKind.RETURN)
    line = back.lines[0]
    foreign = Receipt(
        uid="r1",
        kind=DocumentKind.RETURN,
        total=Money(0, "EUR"),
        lines=(Line(number=1, name=line.name, quantity=line.quantity, price=Money(0, "EUR"), total=Money(0, "EUR")),),
    )

    assert RefundEffect() == refund(decided(30, 9), receipt("s1", 300), foreign)
