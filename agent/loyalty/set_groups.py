"""How set rules and groups of them live together: a piece taken into a set is in no other set of the same group.

A group inside a group shares the pieces of the outer one, and there stands for one rule: what all its sets take
together is what it offers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import perm
from typing import Final, NamedTuple

from agent.loyalty.limits import LimitedSet
from agent.loyalty.parts import GroupMode
from agent.loyalty.sale import Rejection, Sale
from agent.loyalty.sets import Pool, SetOffer, SetRule

__all__ = ["EXACT_RULES_MAX", "SetGroup", "SetStep"]

#: So many elements of a "best" group are tried in every order (4 + 12 + 24 + 24 offers); of more the largest is first.
EXACT_RULES_MAX: Final = 4
#: Groups inside groups multiply what is tried; beyond so many offers the largest goes first, too.
OFFERS_MAX: Final = 200


class Said(NamedTuple):
    """What became of one rule; `ranked` is the number of offers when too many wanted the same goods."""

    rule: SetRule
    answer: SetOffer | Rejection
    ranked: int = 0


class Play(NamedTuple):
    """What a rule or a group takes together, what is said of each rule, and the pieces that remain."""

    total: int
    said: list[Said]
    pool: Pool

    @property
    def first(self) -> str:
        """The rule that acted first."""
        return next((one.rule.id for one in self.said if isinstance(one.answer, SetOffer)), "")


@dataclass(frozen=True, slots=True)
class SetGroup:
    """Set rules, and groups of them, that share the pieces."""

    mode: GroupMode
    elements: tuple[SetRule | SetGroup, ...]

    def leaves(self) -> Iterator[SetRule]:
        """The rules, those of inner groups included, in their order."""
        for element in self.elements:
            if isinstance(element, SetGroup):
                yield from element.leaves()
            else:
                yield element

    def play(self, sale: Sale, pool: Pool) -> Play:
        """What the mode lets the elements take of these pieces; the sale is not touched."""
        if self.mode is GroupMode.BEST and len(self.elements) > 1:
            return self._play_best(sale, pool)
        if self.mode is GroupMode.STACK:
            alone = [element for element in self.elements if _is_exclusive(element)]
            others = [element for element in self.elements if not _is_exclusive(element)]
            return _in_order(sale, pool, alone, others)
        total, winner = 0, ""
        said: list[Said] = []
        for element in self.elements:
            if winner:
                said += _refused(element, Rejection("beaten", {"by": winner}))
                continue
            play = _play(element, sale, pool)
            total, pool, winner = play.total, play.pool, play.first
            said += play.said
        return Play(total, said, pool)

    def _play_best(self, sale: Sale, pool: Pool) -> Play:
        """The order that takes off the most; of equal ones the first as written.

        Elements that offer nothing on a fresh receipt cannot offer more on a used one and stand at the end. An inner
        exclusive group admits no other, so it takes part by itself alone.
        """
        alone = {place: _play(element, sale, pool) for place, element in enumerate(self.elements)}
        able = [place for place, play in alone.items() if play.total]
        shared = [place for place in able if not _is_exclusive(self.elements[place])]
        order, ranked = self._order(sale, pool, shared, alone)
        best = _in_order(sale, pool, [], [self.elements[place] for place in order])
        for place in able:
            if place not in shared and alone[place].total > best.total:
                best, order, ranked = alone[place], [place], 0
        said = [*best.said]
        if ranked:
            first = next(place for place, one in enumerate(said) if isinstance(one.answer, SetOffer))
            said[first] = said[first]._replace(ranked=ranked)
        for place, element in enumerate(self.elements):
            if place in able and place not in order:
                said += _refused(element, Rejection("beaten", {"by": best.first}))
            elif place not in able:
                # Asked again of what is left, so that sets others took the pieces of are told from incomplete ones.
                said += _play(element, sale, best.pool).said
        return Play(best.total, said, best.pool)

    def _order(self, sale: Sale, pool: Pool, able: list[int], alone: dict[int, Play]) -> tuple[list[int], int]:
        """(places in the order to play them, how many offers there are when it is only a ranking)."""
        elements = [self.elements[place] for place in able]
        if len(able) < 2:
            return able, 0
        if len(able) > EXACT_RULES_MAX or _offers_tried([_cost(element) for element in elements]) > OFFERS_MAX:
            offers = sum([1 if not isinstance(one, SetGroup) else len([*one.leaves()]) for one in elements])
            return sorted(able, key=lambda place: -alone[place].total), offers
        _, order = _search(sale, pool, elements)
        return [able[place] for place in order], 0


def _is_exclusive(element: SetRule | SetGroup) -> bool:
    return isinstance(element, SetGroup) and element.mode is GroupMode.EXCLUSIVE


def _play(element: SetRule | SetGroup, sale: Sale, pool: Pool) -> Play:
    if isinstance(element, SetGroup):
        return element.play(sale, pool)
    offer = element.offer(sale, pool)
    if isinstance(offer, SetOffer):
        return Play(offer.total, [Said(element, offer)], pool.after(offer))
    return Play(0, [Said(element, offer)], pool)


def _refused(element: SetRule | SetGroup, why: Rejection) -> list[Said]:
    rules = element.leaves() if isinstance(element, SetGroup) else [element]
    return [Said(rule, why) for rule in rules]


def _in_order(
    sale: Sale, pool: Pool, alone: Sequence[SetRule | SetGroup], others: Sequence[SetRule | SetGroup]
) -> Play:
    """One after the other; the first of `alone` that takes anything shuts all the rest out."""
    total, shut = 0, ""
    said: list[Said] = []
    for place, element in enumerate([*alone, *others]):
        if shut:
            said += _refused(element, Rejection("beaten_by_exclusive", {"by": shut}))
            continue
        play = _play(element, sale, pool)
        total, pool = total + play.total, play.pool
        said += play.said
        if place < len(alone):
            shut = play.first
    return Play(total, said, pool)


def _search(sale: Sale, pool: Pool, elements: Sequence[SetRule | SetGroup]) -> tuple[int, list[int]]:
    """(taken, order) of the best order of these elements on this pool; bounded by EXACT_RULES_MAX and OFFERS_MAX."""

    def search(pool: Pool, places: list[int]) -> tuple[int, list[int]]:
        best, order = 0, places
        for place in places:
            total, _, after = _play(elements[place], sale, pool)
            if not total:
                continue
            others = [other for other in places if other != place]
            more, rest = search(after, others) if others else (0, [])
            if total + more > best:
                best, order = total + more, [place, *rest]
        return best, order

    return search(pool, list(range(len(elements))))


def _offers_tried(costs: list[int]) -> int:
    """How many offers trying every order of elements takes, each asking for so many offers itself."""
    count = len(costs)
    # Each element stands at each depth equally often: of n elements there are n, n(n-1), … beginnings of an order.
    return sum(perm(count, depth) for depth in range(1, count + 1)) * sum(costs) // count if count else 0


def _cost(element: SetRule | SetGroup) -> int:
    """The most offers that one play asks for."""
    if not isinstance(element, SetGroup):
        return 1
    costs = sorted([_cost(inner) for inner in element.elements], reverse=True)
    if element.mode is not GroupMode.BEST or len(costs) == 1:
        return sum(costs)
    return 3 * sum(costs) + min(OFFERS_MAX, _offers_tried(costs[:EXACT_RULES_MAX]))


@dataclass(frozen=True, slots=True)
class SetStep:
    """A group of sets that shares its pieces with no other: one lone rule, a group, or groups inside a group."""

    group: SetGroup

    @property
    def mode(self) -> GroupMode:
        """How the elements live together."""
        return self.group.mode

    @property
    def rules(self) -> list[SetRule]:
        """In their order."""
        return [*self.group.leaves()]

    def run(self, sale: Sale) -> bool:
        """Apply what the mode lets apply; True when anything was taken."""
        play = self.group.play(sale, Pool.of(sale))
        winner = ""
        for rule, answer, ranked in play.said:
            if ranked:
                sale.applied(rule.id, "sets_ranked", rules=str(ranked), most=str(EXACT_RULES_MAX))
            # Two rules of one group may share a limit, and neither knew of the other when it was asked.
            now = rule.again(sale, answer) if isinstance(rule, LimitedSet) and isinstance(answer, SetOffer) else answer
            if isinstance(now, SetOffer):
                sale.take(rule.id, now.lines, now.amounts)
                sale.applied(rule.id, "set_applied", amount=str(sale.money(now.total)), sets=str(now.sets))
                winner = winner or rule.id
            else:
                sale.rejected(rule.id, _why(sale, rule, now, winner))
        return bool(winner)

    def reject(self, sale: Sale, why: Rejection) -> None:
        """Say of each rule that it did not get its turn."""
        for rule in self.rules:
            sale.rejected(rule.id, why)


def _why(sale: Sale, rule: SetRule, why: Rejection, winner: str) -> Rejection:
    """A set that others left too few pieces for was beaten, not missing goods."""
    if winner and why.code in ("quantity_too_small", "set_incomplete"):
        pieces = Pool.of(sale).pieces
        if isinstance(rule.offer(sale, Pool(sale.net, pieces, pieces, sale.net)), SetOffer):
            return Rejection("beaten", {"by": winner})
    return why
