"""Giving leases on coupons and certificates: to a till that reports, and at once when a customer waits there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select

from central import schema
from central.certificate_holds import PIN_FAILURES_MAX, held
from central.certificates import currency_of
from central.coupons import WITHDRAWN, coupon_row
from central.lease_grants import LeaseRules
from central.programme_keys import signer_for_tills
from central.programmes import single_use_kinds
from central.restoration import instance_of
from central.value_leases import (
    THINGS_CHUNK,
    count_open,
    keep_lease,
    lately_recalled,
    leased_of,
    open_leases,
    recall_values,
    values_promise_nothing,
)
from drivers.vocabulary import codec
from drivers.vocabulary.value_leases import (
    COUPONS_ASKED_MAX,
    HELD_MAX,
    VALUE_LEASE,
    VALUES_MAX,
    CertificateTerms,
    CouponsGrant,
    CouponsWanted,
    SignedValueLease,
    ValueKind,
    ValueLease,
)

__all__ = ["SEEN_FOR", "Granting", "certificate_terms", "grant_coupons", "grant_values", "is_good", "signed"]

SEEN_FOR: Final = timedelta(days=14)  # as long as a till keeps the points of a customer who does not come
RECALLED_FOR: Final = timedelta(hours=1)  # what somebody wanted elsewhere is not leased ahead to where it came from
AT_ONCE_LEAST: Final = timedelta(days=1)  # also where nothing is leased ahead: a customer waits, the line may go


@dataclass(frozen=True, slots=True, kw_only=True)
class Granting:
    """To whom leases are given, and how.

    Attributes:
        new_id: makes a name that was never given before.
    """

    till: str
    rules: LeaseRules
    new_id: Callable[[], str]
    now: datetime

    @property
    def ends(self) -> datetime:
        """When what is given now is over."""
        return self.now + timedelta(days=self.rules.days)


def signed(connection: Connection, leases: Sequence[ValueLease]) -> tuple[SignedValueLease, ...]:
    """The leases as they are sent."""
    if not leases:
        return ()
    sign = signer_for_tills(connection, VALUE_LEASE)
    return tuple(SignedValueLease(lease=one, signatures=sign(codec.encode(one))) for one in leases)


def grant_values(
    connection: Connection,
    granting: Granting,
    customers: Collection[str],
    *,
    has: int,
    wants: Collection[ValueKind] = tuple(ValueKind),
) -> None:
    """Lease what these customers may bring, and the certificates this till showed lately.

    Args:
        connection: the transaction; each thing is locked until its end.
        granting: to whom.
        customers: under the centre's names.
        has: how many leases the till has already.
        wants: which kinds of things.
    """
    room = iter(range(max(0, VALUES_MAX - has)))
    if ValueKind.COUPON in wants:
        _grant_customers_coupons(connection, granting, customers, room)
    if ValueKind.CERTIFICATE in wants:
        _grant_certificates(connection, granting, customers, room)


# ── Coupons ─────────────────────────────────────────────────────────────────────────────────────


def is_good(row: Row[Any] | None, single: Collection[str], now: datetime) -> bool:
    """Whether this coupon is of one use that is still to come."""
    if row is None or row.withdrawn or row.used or (row.valid_until is not None and row.valid_until <= now):
        return False
    return bool(row.uses == 1 if row.uses is not None else row.coupon in single)


def _grant_customers_coupons(
    connection: Connection, granting: Granting, customers: Collection[str], room: Iterator[int]
) -> None:
    table, single = schema.coupon, single_use_kinds(connection)
    names = sorted(customers)
    serials: list[str] = []
    for start in range(0, len(names), THINGS_CHUNK):
        chunk = names[start : start + THINGS_CHUNK]
        rows = connection.execute(select(table).where(table.c.customer.in_(chunk), table.c.used == 0))
        serials += [row.serial for row in rows if is_good(row, single, granting.now)]
    taken = {
        *open_leases(connection, ValueKind.COUPON, serials),
        *lately_recalled(connection, ValueKind.COUPON, granting.till, granting.now - RECALLED_FOR),
    }
    free = sorted(serial for serial in serials if serial not in taken)
    for serial, _ in zip(free, room, strict=False):
        # Locked, and looked at once more: another till may have it by now.
        row = connection.execute(select(table).where(table.c.serial == serial).with_for_update()).first()
        if row is None or not is_good(row, single, granting.now):
            continue
        if not open_leases(connection, ValueKind.COUPON, (serial,)):
            keep_lease(connection, _coupon_lease(granting, serial, row.customer or "", granting.ends))


def grant_coupons(connection: Connection, wanted: CouponsWanted, granting: Granting, *, settled: str) -> CouponsGrant:
    """Lease these coupons at once, each for one use.

    Args:
        connection: the transaction.
        wanted: as the till asked.
        granting: to whom.
        settled: the instance in which the till last said what it holds; one that never did is told to wait.
    """
    now = granting.now
    has_too_many = count_open(connection, granting.till) > HELD_MAX - COUPONS_ASKED_MAX
    if settled != instance_of(connection) or has_too_many or values_promise_nothing(connection, now):
        return CouponsGrant(server_time=now, refused={one.serial: "coupon_restoring" for one in wanted.coupons})
    ends = max(granting.ends, now + AT_ONCE_LEAST)
    refused: dict[str, str] = {}
    leases: list[ValueLease] = []
    for one in sorted({one.serial: one for one in wanted.coupons}.values(), key=lambda one: one.serial):
        row = _locked_coupon(connection, one.serial, one.coupon)
        why = _why_not(connection, row, granting.till, now)
        if why:
            refused[one.serial] = why
            continue
        lease = _coupon_lease(granting, one.serial, row.customer or "", ends)
        keep_lease(connection, lease)
        leases.append(lease)
    return CouponsGrant(server_time=now, leases=signed(connection, leases), refused=refused)


def _locked_coupon(connection: Connection, serial: str, coupon: str) -> Row[Any]:
    """The coupon, made when this is the first that is heard of it: two tills that ask at once must meet somewhere."""
    table = schema.coupon
    wanted = select(table).where(table.c.serial == serial).with_for_update()
    row = connection.execute(wanted).first()
    if row is None:
        connection.execute(insert(table), [coupon_row(serial, coupon, uses=1)])
        row = connection.execute(wanted).one()
    return row


def _why_not(connection: Connection, row: Row[Any], till: str, now: datetime) -> str:
    if row.withdrawn:
        return WITHDRAWN
    # The till says that it is of one use; the centre may know better how many are left.
    if row.used >= (row.uses if row.uses is not None else 1):
        return "coupon_used"
    there = open_leases(connection, ValueKind.COUPON, (row.serial,))
    if there:
        recall_values(connection, ValueKind.COUPON, row.serial, now=now, but=till)
        return "coupon_elsewhere"
    return ""


def _coupon_lease(granting: Granting, serial: str, customer: str, ends: datetime) -> ValueLease:
    return ValueLease(
        id=granting.new_id(),
        till=granting.till,
        kind=ValueKind.COUPON,
        thing=serial,
        amount=1,
        sequence=1,
        granted_at=granting.now,
        expires_at=ends,
        customer_id=customer,
    )


# ── Certificates ────────────────────────────────────────────────────────────────────────────────


def _grant_certificates(
    connection: Connection, granting: Granting, customers: Collection[str], room: Iterator[int]
) -> None:
    table = schema.certificate
    seen = (table.c.seen_till == granting.till) & (table.c.seen_at > granting.now - SEEN_FOR)
    names = set(connection.scalars(select(table.c.id).where(seen, table.c.balance_minor > 0)))
    people = sorted(customers)
    for start in range(0, len(people), THINGS_CHUNK):
        theirs = table.c.customer.in_(people[start : start + THINGS_CHUNK])
        names |= set(connection.scalars(select(table.c.id).where(theirs, table.c.balance_minor > 0)))
    here = {
        name
        for name, rows in open_leases(connection, ValueKind.CERTIFICATE, names).items()
        if any(row.till == granting.till or row.recalled_at is not None for row in rows)
    }
    here |= lately_recalled(connection, ValueKind.CERTIFICATE, granting.till, granting.now - RECALLED_FOR)
    currency = currency_of(connection)
    for name, _ in zip(sorted(names - here), room, strict=False):
        row = connection.execute(select(table).where(table.c.id == name).with_for_update()).one()
        there = open_leases(connection, ValueKind.CERTIFICATE, (name,)).get(name, [])
        amount = _part(connection, row, leased_of(there), granting)
        if amount > 0 and not any(one.till == granting.till for one in there):
            keep_lease(connection, _certificate_lease(granting, row, amount, currency))


def _part(connection: Connection, row: Row[Any], leased: int, granting: Granting) -> int:
    """How much of a certificate this till gets; one whose rest is lost is leased whole or not at all."""
    is_over = row.valid_until is not None and row.valid_until <= granting.now
    if row.blocked or is_over or not row.check_hash or row.pin_failures >= PIN_FAILURES_MAX:
        return 0
    free: int = row.balance_minor - leased - held(connection, row.id, now=granting.now)
    if row.burns:
        return free if free == row.balance_minor else 0
    return free * granting.rules.share // 100


def certificate_terms(row: Row[Any], currency: str) -> CertificateTerms:
    """What a till must know of a certificate."""
    return CertificateTerms(
        mask=row.mask,
        check=row.check_hash or "",
        currency=currency,
        pin=row.pin_hash or "",
        pin_tries=max(0, PIN_FAILURES_MAX - row.pin_failures),
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        burns=row.burns,
    )


def _certificate_lease(granting: Granting, row: Row[Any], amount: int, currency: str) -> ValueLease:
    return ValueLease(
        id=granting.new_id(),
        till=granting.till,
        kind=ValueKind.CERTIFICATE,
        thing=row.id,
        amount=amount,
        sequence=1,
        granted_at=granting.now,
        expires_at=granting.ends,
        customer_id=row.customer or "",
        terms=certificate_terms(row, currency),
    )
