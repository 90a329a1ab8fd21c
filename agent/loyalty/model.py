"""What the author of a programme writes, as values: header, units, tiers, groups, rules; no behaviour."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from msgspec import Meta, field

from agent.loyalty.parts import RULES_MAX, CounterOf, CouponKey, GroupMode, Id, Name, Part, Period, Title
from agent.loyalty.rules import Rule
from drivers.vocabulary.customer import PointsUnit
from drivers.vocabulary.money import Money

__all__ = [
    "Counter",
    "Coupon",
    "Group",
    "Partner",
    "PersonalOffer",
    "ProgrammeFile",
    "Tier",
    "Unit",
]


class Unit(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A currency of points.

    Attributes:
        exponent: decimal places of a point; balances are kept in its smallest part.
        worth: money that `worth_points` whole points stand for; needed to spend them or to earn a percent.
        names: what so many points are called, by language: en 1 point, 2 points; ru 1 бонус, 2 бонуса, 5 бонусов;
            th one form. Without them it is the title.
    """

    title: Title = ""
    names: dict[str, Annotated[tuple[Title, ...], Meta(max_length=3)]] = field(default_factory=dict)
    exponent: Annotated[int, Meta(ge=0, le=3)] = 0
    worth: Money | None = None
    worth_points: Annotated[int, Meta(ge=1, le=1_000_000)] = 1


class Tier(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A level; `spent_from` (inclusive) reaches it by money spent, without it only the centre gives it."""

    id: Id
    title: Title = ""
    spent_from: Money | None = None


class Group(Part, frozen=True, kw_only=True, omit_defaults=True):
    """Rules that live together in one way.

    Attributes:
        inside: the group that this one stands in, for which it is one element; "" is none.
    """

    mode: GroupMode
    title: Title = ""
    inside: str = ""


class Coupon(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A kind of coupon; what it does is said by the rules that want it (`when.coupons`).

    Attributes:
        codes: public codes, the same for everybody; other codes are held by a customer or signed.
        date_from: first local day, inclusive; `date_until` is the last one, inclusive.
        uses: how often one code may be used; None is without limit, unless the coupon itself says so.
        back_on_return: it is good again once the whole purchase is returned; None is so for a coupon of one use.
        unasked: True lets a coupon that the customer holds count without being shown.
    """

    title: Title = ""
    codes: tuple[Name, ...] = ()
    date_from: date | None = None
    date_until: date | None = None
    uses: Annotated[int, Meta(ge=1)] | None = None
    unasked: bool = False
    back_on_return: bool | None = None


class Counter(Part, frozen=True, kw_only=True, omit_defaults=True):
    """Something gathered for each known customer; it starts from nothing when its period is over.

    Another period, or another kind, is another counter: give it another name.
    """

    of: CounterOf
    period: Period
    title: Title = ""


class PersonalOffer(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A kind of personal offer; the centre says who has it and for which goods, rules say what it brings."""

    title: Title = ""


class Partner(Part, frozen=True, kw_only=True, omit_defaults=True):
    """Another shop, bank or club whose cards count here; which numbers are theirs, the till is told elsewhere."""

    title: Title = ""


class ProgrammeFile(Part, frozen=True, kw_only=True, omit_defaults=True):
    """The whole file.

    Attributes:
        version: grows with each change; a till refuses a lower one than it has.
        zone: IANA name of the stores' time zone ("Europe/Moscow"), or a fixed offset ("+03:00").
        earning: False winds the programme down: points are spent and none are earned.
        tobacco_earns: True lets tobacco earn points (it is never discounted and never bought with points).
        line_left_least: what a discount must leave on each line (0.01 where the fiscal rules ask for it).
        tiers: lowest first.
        coupons: the kinds of coupons.
        counters: what is gathered for each known customer.
        offers: the kinds of personal offers.
        partners: whose cards count here beside our own.
        coupon_keys: public Ed25519 keys (base64) of those who sign coupons, by the name that signed codes carry.
    """

    version: Annotated[int, Meta(ge=1)]
    title: Annotated[str, Meta(min_length=1, max_length=80)]
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$", description="three capital letters such as RUB")]
    zone: Annotated[str, Meta(min_length=1, max_length=64)]
    earning: bool = True
    tobacco_earns: bool = False
    line_left_least: Money | None = None
    units: dict[PointsUnit, Unit] = field(default_factory=dict)
    tiers: Annotated[tuple[Tier, ...], Meta(max_length=100)] = ()
    groups: dict[Id, Group] = field(default_factory=dict)
    coupons: dict[Id, Coupon] = field(default_factory=dict)
    coupon_keys: dict[Id, CouponKey] = field(default_factory=dict)
    counters: dict[Id, Counter] = field(default_factory=dict)
    offers: dict[Id, PersonalOffer] = field(default_factory=dict)
    partners: dict[Id, Partner] = field(default_factory=dict)
    rules: Annotated[tuple[Rule, ...], Meta(max_length=RULES_MAX)] = ()
