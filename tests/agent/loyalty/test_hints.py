"""What is still missing, as data: it appears and disappears as the basket changes."""

from __future__ import annotations

from typing import Any

import pytest

from agent.loyalty import Programme, evaluate, load
from drivers.vocabulary import codec
from drivers.vocabulary.decision import Hint
from tests.cases.receipt_case import Case, receipt_case


def told_hints(case: Case) -> list[tuple[str, str, dict[str, str]]]:
    """Rule, code and values of each hint."""
    return [(hint.rule, hint.code, hint.values) for hint in case.decision.hints]


@receipt_case
def test_row_47_one_more_for_double_points(case: Case) -> None:
    """Four of five cleaning goods: the fifth doubles the points.

    programme
      unit bonus worth 1
      back: earns 5 % in bonus
      five: bonus x 2 | on cleaning | quantity 5
    receipt 2026-03-01 12:00
      Soap 4 x 50.00: cleaning
      Tea 1 x 100.00: tea
    customer
    decision
      pays 300.00
      earns 15 bonus
      why five: quantity_too_small
    """
    values = {"have": "4", "need": "5", "missing": "1", "reward": "factor", "gain": "2"}

    assert [("five", "more_items", values)] == told_hints(case)


@receipt_case
def test_row_47_the_hint_goes_when_it_is_reached(case: Case) -> None:
    """Five of five: nothing is missing.

    programme
      unit bonus worth 1
      back: earns 5 % in bonus
      five: bonus x 2 | on cleaning | quantity 5
    receipt 2026-03-01 12:00
      Soap 5 x 50.00: cleaning
    customer
    decision
      pays 250.00
      earns 25 bonus
    """
    assert [] == told_hints(case)


@receipt_case
def test_row_47_nobody_is_asked_to_begin(case: Case) -> None:
    """No cleaning goods at all, or not the day: a basket is not filled with other people's offers.

    programme
      five: 10 % off | on cleaning | quantity 5
      friday: 10 % off | weekdays fri | total 1000
    receipt 2026-03-01 12:00
      Tea 1 x 100.00: tea
    decision
      pays 100.00
      why five: not_for_goods
      why friday: not_today
    """
    assert [] == told_hints(case)


@receipt_case
def test_row_100_two_hundred_more_for_five_percent(case: Case) -> None:
    """Money is missing, and the percent it brings is said; three positions are missing in another rule.

    programme
      five: 5 % off the receipt | total 1000
      many: 7.5 % off | positions 4
    receipt 2026-03-01 12:00
      Tea 1 x 800.00
    decision
      pays 800.00
    """
    money = {"have": "800.00 RUB", "need": "1000.00 RUB", "missing": "200.00 RUB", "reward": "percent", "gain": "5"}
    positions = {"have": "1", "need": "4", "missing": "3", "reward": "percent", "gain": "7.5"}
    expected = [("five", "more_money", money), ("many", "more_positions", positions)]

    assert sorted(expected) == sorted(told_hints(case))


@receipt_case
def test_row_51_fifteen_hundred_to_gold(case: Case) -> None:
    """What this receipt pays counts: 8 000 before, 500 now, 1 500 to Gold.

    programme
      tier silver from 5000
      tier gold from 10000
      card: off by tier silver 5, gold 10
    receipt 2026-03-01 12:00
      Coat 1 x 526.32
    customer spent 8000
    decision
      Coat -26.32 card
      pays 500.00
    """
    values = {"have": "8500.00 RUB", "need": "10000.00 RUB", "missing": "1500.00 RUB", "tier": "gold"}

    assert [("tiers", "to_tier", values)] == told_hints(case)


@receipt_case
def test_row_51_at_the_top_nothing_is_missing(case: Case) -> None:
    """This receipt reaches Gold, and there is nothing above it.

    programme
      tier silver from 5000
      tier gold from 10000
    receipt 2026-03-01 12:00
      Coat 1 x 500.00
    customer spent 9500
    decision
      pays 500.00
      why tiers: tier_reached
    """
    assert [] == told_hints(case)


def programme_with(rules: list[dict[str, Any]]) -> Programme:
    """A programme of these rules."""
    file = {"version": 1, "title": "t", "currency": "RUB", "zone": "UTC", "rules": rules}
    found = load(codec.encode(file), name="t.json")

    assert isinstance(found, Programme)
    return found


@receipt_case
def test_hints_are_bounded(case: Case) -> None:
    """A programme of a thousand thresholds does not fill the wire; a closed receipt has nothing to add to.

    programme
      one: 5 % off | total 1000
    receipt 2026-03-01 12:00
      Tea 1 x 800.00
    decision
      pays 800.00
    """
    rules = [{"id": f"r{i}", "kind": "percent_discount", "percent": 5, "when": {"total_from": 900}} for i in range(50)]
    decision = evaluate(programme_with(rules), case.receipt, None, case.now)
    closed = evaluate(case.programme, case.receipt, None, case.now, closed=True)

    assert [f"r{i}" for i in range(20)] == [hint.rule for hint in decision.hints]
    assert () == closed.hints


def test_hints_travel_with_the_decision() -> None:
    """A hint on the wire is the same hint."""
    hint = Hint(rule="r", code="more_items", values={"have": "1", "need": "2", "missing": "1"})

    assert hint == codec.decode(codec.encode(hint), Hint)


@pytest.mark.parametrize(
    ("names", "key", "message"),
    [
        ({"ru": ["бонус", "бонуса"]}, "units.bonus.names.ru", "ru has 3 plural forms, not 2"),
        ({"en": ["point", ""]}, "units.bonus.names.en", "en has 2 plural forms, not 2"),
        ({"rus": ["a", "b", "c"]}, "units.bonus.names.rus", "languages are en, ru, th"),
        ({"en": "point"}, "units.bonus.names.en", "expected a list, not text"),
    ],
)
def test_names_of_points_are_checked(names: dict[str, Any], key: str, message: str) -> None:
    """A language has its own number of forms."""
    file = {"version": 1, "title": "t", "currency": "RUB", "zone": "UTC", "units": {"bonus": {"names": names}}}
    found = load(codec.encode(file), name="t.json")

    assert isinstance(found, list)
    assert [(key, message)] == [(problem.key, problem.message) for problem in found]
