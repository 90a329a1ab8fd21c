"""Item and order phases: what each discount rule would take, and how the rules of a group live together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from agent.loyalty.distribute import distribute
from agent.loyalty.gates import Selector
from agent.loyalty.parts import GroupMode
from agent.loyalty.sale import Rejection, Sale
from drivers.vocabulary.decision import Explanation

__all__ = ["NOTHING_LEFT", "DiscountRule", "DiscountStep", "Offer", "Offers", "Step", "acted", "apply_discounts"]

_STEPS = 1_000_000  # 100 % in steps of a Percent

NOTHING_LEFT = Rejection("nothing_left")


class Offer(NamedTuple):
    """What a rule would take now: in total, and off which lines. `amounts` is None until it is shared out."""

    total: int
    lines: tuple[int, ...]
    amounts: list[int] | None


class Named(Protocol):
    """A compiled rule, as explanations see it."""

    @property
    def id(self) -> str:
        """The rule's own."""
        ...


class Offers(Named, Protocol):
    """A compiled rule that takes money off lines, or off the receipt."""

    @property
    def on_receipt(self) -> bool:
        """True when it offers a sum that is shared out when it is taken."""
        ...

    @property
    def initial(self) -> bool:
        """True when it looks at the prices before this decision."""
        ...

    def offer(self, sale: Sale) -> Offer | Rejection:
        """What it would take off the receipt as it is now, or why nothing."""
        ...


class Step(Protocol):
    """Rules that act together."""

    @property
    def mode(self) -> GroupMode:
        """How its elements live together; that of a lone rule is STACK."""
        ...

    @property
    def rules(self) -> Sequence[Named]:
        """In their order."""
        ...

    def run(self, sale: Sale) -> bool:
        """Apply what may apply; True when anything was taken."""
        ...

    def reject(self, sale: Sale, why: Rejection) -> None:
        """Say of each rule that it did not get its turn."""
        ...


@dataclass(frozen=True, slots=True)
class DiscountRule:
    """A compiled rule; `percent` gives the steps of its percent for this customer, or why there is none."""

    id: str
    on_receipt: bool
    initial: bool
    where: Selector
    percent: Callable[[Sale], int | Rejection]

    def offer(self, sale: Sale) -> Offer | Rejection:
        """What it would take off the receipt as it is now, or why nothing."""
        lines = self.where.lines(sale, sale.discountable)
        if isinstance(lines, Rejection):
            return lines
        steps = self.percent(sale)
        if not isinstance(steps, int):
            return steps
        offer = _off_receipt if self.on_receipt else _off_lines
        return offer(sale, lines, steps, sale.net if self.initial else sale.left)


def _off_lines(sale: Sale, lines: tuple[int, ...], steps: int, base: list[int]) -> Offer | Rejection:
    """Each line by itself, half a kopeck up, as far as there is room."""
    room = sale.room
    amounts: list[int] = []
    total = 0
    double = 2 * steps
    for i in lines:
        # Half up, written out: amounts are never negative here, and this is the engine's hottest line.
        amount = (base[i] * double + _STEPS) // (2 * _STEPS)
        if amount > room[i]:  # noqa: PLR1730 - twice as fast as min()
            amount = room[i]
        amounts.append(amount)
        total += amount
    return Offer(total, lines, amounts) if total else NOTHING_LEFT


def _off_receipt(sale: Sale, lines: tuple[int, ...], steps: int, base: list[int]) -> Offer | Rejection:
    """The percent of the sum, half a kopeck up, as far as there is room; shared out only when it is taken."""
    room = sale.room
    wanted = (sum([base[i] for i in lines]) * 2 * steps + _STEPS) // (2 * _STEPS)
    total = min(wanted, sum([room[i] for i in lines if base[i]]))
    return Offer(total, lines, None) if total else NOTHING_LEFT


@dataclass(frozen=True, slots=True)
class DiscountStep:
    """Rules that act together, in order: one lone rule, or a group in its mode."""

    mode: GroupMode
    rules: tuple[Offers, ...]

    def run(self, sale: Sale) -> bool:
        """Apply what the mode lets apply; True when anything was taken."""
        if self.mode is GroupMode.STACK:
            return self._run_stack(sale)
        if self.mode is GroupMode.BEST:
            return self._run_best(sale)
        return self._run_list(sale)

    def reject(self, sale: Sale, why: Rejection) -> None:
        """Say of each rule that it did not get its turn."""
        for rule in self.rules:
            sale.rejected(rule.id, why)

    def _run_stack(self, sale: Sale) -> bool:
        taken = False
        for rule in self.rules:
            offer = rule.offer(sale)
            if isinstance(offer, Offer):
                _take(sale, rule, offer)
                taken = True
            else:
                sale.rejected(rule.id, offer)
        return taken

    def _run_list(self, sale: Sale) -> bool:
        winner = ""
        for rule in self.rules:
            if winner:
                sale.rejected(rule.id, Rejection("beaten", {"by": winner}))
                continue
            offer = rule.offer(sale)
            if isinstance(offer, Offer):
                _take(sale, rule, offer)
                winner = rule.id
            else:
                sale.rejected(rule.id, offer)
        return bool(winner)

    def _run_best(self, sale: Sale) -> bool:
        offers: list[tuple[Offers, Offer]] = []
        for rule in self.rules:
            offer = rule.offer(sale)
            if isinstance(offer, Offer):
                offers.append((rule, offer))
            else:
                sale.rejected(rule.id, offer)
        if not offers:
            return False
        if len(offers) == 1:
            _take(sale, *offers[0])
        elif offers[0][0].on_receipt:
            _take_best_whole(sale, offers)
        else:
            _take_best_by_line(sale, offers)
        return True


def _take(sale: Sale, rule: Offers, offer: Offer) -> None:
    amounts = offer.amounts
    if amounts is None:
        base = sale.net if rule.initial else sale.left
        amounts = distribute(offer.total, [base[i] for i in offer.lines], [sale.room[i] for i in offer.lines])
    sale.take(rule.id, offer.lines, amounts)
    sale.applied(rule.id, amount=sale.text(offer.total))


def _take_best_whole(sale: Sale, offers: list[tuple[Offers, Offer]]) -> None:
    """The largest whole amount wins; of equal ones the first in order."""
    best, won = max(offers, key=lambda pair: pair[1].total)
    for rule, offer in offers:
        if rule is best:
            _take(sale, best, won)
        else:
            sale.rejected(rule.id, Rejection("beaten", {"by": best.id, "amount": sale.text(offer.total)}))


def _take_best_by_line(sale: Sale, offers: list[tuple[Offers, Offer]]) -> None:
    """Each line takes the largest of what the rules offer for it: never worse than any single rule."""
    best: dict[int, tuple[int, int]] = {}
    for place, (_, offer) in enumerate(offers):
        for i, amount in zip(offer.lines, offer.amounts or (), strict=True):
            if amount and (i not in best or amount > best[i][0]):
                best[i] = (amount, place)
    for place, (rule, offer) in enumerate(offers):
        lines = tuple(i for i in offer.lines if i in best and best[i][1] == place)
        amounts = [best[i][0] for i in lines]
        if lines:
            sale.take(rule.id, lines, amounts)
            sale.applied(rule.id, amount=sale.text(sum(amounts)))
        else:
            line = next(i for i in offer.lines if i in best)
            by = offers[best[line][1]][0].id
            sale.rejected(rule.id, Rejection("beaten", {"by": by, "amount": sale.text(offer.total)}))


def acted(explanations: Sequence[Explanation]) -> str:
    """The first rule that had an effect; "" when none had."""
    return next((one.rule for one in explanations if one.applied), "")


def apply_discounts(sale: Sale, exclusive: Sequence[Step], steps: Sequence[Step]) -> None:
    """Both phases in order; an exclusive group that has an effect is alone."""
    winner = ""
    for step in exclusive:
        since = len(sale.explanations)
        if winner:
            step.reject(sale, Rejection("beaten_by_exclusive", {"by": winner}))
        elif step.run(sale):
            winner = acted(sale.explanations[since:])
    for step in steps:
        if winner:
            step.reject(sale, Rejection("beaten_by_exclusive", {"by": winner}))
        else:
            step.run(sale)
