"""The parts that rules of a programme are made of: when a rule acts, on which lines, named choices and limits."""

from __future__ import annotations

from datetime import date
from enum import Enum
from typing import Annotated, Final

from msgspec import Meta, Struct, field

from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import TenderKind

__all__ = [
    "DAYS_MAX",
    "PIECES_MAX",
    "RULES_MAX",
    "Birthday",
    "Clock",
    "CounterOf",
    "CounterRange",
    "CouponKey",
    "CustomerKind",
    "Days",
    "GroupMode",
    "Hours",
    "Id",
    "LeapDay",
    "Limit",
    "Lines",
    "Membership",
    "Name",
    "Part",
    "Period",
    "Pieces",
    "RedeemAs",
    "Target",
    "Title",
    "Weekday",
    "When",
]

RULES_MAX: Final = 5_000  # five times the largest chain's count; a bad export must not stop the till
PIECES_MAX: Final = 1_000  # of one set; more is wholesale, and has a price list of its own
DAYS_MAX: Final = 36_500  # a century; later dates are "never", and a date has to exist

#: 38, so that a lot named "<receipt uid>:<rule>" fits the 120 characters of a lot's name.
Id = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=38,
        pattern=r"^[a-z][a-z0-9_-]*$",
        description="a short name: small Latin letters, digits, - and _, a letter first",
    ),
]
Title = Annotated[str, Meta(max_length=80)]
Name = Annotated[str, Meta(min_length=1, max_length=400)]
Clock = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$", description='a time such as "09:30"')]
CouponKey = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9+/]{43}=$", description="a public Ed25519 key: 32 bytes in base64")
]
Pieces = Annotated[int, Meta(ge=1, le=PIECES_MAX)]
Days = Annotated[int, Meta(ge=0, le=DAYS_MAX)]


class Part(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A table of the file; an unknown key is a problem that names the nearest known one."""


class Weekday(Enum):
    """A local day of the week."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


class CustomerKind(Enum):
    """Whom a rule is for."""

    ANYBODY = "anybody"
    IDENTIFIED = "identified"
    ANONYMOUS = "anonymous"


class GroupMode(Enum):
    """How the rules of one group live together.

    STACK: all of them apply, in order. BEST: the best one for the customer (for rules on lines, line by line;
    for sets, the order that takes off the most, a piece being in one set only).
    LIST_ORDER: the first in order that has an effect. EXCLUSIVE: like LIST_ORDER, and when it has an effect no rule
    outside the group applies. A group inside another is one element of it; an exclusive one then keeps out what else
    stands in that group, and nothing outside of it.
    """

    STACK = "stack"
    BEST = "best"
    LIST_ORDER = "list_order"
    EXCLUSIVE = "exclusive"


class Target(Enum):
    """What a percent is worked out on: each line by itself, or the sum of the lines, shared out afterwards."""

    LINES = "lines"
    RECEIPT = "receipt"


class RedeemAs(Enum):
    """The two readings of points in law: the price falls, or the price stays and points pay part of it."""

    DISCOUNT = "discount"
    TENDER = "tender"


class Hours(Part, frozen=True, kw_only=True, omit_defaults=True):
    """From this minute until (not including) that one, local time; over midnight when `until` is the smaller."""

    start: Clock = field(name="from")
    until: Clock


class LeapDay(Enum):
    """When a birthday of 29 February is kept in a year that has none."""

    FEBRUARY_28 = "02-28"
    MARCH_1 = "03-01"


class Membership(Enum):
    """Whether a paid membership must run: ACTIVE, or NONE (never bought, or over)."""

    ACTIVE = "active"
    NONE = "none"


class Birthday(Part, frozen=True, kw_only=True, omit_defaults=True):
    """A window of local days around the customer's birthday, the day itself always in it."""

    days_before: Annotated[int, Meta(ge=0, le=182)] = 0
    days_after: Annotated[int, Meta(ge=0, le=182)] = 0
    leap_day: LeapDay = LeapDay.FEBRUARY_28


class CounterOf(Enum):
    """What a counter of a customer gathers.

    MONEY: what is left to pay in money on each receipt. PURCHASES: receipts. DISCOUNT: what the rules that name it in
    their limit take off. USES: how often these rules act, once a receipt each.
    """

    MONEY = "money"
    DISCOUNT = "discount"
    USES = "uses"
    PURCHASES = "purchases"


class Period(Enum):
    """How long a counter gathers, by the store's own calendar; a week begins on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    EVER = "ever"


class CounterRange(Part, frozen=True, kw_only=True, omit_defaults=True):
    """What a counter holds before this receipt: `from` or more, less than `below`; money, or a whole number."""

    counter: Id
    start: Quantity | None = field(default=None, name="from")
    below: Quantity | None = None


class Limit(Part, frozen=True, kw_only=True, omit_defaults=True):
    """The rule counts in this counter, and acts while there is less than `most` in it; without it, it only counts.

    Of discounts no more is taken than is left; what others with the same counter took counts too.
    """

    counter: Id
    most: Quantity | None = None


class When(Part, frozen=True, kw_only=True, omit_defaults=True):
    """The gate of a rule: every condition that is written must hold.

    Attributes:
        date_from: first local day, inclusive; `date_until` is the last one, inclusive.
        segments: the customer is in at least one of them.
        total_from: least sum of the lines the rule acts on, before this decision; inclusive.
        quantity_from: least quantity of those lines together.
        positions_from: least number of those lines.
        birthday: the day is in a window around the customer's birthday.
        purchase_number: it is the customer's purchase of this number; 1 is the first.
        purchase_every: it is every so-manieth purchase of the customer.
        tenders: all money is paid so, as announced or as the receipt says; kinds of money, not stored value.
        channels: the receipt was sold in one of them.
        membership: a paid membership runs, or does not.
        staff: True admits only those who work for the shop.
        coupons: one of these coupons counts on the receipt.
        counters: what the customer gathered before this receipt; all of them must hold.
        offers: the customer has one of these personal offers.
        partners: the card is one of these partners', whoever holds it.
    """

    stores: tuple[Name, ...] = ()
    tills: tuple[Name, ...] = ()
    weekdays: tuple[Weekday, ...] = ()
    hours: tuple[Hours, ...] = ()
    date_from: date | None = None
    date_until: date | None = None
    customer: CustomerKind = CustomerKind.ANYBODY
    tiers: tuple[Id, ...] = ()
    segments: tuple[Name, ...] = ()
    total_from: Money | None = None
    quantity_from: Quantity | None = None
    positions_from: Annotated[int, Meta(ge=1)] | None = None
    birthday: Birthday | None = None
    purchase_number: Annotated[int, Meta(ge=1)] | None = None
    purchase_every: Annotated[int, Meta(ge=2)] | None = None
    tenders: tuple[TenderKind, ...] = ()
    channels: tuple[Name, ...] = ()
    membership: Membership | None = None
    staff: bool = False
    coupons: tuple[Id, ...] = ()
    counters: tuple[CounterRange, ...] = ()
    offers: tuple[Id, ...] = ()
    partners: tuple[Id, ...] = ()


class Lines(Part, frozen=True, kw_only=True, omit_defaults=True):
    """Which lines a rule acts on: any of the named ones (all when none is named), less the excepted.

    Attributes:
        products: product ids or barcodes.
        offered: only products of the customer's own personal offers, those that `when.offers` names.
        same_from: only products of which these lines hold at least so many; lines that name no product never do.
        skip_discounted: leave out lines that the till has already discounted or flagged so.
    """

    categories: tuple[Name, ...] = ()
    products: tuple[Name, ...] = ()
    brands: tuple[Name, ...] = ()
    except_categories: tuple[Name, ...] = ()
    except_products: tuple[Name, ...] = ()
    except_brands: tuple[Name, ...] = ()
    skip_discounted: bool = False
    offered: bool = False
    same_from: Quantity | None = None
