"""The loyalty engine: programme, receipt and customer in, a decision out; pure, and it knows no till and no disk."""

from agent.loyalty.evaluate import evaluate
from agent.loyalty.offers import good_offers
from agent.loyalty.programme import Programme, ProgrammeProblem, load, next_tier, schema, tier_of
from agent.loyalty.redemption import SpendAsk
from agent.loyalty.refund import RefundEffect, refund
from agent.loyalty.units import fiscal_discounts, unit_groups

__all__ = [
    "Programme",
    "ProgrammeProblem",
    "RefundEffect",
    "SpendAsk",
    "evaluate",
    "fiscal_discounts",
    "good_offers",
    "load",
    "next_tier",
    "refund",
    "schema",
    "tier_of",
    "unit_groups",
]
