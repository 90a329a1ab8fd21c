"""The kinds of rules a programme may have, one struct each; what they do is compiled elsewhere."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from msgspec import Meta, field

from agent.loyalty.parts import (
    DAYS_MAX,
    PIECES_MAX,
    Days,
    Id,
    Limit,
    Lines,
    Part,
    Pieces,
    RedeemAs,
    Target,
    Title,
    When,
)
from drivers.vocabulary.customer import PointsUnit
from drivers.vocabulary.decision import GiftKind
from drivers.vocabulary.money import Money, Percent, Quantity

__all__ = [
    "AmountDiscount",
    "Bundle",
    "DonatePoints",
    "Draw",
    "EarnPoints",
    "FixedPer",
    "FixedPoints",
    "FixedPrice",
    "Gift",
    "IssueCoupon",
    "Member",
    "MembershipSale",
    "MultiplyPoints",
    "NForM",
    "PercentDiscount",
    "PointsForGoods",
    "Referral",
    "Rule",
    "SpendPoints",
    "Stage",
    "StagedDiscount",
    "TierDiscount",
]


class _Rule(Part, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    """What every rule has; rules run by priority, the highest first, then as written.

    Attributes:
        limit: how much or how often a customer may have of it; nobody known has nothing of a rule with a limit.
    """

    id: Id
    title: Title = ""
    priority: Annotated[int, Meta(ge=-1_000_000, le=1_000_000)] = 0
    group: str = ""
    when: When = When()
    lines: Lines = Lines()
    limit: Limit | None = None


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


class Stage(Part, frozen=True, kw_only=True, omit_defaults=True):
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


class Member(Part, frozen=True, kw_only=True, omit_defaults=True):
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
    percents: dict[str, Percent] = field(default_factory=dict)
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

    Pieces that points made free (points_for_goods) count neither as pieces nor, when a line has no others, as a
    position: the tenth coffee brings no stamp.

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
        gives: goods, a service ("repair the coat: hand it to the workshop") or a ticket.
    """

    gift: Annotated[str, Meta(min_length=1, max_length=80)]
    per: Money | None = None
    count: Annotated[int, Meta(ge=1, le=1_000)] = 1
    most: Annotated[int, Meta(ge=1)] | None = None
    gives: GiftKind = GiftKind.PRODUCT


class Draw(Part, frozen=True, kw_only=True, omit_defaults=True):
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


class Referral(_Rule, frozen=True, kw_only=True, omit_defaults=True, tag="referral"):
    """Points for a customer whom a friend brought, and for the friend, on one purchase of the customer.

    Attributes:
        points: for the customer at the till; `friend_points` for the one who brought them. One of them at least.
        purchase: on which purchase; 1 is the first. From a least total by `when.total_from`.
        active_after_days: as in earn_points; `expires_after_days` too; for both.
    """

    unit: PointsUnit
    points: Quantity | None = None
    friend_points: Quantity | None = None
    purchase: Annotated[int, Meta(ge=1)] = 1
    active_after_days: Days = 0
    expires_after_days: Annotated[int, Meta(ge=1, le=DAYS_MAX)] | None = None


class DonatePoints(_Rule, frozen=True, kw_only=True, omit_defaults=True, tag="donate_points"):
    """Points given to a fund, when the customer asks for it; no money moves, and a return gives none back.

    Attributes:
        step: points are given in multiples of it; None is the unit's smallest.
        least: fewer than this are not given at all; `most` a receipt.
    """

    unit: PointsUnit
    fund: Annotated[str, Meta(min_length=1, max_length=80)]
    step: Quantity | None = None
    least: Quantity | None = None
    most: Quantity | None = None


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
    | Referral
    | DonatePoints
)
