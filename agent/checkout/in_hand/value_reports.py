"""What this till tells the centre of the coupons and certificates it holds, and what it keeps of the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from agent.checkout import writing
from agent.checkout.in_hand.leases import centre_now
from agent.checkout.in_hand.value_leases import keep_leases, promises_of
from agent.checkout.records import CentreTime, Open, ValueKept, Wanted, read, read_all, write
from drivers.vocabulary import facts
from drivers.vocabulary.leases import HOLDS_MAX, Place
from drivers.vocabulary.value_leases import CUSTOMERS_MAX, HELD_MAX, HeldMoney, ValueAnswer, ValueKind, ValueReport

if TYPE_CHECKING:
    from agent.checkout.state import DeskState

__all__ = ["take_values", "value_report"]

HEARD: Final = "values"  # in the collection "time"


def value_report(desk: DeskState) -> ValueReport:
    """What this till holds, and whose things it would like to take without a line; gives up what it does not need.

    Customers are those whom leases on points are kept for (`lease_reports`, which forgets them in time).
    """
    seen = sorted(read_all(desk.store, "lease_wanted", Wanted), key=lambda pair: pair[1].at, reverse=True)
    customers = [key for key, _ in seen[:CUSTOMERS_MAX]]
    _forget_told(desk)
    _tidy(desk, {desk.knowledge.resolve(one) for one in customers})
    held = [one.signed for _, one in read_all(desk.store, "value_lease", ValueKept) if one.over is None]
    heard = read(desk.store, "time", HEARD, CentreTime)
    holds = [
        HeldMoney(receipt_uid=uid, certificate=name, amount=amount)
        for uid, one in read_all(desk.store, "checkout", Open)
        for name, amount in one.certificates_held.items()
    ]
    # The centre frees what is old and not told: of what cannot be told in whole, it must not.
    is_whole = len(holds) <= HOLDS_MAX and len(held) <= HELD_MAX
    return ValueReport(
        last=Place(epoch=desk.store.epoch, sequence=desk.store.depth().last_sequence),
        stamp=heard.stamp if heard is not None else "",
        is_whole=is_whole,
        held=tuple(held[:HELD_MAX]),
        holds=tuple(holds[:HOLDS_MAX]),
        customers=tuple(customers),
        wants=tuple(sorted(desk.rules.leased, key=lambda kind: kind.value)),
    )


def take_values(desk: DeskState, answer: ValueAnswer) -> None:
    """Keep what the centre has granted, give up what it wants back."""
    recalled = set(answer.recalled)
    promised = {one.key for one in promises_of(desk)}
    met = CentreTime(
        server_time=answer.server_time,
        uptime_s=desk.clock.uptime_s(),
        machine_boot=desk.clock.machine_boot,
        stamp=answer.stamp,
    )
    with desk.store.transaction() as tx:
        write(tx, "time", HEARD, met)
        keep_leases(desk, tx, (one for one in answer.leases if one.lease.id not in recalled))
    kept = read_all(desk.store, "value_lease", ValueKept)
    back = [
        (key, one) for key, one in kept if one.over is None and one.signed.lease.id in recalled and key not in promised
    ]
    _close(desk, back)


def _forget_told(desk: DeskState) -> None:
    """What the centre knows to be over need not be remembered: no answer that is still to come names it."""
    acknowledged = {**desk.store.acknowledged(), desk.store.epoch: desk.store.depth().acknowledged_through}
    told = [
        key
        for key, one in read_all(desk.store, "value_lease", ValueKept)
        if one.over is not None and one.over.sequence <= acknowledged.get(one.over.epoch, 0)
    ]
    if told:
        with desk.store.transaction() as tx:
            for key in told:
                tx.delete("value_lease", key)


def _tidy(desk: DeskState, customers: set[str]) -> None:
    """Give up what ended, and coupons of customers who do not come any more or were only passing."""
    known = centre_now(desk)
    promised = {one.key for one in promises_of(desk)}
    done: list[tuple[str, ValueKept]] = []
    for key, one in read_all(desk.store, "value_lease", ValueKept):
        lease = one.signed.lease
        if one.over is not None or key in promised:
            continue
        is_over = known is not None and known >= lease.expires_at
        whose = desk.knowledge.resolve(lease.customer_id) if lease.customer_id else ""
        is_passing = lease.kind is ValueKind.COUPON and whose not in customers
        if is_over or is_passing or lease.kind not in desk.rules.leased:
            done.append((key, one))
    _close(desk, done)


def _close(desk: DeskState, done: Sequence[tuple[str, ValueKept]]) -> None:
    for start in range(0, len(done), facts.LEASES_CLOSED_MAX):
        chunk = done[start : start + facts.LEASES_CLOSED_MAX]
        with desk.store.transaction() as tx:
            names = tuple(one.signed.lease.id for _, one in chunk)
            envelope = writing.append(desk, tx, facts.LeasesClosed(leases=names), ["leases"])
            place = Place(epoch=envelope.epoch, sequence=envelope.sequence)
            for key, one in chunk:
                write(tx, "value_lease", key, replace(one, over=place))
