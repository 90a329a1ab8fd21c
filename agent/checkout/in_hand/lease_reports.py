"""What this till tells the centre of the leases it holds, what it asks for, and what it keeps of the answer.

A lease that is of no more use here is given up before the report, in the chain of envelopes. When nothing is new the
report is small: a digest stands for the leases, and nobody is asked for twice within a quarter of an hour in vain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from agent.checkout import writing
from agent.checkout.in_hand.leases import centre_now, is_ours
from agent.checkout.records import CentreTime, Hold, LeaseKept, Wanted, read, read_all, write
from agent.snapshot import LinkState
from drivers.vocabulary import facts
from drivers.vocabulary.leases import (
    EPOCHS_MAX,
    HOLDS_MAX,
    LEASES_MAX,
    HeldHold,
    LeaseAnswer,
    LeaseReport,
    LeaseWanted,
    Place,
    SignedLease,
    held_digest,
)
from offline_queue.transaction import Transaction

if TYPE_CHECKING:
    from agent.checkout.state import DeskState

__all__ = ["lease_report", "note_wanted", "take_leases"]

CLOSED_AT_ONCE: Final = 2_000  # after a month without a line there are many, and a sale must not wait for them
ASKED_AGAIN_S: Final = 900.0  # for somebody whose points cannot be leased now: each minute would be a waste
RETURNED_AFTER: Final = timedelta(days=14)  # not seen here for so long: the points are of more use elsewhere


def note_wanted(tx: Transaction, customer_id: str, now: datetime) -> None:
    """A customer was here: next time the line may be down."""
    write(tx, "lease_wanted", customer_id, Wanted(at=now))


def lease_report(desk: DeskState) -> LeaseReport:
    """What this till holds, how far it is, and for whom it would like leases; gives up what it does not need."""
    now = desk.clock.now()
    seen = sorted(read_all(desk.store, "lease_wanted", Wanted), key=lambda pair: pair[1].at, reverse=True)
    kept = [key for key, one in seen[:LEASES_MAX] if now - one.at < RETURNED_AFTER]  # the first ones, whoever they are
    wanted = _wanted(desk, kept)
    _tidy(desk, set(kept), set(wanted), [key for key, _ in seen[len(kept) :]])
    held = _held(desk)
    visits = {key: one.at for key, one in seen}
    asked = {place: visits[place[0]] for place in _asked(desk, wanted, held, visits)}
    desk.leases_asking = asked
    depth = desk.store.depth()
    *earlier, acknowledged = [
        Place(epoch=epoch, sequence=sequence, hash=hash_) for epoch, sequence, hash_ in desk.store.acknowledged_places()
    ]
    met = read(desk.store, "time", "centre", CentreTime)
    return LeaseReport(
        acknowledged=acknowledged,
        last=Place(epoch=desk.store.epoch, sequence=depth.last_sequence),
        earlier=tuple(earlier[-EPOCHS_MAX:]),
        stamp=met.stamp if met is not None else "",
        digest=held_digest((one.lease.id, one.lease.sequence) for _, one in held),
        held=tuple(one for _, one in held) if desk.leases_wanted_whole else None,
        holds=_holds(desk),
        wanted=tuple(LeaseWanted(customer_id=customer, unit=unit) for customer, unit in asked),
    )


def _wanted(desk: DeskState, customers: Sequence[str]) -> list[tuple[str, str]]:
    """(customer, unit) for which leases are of use here, whoever was here last first; as many as a till may have."""
    units = sorted({rule.scale.unit for rule in desk.programme.compiled.spends}) if desk.programme is not None else []
    return [(customer, unit) for customer in customers for unit in units][:LEASES_MAX]


def _asked(
    desk: DeskState,
    wanted: Sequence[tuple[str, str]],
    held: Sequence[tuple[str, SignedLease]],
    visits: dict[str, datetime],
) -> Iterator[tuple[str, str]]:
    """What is worth asking for now: there is no lease, or little of it or of its time is left, and nobody said no."""
    known, uptime_s = centre_now(desk), desk.clock.uptime_s()
    enough = {
        (customer, one.lease.unit)
        for customer, one in held
        if known is None or one.lease.expires_at - known > (one.lease.expires_at - one.lease.granted_at) / 2
    }
    spent = {
        (key.removesuffix(f"/{one.id}"), one.unit)
        for key, one in read_all(desk.store, "lease", LeaseKept)
        if one.signed is not None and not one.left
    }
    desk.leases_asked = {
        (customer, unit): (at_s, visit)
        for (customer, unit), (at_s, visit) in desk.leases_asked.items()
        if 0 <= uptime_s - at_s < ASKED_AGAIN_S and visits.get(customer) == visit
    }
    for place in wanted:
        if place not in desk.leases_asked and (place not in enough or place in spent):
            yield place


def _held(desk: DeskState) -> list[tuple[str, SignedLease]]:
    """(customer, lease) of every lease of the centre's."""
    return [
        (key.removesuffix(f"/{one.id}"), one.signed)
        for key, one in read_all(desk.store, "lease", LeaseKept)
        if one.signed is not None
    ]


def _holds(desk: DeskState) -> tuple[HeldHold, ...]:
    """What the centre keeps for receipts in progress, each receipt once."""
    found = {
        hold.receipt_uid: HeldHold(
            receipt_uid=hold.receipt_uid,
            id=hold.id,
            customer_id=hold.customer_id,
            unit=hold.unit,
            points=hold.by_centre,
        )
        for _, hold in read_all(desk.store, "hold", Hold)
        if hold.id
    }
    return tuple(found.values())[:HOLDS_MAX]


def _tidy(desk: DeskState, customers: set[str], places: set[tuple[str, str]], forgotten: list[str]) -> None:
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
            useless = (customer, one.unit) not in places if desk.programme is not None else customer not in customers
            over = useless or (known is not None and known >= one.expires_at)
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
    uptime_s = desk.clock.uptime_s()
    met = CentreTime(
        server_time=answer.server_time, uptime_s=uptime_s, machine_boot=desk.clock.machine_boot, stamp=answer.stamp
    )
    desk.leases_wanted_whole = answer.again
    if answer.again:
        desk.leases_asked.clear()
    else:
        desk.leases_asked |= {place: (uptime_s, visit) for place, visit in desk.leases_asking.items()}
    with desk.store.transaction() as tx:
        write(tx, "time", "centre", met)
        for signed in answer.leases:
            lease = signed.lease
            if lease.id in recalled or not is_ours(desk, signed):
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
