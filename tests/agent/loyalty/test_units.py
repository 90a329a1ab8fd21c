"""Unit groups: what a fiscal receipt prints multiplies out, and nothing is lost on the way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st

from agent.loyalty import fiscal_discounts, unit_groups
from drivers.vocabulary.money import Money, Percent, Quantity, line_total
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt
from tests.agent.loyalty.soaking import prove

PIECE = 1_000_000


def line_of(number: int, price: int, steps: int, **more: Any) -> Line:
    """A line that adds up."""
    total = line_total(Money(price, "RUB"), Quantity(steps))
    values = {"price": Money(price, "RUB"), "total": total, **more}
    return Line(number=number, name=f"n{number}", quantity=Quantity(steps), **values)


def sale_of(*lines: Line) -> Receipt:
    """A sale of these lines."""
    total = sum(line.total.minor for line in lines)
    return Receipt(uid="s", kind=DocumentKind.SALE, total=Money(total, "RUB"), lines=lines)


def printed(line: Line, discount: int) -> str:
    """The groups as a receipt prints them."""
    groups = unit_groups(line, Money(discount, "RUB"))
    return ", ".join(f"{one.quantity} x {one.price.amount} = {one.total.amount}" for one in groups)


@pytest.mark.parametrize(
    ("price", "steps", "discount", "expected"),
    [
        (150, 7 * PIECE, 50, "1 x 1.42 = 1.42, 6 x 1.43 = 8.58"),
        (150, 7 * PIECE, 0, "7 x 1.50 = 10.50"),
        (150, 7 * PIECE, 70, "7 x 1.40 = 9.80"),
        (100, 8 * PIECE, 3, "3 x 0.99 = 2.97, 5 x 1.00 = 5.00"),
        (10_000, PIECE, 3_333, "1 x 66.67 = 66.67"),
        (3_333, 3 * PIECE, 9_999, "3 x 0.00 = 0.00"),
        (1, 3 * PIECE, 1, "1 x 0.00 = 0.00, 2 x 0.01 = 0.02"),
        (89_900, 351_000, 2_209, "0.351 x 836.06 = 293.46"),
        (100, 1_500_000, 16, "1.5 x 0.89 = 1.34"),
        (100, 1_500_000, 15, "1.5 x 0.90 = 1.35"),
        (100, 2_500_000, 24, ""),
        # 0.08 is between 8 x 0.9 = 7.2 and 9 x 0.9 = 8.1: the price above the exact one makes it.
        (100, 900_000, 82, "0.9 x 0.09 = 0.08"),
        (100, 900_000, 83, "0.9 x 0.08 = 0.07"),
        (100, 900_000, 90, "0.9 x 0.00 = 0.00"),
        (100, 1, 0, "0.000001 x 1.00 = 0.00"),
    ],
)
def test_groups_worked_by_hand(price: int, steps: int, discount: int, expected: str) -> None:
    """Pieces are split, weighed goods find a price or say that there is none."""
    assert expected == printed(line_of(1, price, steps), discount)


def test_what_the_till_took_itself_is_in_the_groups() -> None:
    """Three for 10.00 instead of 10.50 by the till, 0.01 by us: 9.99 is 3 x 3.33."""
    line = line_of(1, 350, 3 * PIECE, discount=Money(50, "RUB"), total=Money(1_000, "RUB"))

    assert "3 x 3.33 = 9.99" == printed(line, 1)


def test_more_than_the_line_costs_is_an_error_that_names_it() -> None:
    """No group has a price below nothing."""
    with pytest.raises(ValueError, match=r"line 4: cannot take 2\.00 RUB off 1\.00 RUB"):
        unit_groups(line_of(4, 100, PIECE), Money(200, "RUB"))


def test_a_remainder_moves_from_weighed_goods_to_a_line_that_can_take_it() -> None:
    """2.26 has no price at 2.5 kg (0.90 makes 2.25, 0.91 makes 2.28): bread gives the kopecks back."""
    weighed, bread, bag = line_of(1, 100, 2_500_000), line_of(2, 1_000, PIECE), line_of(3, 500, PIECE)

    assert {1: 22, 2: 102} == fiscal_discounts(sale_of(weighed, bread, bag), {1: 24, 2: 100})
    assert "2.5 x 0.91 = 2.28" == printed(weighed, 22)


@pytest.mark.parametrize(
    ("off", "expected"),
    [
        # 0.91 makes 2.28 and 0.92 makes 2.30: never 2.29, which is raised by a kopeck.
        ({1: 21, 2: 100}, {1: 20, 2: 101}),
        # 2.26 is raised by two; the bread has only one kopeck left to lose, so the sum is lowered by one instead.
        ({1: 24, 2: 999}, {1: 25, 2: 998}),
        # One kopeck is left, and 2.5 kg at 0.01 are three.
        ({1: 249, 2: 100}, {1: 247, 2: 102}),
        # A line that the decision does not lower is not touched, though it could take it.
        ({1: 21, 3: 5}, {1: 20, 3: 6}),
        ({1: 21, 2: 0}, {1: 21, 2: 0}),
        ({1: 21}, {1: 21}),
        # What fits stays as it is.
        ({1: 22, 2: 100}, {1: 22, 2: 100}),
        ({2: 1}, {2: 1}),
        ({}, {}),
    ],
)
def test_kopecks_move_to_the_first_line_that_can_take_them(off: dict[int, int], expected: dict[int, int]) -> None:
    """Up before down; the sum of all discounts is the same."""
    sale = sale_of(line_of(1, 100, 2_500_000), line_of(2, 1_000, PIECE), line_of(3, 500, PIECE))

    assert expected == fiscal_discounts(sale, off)


def test_two_weighed_lines_help_each_other_only_when_both_then_fit() -> None:
    """2.29 of each: one goes to 2.30, and 2.28 fits the other."""
    sale = sale_of(line_of(1, 100, 2_500_000), line_of(2, 100, 2_500_000))

    assert {1: 20, 2: 22} == fiscal_discounts(sale, {1: 21, 2: 21})
    # 2.29 and 2.28: what would make the first fit unmakes the second.
    assert {1: 21, 2: 22} == fiscal_discounts(sale, {1: 21, 2: 22})


def test_what_must_be_left_binds_who_takes_the_kopeck() -> None:
    """Bread may go to 0.01 and is there; where nothing must be left it takes the kopeck."""
    sale = sale_of(line_of(1, 100, 2_500_000), line_of(2, 100, PIECE))

    assert {1: 21, 2: 99} == fiscal_discounts(sale, {1: 21, 2: 99}, left_least=3)
    assert {1: 20, 2: 100} == fiscal_discounts(sale, {1: 21, 2: 99})
    assert {1: 22, 2: 98} == fiscal_discounts(sale, {1: 21, 2: 99}, left_least=1)


def test_pieces_always_fit_and_move_nothing() -> None:
    """Three for 2.99 are two groups: nobody needs to take a kopeck."""
    sale = sale_of(line_of(1, 100, 3 * PIECE), line_of(2, 1_000, PIECE))

    assert {1: 1, 2: 100} == fiscal_discounts(sale, {1: 1, 2: 100})


@pytest.mark.parametrize(
    ("weighed", "bread", "off", "expected"),
    [
        # All of the weighed line's discount may go, and all it may still lose may be taken.
        ({}, {}, {1: 1, 2: 100}, {1: 0, 2: 101}),
        ({"discount_max": Percent.parse("10")}, {"price_floor": 900}, {1: 24, 2: 100}, {1: 25, 2: 99}),
        ({"discount_max": Percent.parse("9.9")}, {"price_floor": 900}, {1: 24, 2: 100}, {1: 24, 2: 100}),
        # So may the other's: to nothing, and not below it.
        ({}, {"price_floor": 999}, {1: 24, 2: 1}, {1: 25, 2: 0}),
        ({}, {"price_floor": 999}, {1: 3, 2: 1}, {1: 3, 2: 1}),
        # The till itself made it 2.47: a sum of 2.48 would be a price above the till's, so it is 2.45.
        ({"discount": 3}, {}, {1: 1, 2: 100}, {1: 2, 2: 99}),
    ],
)
def test_nobody_gives_more_than_there_is(
    weighed: dict[str, Any], bread: dict[str, Any], off: dict[int, int], expected: dict[int, int]
) -> None:
    """2.5 kg at 1.00, and bread for 10.00; both to the last kopeck."""
    taken = weighed.get("discount", 0)
    if taken:
        weighed = {"discount": Money(taken, "RUB"), "total": Money(250 - taken, "RUB")}
    if bread:
        bread = {"price_floor": Money(bread["price_floor"], "RUB")}
    sale = sale_of(line_of(1, 100, 2_500_000, **weighed), line_of(2, 1_000, PIECE, **bread))

    assert expected == fiscal_discounts(sale, off)


@pytest.mark.parametrize("discount", [None, Money(0, "RUB")])
def test_what_nobody_lowers_keeps_its_own_price(discount: Money | None) -> None:
    """0.351 kg at 1.01 are 0.35, and so they are at 0.99: a discount of nothing is none, and the label is right."""
    line = line_of(1, 101, 351_000, discount=discount)

    assert "0.351 x 1.01 = 0.35" == printed(line, 0)


def test_a_discount_of_everything_and_one_kopeck_more() -> None:
    """Nothing is left, and less than nothing is refused; the adjustment of the till is no line's."""
    line = line_of(7, 100, PIECE)

    assert "1 x 0.00 = 0.00" == printed(line, 100)
    with pytest.raises(ValueError, match=r"line 7: cannot take 1\.01 RUB off 1\.00 RUB"):
        unit_groups(line, Money(101, "RUB"))


def test_what_the_till_took_is_grouped_without_any_discount_of_ours() -> None:
    """Three for 10.00 instead of 10.50: 2 x 3.33 and 1 x 3.34."""
    line = line_of(1, 350, 3 * PIECE, discount=Money(50, "RUB"), total=Money(1_000, "RUB"))

    assert "2 x 3.33 = 6.66, 1 x 3.34 = 3.34" == printed(line, 0)


def test_a_remainder_that_nobody_can_take_stays() -> None:
    """A line alone, and one beside a line at its floor, keep their sum."""
    weighed = line_of(1, 100, 2_500_000, discount_max=Percent.parse("9.6"))
    vodka = line_of(2, 1_000, PIECE, price_floor=Money(900, "RUB"))

    assert {1: 24} == fiscal_discounts(sale_of(weighed), {1: 24})
    assert {1: 24, 2: 100} == fiscal_discounts(sale_of(weighed, vodka), {1: 24, 2: 100})


def test_where_the_dearer_price_does_not_fit_the_cheaper_one_may() -> None:
    """Vodka at its floor cannot lose more, but it can get a kopeck back."""
    weighed = line_of(1, 100, 2_500_000)
    vodka = line_of(2, 1_000, PIECE, price_floor=Money(900, "RUB"))

    assert {1: 25, 2: 99} == fiscal_discounts(sale_of(weighed, vodka), {1: 24, 2: 100})


@st.composite
def lowered(draw: st.DrawFn) -> tuple[Receipt, dict[int, int]]:
    """A receipt, and discounts within what its lines may lose."""
    lines: list[Line] = []
    off: dict[int, int] = {}
    for number in range(1, draw(st.integers(min_value=1, max_value=5)) + 1):
        steps = draw(st.sampled_from([PIECE, 3 * PIECE, 7 * PIECE, 351_000, 900_000, 1_500_000, 2_345_678, 12_000_001]))
        price = draw(st.integers(min_value=0, max_value=9_999))
        floor = draw(st.none() | st.integers(min_value=0, max_value=price).map(lambda minor: Money(minor, "RUB")))
        line = line_of(number, price, steps, price_floor=floor)
        least = -(-floor.minor * steps // PIECE) if floor is not None else 0
        lines.append(line)
        off[number] = draw(st.integers(min_value=0, max_value=max(0, line.total.minor - least)))
    return sale_of(*lines), off


@prove(lowered())
def test_groups_multiply_out_and_sum_to_the_line(pair: tuple[Receipt, dict[int, int]]) -> None:
    """Every group is exact, no unit is below its floor, and only weighed goods may have no group."""
    receipt, off = pair
    moved = fiscal_discounts(receipt, off)

    assert sum(off.values()) == sum(moved.values())
    assert off.keys() == moved.keys()
    for line in receipt.lines:
        discount = Money(moved[line.number], "RUB")
        groups = unit_groups(line, discount)
        for group in groups:
            assert line_total(group.price, group.quantity) == group.total
            assert line.price_floor is None or not discount or group.price >= line.price_floor
        if groups:
            assert line.quantity.steps == sum(group.quantity.steps for group in groups)
            assert line.total.minor - discount.minor == sum(group.total.minor for group in groups)
        else:
            assert line.quantity.steps % PIECE
        if off[line.number] == 0:
            assert 0 == discount.minor
