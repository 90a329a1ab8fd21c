"""The edges of spending: which bound decides and is told, floors beside points as a payment, several rules and units."""

from __future__ import annotations

from typing import Any

import pytest

from agent.loyalty import SpendAsk, evaluate
from drivers.vocabulary.customer import Customer, PointsLot
from drivers.vocabulary.decision import Decision
from drivers.vocabulary.money import Money, Percent
from drivers.vocabulary.receipt import Line, LineFlag
from tests.agent.loyalty.test_properties import NOW, make_line, make_receipt, programme_of

PIECE = 1_000_000


def spend(**more: Any) -> dict[str, Any]:
    """A rule that spends bonuses; a bonus is a rouble."""
    return {"id": "spend", "kind": "spend_points", "unit": "bonus", **more}


def decide(
    rules: list[dict[str, Any]], lines: list[Line], ask: SpendAsk, *, owned: int = 10_000, miles: int = 0
) -> Decision:
    """What a customer with so many points gets."""
    lots = (PointsLot(id="b", unit="bonus", amount=owned), PointsLot(id="m", unit="mile", amount=miles))
    programme = programme_of(rules, tiers=[])
    return evaluate(programme, make_receipt(lines), Customer(id="c", lots=lots), NOW, points=ask)


def told(decision: Decision, rule: str = "spend") -> list[tuple[bool, str, dict[str, str]]]:
    """What is said of one rule, in order."""
    return [(why.applied, why.code, dict(why.values)) for why in decision.explanations if why.rule == rule]


def spent(decision: Decision) -> list[tuple[str, int, int]]:
    """Unit, points and worth."""
    return [(one.unit, one.amount, one.worth.minor) for one in decision.spent]


SPENT_300 = (True, "points_spent", {"points": "300", "unit": "bonus", "worth": "300.00 RUB"})


@pytest.mark.parametrize(
    ("rule", "ask", "owned", "expected"),
    [
        # Just what was asked, as it was asked: nothing more is said. 1 000.00 at 30 % is 300.
        ({"share": 30}, SpendAsk.exactly(300), 900, [SPENT_300]),
        ({"share": 30}, SpendAsk.most(), 900, [SPENT_300]),
        (
            {"share": 30},
            SpendAsk.exactly(301),
            900,
            [SPENT_300, (True, "capped_by_share", {"most": "300", "unit": "bonus", "asked": "301"})],
        ),
        (
            {"share": 100},
            SpendAsk.exactly(900),
            300,
            [SPENT_300, (True, "capped_by_balance", {"most": "300", "unit": "bonus", "asked": "900"})],
        ),
        (
            {"share": 100},
            SpendAsk.exactly(900, limit=300, reason="lease"),
            700,
            [SPENT_300, (True, "lease", {"most": "300", "unit": "bonus", "asked": "900"})],
        ),
        (
            {"share": 100},
            SpendAsk.exactly(900, unit="bonus", limit=300),
            700,
            [SPENT_300, (True, "caller_limit", {"most": "300", "unit": "bonus", "asked": "900"})],
        ),
        # A limit of another unit limits nothing here, and a limit below nothing is nothing.
        ({"share": 30}, SpendAsk.exactly(300, unit="bonus", limit=300), 900, [SPENT_300]),
        (
            {},
            SpendAsk.exactly(9, limit=-4),
            900,
            [(False, "caller_limit", {"most": "0", "unit": "bonus", "asked": "9"})],
        ),
        ({}, SpendAsk.most(limit=0), 900, [(False, "caller_limit", {"most": "0", "unit": "bonus"})]),
        ({}, SpendAsk.most(limit=0, reason="lease"), 900, [(False, "lease", {"most": "0", "unit": "bonus"})]),
        # The step: of what was asked, or of what is allowed.
        (
            {"step": "100"},
            SpendAsk.exactly(399),
            900,
            [SPENT_300, (True, "rounded_to_step", {"most": "900", "unit": "bonus", "asked": "399"})],
        ),
        (
            {"step": "100"},
            SpendAsk.exactly(399),
            399,
            [SPENT_300, (True, "capped_by_balance", {"most": "300", "unit": "bonus", "asked": "399"})],
        ),
        ({"step": "100"}, SpendAsk.exactly(300), 900, [SPENT_300]),
        # The least: what is asked or allowed is below it, on it, or above it and yet no full step.
        (
            {"least": "50"},
            SpendAsk.exactly(49),
            900,
            [(False, "below_least", {"most": "900", "unit": "bonus", "asked": "49", "least": "50"})],
        ),
        (
            {"least": "50"},
            SpendAsk.exactly(1),
            900,
            [(False, "below_least", {"most": "900", "unit": "bonus", "asked": "1", "least": "50"})],
        ),
        (
            {"least": "50"},
            SpendAsk.most(),
            49,
            [(False, "below_least", {"most": "0", "unit": "bonus", "least": "50"})],
        ),
        (
            {"least": "50", "step": "100"},
            SpendAsk.exactly(60),
            900,
            [(False, "rounded_to_step", {"most": "900", "unit": "bonus", "asked": "60"})],
        ),
        (
            {"least": "50", "step": "100"},
            SpendAsk.exactly(50),
            900,
            [(False, "rounded_to_step", {"most": "900", "unit": "bonus", "asked": "50"})],
        ),
        ({"least": "300"}, SpendAsk.exactly(300), 300, [SPENT_300]),
        # Less than nothing is nothing, but it was asked.
        (
            {},
            SpendAsk.exactly(-5),
            900,
            [(False, "rounded_to_step", {"most": "900", "unit": "bonus", "asked": "0"})],
        ),
        ({}, SpendAsk.exactly(7), 0, [(False, "capped_by_balance", {"most": "0", "unit": "bonus", "asked": "7"})]),
        ({}, SpendAsk.none(), 900, [(False, "not_asked", {"most": "900", "unit": "bonus"})]),
    ],
)
def test_the_bound_that_decided_is_told(
    rule: dict[str, Any], ask: SpendAsk, owned: int, expected: list[tuple[bool, str, dict[str, str]]]
) -> None:
    """And nothing is said where nothing was cut."""
    assert expected == told(decide([spend(**rule)], [make_line(1, 100_000, PIECE)], ask, owned=owned))


@pytest.mark.parametrize(
    ("price", "floor", "off", "room"),
    [
        (45_000, 40_900, 0, 4_100),
        (45_000, 40_900, 5, 1_850),
        (45_000, 40_900, 50, 0),
        (40_000, 40_900, 0, 0),
        (45_000, 45_000, 0, 0),
        (45_000, 0, 0, 45_000),
    ],
)
@pytest.mark.parametrize("redeem_as", ["discount", "tender"])
def test_what_is_paid_in_money_stays_above_the_floor(
    price: int, floor: int, off: int, room: int, redeem_as: str
) -> None:
    """As a discount or as a payment; discount and points together, and a price below its floor gives nothing."""
    rules = [spend(redeem_as=redeem_as)]
    if off:
        rules.append({"id": "off", "kind": "percent_discount", "percent": off})
    vodka = make_line(1, price, PIECE, price_floor=Money(floor, "RUB"))
    decision = decide(rules, [vodka], SpendAsk.exactly(9_999))
    points = room // 100

    assert ([("bonus", points, points * 100)] if points else []) == spent(decision)
    assert {"bonus": points} == decision.spendable
    assert "capped_by_goods" in [code for _, code, _ in told(decision)] or room == price
    assert decision.payable.minor >= min(price, floor)


def test_points_as_a_payment_pass_the_largest_discount() -> None:
    """A largest discount binds discounts, and points only where they are one."""
    line = make_line(1, 10_000, PIECE, discount_max=Percent.parse("15"))

    assert [("bonus", 15, 1_500)] == spent(decide([spend()], [line], SpendAsk.most()))
    assert [("bonus", 100, 10_000)] == spent(decide([spend(redeem_as="tender")], [line], SpendAsk.most()))


def test_what_points_paid_earns_nothing_line_by_line() -> None:
    """50.00 as a payment over 60.00 of tea and 40.00 of wine: tea has 30.00 left to earn on."""
    rules = [
        spend(redeem_as="tender", share=50),
        {"id": "back", "kind": "earn_points", "unit": "bonus", "percent": "10", "lines": {"categories": ["tea"]}},
    ]
    tea, wine = make_line(1, 6_000, PIECE, categories=("tea",)), make_line(2, 4_000, PIECE, categories=("wine",))
    decision = decide(rules, [tea, wine], SpendAsk.most())

    assert [("bonus", 50, 5_000)] == spent(decision)
    assert (10_000, 0, 5_000) == (decision.total.minor, decision.discount.minor, decision.payable.minor)
    assert [("bonus", 3)] == [(one.unit, one.amount) for one in decision.earned]


@pytest.mark.parametrize(
    ("ask", "expected", "codes"),
    [
        (SpendAsk.most(), [("bonus", 30, 3_000)], {"spend": "points_spent", "fly": "not_asked"}),
        (SpendAsk.most(unit="bonus"), [("bonus", 30, 3_000)], {"spend": "points_spent", "fly": "not_asked"}),
        (SpendAsk.most(unit="mile"), [("mile", 200, 140)], {"spend": "not_asked", "fly": "points_spent"}),
        (SpendAsk.most(unit="stamp"), [], {"spend": "not_asked", "fly": "not_asked", "points": "unknown_unit"}),
        (SpendAsk.exactly(5, unit="stamp"), [], {"spend": "not_asked", "fly": "not_asked", "points": "unknown_unit"}),
        (SpendAsk(unit="stamp"), [], {"spend": "not_asked", "fly": "not_asked"}),
        (SpendAsk.none(), [], {"spend": "not_asked", "fly": "not_asked"}),
    ],
)
def test_one_unit_is_spent(ask: SpendAsk, expected: list[tuple[str, int, int]], codes: dict[str, str]) -> None:
    """The one that is named, or the first; a second rule of the same unit never acts, and every unit says its most."""
    rules = [
        spend(share=30),
        spend(id="more", share=90),
        {"id": "fly", "kind": "spend_points", "unit": "mile", "share": 100},
    ]
    decision = decide(rules, [make_line(1, 10_000, PIECE)], ask, miles=200)

    assert expected == spent(decision)
    assert {**codes, "more": "another_rule"} == {why.rule: why.code for why in decision.explanations}
    assert {"bonus": 30, "mile": 200} == decision.spendable


def test_a_rule_that_cannot_act_leaves_its_unit_to_the_next() -> None:
    """The first is for wine, of which there is none; the second spends the same unit, and a third unit is unknown."""
    rules = [spend(id="wine", lines={"categories": ["wine"]}), spend(share=30)]
    decision = decide(rules, [make_line(1, 10_000, PIECE)], SpendAsk.most())

    assert [("bonus", 30, 3_000)] == spent(decision)
    assert [(False, "not_for_goods", {})] == told(decision, "wine")

    nothing = decide(rules[:1], [make_line(1, 10_000, PIECE)], SpendAsk.most())

    assert ([], {}) == (spent(nothing), nothing.spendable)
    assert ["not_for_goods"] == [why.code for why in nothing.explanations]


def test_a_receipt_that_spent_may_earn_nothing_and_one_that_did_not_earns() -> None:
    """`earns = false` counts where something was spent; asked in vain it does not."""
    back = {"id": "back", "kind": "earn_points", "unit": "bonus", "percent": "10"}
    line = make_line(1, 10_000, PIECE)

    def earned(ask: SpendAsk, *, owned: int = 50, earns: bool = False) -> int:
        return sum(one.amount for one in decide([spend(earns=earns), back], [line], ask, owned=owned).earned)

    assert [0, 10, 10, 5] == [
        earned(SpendAsk.most()),
        earned(SpendAsk.none()),
        earned(SpendAsk.most(), owned=0),
        earned(SpendAsk.most(), earns=True),
    ]


def test_points_worth_less_than_a_kopeck_are_not_spent() -> None:
    """A tenth of a mile is 0.007: one is worth nothing, two are a kopeck."""
    rules = [{"id": "spend", "kind": "spend_points", "unit": "mile"}]
    line = make_line(1, 10_000, PIECE)

    def miles(ask: SpendAsk) -> list[tuple[str, int, int]]:
        return spent(decide(rules, [line], ask, owned=0, miles=9))

    assert [[], [("mile", 2, 1)]] == [miles(SpendAsk.exactly(1)), miles(SpendAsk.exactly(2))]


def test_the_share_is_exact_to_the_last_kopeck() -> None:
    """Half of 19 999.98 is 9 999.99: not ten thousand."""
    decision = decide([spend(share=50)], [make_line(1, 1_999_998, PIECE)], SpendAsk.most(), owned=20_000)

    assert [("bonus", 9_999, 999_900)] == spent(decision)


def test_goods_at_or_below_their_floor_give_no_kopeck_and_take_none() -> None:
    """Two lines at their floors make no point of a kopeck; one below its floor takes nothing of its neighbour's room."""
    miles = [{"id": "spend", "kind": "spend_points", "unit": "mile", "redeem_as": "tender"}]
    at_floor = [make_line(number, 500, PIECE, price_floor=Money(500, "RUB")) for number in (1, 2)]

    assert [] == spent(decide(miles, at_floor, SpendAsk.most(), miles=900))

    below = make_line(1, 40_000, PIECE, price_floor=Money(40_900, "RUB"))
    beside = make_line(2, 500, PIECE, price_floor=Money(400, "RUB"))

    assert [("bonus", 1, 100)] == spent(decide([spend(redeem_as="tender")], [below, beside], SpendAsk.most()))


def test_nobody_and_goods_that_may_not_be_bought_with_points() -> None:
    """Each says why."""
    rules, line = [spend()], make_line(1, 10_000, PIECE)
    tobacco = make_line(1, 10_000, PIECE, flags=frozenset({LineFlag.TOBACCO}))
    nobody = evaluate(programme_of(rules), make_receipt([line]), None, NOW, points=SpendAsk.most())

    assert [(False, "no_customer", {})] == told(nobody)
    assert {} == nobody.spendable
    assert [(False, "goods_excluded", {})] == told(decide(rules, [tobacco], SpendAsk.most()))
