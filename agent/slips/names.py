"""What a programme calls its rules, points, coupons and counters, cut to what a slip has room for; made once."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from msgspec import Struct

from agent.loyalty import Programme
from agent.loyalty.counters import IN_MONEY
from agent.loyalty.describe import describe
from agent.loyalty.rules import IssueCoupon
from agent.slips.text import clip

__all__ = ["NAME_COLUMNS_MAX", "CounterName", "SlipNames", "UnitName", "names_of"]

NAME_COLUMNS_MAX: Final = 24  # leaves room for an amount on the narrowest paper, 32 columns
CONDITIONS_MAX: Final = 3  # rules that one coupon opens and a slip explains; more is a catalogue


class UnitName(Struct, frozen=True):
    """A currency of points: its title, and how many decimal places a point has."""

    title: str
    exponent: int = 0


class CounterName(Struct, frozen=True):
    """A counter, and whether it holds minor units of money."""

    title: str
    in_money: bool = False


class SlipNames(Struct, frozen=True, kw_only=True):
    """Names by id; what is not here is printed under its id.

    Attributes:
        conditions: of a kind of coupon: what it does, one sentence a rule.
    """

    rules: dict[str, str] = {}
    units: dict[str, UnitName] = {}
    coupons: dict[str, str] = {}
    conditions: dict[str, tuple[str, ...]] = {}
    counters: dict[str, CounterName] = {}

    def rule(self, name: str) -> str:
        """A rule in at most NAME_COLUMNS_MAX columns."""
        return self.rules.get(name) or clip(name, NAME_COLUMNS_MAX)

    def unit(self, name: str) -> UnitName:
        """A currency of points; an unknown one has whole points."""
        return self.units.get(name) or UnitName(name)


@lru_cache(maxsize=4)  # a programme and the one before it, in two languages
def names_of(programme: Programme | None, language: str) -> SlipNames:
    """The names of a programme; none without one."""
    if programme is None:
        return SlipNames()
    file = programme.file
    return SlipNames(
        rules={rule.id: clip(rule.title or rule.id, NAME_COLUMNS_MAX) for rule in file.rules},
        units={name: UnitName(unit.title or name, unit.exponent) for name, unit in file.units.items()},
        coupons={name: coupon.title or name for name, coupon in file.coupons.items()},
        conditions=_conditions(programme, language),
        counters={
            name: CounterName(clip(one.title or name, NAME_COLUMNS_MAX), one.of in IN_MONEY)
            for name, one in file.counters.items()
        },
    )


def _conditions(programme: Programme, language: str) -> dict[str, tuple[str, ...]]:
    """What each coupon does that this programme hands out."""
    rules = programme.file.rules
    issued = {rule.coupon for rule in rules if isinstance(rule, IssueCoupon)}
    if not issued:
        return {}
    sentences = describe(programme, language=language)
    found: dict[str, list[str]] = {}
    for rule, sentence in zip(rules, sentences, strict=False):
        for coupon in issued.intersection(rule.when.coupons):
            # No code page has the rouble sign; what printers are given instead is longer, and would lose a line's end.
            found.setdefault(coupon, []).append(sentence.replace("₽", "руб"))
    return {coupon: tuple(told[:CONDITIONS_MAX]) for coupon, told in found.items()}
