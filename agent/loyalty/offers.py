"""Which personal offers a screen shows, in which order; what they bring is said by rules."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from msgspec.structs import replace

from agent.loyalty.personal import is_live
from agent.loyalty.programme import Programme
from drivers.vocabulary.customer import Customer, OfferFact

__all__ = ["OFFERS_SHOWN_MAX", "good_offers"]

OFFERS_SHOWN_MAX: Final = 3  # a screen of 1024 × 768 shows so many without scrolling

_NEVER: Final = datetime.max.replace(tzinfo=UTC)


def good_offers(
    programme: Programme, customer: Customer | None, now: datetime, *, most: int = OFFERS_SHOWN_MAX
) -> tuple[OfferFact, ...]:
    """The personal offers to show, the most important first, of equal ones that which ends first.

    Only those that run now and that some rule of the programme wants; each has a title, at worst the programme's.

    Args:
        programme: the one that is in force.
        customer: None or a blocked one has no offers.
        now: an aware moment.
        most: how many to give at most.
    """
    if customer is None or customer.blocked:
        return ()
    wanted = {name for rule in programme.file.rules for name in rule.when.offers}
    good = [
        one if one.title else replace(one, title=(programme.file.offers[one.offer].title or one.offer)[:40])
        for one in customer.offers
        if one.offer in wanted and is_live(one, now)
    ]
    return tuple(sorted(good, key=lambda one: (-one.priority, one.valid_until or _NEVER, one.offer))[: max(0, most)])
