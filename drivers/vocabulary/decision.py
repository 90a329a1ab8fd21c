"""What the engine decided: effects on lines and points, and why; stored with the receipt and never worked out again."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Final

from msgspec import Meta, Struct

from drivers.vocabulary.customer import PointsUnit
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import AwareTime

__all__ = [
    "POINTS_RULE",
    "CertificateUsed",
    "Counted",
    "CouponIssued",
    "CouponUsed",
    "Decision",
    "Effect",
    "Explanation",
    "GiftDue",
    "GiftKind",
    "Hint",
    "LineDiscount",
    "MembershipGranted",
    "PointsDonated",
    "PointsEarned",
    "PointsGranted",
    "PointsSpent",
    "UnitGroup",
]

POINTS_RULE: Final = "points"  # the rule named by a line discount that points paid for


# gc=False: a receipt may carry thousands of these, and text and numbers make no cycles worth looking for.
class LineDiscount(Struct, frozen=True, kw_only=True, tag_field="effect", tag="line_discount", gc=False):
    """Money taken off one line by one rule; `rule` is "points" when points were spent as a discount."""

    line: int
    rule: str
    amount: Money


class PointsSpent(Struct, frozen=True, kw_only=True, tag_field="effect", tag="points_spent"):
    """Points taken from the customer; `worth` is the money they stand for."""

    unit: PointsUnit
    amount: Annotated[int, Meta(ge=0)]
    worth: Money


class PointsEarned(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="effect", tag="points_earned"):
    """Points given to the customer as one new lot."""

    unit: PointsUnit
    amount: Annotated[int, Meta(ge=0)]
    rule: str
    active_from: AwareTime | None = None
    expires_at: AwareTime | None = None


class CouponUsed(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="effect", tag="coupon_used"):
    """A coupon that opened these rules; `code` is its serial.

    Attributes:
        uses: how often it may be used, as the till knew it; None is without a limit.
        back_on_return: it is good again once the whole purchase has been returned.
    """

    code: str
    coupon: str
    rules: tuple[str, ...]
    uses: Annotated[int, Meta(ge=0)] | None = None
    back_on_return: bool = False


class CouponIssued(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="effect", tag="coupon_issued"):
    """A coupon for a later purchase; the same `code` twice is the same coupon.

    Attributes:
        valid_from: not before; None is from now on.
        valid_until: over from this moment on; None is as the programme says.
    """

    code: str
    coupon: str
    rule: str
    valid_from: AwareTime | None = None
    valid_until: AwareTime | None = None


class PointsGranted(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="effect", tag="points_granted"):
    """Points given to somebody who is not at the till: the friend who brought this customer."""

    rule: str
    customer: str
    unit: PointsUnit
    amount: Annotated[int, Meta(ge=0)]
    active_from: AwareTime | None = None
    expires_at: AwareTime | None = None


class PointsDonated(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="effect", tag="points_donated"):
    """Points the customer gives away; they pay nothing and leave the balance as spent points do."""

    rule: str
    unit: PointsUnit
    amount: Annotated[int, Meta(ge=0)]
    fund: str


class Counted(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="effect", tag="counted"):
    """A counter of the customer grows; `until` names the period it belongs to (None: it never ends)."""

    counter: str
    amount: Annotated[int, Meta(ge=0)]
    until: AwareTime | None = None


class GiftKind(Enum):
    """What is handed out: goods, a service, a ticket."""

    PRODUCT = "product"
    SERVICE = "service"
    TICKET = "ticket"


class GiftDue(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="effect", tag="gift_due"):
    """Something the cashier hands out; anonymous customers get it too."""

    rule: str
    gift: str
    count: Annotated[int, Meta(ge=1)] = 1
    kind: GiftKind = GiftKind.PRODUCT


class MembershipGranted(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="effect", tag="membership_granted"
):
    """A membership was bought; it is over from `until` on. `before` is where the one known until then ended."""

    rule: str
    days: Annotated[int, Meta(ge=1)]
    until: AwareTime
    before: AwareTime | None = None


class CertificateUsed(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="effect", tag="certificate_used"
):
    """A certificate pays `amount`; what remains is `left` on it, or `burned`."""

    code: str
    amount: Money
    left: Money
    burned: Money


Effect = (
    LineDiscount
    | PointsSpent
    | PointsEarned
    | PointsGranted
    | PointsDonated
    | Counted
    | CouponUsed
    | CouponIssued
    | GiftDue
    | MembershipGranted
    | CertificateUsed
)


class Explanation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a rule applied or did not, as data; words come from a message catalogue.

    Attributes:
        rule: id of the rule.
        applied: whether it had an effect.
        code: a word of the catalogue ("applied", "no_customer", "below_minimum", "not_for_goods" …).
        values: what the sentence needs, already as text.
    """

    rule: str
    applied: bool
    code: str
    values: dict[str, str] = {}


class UnitGroup(Struct, frozen=True, kw_only=True):
    """Units of one line that are printed at one price: quantity × price, rounded half up, is exactly the total."""

    quantity: Quantity
    price: Money
    total: Money


class Hint(Struct, frozen=True, kw_only=True):
    """What is still missing for something better, as data: "one more → ×2", "1 500.00 to Gold".

    Attributes:
        rule: id of the rule, or "tiers".
        code: a word of the catalogue ("more_items", "more_money", "more_positions", "to_tier" …).
        values: `have`, `need` and `missing` always, already as text; what it brings where one number says it.
    """

    rule: str
    code: str
    values: dict[str, str]


class Decision(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer of evaluate().

    Attributes:
        programme_version: which programme decided; 0 when there was none.
        total: what the receipt cost before this decision.
        discount: sum of every LineDiscount.
        payable: what is left to pay in money: total - discount - points spent as a tender - certificates.
        spendable: the most points this receipt may take, per unit, whatever was asked.
        hints: what is still missing for more; older decisions have none.
    """

    programme_version: int
    total: Money
    discount: Money
    payable: Money
    effects: tuple[Effect, ...] = ()
    explanations: tuple[Explanation, ...] = ()
    spendable: dict[str, int] = {}
    hints: tuple[Hint, ...] = ()

    def line_discounts(self) -> dict[int, int]:
        """Minor units taken off each line that loses any."""
        off: dict[int, int] = {}
        for effect in self.effects:
            if isinstance(effect, LineDiscount):
                off[effect.line] = off.get(effect.line, 0) + effect.amount.minor
        return off

    def points_discounts(self) -> dict[int, int]:
        """Minor units that points paid of each line; part of `line_discounts`."""
        off: dict[int, int] = {}
        for effect in self.effects:
            if isinstance(effect, LineDiscount) and effect.rule == POINTS_RULE:
                off[effect.line] = off.get(effect.line, 0) + effect.amount.minor
        return off

    @property
    def coupons_used(self) -> tuple[CouponUsed, ...]:
        """The coupons this receipt uses up, or uses once."""
        return tuple(effect for effect in self.effects if isinstance(effect, CouponUsed))

    @property
    def spent(self) -> tuple[PointsSpent, ...]:
        """The points this receipt takes."""
        return tuple(effect for effect in self.effects if isinstance(effect, PointsSpent))

    @property
    def donated(self) -> tuple[PointsDonated, ...]:
        """The points the customer gives away with this receipt."""
        return tuple(effect for effect in self.effects if isinstance(effect, PointsDonated))

    @property
    def earned(self) -> tuple[PointsEarned, ...]:
        """The points this receipt gives."""
        return tuple(effect for effect in self.effects if isinstance(effect, PointsEarned))
