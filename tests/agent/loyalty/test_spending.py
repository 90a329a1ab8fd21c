"""Points spent never pass a cap, whatever is asked; the best of earning rules is never worse than one of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from agent.loyalty import SpendAsk, evaluate
from drivers.vocabulary.customer import Customer, PointsLot
from drivers.vocabulary.decision import Decision, LineDiscount
from drivers.vocabulary.money import Percent
from drivers.vocabulary.receipt import Line, LineFlag
from tests.agent.loyalty.soaking import prove
from tests.agent.loyalty.test_properties import (
    NOW,
    discounts,
    make_receipt,
    matchers,
    percents,
    programme_of,
    sale_lines,
)

#: What so many points are worth, in roubles, and how many.
WORTHS = [("1", 1), ("0.07", 1), ("1", 14), ("0.01", 1)]

spendings = st.fixed_dictionaries(
    {
        "kind": st.just("spend_points"),
        "unit": st.just("bonus"),
        "share": percents,
        "redeem_as": st.sampled_from(["discount", "tender"]),
        "step": st.sampled_from(["1", "5", "10"]),
        "least": st.sampled_from(["1", "3", "50"]),
        "lines": matchers,
    }
)
asks = st.builds(
    SpendAsk,
    unit=st.sampled_from(["", "bonus"]),
    amount=st.none() | st.integers(min_value=-5, max_value=900),
    limit=st.none() | st.integers(min_value=-5, max_value=900),
)
accounts = st.builds(
    lambda good, over, later, owed: Customer(
        id="c",
        lots=(
            PointsLot(id="good", unit="bonus", amount=good, expires_at=NOW + timedelta(seconds=1)),
            PointsLot(id="over", unit="bonus", amount=over, expires_at=NOW),
            PointsLot(id="later", unit="bonus", amount=later, active_from=NOW + timedelta(seconds=1)),
        ),
        deficits={"bonus": owed} if owed else {},
    ),
    st.integers(min_value=0, max_value=900),
    st.integers(min_value=0, max_value=900),
    st.integers(min_value=0, max_value=900),
    st.integers(min_value=0, max_value=50),
)


def taken(decision: Decision, rule: str) -> int:
    """What one rule took off all lines."""
    return sum(one.amount.minor for one in decision.effects if isinstance(one, LineDiscount) and one.rule == rule)


@prove(st.lists(discounts, max_size=3), spendings, sale_lines(), accounts, asks, st.sampled_from(WORTHS))
def test_points_spent_never_pass_a_cap(
    offs: list[dict[str, Any]],
    spend: dict[str, Any],
    lines: list[Line],
    customer: Customer,
    ask: SpendAsk,
    worth: tuple[str, int],
) -> None:
    """Not what was asked, what is active, what is allowed, the share of these goods after discounts, nor their floors."""
    rules = [{**rule, "id": f"off{place}"} for place, rule in enumerate(offs)]
    units = {"bonus": {"worth": worth[0], "worth_points": worth[1]}}
    programme = programme_of([*rules, {**spend, "id": "spend"}], units=units)
    receipt = make_receipt(lines)
    decision = evaluate(programme, receipt, customer, NOW, points=ask)
    before = evaluate(programme_of(rules, units=units), receipt, customer, NOW)
    off = before.line_discounts()
    wanted = set(spend["lines"].get("categories", ()))
    never = {LineFlag.NO_REDEMPTION, LineFlag.TOBACCO, LineFlag.GIFT_CERTIFICATE}
    goods = sum(
        line.total.minor - off.get(line.number, 0)
        for line in receipt.lines
        if not line.flags & never and (not wanted or wanted & set(line.categories))
    )
    owned = max(0, customer.lots[0].amount - customer.deficits.get("bonus", 0))
    steps = Percent.parse(spend["share"]).steps

    for spent in decision.spent:
        assert 0 < spent.amount <= min(owned, owned if ask.amount is None else ask.amount)
        assert ask.limit is None or spent.amount <= ask.limit
        assert spent.worth.minor * 1_000_000 <= goods * steps
        assert 0 == spent.amount % int(spend["step"])
        assert spent.amount >= int(spend["least"])
        assert spent.amount <= decision.spendable["bonus"]
        assert before.payable - decision.payable == spent.worth
        assert taken(decision, "points") == (spent.worth.minor if spend["redeem_as"] == "discount" else 0)
    if not decision.spent:
        assert before.payable == decision.payable
    assert all(amount <= owned for amount in decision.spendable.values())


earnings = st.fixed_dictionaries(
    {"kind": st.just("earn_points"), "unit": st.just("bonus"), "percent": percents, "lines": matchers}
)


@prove(st.lists(earnings, min_size=1, max_size=5), sale_lines())
def test_the_best_of_earning_rules_is_never_worse_than_one_of_them(
    rules: list[dict[str, Any]], lines: list[Line]
) -> None:
    """And it is one of them."""
    customer, receipt = Customer(id="c"), make_receipt(lines)

    def earned(chosen: list[dict[str, Any]], group: str) -> int:
        named = [{**rule, "id": f"r{place}", "group": group} for place, rule in enumerate(chosen)]
        return sum(one.amount for one in evaluate(programme_of(named), receipt, customer, NOW).earned)

    assert max(earned([rule], "first") for rule in rules) == earned(rules, "lines")


factors = st.fixed_dictionaries(
    {
        "kind": st.just("multiply_points"),
        "unit": st.just("bonus"),
        "factor": st.sampled_from(["1.5", "2", "0.333333", "3"]),
        "lines": matchers,
    }
)


@prove(st.lists(factors, min_size=1, max_size=4), percents, sale_lines())
def test_the_best_of_multipliers_is_never_worse_than_one_of_them(
    rules: list[dict[str, Any]], percent: str, lines: list[Line]
) -> None:
    """Line by line the largest factor."""
    customer, receipt = Customer(id="c"), make_receipt(lines)
    base = {"id": "base", "kind": "earn_points", "unit": "bonus", "percent": percent}

    def earned(chosen: list[dict[str, Any]]) -> int:
        named = [{**rule, "id": f"r{place}", "group": "lines"} for place, rule in enumerate(chosen)]
        return sum(one.amount for one in evaluate(programme_of([base, *named]), receipt, customer, NOW).earned)

    assert earned(rules) >= max(earned([rule]) for rule in rules)
