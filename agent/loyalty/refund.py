"""What a return undoes: what the sale did, in proportion, whatever the rules are today; pure.

A donation is final: it is no part of a return. Gifts are asked back by people.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from agent.loyalty.lots import Deficits, Lots, undo
from drivers.vocabulary.customer import PointsLot
from drivers.vocabulary.decision import (
    CertificateUsed,
    Counted,
    CouponIssued,
    Decision,
    MembershipGranted,
    PointsGranted,
)
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import Line, LineFlag, Receipt

__all__ = ["CertificateRefilled", "MembershipReturned", "RefundEffect", "refund", "settle_refund"]


class CertificateRefilled(Struct, frozen=True, kw_only=True):
    """Money that goes back to the certificate that paid it, and not into the customer's hand."""

    code: str
    amount: Money


class MembershipReturned(Struct, frozen=True, kw_only=True):
    """Days of a membership that are taken back; `whole` is True when no day of this grant is left."""

    granted: MembershipGranted
    days: int
    whole: bool


class RefundEffect(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What belongs to this return; facts.after_return() and settle_refund() apply it.

    Attributes:
        points_given_back: per unit, what the customer gets back (was spent).
        points_taken_back: per unit, what the customer loses again (was earned).
        complete: nothing of the sale remains after this return; `last`: and something did before it.
        granted_taken_back: what others lose again, who were given points by this sale (the friend of a referral).
        counted_back: what leaves the customer's counters, each in the period it was counted for.
        coupons_back: codes of used coupons that are good again.
        coupons_void: codes of coupons that the sale issued and that are good no more.
        memberships_back: days of bought memberships that are gone.
        certificates: what of the money goes back to certificates, before any is handed out.
    """

    points_given_back: dict[str, int] = {}
    points_taken_back: dict[str, int] = {}
    complete: bool = False
    last: bool = False
    granted_taken_back: tuple[PointsGranted, ...] = ()
    counted_back: tuple[Counted, ...] = ()
    coupons_back: tuple[str, ...] = ()
    coupons_void: tuple[str, ...] = ()
    memberships_back: tuple[MembershipReturned, ...] = ()
    certificates: tuple[CertificateRefilled, ...] = ()


def refund(decision: Decision, sale: Receipt, returned: Receipt, before: Sequence[Receipt] = ()) -> RefundEffect:
    """The part of what the sale did that belongs to this return.

    After returns of r out of the sale's total t, exactly ⌊amount × r / t⌋ of each amount is undone; this return
    undoes what is not undone yet. The last part therefore takes the remainder, and any partition of a return ends
    where the whole return does. What is one (a use, a purchase, a coupon) goes with the last part.

    Args:
        decision: what the sale did.
        sale: the sale as it was closed.
        returned: this return.
        before: returns of the same sale that came earlier; repeated ones, and `returned` itself, count once.
    """
    if returned.currency != sale.currency:
        return RefundEffect()
    earlier: dict[str, Receipt] = {one.uid: one for one in before if one.currency == sale.currency}
    earlier.pop(returned.uid, None)
    done = _Part.of(sale, earlier.values())
    now_done = _Part.of(sale, [*earlier.values(), returned])
    spent: dict[str, int] = {}
    earned: dict[str, int] = {}
    for effect in decision.spent:
        spent[effect.unit] = spent.get(effect.unit, 0) + effect.amount
    for lot in decision.earned:
        earned[lot.unit] = earned.get(lot.unit, 0) + lot.amount
    last = now_done.is_all and not done.is_all
    parts = [*earlier.values()]
    return RefundEffect(
        points_given_back=_between(spent, done, now_done),
        points_taken_back=_between(earned, done, now_done),
        complete=now_done.is_all,
        last=last,
        granted_taken_back=tuple(_granted(decision, done, now_done)),
        counted_back=tuple(_counted(decision, done, now_done)),
        coupons_back=tuple(one.code for one in decision.coupons_used if last and one.back_on_return),
        coupons_void=tuple(one.code for one in decision.effects if last and isinstance(one, CouponIssued)),
        memberships_back=tuple(
            _memberships(decision, _members(sale, parts, done), _members(sale, [*parts, returned], now_done))
        ),
        certificates=tuple(
            _certificates(decision, _money_back(sale, parts, done), _money_back(sale, [*parts, returned], now_done))
        ),
    )


def _granted(decision: Decision, done: _Part, now_done: _Part) -> Iterable[PointsGranted]:
    for effect in decision.effects:
        if isinstance(effect, PointsGranted):
            amount = now_done.of_amount(effect.amount) - done.of_amount(effect.amount)
            if amount > 0:
                yield replace(effect, amount=amount)


def _counted(decision: Decision, done: _Part, now_done: _Part) -> Iterable[Counted]:
    """Each use and each purchase is an effect of 1, so that it goes back whole and last."""
    for effect in decision.effects:
        if isinstance(effect, Counted):
            amount = now_done.of_amount(effect.amount) - done.of_amount(effect.amount)
            if amount > 0:
                yield replace(effect, amount=amount)


def _memberships(decision: Decision, done: _Part, now_done: _Part) -> Iterable[MembershipReturned]:
    for effect in decision.effects:
        if isinstance(effect, MembershipGranted):
            days = now_done.of_amount(effect.days) - done.of_amount(effect.days)
            if days > 0:
                yield MembershipReturned(granted=effect, days=days, whole=now_done.is_all)


def _members(sale: Receipt, returns: Sequence[Receipt], part: _Part) -> _Part:
    """How much of the memberships is back: by their own pieces, whatever else was bought with them."""
    keys = {_key(line) for line in sale.lines if LineFlag.MEMBERSHIP in line.flags}
    sold = sum(line.quantity.steps for line in sale.lines if _key(line) in keys)
    back = sum(line.quantity.steps for one in returns for line in one.lines if _key(line) in keys)
    return part if part.is_all or not sold else _Part(min(back, sold), sold)


def _certificates(decision: Decision, was: int, now: int) -> Iterable[CertificateRefilled]:
    """Money returned so far fills the certificates in the order in which they paid; the rest is handed out."""
    for effect in decision.effects:
        if isinstance(effect, CertificateUsed):
            paid = effect.amount.minor
            amount = min(now, paid) - min(was, paid)
            if amount > 0:
                yield CertificateRefilled(code=effect.code, amount=effect.amount.with_minor(amount))
            was, now = max(0, was - paid), max(0, now - paid)


def _money_back(sale: Receipt, returns: Sequence[Receipt], part: _Part) -> int:
    return sale.total.minor if part.is_all else sum(one.total.minor for one in returns)


class _Part(Struct, frozen=True):
    """How much of a sale is returned, as a fraction of at most 1."""

    numerator: int
    denominator: int

    @property
    def is_all(self) -> bool:
        """Nothing is left."""
        return self.numerator >= self.denominator

    def of_amount(self, amount: int) -> int:
        """The share of an amount, rounded down."""
        return amount * self.numerator // self.denominator

    @classmethod
    def of(cls, sale: Receipt, returns: Iterable[Receipt]) -> _Part:
        """By money; by goods when no money was paid; the whole when every piece is back, whatever the sums say."""
        parts = list(returns)
        if not parts:
            return cls(0, 1)
        lines = [line for part in parts for line in part.lines]
        if _is_everything(sale.lines, lines):
            return cls(1, 1)
        total, back = sale.total.minor, sum(part.total.minor for part in parts)
        if total == 0:
            total, back = sum(line.gross.minor for line in sale.lines), sum(line.gross.minor for line in lines)
        return cls(min(back, total), total) if total > 0 else cls(1, 1)


def _is_everything(sold: Iterable[Line], back: Iterable[Line]) -> bool:
    """True when at least as much of every product is back as was sold."""
    quantities: dict[str, int] = {}
    for line in sold:
        quantities[_key(line)] = quantities.get(_key(line), 0) + line.quantity.steps
    for line in back:
        quantities[_key(line)] = quantities.get(_key(line), 0) - line.quantity.steps
    return bool(quantities) and all(left <= 0 for left in quantities.values())


def _key(line: Line) -> str:
    """What a line is of, as a return names it too."""
    return line.product_id or line.barcode or line.name


def _between(points: dict[str, int], done: _Part, now_done: _Part) -> dict[str, int]:
    parts: dict[str, int] = {}
    for unit, amount in points.items():
        part = now_done.of_amount(amount) - done.of_amount(amount)
        if part > 0:
            parts[unit] = part
    return parts


def settle_refund(
    lots: Sequence[PointsLot],
    deficits: Mapping[str, int],
    effect: RefundEffect,
    *,
    taken: Sequence[PointsLot],
    sale_uid: str,
    return_uid: str,
    now: datetime,
) -> tuple[Lots, Deficits, Lots]:
    """What a confirmed return does to the ledger.

    `taken` is what settle_sale() took, less what earlier returns gave back; what remains of it is returned last.
    """
    left, owed, parts = tuple(lots), dict(deficits), tuple(taken)
    for unit in sorted({*effect.points_given_back, *effect.points_taken_back}):
        others = tuple(part for part in parts if part.unit != unit)
        left, owed, rest = undo(
            left,
            owed,
            unit,
            earned=effect.points_taken_back.get(unit, 0),
            spent=effect.points_given_back.get(unit, 0),
            taken=[part for part in parts if part.unit == unit],
            receipt_uid=sale_uid,
            name=f"{return_uid}:back",
            now=now,
        )
        parts = (*others, *rest)
    return left, owed, parts
