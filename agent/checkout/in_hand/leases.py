"""Points in this till's hand: what it may spend without a line, under which lease, and when it gives a lease up.

A lease is the centre's word that nobody else spends these points. The till writes down what it spends under it in the
transaction that closes the sale, and tells in its chain when it is done with it. Points that this till has given
without a line it may keep for its own spending in the same way, under a lease it makes itself.

Leases are judged by the centre's clock, carried on this machine's uptime: the wall clock may be set by anybody. After
the machine was started anew no time can be trusted until the centre has been met, and nothing is spent under a lease
of the centre; what the owner's cap allows, and the till's own points, are not touched by that.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from agent.checkout.records import CentreTime, LeaseKept, read, read_all, write
from agent.signatures import SignatureError, check_any
from agent.snapshot import LinkState
from drivers.vocabulary import codec
from drivers.vocabulary.decision import Decision
from drivers.vocabulary.leases import LEASE, SignedLease, kept_lease
from offline_queue.transaction import Transaction

if TYPE_CHECKING:
    from agent.checkout.state import DeskState

__all__ = ["KEPT_FOR", "centre_now", "is_ours", "keep_earned", "left_under_leases", "use_leases"]

KEPT_FOR: Final = timedelta(days=30)  # a month without a line is what a shop may have to live with
MARGIN: Final = timedelta(minutes=5)  # a till stops a little before the end: clocks on uptime drift by seconds a day


# ── Time ────────────────────────────────────────────────────────────────────────────────────────


def centre_now(desk: DeskState) -> datetime | None:
    """The centre's clock now, or None when it cannot be known since this machine was started."""
    met = read(desk.store, "time", "centre", CentreTime)
    boot = desk.clock.machine_boot
    if met is None or not boot or met.machine_boot != boot or desk.clock.uptime_s() < met.uptime_s:
        return None
    return met.server_time + timedelta(seconds=desk.clock.uptime_s() - met.uptime_s)


# ── Spending ────────────────────────────────────────────────────────────────────────────────────


def left_under_leases(desk: DeskState, customer_id: str, unit: str) -> int:
    """How many points of a customer this till may spend without asking anybody."""
    known = centre_now(desk)
    return sum(
        one.left
        for _, one in _leases(desk, customer_id, unit)
        # What this till keeps nobody else can spend before it is given up, so no clock is needed for it.
        if one.signed is None or (known is not None and known + MARGIN < one.expires_at)
    )


def use_leases(desk: DeskState, tx: Transaction, customer_id: str, unit: str, points: int) -> dict[str, int]:
    """Spend so many points under leases, as far as they go, inside the transaction that closes the sale.

    What was promised by the quote is spent whatever the time is now: a lease's end frees nothing at the centre.

    Returns:
        Points by the id of the lease; their sum is less than `points` when the rest is the owner's risk.
    """
    used: dict[str, int] = {}
    for key, one in _leases(desk, customer_id, unit):
        part = min(points, one.left)
        if part:
            used[one.id] = part
            points -= part
            write(tx, "lease", key, replace(one, spent=one.spent + part))
    return used


def keep_earned(
    desk: DeskState, tx: Transaction, customer_id: str, receipt_uid: str, decision: Decision
) -> datetime | None:
    """Without a line, keep what was just earned for this till; until when, or None."""
    now = desk.clock.now()
    earned = [one for one in decision.earned if one.amount and (one.active_from is None or one.active_from <= now)]
    if desk.link is LinkState.ONLINE or not earned:
        return None
    until = now + KEPT_FOR
    for effect in earned:
        name = kept_lease(receipt_uid, effect.unit, effect.rule)
        kept = LeaseKept(id=name, unit=effect.unit, points=effect.amount, expires_at=until)
        write(tx, "lease", f"{customer_id}/{name}", kept)
    return until


def _leases(desk: DeskState, customer_id: str, unit: str) -> list[tuple[str, LeaseKept]]:
    """Leases that have points left: the centre's before our own, the soonest to end first."""
    found = [
        (key, one)
        for key, one in read_all(desk.store, "lease", LeaseKept, prefix=f"{customer_id}/")
        if one.unit == unit and one.left and (one.signed is None or is_ours(desk, one.signed))
    ]
    return sorted(found, key=lambda pair: (pair[1].signed is None, pair[1].expires_at, pair[1].id))


def is_ours(desk: DeskState, signed: SignedLease) -> bool:
    """Whether the centre gave this lease to this till."""
    if signed.lease.till != desk.name.till:
        return False
    try:
        check_any(codec.encode(signed.lease), LEASE, signed.signatures, desk.programmes.centre_keys)
    except SignatureError:
        return False
    return True
