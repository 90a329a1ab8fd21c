"""Coupons of one use and money of certificates in this till's hand: what may be used, what was promised, what is used.

As with leases on points, what is used is written in the transaction that closes the sale, and leases are judged by the
centre's clock carried on this machine's uptime. With a line the end of a lease does not matter: the centre gives what
is under it to nobody else before this till has let it go. What was promised by a quote is used whatever the time is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec.structs import replace

from agent.checkout.in_hand.leases import MARGIN, centre_now
from agent.checkout.records import ValueKept, ValuePromise, read, read_all, write
from agent.signatures import SignatureError, check_any
from agent.snapshot import LinkState
from drivers.vocabulary import codec
from drivers.vocabulary.decision import CertificateUsed, CouponUsed, Decision
from drivers.vocabulary.leases import Place
from drivers.vocabulary.value_leases import VALUE_LEASE, SignedValueLease, ValueKind
from offline_queue.envelope import Envelope
from offline_queue.transaction import Transaction

if TYPE_CHECKING:
    from agent.checkout.state import DeskState

__all__ = [
    "InHand",
    "ValueUses",
    "drop_promises",
    "in_hand",
    "is_ours",
    "keep_leases",
    "key_of",
    "plan_uses",
    "promise_values",
    "promises_of",
    "stale_promises",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class InHand:
    """What this till may use of one thing for one receipt.

    Attributes:
        key: of the lease among the documents.
        left: under the lease, less what other receipts here were promised.
        is_promised: to another receipt of this till, all or a part of it.
        by_centre: what the centre keeps of it for this receipt, as was written down with an earlier quote.
    """

    key: str
    lease: ValueKept
    left: int
    is_promised: bool
    by_centre: int = 0


@dataclass(slots=True)
class ValueUses:
    """What a sale uses under leases, to be written with it.

    Attributes:
        used: for the fact: by id of the lease.
    """

    used: dict[str, int] = field(default_factory=dict)
    _after: dict[str, ValueKept] = field(default_factory=dict)

    def add(self, key: str, before: ValueKept, amount: int) -> None:
        """So much more under this lease."""
        name = before.signed.lease.id
        self.used[name] = self.used.get(name, 0) + amount
        self._after[key] = replace(before, used=before.used + amount)

    def write(self, tx: Transaction, envelope: Envelope) -> None:
        """Keep what is left; of what is used up the centre knows by this very envelope that it is over."""
        for key, one in self._after.items():
            place = Place(epoch=envelope.epoch, sequence=envelope.sequence)
            write(tx, "value_lease", key, one if one.left else replace(one, over=place))


def key_of(kind: ValueKind, thing: str, lease: str = "") -> str:
    """Where leases on a thing are; serials may hold any character, so their hash stands for them."""
    return f"{kind.value}/{hashlib.sha256(thing.encode()).hexdigest()[:32]}/{lease}"


def is_ours(desk: DeskState, signed: SignedValueLease) -> bool:
    """Whether the centre gave this lease to this till."""
    if signed.lease.till != desk.name.till:
        return False
    try:
        check_any(codec.encode(signed.lease), VALUE_LEASE, signed.signatures, desk.programmes.centre_keys)
    except SignatureError:
        return False
    return True


# ── What may be used ────────────────────────────────────────────────────────────────────────────


def in_hand(desk: DeskState, kind: ValueKind, thing: str, receipt_uid: str) -> InHand | None:
    """The lease on a thing that this receipt may use, or that another receipt of this till was promised; or None."""
    found: InHand | None = None
    for key, kept in read_all(desk.store, "value_lease", ValueKept, prefix=key_of(kind, thing)):
        if not kept.left or not is_ours(desk, kept.signed):
            continue
        promised = [one for one in promises_of(desk) if one.key == key]
        mine = next((one for one in promised if one.receipt_uid == receipt_uid), None)
        others = sum(one.amount for one in promised if one.receipt_uid != receipt_uid)
        if mine is None and not _is_good_now(desk, kept):
            continue
        found = InHand(
            key=key,
            lease=kept,
            left=max(0, kept.left - others),
            is_promised=others > 0,
            by_centre=mine.by_centre if mine is not None else 0,
        )
        if found.left:
            break
    return found


def _is_good_now(desk: DeskState, kept: ValueKept) -> bool:
    if desk.link is LinkState.ONLINE:
        return True
    known = centre_now(desk)
    return known is not None and known + MARGIN < kept.signed.lease.expires_at


# ── What is promised ────────────────────────────────────────────────────────────────────────────


def promises_of(desk: DeskState, receipt_uid: str = "") -> list[ValuePromise]:
    """What receipts in progress were promised, or one of them."""
    found = read_all(desk.store, "value_promise", ValuePromise, prefix=f"{receipt_uid}/" if receipt_uid else "")
    return [one for _, one in found if receipt_uid in ("", one.receipt_uid)]


def promise_values(
    desk: DeskState, tx: Transaction, receipt_uid: str, decision: Decision, by_centre: Mapping[str, int]
) -> None:
    """Write down what a quote is about to promise, so that no other receipt of this till is promised the same.

    Args:
        desk: only read.
        tx: the transaction of the quote.
        receipt_uid: whose quote.
        decision: what it tells.
        by_centre: minor units that the centre keeps of certificates for this receipt, by their names.
    """
    wanted: dict[str, ValuePromise] = {}
    for kind, thing, amount in _taken(decision):
        hand = in_hand(desk, kind, thing, receipt_uid)
        if hand is None:
            continue
        kept = by_centre.get(thing, 0)
        promise = ValuePromise(
            receipt_uid=receipt_uid, key=hand.key, amount=min(hand.left, max(0, amount - kept)), by_centre=kept
        )
        wanted[f"{receipt_uid}/{hand.lease.signed.lease.id}"] = promise
    drop_promises(desk, tx, receipt_uid)
    for key, promise in wanted.items():
        write(tx, "value_promise", key, promise)


def drop_promises(desk: DeskState, tx: Transaction, receipt_uid: str) -> None:
    """This receipt is closed or given up."""
    for key, one in read_all(desk.store, "value_promise", ValuePromise, prefix=f"{receipt_uid}/"):
        if one.receipt_uid == receipt_uid:  # a uid may begin with another one and a slash
            tx.delete("value_promise", key)


def stale_promises(desk: DeskState, going_on: Iterable[str]) -> list[str]:
    """Keys of promises to receipts that are not in progress any more."""
    there = set(going_on)
    found = read_all(desk.store, "value_promise", ValuePromise)
    return [key for key, one in found if one.receipt_uid not in there]


# ── What is used ────────────────────────────────────────────────────────────────────────────────


def plan_uses(desk: DeskState, receipt_uid: str, decision: Decision) -> ValueUses:
    """What a sale that is being closed uses under leases; what is missing was taken at the owner's risk."""
    uses = ValueUses()
    for kind, thing, amount in _taken(decision):
        hand = in_hand(desk, kind, thing, receipt_uid)
        if hand is not None:
            part = min(hand.left, max(0, amount - hand.by_centre))
            if part:
                uses.add(hand.key, hand.lease, part)
    return uses


def _taken(decision: Decision) -> list[tuple[ValueKind, str, int]]:
    """(kind, thing, amount) of what a decision uses of coupons and certificates."""
    taken: dict[tuple[ValueKind, str], int] = {}
    for effect in decision.effects:
        if isinstance(effect, CouponUsed):
            taken[ValueKind.COUPON, effect.code] = 1
        elif isinstance(effect, CertificateUsed):
            place = (ValueKind.CERTIFICATE, effect.code)
            taken[place] = taken.get(place, 0) + effect.amount.minor + effect.burned.minor
    return [(kind, thing, amount) for (kind, thing), amount in taken.items()]


# ── What is given ───────────────────────────────────────────────────────────────────────────────


def keep_leases(desk: DeskState, tx: Transaction, leases: Iterable[SignedValueLease]) -> None:
    """Keep what the centre has granted; what this till has let go stays gone, what it has used stays used."""
    for signed in leases:
        if not is_ours(desk, signed):
            continue
        key = key_of(signed.lease.kind, signed.lease.thing, signed.lease.id)
        before = read(desk.store, "value_lease", key, ValueKept)
        if before is None:
            write(tx, "value_lease", key, ValueKept(signed=signed))
        elif before.over is None and before.signed.lease.sequence < signed.lease.sequence:
            write(tx, "value_lease", key, replace(before, signed=signed))
