"""What a return does to points: it undoes what the sale did, in proportion, whatever the rules are today; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from agent.loyalty.lots import Deficits, Lots, undo
from drivers.vocabulary.customer import PointsLot
from drivers.vocabulary.decision import Decision
from drivers.vocabulary.receipt import Line, Receipt

__all__ = ["RefundEffect", "refund", "settle_refund"]


class RefundEffect(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Points per unit that the customer gets back (were spent) and loses again (were earned).

    `complete` is True when nothing of the sale remains after this return.
    """

    points_given_back: dict[str, int] = {}
    points_taken_back: dict[str, int] = {}
    complete: bool = False


def refund(decision: Decision, sale: Receipt, returned: Receipt, before: Sequence[Receipt] = ()) -> RefundEffect:
    """The part of the sale's points that belongs to this return.

    After returns of r out of the sale's total t, exactly ⌊points × r / t⌋ are undone; this return undoes what is
    not undone yet. The last part therefore takes the remainder, and any partition of a return ends where the whole
    return does.

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
    return RefundEffect(
        points_given_back=_between(spent, done, now_done),
        points_taken_back=_between(earned, done, now_done),
        complete=now_done.numerator >= now_done.denominator,
    )


class _Part(Struct, frozen=True):
    """How much of a sale is returned, as a fraction of at most 1."""

    numerator: int
    denominator: int

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
        key = line.product_id or line.barcode or line.name
        quantities[key] = quantities.get(key, 0) + line.quantity.steps
    for line in back:
        key = line.product_id or line.barcode or line.name
        quantities[key] = quantities.get(key, 0) - line.quantity.steps
    return bool(quantities) and all(left <= 0 for left in quantities.values())


def _between(points: dict[str, int], done: _Part, now_done: _Part) -> dict[str, int]:
    parts: dict[str, int] = {}
    for unit, amount in points.items():
        before = amount * done.numerator // done.denominator
        after = amount * now_done.numerator // now_done.denominator
        if after > before:
            parts[unit] = after - before
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
