"""Progress as data: what is still missing for a rule whose gate is otherwise open, and for the next tier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from agent.loyalty.compile import TIERS_RULE
from agent.loyalty.programme import Programme, next_tier
from agent.loyalty.rules import EarnPoints, MultiplyPoints, PercentDiscount, Rule
from drivers.vocabulary.customer import Customer
from drivers.vocabulary.decision import Explanation, Hint
from drivers.vocabulary.money import Money

__all__ = ["HINTS_MAX", "HINT_OF", "hints_of", "reward_of"]

HINTS_MAX: Final = 20  # a screen shows three, a slip one; a thousand thresholds must not fill the wire

#: Code of a rejection → code of the hint; such a rejection says what it has, what it needs and what is missing.
HINT_OF: Final = {
    "total_too_small": "more_money",
    "quantity_too_small": "more_items",
    "positions_too_few": "more_positions",
}


def hints_of(
    programme: Programme, customer: Customer | None, explanations: Sequence[Explanation], paid: Money, *, closed: bool
) -> tuple[Hint, ...]:
    """What the customer could still reach: first the next tier, then the rules in the order in which they ran.

    Args:
        programme: the one that decided.
        customer: None hears nothing of tiers.
        explanations: of this decision.
        paid: the money this receipt adds to what the customer has spent.
        closed: True when nothing can be added to the receipt: only the tier is still ahead.
    """
    found: list[Hint] = []
    if customer is not None and programme.tiers:
        found += _tier_hint(programme, customer, paid)
    if closed:
        return tuple(found)
    short = [why for why in explanations if not why.applied and why.code in HINT_OF and "missing" in why.values]
    short = short[: HINTS_MAX - len(found)]
    if short:
        wanted = {why.rule for why in short}
        rules = {rule.id: rule for rule in programme.file.rules if rule.id in wanted}
        found += [_rule_hint(why, rules.get(why.rule)) for why in short]
    return tuple(found)


def _tier_hint(programme: Programme, customer: Customer, paid: Money) -> list[Hint]:
    spent = customer.spent
    before = spent.minor if spent is not None and spent.currency == programme.currency else 0
    after = replace(customer, spent=paid.with_minor(before + paid.minor))
    ahead = next_tier(programme, after)
    if ahead is None:
        return []
    tier, missing = ahead
    need = missing.with_minor(missing.minor + before + paid.minor)
    values = {"have": str(after.spent), "need": str(need), "missing": str(missing), "tier": tier.title or tier.id}
    return [Hint(rule=TIERS_RULE, code="to_tier", values=values)]


def _rule_hint(why: Explanation, rule: Rule | None) -> Hint:
    values = {"have": why.values["have"], "need": why.values["from"], "missing": why.values["missing"]}
    return Hint(rule=why.rule, code=HINT_OF[why.code], values=values | reward_of(rule))


def reward_of(rule: Rule | None) -> dict[str, str]:
    """What the rule would bring, where one number says it; otherwise its title has to."""
    if isinstance(rule, PercentDiscount):
        return {"reward": "percent", "gain": str(rule.percent)}
    if isinstance(rule, EarnPoints) and rule.percent is not None and not rule.percents:
        return {"reward": "back", "gain": str(rule.percent)}
    if isinstance(rule, MultiplyPoints):
        return {"reward": "factor", "gain": str(rule.factor)}
    return {}
