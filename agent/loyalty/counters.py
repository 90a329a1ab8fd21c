"""What customers gather in the counters of a programme: periods, gates, and what a receipt adds; keeps nothing.

A counter holds minor units of money, or a count. What it held before the receipt decides; what the receipt adds is an
effect, and whoever keeps the customer's facts applies it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Final

from agent.loyalty.days import midnight_after
from agent.loyalty.facts import counted_by
from agent.loyalty.model import ProgrammeFile
from agent.loyalty.parts import CounterOf, Period
from agent.loyalty.rules import Rule
from agent.loyalty.sale import Rejection, Sale
from drivers.vocabulary.decision import Counted
from drivers.vocabulary.money import Money, Quantity

__all__ = ["IN_MONEY", "Counter", "Counters", "count", "counter_check", "last_day", "period_end", "ranges_of"]

IN_MONEY: Final = (CounterOf.MONEY, CounterOf.DISCOUNT)

_STEPS: Final = 1_000_000  # one whole in steps of a Quantity
#: Said of a rule that may not act in the end: the largest of many sets, tried first.
_NOT_YET_ACTED: Final = "sets_ranked"


@dataclass(frozen=True, slots=True)
class Counter:
    """A compiled counter; `rules` are those that name it in their limit."""

    id: str
    title: str
    of: CounterOf
    period: Period
    zone: tzinfo
    currency: str
    rules: frozenset[str]

    @property
    def in_money(self) -> bool:
        """True for money and discounts, False for what is counted."""
        return self.of in IN_MONEY

    def whole(self, written: Quantity) -> int:
        """A number of the programme in what the counter counts: minor units of money, or a count."""
        return Money.of(str(written), self.currency).minor if self.in_money else written.steps // _STEPS

    def text(self, value: int) -> str:
        """As explanations write it."""
        return str(Money(value, self.currency)) if self.in_money else str(value)

    def before(self, sale: Sale) -> int:
        """What it held before this receipt; nobody known has gathered nothing."""
        return counted_by(sale.customer, self.id, sale.instant) if sale.customer is not None else 0

    def so_far(self, sale: Sale) -> int:
        """What the rules that ran until now have added; of money and purchases nothing before the end."""
        if self.of is CounterOf.DISCOUNT:
            return sum(effect.amount.minor for effect in sale.effects if effect.rule in self.rules)
        return len(self._acted(sale)) if self.of is CounterOf.USES else 0

    def until(self, sale: Sale) -> datetime | None:
        """When the period of this receipt is over; None is never."""
        return period_end(sale.day, self.period, self.zone)

    def added(self, sale: Sale, paid: int) -> list[int]:
        """What the receipt adds, in parts that come off again whole: each use and each purchase is one."""
        if self.of is CounterOf.MONEY:
            return [paid] if paid > 0 else []
        if self.of is CounterOf.PURCHASES:
            return [1]
        amount = self.so_far(sale)
        if self.of is CounterOf.USES:
            return [1] * amount
        return [amount] if amount else []

    def _acted(self, sale: Sale) -> set[str]:
        return {
            one.rule
            for one in sale.explanations
            if one.applied and one.rule in self.rules and one.code != _NOT_YET_ACTED
        }


@dataclass(frozen=True, slots=True)
class Counters:
    """The counters of a programme by id, in the order in which they are written."""

    known: Mapping[str, Counter]

    @classmethod
    def of(cls, file: ProgrammeFile, zone: tzinfo) -> Counters:
        """Made once per programme."""
        rules: dict[str, list[str]] = {}
        for rule in file.rules:
            if rule.limit is not None:
                rules.setdefault(rule.limit.counter, []).append(rule.id)
        return cls(
            {
                name: Counter(
                    id=name,
                    title=one.title or name,
                    of=one.of,
                    period=one.period,
                    zone=zone,
                    currency=file.currency,
                    rules=frozenset(rules.get(name, ())),
                )
                for name, one in file.counters.items()
            }
        )


def count(sale: Sale, counters: Counters, paid: int) -> list[Counted]:
    """What this receipt adds to the counters of the customer; `paid` is what is left to pay in money."""
    if sale.customer is None:
        return []
    return [
        Counted(counter=counter.id, amount=amount, until=counter.until(sale))
        for counter in counters.known.values()
        for amount in counter.added(sale, paid)
    ]


def period_end(day: date, period: Period, zone: tzinfo) -> datetime | None:
    """The first moment after the period that this local day is in, in UTC; None when it never ends."""
    if period is Period.DAY:
        return midnight_after(day, 1, zone)
    if period is Period.WEEK:
        return midnight_after(day, 7 - day.weekday(), zone)
    if period is Period.MONTH:
        year, month = divmod(day.year * 12 + day.month, 12)
        return _first_of(year, month + 1, zone)
    return _first_of(day.year + 1, 1, zone) if period is Period.YEAR else None


def _first_of(year: int, month: int, zone: tzinfo) -> datetime | None:
    return midnight_after(date(year, month, 1), 0, zone) if year <= date.max.year else None


def last_day(until: datetime, zone: tzinfo) -> str:
    """The last local day of a period that is over at this moment, as text."""
    local = until.astimezone(zone).date()
    return date.fromordinal(local.toordinal() - 1).isoformat()


def ranges_of(rule: Rule, counters: Counters) -> list[tuple[Counter, int, int | None]]:
    """(counter, from, below) of each range that the rule's gate names; from nothing on where it names no `from`."""
    ranges = []
    for one in rule.when.counters:
        counter = counters.known[one.counter]
        start = counter.whole(one.start) if one.start is not None else 0
        ranges.append((counter, start, counter.whole(one.below) if one.below is not None else None))
    return ranges


def counter_check(counter: Counter, start: int, below: int | None) -> Callable[[Sale], Rejection | None]:
    """Why the rule does not act: too little gathered, or too much already."""

    def check(sale: Sale) -> Rejection | None:
        have = counter.before(sale)
        values = {"counter": counter.title, "have": counter.text(have)}
        if have < start:
            more = {"from": counter.text(start), "missing": counter.text(start - have)}
            return Rejection("counter_below", values | more)
        if below is not None and have >= below:
            return Rejection("counter_full", values | {"below": counter.text(below)})
        return None

    return check
