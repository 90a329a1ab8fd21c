"""How much or how often a customer may have of a rule: the gate, and the cap on what a discount takes.

What a rule may still take is what its counter held before the receipt and what the rules of that counter have taken
on it so far; both are looked at whenever a rule offers something, so that no order and no group gets past a limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agent.loyalty.counters import Counter, Counters
from agent.loyalty.days import local_time
from agent.loyalty.discounts import DiscountStep, Offer, Offers
from agent.loyalty.distribute import distribute
from agent.loyalty.parts import GroupMode
from agent.loyalty.rules import Rule
from agent.loyalty.sale import Rejection, Sale
from agent.loyalty.sets import Pool, SetOffer, SetRule

__all__ = ["Limit", "LimitedDiscount", "LimitedSet", "SharedLimitStep", "discount_step", "limit_of", "say_reached"]


@dataclass(frozen=True, slots=True)
class Limit:
    """A compiled limit with a `most`, in what its counter counts."""

    rule: str
    counter: Counter
    most: int

    def spare(self, sale: Sale) -> int:
        """What is left of it now."""
        return max(0, self.most - self.counter.before(sale) - self.counter.so_far(sale))

    def least(self, wanted: int, spare: int) -> int:
        """How much of a discount may be taken when so much of the limit is left: of uses, all or nothing."""
        if self.counter.in_money:
            return min(wanted, spare)
        return wanted if spare else 0

    def check(self, sale: Sale) -> Rejection | None:
        """The gate: somebody known who has some of it left."""
        if sale.customer is None:
            return Rejection("no_customer")
        return None if self.spare(sale) else self.reached(sale)

    def reached(self, sale: Sale) -> Rejection:
        """Nothing is left, and from when on there is again."""
        values = {"counter": self.counter.title, "most": self.counter.text(self.most)}
        until = self.counter.until(sale)
        local = local_time(until, self.counter.zone) if until is not None else None
        if local is not None:
            values["until"] = local.date().isoformat()
        return Rejection("limit_reached", values)


def limit_of(rule: Rule, counters: Counters) -> Limit | None:
    """The limit of a rule; None when it has none, or only counts."""
    if rule.limit is None or rule.limit.most is None:
        return None
    counter = counters.known[rule.limit.counter]
    return Limit(rule.id, counter, counter.whole(rule.limit.most))


@dataclass(frozen=True, slots=True)
class LimitedDiscount:
    """A rule on lines or on the receipt that takes no more than its limit leaves."""

    rule: Offers
    limit: Limit

    @property
    def id(self) -> str:
        """The rule's own."""
        return self.rule.id

    @property
    def on_receipt(self) -> bool:
        """As the rule."""
        return self.rule.on_receipt

    @property
    def initial(self) -> bool:
        """As the rule."""
        return self.rule.initial

    def offer(self, sale: Sale) -> Offer | Rejection:
        """What the rule would take, capped and shared out in the same proportion."""
        offer = self.rule.offer(sale)
        if isinstance(offer, Rejection):
            return offer
        return _capped(offer, self.limit.least(offer.total, self.limit.spare(sale))) or self.limit.reached(sale)


def _capped(offer: Offer, most: int) -> Offer | None:
    """An offer of at most so much; None of nothing."""
    if offer.total <= most:
        return offer
    if not most or offer.amounts is None:
        return Offer(most, offer.lines, None) if most else None
    return Offer(most, offer.lines, distribute(most, offer.amounts, offer.amounts))


@dataclass(frozen=True, slots=True)
class SharedLimitStep:
    """Rules on lines of a "best" group some of which count in one counter.

    Each line takes the best offer, and the rules then share what is left of the limit, in their order; where one rule
    alone would take off more than all of them so, that one is alone. So it is never less than any single rule.
    """

    rules: tuple[Offers, ...]
    mode: GroupMode = GroupMode.BEST

    def run(self, sale: Sale) -> bool:
        """Apply what the limits let apply; True when anything was taken."""
        offers: list[tuple[Offers, Offer]] = []
        for rule in self.rules:
            offer = rule.offer(sale)
            if isinstance(offer, Offer):
                offers.append((rule, offer))
            else:
                sale.rejected(rule.id, offer)
        if not offers:
            return False
        taken = self._within_limits(sale, best_by_line(offers))
        alone = max(offers, key=lambda pair: pair[1].total)
        if sum(offer.total for _, offer in taken) < alone[1].total:
            taken = [alone]
        for rule, offer in taken:
            sale.take(rule.id, offer.lines, offer.amounts or [])
            sale.applied(rule.id, amount=str(sale.money(offer.total)))
        acting = {rule.id for rule, _ in taken}
        for rule, offer in offers:
            if rule.id not in acting:
                by = taken[0][0].id
                sale.rejected(rule.id, Rejection("beaten", {"by": by, "amount": str(sale.money(offer.total))}))
        return True

    def reject(self, sale: Sale, why: Rejection) -> None:
        """Say of each rule that it did not get its turn."""
        for rule in self.rules:
            sale.rejected(rule.id, why)

    def _within_limits(self, sale: Sale, plan: list[tuple[Offers, Offer]]) -> list[tuple[Offers, Offer]]:
        """The plan with every counter heeded, each rule taking of it what those before have left."""
        used: dict[str, int] = {}
        kept: list[tuple[Offers, Offer]] = []
        for rule, offer in plan:
            if not isinstance(rule, LimitedDiscount):
                kept.append((rule, offer))
                continue
            counter = rule.limit.counter
            spare = max(0, rule.limit.spare(sale) - used.get(counter.id, 0))
            capped = _capped(offer, rule.limit.least(offer.total, spare))
            if capped is not None:
                used[counter.id] = used.get(counter.id, 0) + (capped.total if counter.in_money else 1)
                kept.append((rule, capped))
        return kept


def best_by_line(offers: list[tuple[Offers, Offer]]) -> list[tuple[Offers, Offer]]:
    """What each rule takes when each line takes the largest of what the rules offer it; of equal ones the first."""
    best: dict[int, tuple[int, int]] = {}
    for place, (_, offer) in enumerate(offers):
        for i, amount in zip(offer.lines, offer.amounts or (), strict=True):
            if amount and (i not in best or amount > best[i][0]):
                best[i] = (amount, place)
    taken: list[tuple[Offers, Offer]] = []
    for place, (rule, offer) in enumerate(offers):
        lines = tuple(i for i in offer.lines if i in best and best[i][1] == place)
        amounts = [best[i][0] for i in lines]
        if lines:
            taken.append((rule, Offer(sum(amounts), lines, amounts)))
    return taken


def discount_step(mode: GroupMode, rules: tuple[Offers, ...]) -> DiscountStep | SharedLimitStep:
    """A step of rules on lines or on the receipt; limits shared in a "best" group want another one."""
    counters = [rule.limit.counter.id for rule in rules if isinstance(rule, LimitedDiscount) and not rule.on_receipt]
    if mode is GroupMode.BEST and len(set(counters)) < len(counters):
        return SharedLimitStep(rules)
    return DiscountStep(mode, rules)


@dataclass(frozen=True, slots=True)
class LimitedSet:
    """A rule of sets that takes no more than its limit leaves; a set is a set also when less comes off it."""

    rule: SetRule
    limit: Limit

    @property
    def id(self) -> str:
        """The rule's own."""
        return self.rule.id

    def offer(self, sale: Sale, pool: Pool) -> SetOffer | Rejection:
        """What the rule would take off the pieces that are free, capped."""
        offer = self.rule.offer(sale, pool)
        return offer if isinstance(offer, Rejection) else self.again(sale, offer)

    def again(self, sale: Sale, offer: SetOffer) -> SetOffer | Rejection:
        """An offer of the rule as far as it may be taken now, after what others of the same counter took."""
        most = self.limit.least(offer.total, self.limit.spare(sale))
        if not most:
            return self.limit.reached(sale)
        if offer.total <= most:
            return offer
        return SetOffer(most, offer.sets, offer.lines, distribute(most, offer.amounts, offer.amounts), offer.used)


def say_reached(sale: Sale, limits: Mapping[str, Limit]) -> None:
    """Say of each discount that acted and has nothing left of its limit that this is why it took no more."""
    if not limits:
        return
    for rule in dict.fromkeys(effect.rule for effect in sale.effects):
        limit = limits.get(rule)
        if limit is not None and limit.counter.in_money and not limit.spare(sale):
            why = limit.reached(sale)
            sale.applied(rule, why.code, **why.values)
