"""The edges of the ledger: other units, nothing, less than nothing, and what was overspent, to the last point."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.loyalty import lots
from drivers.vocabulary.customer import Customer, PointsLot
from tests.agent.loyalty.soaking import prove

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def part(name: str, amount: int, unit: str = "bonus", end: int | None = None) -> PointsLot:
    """A lot whose words are equal to others' and yet not the same objects, as they are when read from a wire."""
    expires_at = None if end is None else NOW + timedelta(days=end)
    return PointsLot(id="".join(list(name)), unit="".join(list(unit)), amount=amount, expires_at=expires_at)


def brief(ledger: Sequence[PointsLot]) -> list[tuple[str, int]]:
    """Name and amount."""
    return [(one.id, one.amount) for one in ledger]


ledgers = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "s1:back", "(overspent)"]),
        st.integers(min_value=-2, max_value=9),
        st.none() | st.integers(-2, 2),
    ),
    max_size=4,
    unique_by=lambda row: row[0],
).map(lambda rows: tuple(part(name, amount, end=end) for name, amount, end in rows))


@prove(
    ledgers,
    ledgers,
    st.sampled_from(["spend", "earn", "back", "undo", "settle"]),
    st.integers(0, 12),
    st.integers(0, 5),
)
def test_units_never_touch_each_other(
    ledger: tuple[PointsLot, ...], taken: tuple[PointsLot, ...], kind: str, amount: int, debt: int
) -> None:
    """Lots of the same name in two other units, before and after it in the alphabet, change nothing and stay."""
    others = tuple(replace(one, unit=unit) for unit in ("aa", "zz") for one in (*ledger, *taken))
    strange = tuple(replace(one, unit=unit) for unit in ("aa", "zz") for one in taken)

    def done(have: tuple[PointsLot, ...], known: tuple[PointsLot, ...], owed: dict[str, int]) -> tuple[object, ...]:
        if kind == "spend":
            return lots.spend(have, owed, "bonus", amount, NOW)
        if kind == "earn":
            return lots.earn(have, owed, part("a", amount))
        if kind == "settle":
            return lots.settle(have, owed, "bonus", NOW)
        if kind == "back":
            return lots.give_back(have, owed, "bonus", amount, taken=known, name="new")
        return lots.undo(have, owed, "bonus", earned=amount, spent=debt, taken=known, receipt_uid="s1", now=NOW)

    alone = done(ledger, taken, {"bonus": debt})
    mixed = done((*others, *ledger), (*strange, *taken), {"bonus": debt, "aa": 3, "zz": 4})
    ours = tuple(one for one in mixed[0] if one.unit == "bonus")  # type: ignore[attr-defined] # lots, whatever was done

    assert alone[0] == ours
    assert others == tuple(one for one in mixed[0] if one.unit != "bonus")  # type: ignore[attr-defined] # as above
    assert {**dict(alone[1]), "aa": 3, "zz": 4} == mixed[1]  # type: ignore[call-overload] # the deficits
    if kind in ("back", "spend"):
        assert alone[2] == tuple(one for one in mixed[2] if one.unit == "bonus")  # type: ignore[attr-defined] # parts


def test_a_balance_is_of_one_unit() -> None:
    """Others, spent lots and lots below nothing are not counted; what is owed lowers it to nothing, not below."""
    ledger = (part("a", 5), part("b", 7, "aa"), part("c", 9, "zz"), part("d", 0), part("e", -4), part("f", 3, end=-2))

    def available(**deficits: int) -> int:
        return lots.balance(Customer(id="c", lots=ledger, deficits=deficits), "bonus", NOW).available

    assert [5, 3, 0, 0, 5, 5] == [
        available(),
        available(bonus=2),
        available(bonus=5),
        available(bonus=6),
        available(bonus=-1),
        available(aa=2, zz=2),
    ]
    assert (7, 9) == tuple(lots.balance(Customer(id="c", lots=ledger), unit, NOW).available for unit in ("aa", "zz"))


def test_lots_below_nothing_are_not_spent() -> None:
    """They stay as they are, and nothing is owed for nothing."""
    ledger = (part("below", -4), part("none", 0), part("a", 5))
    left, owed, taken = lots.spend(ledger, {}, "bonus", 3, NOW)

    assert [("below", -4), ("none", 0), ("a", 2)] == brief(left)
    assert ({}, [("a", 3)]) == (owed, brief(taken))
    assert (ledger, {}, ()) == lots.spend(ledger, {}, "bonus", 0, NOW)
    assert (ledger, {}, ()) == lots.spend(ledger, {}, "bonus", -1, NOW)


def test_nothing_owed_is_nothing_settled() -> None:
    """No debt, a debt of nothing and one below nothing take no point."""
    ledger = (part("a", 5),)
    for deficits in ({}, {"bonus": 0}, {"aa": 3}):
        assert ledger == lots.settle(ledger, deficits, "bonus", NOW)[0]
    left, owed = lots.settle(ledger, {"bonus": 1}, "bonus", NOW)

    assert ([("a", 4)], {}) == (brief(left), owed)
    assert ((), {"bonus": 1}) == lots.settle(ledger, {"bonus": 6}, "bonus", NOW)


def test_earning_nothing_changes_nothing() -> None:
    """Nor does less; one point does, and a lot of the same name grows."""
    for amount in (0, -1, -9):
        assert ((), {"bonus": 3}) == lots.earn((), {"bonus": 3}, part("a", amount))
    assert ((), {"bonus": 2}) == lots.earn((), {"bonus": 3}, part("a", 1))
    left, owed = lots.earn((part("x", 1), part("a", 5), part("y", 2)), {}, part("a", 4))

    assert ([("x", 1), ("a", 9), ("y", 2)], {}) == (brief(left), owed)


@pytest.mark.parametrize(
    ("debt", "amount", "expected"),
    [
        # (lots, deficits, what remains of taken) after 5 of lot a were taken and 4 were overspent
        (4, 0, ([], {"bonus": 4}, [("a", 5), (lots.OVERSPENT, 4)])),
        (4, -1, ([], {"bonus": 4}, [("a", 5), (lots.OVERSPENT, 4)])),
        (4, 1, ([], {"bonus": 3}, [("a", 5), (lots.OVERSPENT, 3)])),
        (4, 3, ([], {"bonus": 1}, [("a", 5), (lots.OVERSPENT, 1)])),
        (4, 4, ([], {}, [("a", 5)])),
        (4, 6, ([("a", 2)], {}, [("a", 3)])),
        (4, 9, ([("a", 5)], {}, [])),
        (4, 10, ([("a", 5), ("new", 1)], {}, [])),
        # The debt was paid by points that came later: those come back as a lot of their own, after lot a.
        (0, 5, ([("a", 5)], {}, [(lots.OVERSPENT, 4)])),
        (0, 6, ([("a", 5), ("new", 1)], {}, [(lots.OVERSPENT, 3)])),
        (0, 8, ([("a", 5), ("new", 3)], {}, [(lots.OVERSPENT, 1)])),
        (0, 9, ([("a", 5), ("new", 4)], {}, [])),
        (1, 3, ([("a", 2)], {}, [("a", 3), (lots.OVERSPENT, 3)])),
        (7, 6, ([], {"bonus": 1}, [("a", 5)])),
        (-2, 5, ([("a", 5)], {"bonus": -2}, [(lots.OVERSPENT, 4)])),
    ],
)
def test_giving_back_what_was_overspent(
    debt: int, amount: int, expected: tuple[list[tuple[str, int]], dict[str, int], list[tuple[str, int]]]
) -> None:
    """The debt first, then the lot, then what others paid."""
    taken = (part("a", 5), part(lots.OVERSPENT, 4))
    deficits = {"bonus": debt} if debt else {}
    left, owed, rest = lots.give_back((), deficits, "bonus", amount, taken=taken, name="new")

    assert expected == (brief(left), owed, brief(rest))


@pytest.mark.parametrize(
    ("earned", "spent", "expected"),
    [
        # The sale earned 6 (its own lot, 2 are left: 4 paid what was overspent) and spent 5 of lot a and 4 it had not.
        (0, 0, ([("s1:back", 2)], {}, [("a", 5), (lots.OVERSPENT, 4)])),
        (-1, -1, ([("s1:back", 2)], {}, [("a", 5), (lots.OVERSPENT, 4)])),
        (3, 3, ([("s1:back", 2)], {}, [("a", 5), (lots.OVERSPENT, 1)])),
        (4, 4, ([("s1:back", 2)], {}, [("a", 5)])),
        (6, 9, ([("a", 5)], {}, [])),
        (2, 1, ([("s1:back", 1)], {}, [("a", 5), (lots.OVERSPENT, 3)])),
        (1, 2, ([("s1:back", 2), ("a", 1)], {}, [("a", 4), (lots.OVERSPENT, 3)])),
        (8, 4, ([], {"bonus": 2}, [("a", 5)])),
    ],
)
def test_undoing_a_sale_that_overspent(
    earned: int, spent: int, expected: tuple[list[tuple[str, int]], dict[str, int], list[tuple[str, int]]]
) -> None:
    """As far as both are undone nothing moves; the rest goes from the sale's own lot, and comes back to lot a."""
    taken = (part("a", 5), part(lots.OVERSPENT, 4))
    left, owed, rest = lots.undo(
        (part("s1:back", 2),), {}, "bonus", earned=earned, spent=spent, taken=taken, receipt_uid="s1", now=NOW
    )

    assert expected == (brief(left), owed, brief(rest))


def test_what_expires_next_is_found_in_any_order() -> None:
    """A lot without end first, an empty one that ends sooner, the latest before the soonest, one begun yesterday."""
    begun = replace(part("f", 1), active_from=NOW - timedelta(days=1))
    ledger = (part("a", 4), part("b", 0, end=1), part("c", 5, end=9), part("d", 6, end=3), part("e", 7, end=3), begun)
    balance = lots.balance(Customer(id="c", lots=ledger), "bonus", NOW)

    assert (23, 13, NOW + timedelta(days=3)) == (balance.available, balance.expiring, balance.expiring_at)


def test_an_empty_lot_is_no_part_of_what_was_taken() -> None:
    """Though it would be the first to go."""
    left, _, taken = lots.spend((part("a", 0, end=1), part("b", 5, end=2)), {}, "bonus", 3, NOW)

    assert ([("a", 0), ("b", 2)], [("b", 3)]) == (brief(left), brief(taken))


def test_a_debt_below_nothing_is_none() -> None:
    """It stays as it is written and moves no point."""
    assert ((part("a", 5),), {"bonus": -3}) == lots.settle((part("a", 5),), {"bonus": -3}, "bonus", NOW)
    assert ((part("a", 5),), {"bonus": -3}) == lots.earn((), {"bonus": -3}, part("a", 5))


def test_points_of_another_unit_are_never_given_back_for_these() -> None:
    """Also when all that is known of these was given back already."""
    taken = (part("m", 5, "aa"), part("z", 5, "zz"), part("b", 2))
    left, owed, rest = lots.give_back((), {}, "bonus", 4, taken=taken, name="new")

    assert ([("b", 2), ("new", 2)], {}, ()) == (brief(left), owed, rest)
    assert {"bonus"} == {one.unit for one in left}


@pytest.mark.parametrize(("name", "expected"), [("", "s1:back"), ("r7:back", "r7:back")])
def test_points_whose_lot_is_not_known_come_back_under_a_name(name: str, expected: str) -> None:
    """The caller's, or the sale's own."""
    left, _, _ = lots.undo((), {}, "bonus", earned=0, spent=3, taken=(), receipt_uid="s1", now=NOW, name=name)

    assert [(expected, 3)] == brief(left)


def test_names_on_either_side_of_the_word_for_overspent() -> None:
    """Lots whose names sort before and after it are lots like any other."""
    taken = (part("!may", 5), part("~june", 5), part(lots.OVERSPENT, 4))
    left, owed, rest = lots.give_back((), {"bonus": 4}, "bonus", 12, taken=taken, name="new")

    assert ([("~june", 5), ("!may", 3)], {}, [("!may", 2)]) == (brief(left), owed, brief(rest))

    left, _, rest = lots.undo((), {}, "bonus", earned=0, spent=12, taken=taken, receipt_uid="s1", now=NOW, name="new")

    assert ([("~june", 5), ("!may", 5), ("new", 2)], [(lots.OVERSPENT, 2)]) == (brief(left), brief(rest))


def test_names_are_compared_by_what_they_say() -> None:
    """A lot and a debt read from two wires are one, though not the same object."""
    left, _ = lots.earn((part("march", 5),), {}, part("march", 4))

    assert [("march", 9)] == brief(left)
    assert ((), {}) == lots.earn((), {str(b"bonus", "ascii"): 4}, part("march", 4))


def test_amounts_are_compared_by_what_they_are() -> None:
    """A thousand taken of a thousand leaves no lot of nothing, and nothing to give back later."""
    thousand = (part("march", int("1000")),)
    left, owed, taken = lots.spend(thousand, {}, "bonus", int("1000"), NOW)

    assert ((), {}, [("march", 1000)]) == (left, owed, brief(taken))
    assert (thousand, {}, ()) == lots.give_back(left, owed, "bonus", int("1000"), taken=taken, name="new")


def test_lots_below_nothing_move_nothing() -> None:
    """They come first in the row and are passed by: when spent, when taken back, and when given back."""
    below = part("below", -4, end=1)
    left, owed, taken = lots.spend((below, part("good", 5, end=2)), {}, "bonus", 6, NOW)

    assert ([("below", -4)], {"bonus": 1}) == (brief(left), owed)
    assert [("good", 5), (lots.OVERSPENT, 1)] == brief(taken)

    own = part("s1:back", -4)
    left, owed = lots.take_back((own, part("good", 5)), {}, "bonus", 3, receipt_uid="s1", now=NOW)

    assert ([("s1:back", -4), ("good", 2)], {}) == (brief(left), owed)

    parts = (part("none", 0), part("good", 5), part("below", -3))
    left, _, rest = lots.give_back((), {}, "bonus", 2, taken=parts, name="new")

    assert ([("good", 2)], [("good", 3)]) == (brief(left), brief(rest))


def test_a_single_point_counts_wherever_it_stands() -> None:
    """A lot of one point is spent; one not active yet and one without end hide nothing that follows them."""
    later = replace(part("later", 2), active_from=NOW + timedelta(days=1))
    ledger = (later, part("ever", 4), part("other", 9, "aa"), part("gone", 8, end=-1), part("last", 1, end=1))
    balance = lots.balance(Customer(id="c", lots=ledger), "bonus", NOW)

    assert (5, 2, 1, NOW + timedelta(days=1)) == (
        balance.available,
        balance.pending,
        balance.expiring,
        balance.expiring_at,
    )
    left, owed, taken = lots.spend(ledger, {}, "bonus", 1, NOW)

    assert ([("last", 1)], {}, [2, 4, 9, 8]) == (brief(taken), owed, [one.amount for one in left])
