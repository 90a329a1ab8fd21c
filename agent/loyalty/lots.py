"""The ledger of points in lots: what may be spent, and what spending, earning and returns do to it; pure.

The till and the centre both use it, so every function is total: entries may come in any order, and the balance (all
lots less the deficit) always moves by exactly the amount of the entry. Points owed are a deficit: they never block a
sale, and the next points earned pay it first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from msgspec.structs import replace

from drivers.vocabulary.checkout import PointsBalance
from drivers.vocabulary.customer import Customer, PointsLot
from drivers.vocabulary.decision import Decision, PointsEarned

__all__ = [
    "OVERSPENT",
    "Deficits",
    "Lots",
    "balance",
    "earn",
    "earned_lot",
    "expire",
    "give_back",
    "settle",
    "settle_sale",
    "spend",
    "take_back",
    "undo",
]

Lots = tuple[PointsLot, ...]
Deficits = dict[str, int]

OVERSPENT = "(overspent)"  # the part of what was taken that no lot had: it became a deficit

_NEVER = datetime.max.replace(tzinfo=UTC)


def is_expired(lot: PointsLot, now: datetime) -> bool:
    """The moment of expiry itself is too late."""
    return lot.expires_at is not None and lot.expires_at <= now


def is_active(lot: PointsLot, now: datetime) -> bool:
    """Spendable now: begun and not expired."""
    return (lot.active_from is None or lot.active_from <= now) and not is_expired(lot, now)


def _soonest(lot: PointsLot) -> tuple[datetime, str]:
    """Soonest expiry first, never last; the name decides between equals, so that every machine agrees."""
    return lot.expires_at or _NEVER, lot.id


def balance(customer: Customer, unit: str, now: datetime) -> PointsBalance:
    """What the customer has of one unit: spendable now (less what is owed), pending, and what expires next."""
    available = pending = expiring = 0
    expiring_at: datetime | None = None
    for lot in customer.lots:
        if lot.unit != unit or lot.amount <= 0 or is_expired(lot, now):
            continue
        if not is_active(lot, now):
            pending += lot.amount
            continue
        available += lot.amount
        if lot.expires_at is None:
            continue
        if expiring_at is None or lot.expires_at < expiring_at:
            expiring, expiring_at = lot.amount, lot.expires_at
        elif lot.expires_at == expiring_at:
            expiring += lot.amount
    owed = max(0, customer.deficits.get(unit, 0))
    return PointsBalance(
        unit=unit,
        available=max(0, available - owed),
        pending=pending,
        expiring=expiring,
        expiring_at=expiring_at,
    )


def spend(
    lots: Sequence[PointsLot], deficits: Mapping[str, int], unit: str, amount: int, now: datetime
) -> tuple[Lots, Deficits, Lots]:
    """Take points from active lots, soonest expiry first; what is missing is carried as a deficit.

    What was owed before is paid from the same lots first, so that they stand as if the debt had never waited.

    Returns:
        The lots, the deficits, and what was taken as parts of lots in the order taken, what was missing last under
        the name OVERSPENT: the parts sum to `amount`, and `give_back` and `undo` want them.
    """
    lots, deficits = settle(lots, deficits, unit, now)
    left, taken, missing = _take(lots, _active(lots, unit, now), amount)
    if missing:
        taken = (*taken, PointsLot(id=OVERSPENT, unit=unit, amount=missing))
    return left, _owe(deficits, unit, missing), taken


def settle(lots: Sequence[PointsLot], deficits: Mapping[str, int], unit: str, now: datetime) -> tuple[Lots, Deficits]:
    """Let active lots pay what is owed: a lot may have become active since the debt was made."""
    owed = max(0, deficits.get(unit, 0))
    left, _, missing = _take(lots, _active(lots, unit, now), owed)
    return left, _owe(deficits, unit, missing - owed)


def _active(lots: Sequence[PointsLot], unit: str, now: datetime) -> Lots:
    """Spendable lots of a unit, the soonest to expire first."""
    return tuple(
        sorted((lot for lot in lots if lot.unit == unit and lot.amount > 0 and is_active(lot, now)), key=_soonest)
    )


def earn(lots: Sequence[PointsLot], deficits: Mapping[str, int], lot: PointsLot) -> tuple[Lots, Deficits]:
    """Add a lot; it pays the deficit of its unit first, also when it is not active yet.

    A lot of a name that is there already grows: who calls keeps a receipt from counting twice.
    """
    if lot.amount <= 0:
        return tuple(lots), dict(deficits)
    paid = min(lot.amount, max(0, deficits.get(lot.unit, 0)))
    return _add(lots, replace(lot, amount=lot.amount - paid)), _owe(deficits, lot.unit, -paid)


def earned_lot(receipt_uid: str, effect: PointsEarned) -> PointsLot:
    """The lot that a receipt's effect makes, under the name that till and centre agree on."""
    return PointsLot(
        id=f"{receipt_uid}:{effect.rule}",
        unit=effect.unit,
        amount=effect.amount,
        active_from=effect.active_from,
        expires_at=effect.expires_at,
    )


def settle_sale(
    lots: Sequence[PointsLot], deficits: Mapping[str, int], decision: Decision, receipt_uid: str, now: datetime
) -> tuple[Lots, Deficits, Lots]:
    """What a confirmed sale does to the ledger: it spends, gives away, then earns.

    Returns what was taken by spending, for `give_back`; what was given away does not come back.
    """
    left, owed = tuple(lots), dict(deficits)
    parts: Lots = ()
    for effect in decision.spent:
        left, owed, more = spend(left, owed, effect.unit, effect.amount, now)
        parts = (*parts, *more)
    for gift in decision.donated:
        left, owed, _ = spend(left, owed, gift.unit, gift.amount, now)
    for earned in decision.earned:
        left, owed = earn(left, owed, earned_lot(receipt_uid, earned))
    return left, owed, parts


def expire(lots: Sequence[PointsLot], now: datetime) -> tuple[Lots, Lots]:
    """The lots that live on, and those whose time is over."""
    return tuple(lot for lot in lots if not is_expired(lot, now)), tuple(lot for lot in lots if is_expired(lot, now))


def give_back(
    lots: Sequence[PointsLot],
    deficits: Mapping[str, int],
    unit: str,
    amount: int,
    *,
    taken: Sequence[PointsLot],
    name: str,
) -> tuple[Lots, Deficits, Lots]:
    """Undo spending: pay the deficit, then refill the lots it came from, the last taken first, each with its expiry.

    `taken` is what `spend` took for this sale, less what was given back before; `name` is that of a new lot without
    expiry, for points whose lot is not known.

    Returns:
        The lots, the deficits, and what remains of `taken` for a later part of the return.
    """
    amount = max(0, amount)
    paid = min(amount, max(0, deficits.get(unit, 0)))
    amount -= paid
    overspent = max(0, _overspent(taken, unit) - paid)
    result: Lots = tuple(lots)
    remaining = [part for part in taken if part.unit == unit and part.amount > 0 and part.id != OVERSPENT]
    while amount and remaining:
        part = remaining.pop()
        back = min(amount, part.amount)
        amount -= back
        result = _add(result, replace(part, amount=back))
        if back < part.amount:
            remaining.append(replace(part, amount=part.amount - back))
    if amount:
        # Somebody else's points have paid what was overspent: they come back to the customer as a lot of their own.
        overspent = max(0, overspent - amount)
        result = _add(result, PointsLot(id=name, unit=unit, amount=amount))
    if overspent:
        remaining.append(PointsLot(id=OVERSPENT, unit=unit, amount=overspent))
    return result, _owe(deficits, unit, -paid), tuple(remaining)


def _overspent(taken: Sequence[PointsLot], unit: str) -> int:
    return sum(part.amount for part in taken if part.unit == unit and part.id == OVERSPENT)


def take_back(
    lots: Sequence[PointsLot], deficits: Mapping[str, int], unit: str, amount: int, *, receipt_uid: str, now: datetime
) -> tuple[Lots, Deficits]:
    """Undo earning: first from the lots this sale made, active or not, then like spending; the rest is owed."""
    left, owed, _ = undo(lots, deficits, unit, earned=amount, spent=0, taken=(), receipt_uid=receipt_uid, now=now)
    return left, owed


def undo(
    lots: Sequence[PointsLot],
    deficits: Mapping[str, int],
    unit: str,
    *,
    earned: int,
    spent: int,
    taken: Sequence[PointsLot],
    receipt_uid: str,
    now: datetime,
    name: str = "",
) -> tuple[Lots, Deficits, Lots]:
    """Undo a part of a sale: take `earned` points away and give `spent` points back.

    What the sale overspent, its own earned points may have paid: as far as both are undone, nothing moves. Then
    earned points go, from the sale's own lots first; what is taken of other lots is remembered with `taken`, so that
    a later part of the return refills them. Then spent points come back.

    Returns:
        The lots, the deficits, and what remains of `taken`.
    """
    earned, spent, overspent = max(0, earned), max(0, spent), _overspent(taken, unit)
    against = min(earned, spent, overspent)
    own = [lot for lot in lots if lot.unit == unit and lot.amount > 0 and lot.id.startswith(f"{receipt_uid}:")]
    left, _, missing = _take(lots, sorted(own, key=_soonest), earned - against)
    owed: Deficits = dict(deficits)
    others: Lots = ()
    if missing:
        left, owed, others = spend(left, owed, unit, missing, now)
    known = [part for part in (*taken, *others) if part.id != OVERSPENT]
    if overspent > against:
        known.append(PointsLot(id=OVERSPENT, unit=unit, amount=overspent - against))
    return give_back(left, owed, unit, spent - against, taken=known, name=name or f"{receipt_uid}:back")


def _take(lots: Sequence[PointsLot], order: Sequence[PointsLot], amount: int) -> tuple[Lots, Lots, int]:
    """Take up to `amount` from the lots named in `order`: (what is left of all, parts taken, what was missing)."""
    missing = max(0, amount)
    taken: dict[int, int] = {}
    parts: list[PointsLot] = []
    for lot in order:
        if not missing:
            break
        part = min(missing, lot.amount)
        missing -= part
        taken[id(lot)] = part
        parts.append(replace(lot, amount=part))
    left: list[PointsLot] = []
    for lot in lots:
        part = taken.get(id(lot), 0)
        if not part:
            left.append(lot)
        elif part < lot.amount:
            left.append(replace(lot, amount=lot.amount - part))
    return tuple(left), tuple(parts), missing


def _add(lots: Sequence[PointsLot], lot: PointsLot) -> Lots:
    if not lot.amount:
        return tuple(lots)
    for i, one in enumerate(lots):
        if one.id == lot.id and one.unit == lot.unit:
            return (*lots[:i], replace(one, amount=one.amount + lot.amount), *lots[i + 1 :])
    return (*lots, lot)


def _owe(deficits: Mapping[str, int], unit: str, more: int) -> Deficits:
    owed = {name: amount for name, amount in deficits.items() if name != unit and amount}
    left = deficits.get(unit, 0) + more
    if left:
        owed[unit] = left
    return owed
