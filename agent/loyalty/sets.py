"""Sets of goods: N for the price of M, and bundles, each offered on the pieces still free; knows no groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Protocol

from agent.loyalty.discounts import NOTHING_LEFT
from agent.loyalty.distribute import distribute
from agent.loyalty.gates import Selector
from agent.loyalty.sale import Rejection, Sale

__all__ = ["Bundle", "Member", "NForM", "Pool", "SetOffer", "SetRule"]

_ONE = 1_000_000  # steps of one piece, and 100 % in steps of a Percent
_INCOMPLETE = Rejection("set_incomplete")


class Pool:
    """The pieces of a receipt while the sets of one group are made of them.

    Attributes:
        base: what each line cost when the group began: a piece's price does not fall by sets it is not in.
        pieces: how many each line has, 0 for weighed goods; `free` are those in no set yet.
        room: how much more may be taken off each line.
    """

    __slots__ = ("base", "free", "pieces", "room")

    def __init__(self, base: list[int], pieces: list[int], free: list[int], room: list[int]) -> None:
        self.base = base
        self.pieces = pieces
        self.free = free
        self.room = room

    @classmethod
    def of(cls, sale: Sale) -> Pool:
        """Nothing in a set yet."""
        pieces = [0 if steps % _ONE else steps // _ONE for steps in sale.quantities]
        return cls(list(sale.left), pieces, list(pieces), list(sale.room))

    def after(self, offer: SetOffer) -> Pool:
        """What remains for others."""
        free, room = list(self.free), list(self.room)
        for i, count in offer.used.items():
            free[i] -= count
        for i, amount in zip(offer.lines, offer.amounts, strict=True):
            room[i] -= amount
        return Pool(self.base, self.pieces, free, room)

    def dearest(self, lines: Iterable[int], base: list[int]) -> list[int]:
        """The lines that have free pieces, the dearest piece first; equals in line order."""
        pieces = self.pieces

        def dearer(a: int, b: int) -> int:
            # a/b > c/d compared as a*d > c*b: exact, where a quotient would not be.
            return base[b] * pieces[a] - base[a] * pieces[b]

        return sorted([i for i in lines if self.free[i]], key=cmp_to_key(dearer))

    def value(self, base: list[int], line: int, count: int) -> int:
        """What so many pieces of a line cost, half a kopeck up; all of them cost exactly what the line does."""
        pieces = self.pieces[line]
        return (2 * base[line] * count + pieces) // (2 * pieces)


@dataclass(frozen=True, slots=True)
class SetOffer:
    """What a rule would take now, off which lines, for how many sets, and the pieces it would use up."""

    total: int
    sets: int
    lines: tuple[int, ...]
    amounts: list[int]
    used: dict[int, int]


class SetRule(Protocol):
    """A compiled rule of sets."""

    @property
    def id(self) -> str:
        """The rule's own."""
        ...

    def offer(self, sale: Sale, pool: Pool) -> SetOffer | Rejection:
        """What it would take off the pieces that are free, or why nothing."""
        ...


@dataclass(frozen=True, slots=True)
class NForM:
    """Of every `take` pieces only `pay` are paid in full, the cheapest are not: `percent` steps are taken off them.

    Sets are made from the dearest piece down, which takes off the most there is; with `cheapest_of_all` the cheapest
    pieces of all are those not paid.
    """

    id: str
    initial: bool
    where: Selector
    take: int
    pay: int
    percent: int
    times: int | None
    cheapest_of_all: bool

    def offer(self, sale: Sale, pool: Pool) -> SetOffer | Rejection:
        """What it would take off the pieces that are free, or why nothing."""
        lines = self.where.lines(sale, sale.discountable)
        if isinstance(lines, Rejection):
            return lines
        base = sale.net if self.initial else pool.base
        order = pool.dearest(lines, base)
        total = sum([pool.free[i] for i in order])
        sets = total // self.take if self.times is None else min(total // self.take, self.times)
        if not sets:
            missing = str(self.take - total)
            return Rejection("quantity_too_small", {"have": str(total), "from": str(self.take), "missing": missing})
        reduced, used = self._walk(order, pool.free, sets, total)
        amounts: list[int] = []
        for i, count in reduced.items():
            whole = pool.pieces[i] * _ONE
            amounts.append(min(pool.room[i], (2 * base[i] * count * self.percent + whole) // (2 * whole)))
        taken = sum(amounts)
        return SetOffer(taken, sets, tuple(reduced), amounts, used) if taken else NOTHING_LEFT

    def _walk(
        self, order: Sequence[int], free: list[int], sets: int, total: int
    ) -> tuple[dict[int, int], dict[int, int]]:
        """(pieces reduced, pieces used) of each line, the pieces standing in a row from the dearest to the cheapest."""
        gifts = sets * (self.take - self.pay)
        paid = sets * self.pay
        reduced: dict[int, int] = {}
        used: dict[int, int] = {}
        place = 0
        for i in order:
            end = place + free[i]
            if self.cheapest_of_all:
                cheap = max(0, end - max(place, total - gifts))
                count = cheap + max(0, min(end, paid) - place)
            else:
                cheap = self._gifts_before(end, sets) - self._gifts_before(place, sets)
                count = max(0, min(end, sets * self.take) - place)
            if cheap:
                reduced[i] = cheap
            if count:
                used[i] = count
            place = end
        return reduced, used

    def _gifts_before(self, place: int, sets: int) -> int:
        whole, rest = divmod(min(place, sets * self.take), self.take)
        return whole * (self.take - self.pay) + max(0, rest - self.pay)


@dataclass(frozen=True, slots=True)
class Member:
    """So many pieces of these goods."""

    where: Selector
    quantity: int


@dataclass(frozen=True, slots=True)
class Bundle:
    """So many pieces of each member together: at a price, or less a percent or an amount (minor units, steps).

    Members are served in order, each with its dearest free pieces. A set that costs no more than its price is none.
    """

    id: str
    initial: bool
    where: Selector
    members: tuple[Member, ...]
    price: int | None
    percent: int
    amount: int
    times: int | None

    def offer(self, sale: Sale, pool: Pool) -> SetOffer | Rejection:
        """What it would take off the pieces that are free, or why nothing."""
        lines = self.where.lines(sale, sale.discountable)
        if isinstance(lines, Rejection):
            return lines
        base = sale.net if self.initial else pool.base
        mask = sum([1 << i for i in lines])
        orders = [pool.dearest(sale.lines_of(member.where.match(sale) & mask), base) for member in self.members]
        used, sets = self._assemble(orders, pool, base)
        if not sets:
            # Complete, and no dearer than the set's price: nothing is left to take off.
            return _INCOMPLETE if self._pick(orders, [0] * len(orders), pool.free) is None else NOTHING_LEFT
        chosen = tuple(sorted(used))
        values = [pool.value(base, i, used[i]) for i in chosen]
        caps = [min(pool.room[i], value) for i, value in zip(chosen, values, strict=True)]
        amounts = distribute(self._off(sum(values), sets), values, caps)
        taken = sum(amounts)
        return SetOffer(taken, sets, chosen, amounts, used) if taken else NOTHING_LEFT

    def _assemble(self, orders: list[list[int]], pool: Pool, base: list[int]) -> tuple[dict[int, int], int]:
        free = list(pool.free)
        starts = [0] * len(orders)
        used: dict[int, int] = {}
        sets = 0
        while self.times is None or sets < self.times:
            pick = self._pick(orders, starts, free)
            if pick is None:
                break
            value = sum([pool.value(base, i, count) for i, count in pick.items()])
            if self.price is not None and value <= self.price:
                break
            # The same pieces make as many sets as there are of the scarcest.
            many = min([free[i] // count for i, count in pick.items()])
            if self.times is not None:
                many = min(many, self.times - sets)
            for i, count in pick.items():
                free[i] -= count * many
                used[i] = used.get(i, 0) + count * many
            sets += many
        return used, sets

    def _pick(self, orders: list[list[int]], starts: list[int], free: list[int]) -> dict[int, int] | None:
        """The pieces of one set; None when a member is short.

        `starts` is where each member's order begins to have pieces: lines used up are passed once, not for every set.
        """
        pick: dict[int, int] = {}
        for place, member in enumerate(self.members):
            order, need, start = orders[place], member.quantity, starts[place]
            while start < len(order) and not free[order[start]]:
                start += 1
            starts[place] = start
            for at in range(start, len(order)):
                i = order[at]
                count = min(need, free[i] - pick.get(i, 0))
                if count:
                    pick[i] = pick.get(i, 0) + count
                    need -= count
                if not need:
                    break
            if need:
                return None
        return pick

    def _off(self, value: int, sets: int) -> int:
        if self.price is not None:
            return max(0, value - sets * self.price)
        if self.amount:
            return min(value, sets * self.amount)
        return (2 * value * self.percent + _ONE) // (2 * _ONE)
