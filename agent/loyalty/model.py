"""What the author of a programme writes, as values: header, units, tiers, groups, rules; no behaviour."""

from __future__ import annotations

from datetime import date
from enum import Enum
from typing import Annotated, Final

from msgspec import Meta, Struct, field

from drivers.vocabulary.customer import PointsUnit
from drivers.vocabulary.money import Money, Percent, Quantity
from drivers.vocabulary.receipt import TenderKind

__all__ = [
    "AmountDiscount",
    "Birthday",
    "Bundle",
    "Coupon",
    "CustomerKind",
    "Draw",
    "EarnPoints",
    "FixedPer",
    "FixedPoints",
    "FixedPrice",
    "Gift",
    "Group",
    "GroupMode",
    "Hours",
    "IssueCoupon",
    "LeapDay",
    "Lines",
    "Member",
    "Membership",
    "MembershipSale",
    "MultiplyPoints",
    "NForM",
    "PercentDiscount",
    "PointsForGoods",
    "ProgrammeFile",
    "RedeemAs",
    "Rule",
    "SpendPoints",
    "Stage",
    "StagedDiscount",
    "Target",
    "Tier",
    "TierDiscount",
    "Unit",
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


class _Part(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
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
    outside the group applies.
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


class Hours(_Part, frozen=True, kw_only=True, omit_defaults=True):
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


class Birthday(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """A window of local days around the customer's birthday, the day itself always in it."""

    days_before: Annotated[int, Meta(ge=0, le=182)] = 0
    days_after: Annotated[int, Meta(ge=0, le=182)] = 0
    leap_day: LeapDay = LeapDay.FEBRUARY_28


class When(_Part, frozen=True, kw_only=True, omit_defaults=True):
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


class Lines(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """Which lines a rule acts on: any of the named ones (all when none is named), less the excepted.

    Attributes:
        products: product ids or barcodes.
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
    same_from: Quantity | None = None


class _Rule(_Part, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    """What every rule has; rules run by priority, the highest first, then as written."""

    id: Id
    title: Title = ""
    priority: Annotated[int, Meta(ge=-1_000_000, le=1_000_000)] = 0
    group: str = ""
    when: When = When()
    lines: Lines = Lines()


class PercentDiscount(_Rule, frozen=True, kw_only=True, omit_defaults=True, tag="percent_discount"):
    """A percent off.

    Attributes:
        target: each line by itself (default), or the sum shared out over the lines.
        initial: True works the percent out on the prices before this decision, False on what earlier rules left.
    """

    percent: Percent
    target: Target = Target.LINES
    initial: bool = False


class TierDiscount(_Rule, frozen=True, kw_only=True, omit_defaults=True, tag="tier_discount"):
    """The discount card: a percent by the customer's tier; `percent` is for those whose tier is not listed."""

    percents: dict[str, Percent]
    percent: Percent | None = None
    target: Target = Target.RECEIPT
    initial: bool = False


class AmountDiscount(_Rule, frozen=True, kw_only=True, omit_defaults=True, tag="amount_discount"):
    """An amount off: each piece (each kilogram of weighed goods), or once off the sum, shared out over the lines."""

    amount: Money
    target: Target = Target.LINES
    initial: bool = False


class FixedPrice(_Rule, frozen=True, kw_only=True, omit_defaults=True, tag="fixed_price"):
    """A price of one piece (one kilogram), a personal price where `when` says for whom; never a rise."""

    price: Money
    initial: bool = False


class Stage(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """From this total or this quantity on, a percent or an amount off (of each piece, or once off the sum)."""

    total_from: Money | None = None
    quantity_from: Quantity | None = None
    percent: Percent | None = None
    amount: Money | None = None


class StagedDiscount(_Rule, frozen=True, kw_only=True, omit_defaults=True, tag="staged_discount"):
    """The more, the more off: the highest stage that the lines reach together, lowest written first."""

    stages: Annotated[tuple[Stage, ...], Meta(min_length=1, max_length=50)]
    target: Target = Target.LINES
    initial: bool = False


class NForM(_Rule, frozen=True, kw_only=True, omit_defaults=True, tag="n_for_m"):
    """Of every `take` pieces only `pay` are paid in full; N + 1 is take N + 1, pay N.

    Attributes:
        percent: off the pieces that are not paid in full; 100 when not written.
        times: most sets on one receipt.
        cheapest_of_all: False makes sets from the dearest piece down, and the cheapest of each set is not paid; True
            does not charge for the cheapest pieces of all.
    """

    take: Pieces
    pay: Annotated[int, Meta(ge=0, le=PIECES_MAX)]
    percent: Percent | None = None
    times: Pieces | None = None
    initial: bool = False
    cheapest_of_all: bool = False


class Member(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """So many pieces of these goods."""

    lines: Lines
    quantity: Pieces = 1


class Bundle(_Rule, frozen=True, kw_only=True, omit_defaults=True, tag="bundle"):
    """A set of several goods: at a price, or less a percent or an amount; one of the three.

    Attributes:
        members: served in order, each with its dearest pieces that are free; write the narrower one first.
        times: most sets on one receipt.
    """

    members: Annotated[tuple[Member, ...], Meta(min_length=1, max_length=20)]
    price: Money | None = None
    percent: Percent | None = None
    amount: Money | None = None
    times: Pieces | None = None
    initial: bool = False


class EarnPoints(_Rule, frozen=True, kw_only=True, omit_defaults=True, tag="earn_points"):
    """Points for money paid: a percent of it (by tier, if wanted), or so many points per so much money.

    Attributes:
        percents: percent by tier; `percent` is for everybody else.
        per: so much money earns `points` points (one, when not written); no percents then.
        active_after_days: 0 is at once; N is from local midnight N days on.
        expires_after_days: spendable through the end of the Nth day after the day of purchase.
    """

    unit: PointsUnit
    percent: Percent | None = None
    percents: dict[str, Percent] = {}
    per: Money | None = None
    points: Quantity | None = None
    active_after_days: Days = 0
    expires_after_days: Annotated[int, Meta(ge=1, le=DAYS_MAX)] | None = None


class MultiplyPoints(_Rule, frozen=True, kw_only=True, omit_defaults=True, tag="multiply_points"):
    """Points of a unit earned on some lines, times a factor."""

    unit: PointsUnit
    factor: Quantity


class SpendPoints(_Rule, frozen=True, kw_only=True, omit_defaults=True, tag="spend_points"):
    """How points are spent; points of the same receipt never are.

    Attributes:
        share: most of the spendable lines' sum, after discounts, that points may pay; None is all of it.
        step: points are spent in multiples of it; None is the unit's smallest.
        least: fewer than this are not spent at all.
        redeem_as: lowers the prices, or pays beside money.
        earns: False gives no points at all on a receipt that spends some.
    """

    unit: PointsUnit
    share: Percent | None = None
    step: Quantity | None = None
    least: Quantity | None = None
    redeem_as: RedeemAs = RedeemAs.DISCOUNT
    earns: bool = True


class PointsForGoods(_Rule, frozen=True, kw_only=True, omit_defaults=True, tag="points_for_goods"):
    """Points buy pieces: `points` each ("one free for ten stamps"), the cheapest of the goods first, when asked for.

    Attributes:
        most: pieces a receipt may have; None is as many as the points buy.
    """

    unit: PointsUnit
    points: Quantity
    most: Annotated[int, Meta(ge=1)] | None = None


class FixedPer(Enum):
    """What a fixed number of points is given for: the receipt, each position, each whole piece."""

    RECEIPT = "receipt"
    POSITION = "position"
    PIECE = "piece"


class FixedPoints(_Rule, frozen=True, kw_only=True, omit_defaults=True, tag="fixed_points"):
    """So many points, whatever is paid: a welcome, a birthday, points for a product; no multiplier touches them.

    Attributes:
        active_after_days: as in earn_points; `expires_after_days` too.
    """

    unit: PointsUnit
    points: Quantity
    per: FixedPer = FixedPer.RECEIPT
    active_after_days: Days = 0
    expires_after_days: Annotated[int, Meta(ge=1, le=DAYS_MAX)] | None = None


class Gift(_Rule, frozen=True, kw_only=True, omit_defaults=True, tag="gift"):
    """Something handed out, also to customers without a card.

    Attributes:
        per: so much money for these goods, after everything was taken off, gives `count`; None is once a receipt.
        most: how many times `count` a receipt may bring.
    """

    gift: Annotated[str, Meta(min_length=1, max_length=80)]
    per: Money | None = None
    count: Annotated[int, Meta(ge=1, le=1_000)] = 1
    most: Annotated[int, Meta(ge=1)] | None = None


class Draw(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """One customer and day in so many wins; who, only the key knows beforehand.

    Attributes:
        key: a secret of the chain's own; another key, other winners.
    """

    key: Annotated[str, Meta(min_length=16, max_length=200)]
    one_in: Annotated[int, Meta(ge=1, le=1_000_000)]


class IssueCoupon(_Rule, frozen=True, kw_only=True, omit_defaults=True, tag="issue_coupon"):
    """A coupon for a later purchase, or with a draw a surprise: one a day for a customer, however often they come.

    Attributes:
        active_after_days: 0 is at once; N is from local midnight N days on.
        expires_after_days: good through the end of the Nth day after today.
    """

    coupon: Id
    draw: Draw | None = None
    active_after_days: Days = 0
    expires_after_days: Annotated[int, Meta(ge=1, le=DAYS_MAX)] | None = None


class MembershipSale(_Rule, frozen=True, kw_only=True, omit_defaults=True, tag="membership_sale"):
    """Lines flagged as memberships give so many days a piece, added to what still runs."""

    days: Annotated[int, Meta(ge=1, le=DAYS_MAX)]


Rule = (
    PercentDiscount
    | TierDiscount
    | AmountDiscount
    | FixedPrice
    | StagedDiscount
    | NForM
    | Bundle
    | EarnPoints
    | MultiplyPoints
    | SpendPoints
    | FixedPoints
    | Gift
    | IssueCoupon
    | MembershipSale
    | PointsForGoods
)


class Unit(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """A currency of points.

    Attributes:
        exponent: decimal places of a point; balances are kept in its smallest part.
        worth: money that `worth_points` whole points stand for; needed to spend them or to earn a percent.
        names: what so many points are called, by language: en 1 point, 2 points; ru 1 бонус, 2 бонуса, 5 бонусов;
            th one form. Without them it is the title.
    """

    title: Title = ""
    names: dict[str, Annotated[tuple[Title, ...], Meta(max_length=3)]] = {}
    exponent: Annotated[int, Meta(ge=0, le=3)] = 0
    worth: Money | None = None
    worth_points: Annotated[int, Meta(ge=1, le=1_000_000)] = 1


class Tier(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """A level; `spent_from` (inclusive) reaches it by money spent, without it only the centre gives it."""

    id: Id
    title: Title = ""
    spent_from: Money | None = None


class Group(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """Rules that live together in one way."""

    mode: GroupMode
    title: Title = ""


class Coupon(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """A kind of coupon; what it does is said by the rules that want it (`when.coupons`).

    Attributes:
        codes: public codes, the same for everybody; other codes are held by a customer or signed.
        date_from: first local day, inclusive; `date_until` is the last one, inclusive.
        uses: how often one code may be used; None is without limit, unless the coupon itself says so.
        unasked: True lets a coupon that the customer holds count without being shown.
    """

    title: Title = ""
    codes: tuple[Name, ...] = ()
    date_from: date | None = None
    date_until: date | None = None
    uses: Annotated[int, Meta(ge=1)] | None = None
    unasked: bool = False


class ProgrammeFile(_Part, frozen=True, kw_only=True, omit_defaults=True):
    """The whole file.

    Attributes:
        version: grows with each change; a till refuses a lower one than it has.
        zone: IANA name of the stores' time zone ("Europe/Moscow"), or a fixed offset ("+03:00").
        earning: False winds the programme down: points are spent and none are earned.
        tobacco_earns: True lets tobacco earn points (it is never discounted and never bought with points).
        line_left_least: what a discount must leave on each line (0.01 where the fiscal rules ask for it).
        tiers: lowest first.
        coupons: the kinds of coupons.
        coupon_keys: public Ed25519 keys (base64) of those who sign coupons, by the name that signed codes carry.
    """

    version: Annotated[int, Meta(ge=1)]
    title: Annotated[str, Meta(min_length=1, max_length=80)]
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$", description="three capital letters such as RUB")]
    zone: Annotated[str, Meta(min_length=1, max_length=64)]
    earning: bool = True
    tobacco_earns: bool = False
    line_left_least: Money | None = None
    units: dict[PointsUnit, Unit] = {}
    tiers: Annotated[tuple[Tier, ...], Meta(max_length=100)] = ()
    groups: dict[Id, Group] = {}
    coupons: dict[Id, Coupon] = {}
    coupon_keys: dict[Id, CouponKey] = {}
    rules: Annotated[tuple[Rule, ...], Meta(max_length=RULES_MAX)] = ()
