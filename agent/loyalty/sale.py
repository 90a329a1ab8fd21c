"""The working state of one evaluation, in whole numbers; lives for one call of evaluate() and is never seen outside.

A set of lines is a whole number whose bit i stands for line i: union and intersection are one operation each,
however many lines there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from agent.loyalty.distribute import distribute
from drivers.vocabulary.customer import CouponFact, Customer
from drivers.vocabulary.decision import Explanation, LineDiscount, PointsEarned, PointsSpent
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import Line, LineFlag, Receipt, TenderKind

__all__ = ["STORED_VALUE", "Rejection", "Sale", "line_bound", "line_room", "net_lines"]


class Rejection(NamedTuple):
    """Why a rule does not act: a code of the catalogue and what its sentence needs."""

    code: str
    values: dict[str, str] = {}  # noqa: RUF012 - a NamedTuple's default; nobody writes to it


_STEPS = 1_000_000  # millionths: a Quantity, and a Percent (100 % = 1_000_000)

#: Amounts repeat from one quote of a basket to the next, and a Money never changes: making it once is enough.
_money = lru_cache(maxsize=16_384)(Money)


@lru_cache(maxsize=16_384)
def _money_text(minor: int, currency: str) -> str:
    return str(_money(minor, currency))


#: Tenders that are not money: what they pay for is paid already.
STORED_VALUE = frozenset({TenderKind.POINTS, TenderKind.CERTIFICATE})

# What may not happen to a line at all, by its flags; earning on tobacco is the programme's to allow.
_NEVER_DISCOUNTED = frozenset({LineFlag.NO_DISCOUNT, LineFlag.TOBACCO, LineFlag.GIFT_CERTIFICATE})
_NEVER_REDEEMED = frozenset({LineFlag.NO_REDEMPTION, LineFlag.TOBACCO, LineFlag.GIFT_CERTIFICATE})
_NEVER_REWARDED = frozenset({LineFlag.TOBACCO, LineFlag.GIFT_CERTIFICATE})
_NEVER_EARNING = frozenset({LineFlag.NO_EARNING, LineFlag.GIFT_CERTIFICATE})


_NO_LIMITS: Mapping[str, Callable[[Sale], Rejection | None]] = MappingProxyType({})


class Sale:
    """Receipt, customer and moment as the rules see them, and what they have done so far.

    Attributes:
        net: what each line costs before this decision (the till's own discounts and adjustment taken off).
        limits: by rule, why it may not act when its limit is used up; most rules have none.
        left: what each line costs after what was decided so far.
        room: how much more a discount may take off each line (floor, largest discount, what must be left).
        bound: what each line must cost at least, by its price floor.
        effects: what each rule takes off each line, in order; `off` is their sum.
        coupons: the good ones by kind; `coupons_refused` says why others do not count.
        after: the lines that count for gifts and coupons; `memberships` are those that sell one.
        certifiable: the lines that certificates may pay.
        given: how many pieces of a line points made free; fixed points are not given for those.
        partner: whose card it is, when it is not our own; "" is none.
        tenders: how it is or will be paid in money, stored value left out; empty when nobody has said.
    """

    __slots__ = (
        "after", "all", "bound", "by_brand", "by_category", "by_product", "certifiable", "channel", "coupons",
        "coupons_refused", "currency", "customer", "day", "discountable", "discounted",
        "earned", "earning", "effects", "explanations", "given", "indexes", "instant", "left", "limits", "memberships",
        "minute", "net", "off", "partner", "quantities", "redeemable", "room", "segments", "shop", "spent",
        "tender", "tenders", "tier", "till", "total", "uid", "weekday",
    )  # fmt: skip

    def __init__(
        self, receipt: Receipt, customer: Customer | None, tier: str, now: datetime, local: datetime, *, left_least: int
    ) -> None:
        self.shop = receipt.shop
        self.till = receipt.till
        self.uid = receipt.uid
        self.channel = receipt.channel
        self.partner = ""
        self.limits = _NO_LIMITS
        self.tenders: frozenset[TenderKind] = frozenset()
        self.coupons: dict[str, CouponFact] = {}
        self.coupons_refused: dict[str, Rejection] = {}
        self.currency = receipt.total.currency
        self.total = receipt.total.minor
        self.customer = customer
        self.tier = tier
        self.segments: frozenset[str] = customer.segments if customer is not None else frozenset()
        self.instant = now
        self.day = local.date()
        self.weekday = self.day.weekday()
        self.minute = local.hour * 60 + local.minute
        self.effects: list[LineDiscount] = []
        self.off = 0
        self.spent: PointsSpent | None = None
        self.tender = 0
        self.earned: list[PointsEarned] = []
        self.explanations: list[Explanation] = []
        self.given: dict[int, int] = {}
        self.indexes: dict[int, tuple[int, ...]] = {}
        self.by_category: dict[str, int] = {}
        self.by_product: dict[str, int] = {}
        self.by_brand: dict[str, int] = {}
        self.all = (1 << len(receipt.lines)) - 1
        self.discountable = self.redeemable = self.earning = self.after = self.all
        self.certifiable = self.all
        self.memberships = 0
        self.discounted = 0
        self.net = net_lines(receipt)
        self.left = list(self.net)
        self.quantities = [line.quantity.steps for line in receipt.lines]
        self.bound: list[int] = []
        self.room: list[int] = []
        for i, line in enumerate(receipt.lines):
            self._index(1 << i, line)
            bound = line_bound(line, self.net[i])
            self.bound.append(bound)
            self.room.append(line_room(line, self.net[i], max(bound, left_least)))

    def _index(self, bit: int, line: Line) -> None:
        for category in line.categories:
            self.by_category[category] = self.by_category.get(category, 0) | bit
        if line.product_id:
            self.by_product[line.product_id] = self.by_product.get(line.product_id, 0) | bit
        if line.barcode:
            self.by_product[line.barcode] = self.by_product.get(line.barcode, 0) | bit
        if line.brand:
            self.by_brand[line.brand] = self.by_brand.get(line.brand, 0) | bit
        if line.discount is not None and line.discount.minor:
            self.discounted |= bit
        if line.flags:
            self._heed(bit, line.flags)

    def _heed(self, bit: int, flags: frozenset[LineFlag]) -> None:
        if flags & _NEVER_DISCOUNTED:
            self.discountable &= ~bit
        if flags & _NEVER_REDEEMED:
            self.redeemable &= ~bit
        if flags & _NEVER_EARNING:
            self.earning &= ~bit
        if flags & _NEVER_REWARDED:
            self.after &= ~bit
        if LineFlag.GIFT_CERTIFICATE in flags:
            self.certifiable &= ~bit
        if LineFlag.MEMBERSHIP in flags:
            self.memberships |= bit
        if LineFlag.ALREADY_DISCOUNTED in flags:
            self.discounted |= bit

    def keep_tobacco_from_earning(self, receipt: Receipt) -> None:
        """Tobacco earns nothing unless the programme says otherwise."""
        for i, line in enumerate(receipt.lines):
            if line.flags and LineFlag.TOBACCO in line.flags:
                self.earning &= ~(1 << i)

    def lines_of(self, mask: int) -> tuple[int, ...]:
        """The lines of a set, in order."""
        known = self.indexes.get(mask)
        if known is None:
            found: list[int] = []
            rest = mask
            while rest:
                # The lowest bit, and then the number without it: as many steps as there are lines in the set.
                found.append((rest & -rest).bit_length() - 1)
                rest &= rest - 1
            known = self.indexes[mask] = tuple(found)
        return known

    def take(self, rule: str, lines: tuple[int, ...], amounts: list[int]) -> None:
        """Take these amounts off these lines."""
        left, room, currency, add = self.left, self.room, self.currency, self.effects.append
        for i, amount in zip(lines, amounts, strict=True):
            if amount:
                left[i] -= amount
                room[i] -= amount
                add(LineDiscount(line=i + 1, rule=rule, amount=_money(amount, currency)))
        self.off += sum(amounts)

    def barred(self, rule: str) -> Rejection | None:
        """Why a rule that would act now may not: others have used up the limit they share since it was looked at."""
        check = self.limits.get(rule)
        return None if check is None else check(self)

    def money(self, minor: int) -> Money:
        """An amount in the receipt's currency."""
        return _money(minor, self.currency)

    def text(self, minor: int) -> str:
        """An amount in the receipt's currency, as explanations carry it."""
        return _money_text(minor, self.currency)

    def applied(self, rule: str, code: str = "applied", **values: str) -> None:
        """Say that a rule had an effect."""
        self.explanations.append(Explanation(rule=rule, applied=True, code=code, values=values))

    def rejected(self, rule: str, why: Rejection) -> None:
        """Say why a rule had none."""
        self.explanations.append(Explanation(rule=rule, applied=False, code=why.code, values=why.values))


def net_lines(receipt: Receipt) -> list[int]:
    """Line totals less the share of what the till took off the whole receipt; what it put on is not discountable."""
    totals = [line.total.minor for line in receipt.lines]
    adjustment = receipt.adjustment.minor if receipt.adjustment is not None else 0
    if adjustment >= 0:
        return totals
    shares = distribute(-adjustment, totals, totals)
    return [total - share for total, share in zip(totals, shares, strict=True)]


def line_bound(line: Line, net: int) -> int:
    """The least the line may cost: its floor times its quantity, rounded up so that no unit falls below."""
    floor = line.price_floor
    if floor is None:
        return 0
    if floor.currency != line.price.currency:
        return net  # a floor nobody can compare: leave the line alone rather than sell below it
    return max(0, -(-floor.minor * line.quantity.steps // _STEPS))


def line_room(line: Line, net: int, bound: int) -> int:
    """The most a decision may take off the line, `bound` of it left."""
    room = net - bound
    if line.discount_max is not None:
        own = line.discount.minor if line.discount is not None else 0
        room = min(room, line.discount_max.of_down(line.gross.minor) - own)
    return max(0, room)
