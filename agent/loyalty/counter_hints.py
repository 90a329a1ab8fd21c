"""Progress of counters as data: what is still missing in this period for a rule that only asks for more."""

from __future__ import annotations

from collections.abc import Sequence

from agent.loyalty.counters import Counter, last_day, ranges_of
from agent.loyalty.hints import HINTS_MAX, reward_of
from agent.loyalty.parts import CounterOf
from agent.loyalty.programme import Programme
from agent.loyalty.rules import Rule
from agent.loyalty.sale import Sale
from drivers.vocabulary.decision import Counted, Hint

__all__ = ["COUNTER_HINTS", "counter_hints"]

#: What a counter gathers → code of the hint.
COUNTER_HINTS = {
    CounterOf.MONEY: "counter_money",
    CounterOf.DISCOUNT: "counter_money",
    CounterOf.PURCHASES: "counter_purchases",
    CounterOf.USES: "counter_uses",
}


def counter_hints(programme: Programme, sale: Sale, counted: Sequence[Counted]) -> tuple[Hint, ...]:
    """Such as 3 200 of 5 000 through 30 November, this receipt included: what it adds counts from the next one on.

    Rules of which the receipt itself gathers enough are not among them, nor those that want something else as well.
    """
    short = {one.rule for one in sale.explanations if one.code == "counter_below"}
    if not short:
        return ()
    added: dict[str, int] = {}
    for effect in counted:
        added[effect.counter] = added.get(effect.counter, 0) + effect.amount
    hints: list[Hint] = []
    for rule in programme.file.rules:
        if rule.id in short:
            hints += _hints(rule, programme, sale, added)
    return tuple(hints[:HINTS_MAX])


def _hints(rule: Rule, programme: Programme, sale: Sale, added: dict[str, int]) -> list[Hint]:
    hints: list[Hint] = []
    for counter, start, _ in ranges_of(rule, programme.compiled.personal.counters):
        have = counter.before(sale) + added.get(counter.id, 0)
        if have < start:
            values = _values(counter, have, start, sale) | reward_of(rule)
            hints.append(Hint(rule=rule.id, code=COUNTER_HINTS[counter.of], values=values))
    return hints


def _values(counter: Counter, have: int, need: int, sale: Sale) -> dict[str, str]:
    values = {
        "counter": counter.title,
        "have": counter.text(have),
        "need": counter.text(need),
        "missing": counter.text(need - have),
    }
    until = counter.until(sale)
    return values if until is None else values | {"through": last_day(until, counter.zone)}
