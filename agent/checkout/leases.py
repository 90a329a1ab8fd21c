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

from agent.checkout import writing
from agent.checkout.records import CentreTime, Hold, LeaseKept, Wanted, read, read_all, write
from agent.signatures import SignatureError, check_any
from agent.snapshot import LinkState
from drivers.vocabulary import codec, facts
from drivers.vocabulary.decision import Decision
from drivers.vocabulary.leases import (
    EPOCHS_MAX,
    HOLDS_MAX,
    LEASE,
    LEASES_MAX,
    LeaseAnswer,
    LeaseReport,
    LeaseWanted,
    Place,
    SignedLease,
    kept_lease,
)
from offline_queue.transaction import Transaction

if TYPE_CHECKING:
    from agent.checkout.state import DeskState

__all__ = ["KEPT_FOR", "lease_report", "left_under_leases", "note_wanted", "take_leases", "use_leases"]

KEPT_FOR: Final = timedelta(days=30)  # a month without a line is what a shop may have to live with
MARGIN: Final = timedelta(minutes=5)  # a till stops a little before the end: clocks on uptime drift by seconds a day
CLOSED_AT_ONCE: Final = 2_000  # after a month without a line there are many, and a sale must not wait for them
RETURNED_AFTER: Final = timedelta(days=14)  # not seen here for so long: the points are of more use elsewhere


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
        if one.unit == unit and one.left and (one.signed is None or _is_ours(desk, one.signed))
    ]
    return sorted(found, key=lambda pair: (pair[1].signed is None, pair[1].expires_at, pair[1].id))


def _is_ours(desk: DeskState, signed: SignedLease) -> bool:
    """Whether the centre gave this lease to this till."""
    if signed.lease.till != desk.name.till:
        return False
    try:
        check_any(codec.encode(signed.lease), LEASE, signed.signatures, desk.programmes.centre_keys)
    except SignatureError:
        return False
    return True


# ── With the centre ─────────────────────────────────────────────────────────────────────────────


def note_wanted(tx: Transaction, customer_id: str, now: datetime) -> None:
    """A customer was here: next time the line may be down."""
    write(tx, "lease_wanted", customer_id, Wanted(at=now))


def lease_report(desk: DeskState) -> LeaseReport:
    """What this till holds, how far it is, and for whom it would like leases; gives up what it does not need."""
    now = desk.clock.now()
    seen = sorted(read_all(desk.store, "lease_wanted", Wanted), key=lambda pair: pair[1].at, reverse=True)
    kept_customers = {key for key, one in seen[:LEASES_MAX] if now - one.at < RETURNED_AFTER}
    _tidy(desk, kept_customers, [key for key, _ in seen if key not in kept_customers])
    held = [one.signed for _, one in read_all(desk.store, "lease", LeaseKept) if one.signed is not None]
    holds = [hold.receipt_uid for _, hold in read_all(desk.store, "hold", Hold) if hold.id]
    units = sorted({rule.scale.unit for rule in desk.programme.compiled.spends}) if desk.programme is not None else []
    wanted = [
        LeaseWanted(customer_id=customer, unit=unit)
        for customer, _ in seen
        if customer in kept_customers
        for unit in units
    ]
    depth = desk.store.depth()
    earlier = [Place(epoch=one, sequence=through) for one, through in desk.store.acknowledged().items()]
    return LeaseReport(
        acknowledged=Place(epoch=desk.store.epoch, sequence=depth.acknowledged_through),
        last=Place(epoch=desk.store.epoch, sequence=depth.last_sequence),
        earlier=tuple(one for one in earlier if one.epoch < desk.store.epoch)[-EPOCHS_MAX:],
        held=tuple(held[:LEASES_MAX]),
        holds=tuple(dict.fromkeys(holds))[:HOLDS_MAX],
        wanted=tuple(wanted[:LEASES_MAX]),
    )


def _tidy(desk: DeskState, customers: set[str], forgotten: list[str]) -> None:
    """Give up leases of customers who do not come any more, those that ended, and our own that are not needed."""
    known = centre_now(desk)
    done: list[tuple[str, LeaseKept]] = []
    busy = _busy(desk)
    for key, one in read_all(desk.store, "lease", LeaseKept):
        customer = key.removesuffix(f"/{one.id}")
        if customer in busy:
            continue
        if one.signed is None:
            over = desk.link is LinkState.ONLINE  # with a line, holds do what it was kept for
        else:
            over = customer not in customers or (known is not None and known >= one.expires_at)
        if over:
            done.append((key, one))
    _close(desk, done, forgotten)


def _busy(desk: DeskState) -> set[str]:
    """Customers with a receipt in progress that was promised points: theirs is not given up now."""
    return {hold.customer_id for _, hold in read_all(desk.store, "hold", Hold)}


def _close(desk: DeskState, done: list[tuple[str, LeaseKept]], forgotten: list[str]) -> None:
    if not done and not forgotten:
        return
    done = done[:CLOSED_AT_ONCE]
    with desk.store.transaction() as tx:
        for key, _ in done:
            tx.delete("lease", key)
        names = [one.id for _, one in done]
        for start in range(0, len(names), facts.LEASES_CLOSED_MAX):
            chunk = tuple(names[start : start + facts.LEASES_CLOSED_MAX])
            writing.append(desk, tx, facts.LeasesClosed(leases=chunk), ["leases"])
        for customer in forgotten:
            tx.delete("lease_wanted", customer)


def take_leases(desk: DeskState, answer: LeaseAnswer) -> None:
    """Keep what the centre has granted, give up what it wants back, and believe its clock."""
    recalled = set(answer.recalled)
    busy = _busy(desk)
    done = [
        (key, one)
        for key, one in read_all(desk.store, "lease", LeaseKept)
        if one.id in recalled and key.removesuffix(f"/{one.id}") not in busy
    ]
    met = CentreTime(
        server_time=answer.server_time, uptime_s=desk.clock.uptime_s(), machine_boot=desk.clock.machine_boot
    )
    with desk.store.transaction() as tx:
        write(tx, "time", "centre", met)
        for signed in answer.leases:
            lease = signed.lease
            if lease.id in recalled or not _is_ours(desk, signed):
                continue
            key = f"{lease.customer_id}/{lease.id}"
            before = read(desk.store, "lease", key, LeaseKept)
            fresh = LeaseKept(
                id=lease.id,
                unit=lease.unit,
                points=lease.points,
                expires_at=lease.expires_at,
                spent=before.spent if before is not None else 0,
                signed=signed,
            )
            write(tx, "lease", key, fresh)
    _close(desk, done, [])
