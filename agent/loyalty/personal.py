"""Gates that look at what is the customer's own (counters, limits, offers) and at whose card it is; keeps nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from agent.loyalty.counters import Counters, counter_check, ranges_of
from agent.loyalty.limits import Limit, limit_of
from agent.loyalty.model import ProgrammeFile
from agent.loyalty.rules import Rule
from agent.loyalty.sale import Rejection, Sale
from drivers.vocabulary.customer import OfferFact

__all__ = ["Personal", "is_live"]

Check = Callable[[Sale], Rejection | None]
Match = Callable[[Sale], int]


def is_live(offer: OfferFact, now: datetime) -> bool:
    """It has begun, and at the very moment it ends it is over."""
    begun = offer.valid_from is None or offer.valid_from <= now
    return begun and (offer.valid_until is None or now < offer.valid_until)


@dataclass(frozen=True, slots=True)
class Personal:
    """The counters of a programme, the limits of its rules, and what its offers and partners are called."""

    counters: Counters
    limits: dict[str, Limit] = field(default_factory=dict)
    offers: dict[str, str] = field(default_factory=dict)
    partners: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, file: ProgrammeFile, zone: tzinfo) -> Personal:
        """Made once per programme."""
        counters = Counters.of(file, zone)
        limits = ((rule.id, limit_of(rule, counters)) for rule in file.rules)
        return cls(
            counters,
            {name: limit for name, limit in limits if limit is not None},
            {name: one.title or name for name, one in file.offers.items()},
            {name: one.title or name for name, one in file.partners.items()},
        )

    def checks(self, rule: Rule) -> list[Check]:
        """What the rule's gate asks of these, the limit last; none for most rules."""
        checks: list[Check] = []
        if rule.when.partners:
            checks.append(_partner_check(rule.when.partners, self.partners))
        if rule.when.offers:
            checks.append(_offer_check(rule.when.offers, self.offers))
        checks += [counter_check(*one) for one in ranges_of(rule, self.counters)]
        limit = self.limits.get(rule.id)
        return checks if limit is None else [*checks, limit.check]

    def narrow(self, rule: Rule) -> Match | None:
        """The lines of goods that the customer's own offers name; None when the rule does not ask for it."""
        return _offered(frozenset(rule.when.offers)) if rule.lines.offered else None


def _partner_check(partners: tuple[str, ...], titles: dict[str, str]) -> Check:
    known = frozenset(partners)
    why = Rejection("not_this_partner", {"partners": ", ".join(titles[name] for name in partners)})
    return lambda sale: None if sale.partner in known else why


def _offer_check(offers: tuple[str, ...], titles: dict[str, str]) -> Check:
    """One of them runs; of those that do not, the first says why."""
    known = frozenset(offers)
    none = Rejection("offer_none", {"offer": ", ".join(titles[name] for name in offers)})

    def check(sale: Sale) -> Rejection | None:
        own = _own(sale, known)
        if any(is_live(one, sale.instant) for one in own):
            return None
        return next((_not_live(one, titles[one.offer], sale.instant) for one in own), none)

    return check


def _own(sale: Sale, known: frozenset[str]) -> list[OfferFact]:
    return [one for one in sale.customer.offers if one.offer in known] if sale.customer is not None else []


def _not_live(offer: OfferFact, title: str, now: datetime) -> Rejection:
    if offer.valid_from is not None and now < offer.valid_from:
        return Rejection("offer_not_yet", {"offer": title, "from": offer.valid_from.date().isoformat()})
    until = offer.valid_until.date().isoformat() if offer.valid_until is not None else "-"
    return Rejection("offer_over", {"offer": title, "until": until})


def _offered(known: frozenset[str]) -> Match:
    """The goods of the offers that run; one that names no goods is for all."""

    def match(sale: Sale) -> int:
        mask = 0
        for one in _own(sale, known):
            if is_live(one, sale.instant):
                mask |= _goods(sale, one.products) if one.products else sale.all
        return mask

    return match


def _goods(sale: Sale, products: Iterable[str]) -> int:
    mask = 0
    for product in products:
        mask |= sale.by_product.get(product, 0)
    return mask
