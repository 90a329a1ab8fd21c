"""A till says which coupons and certificates it holds, and is told what it has from now on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec.structs import replace
from sqlalchemy import Connection, Row, select, update

from central import schema
from central.certificate_holds import PIN_FAILURES_MAX
from central.certificates import currency_of
from central.changes import mark_of
from central.lease_grants import LeaseRules
from central.leases import lease_rules
from central.programmes import single_use_kinds
from central.restoration import instance_of, make_stamp, read_stamp
from central.value_grants import SEEN_FOR, Granting, certificate_terms, grant_coupons, grant_values, is_good, signed
from central.value_leases import (
    THINGS_CHUNK,
    close_values,
    end_value_holds,
    learn_holds,
    learn_values,
    values_promise_nothing,
)
from drivers.vocabulary import codec
from drivers.vocabulary.value_leases import (
    CouponsGrant,
    CouponsWanted,
    ValueAnswer,
    ValueKind,
    ValueLease,
    ValueReport,
)

__all__ = ["ask_coupons", "report_values"]

RENEW_BEFORE: Final = 0.5  # of its life: a till that is on line now and then never runs out of it
FORGOTTEN_AFTER: Final = timedelta(hours=1)  # an answer that is still on its way after that never arrives


def ask_coupons(
    connection: Connection, wanted: CouponsWanted, *, till: str, new_id: Callable[[], str], now: datetime
) -> CouponsGrant:
    """Lease coupons at once: a customer waits at this till."""
    granting = Granting(till=till, rules=lease_rules(connection), new_id=new_id, now=now)
    settled = connection.scalar(select(schema.till.c.settled_values).where(schema.till.c.id == till))
    return grant_coupons(connection, wanted, granting, settled=settled or "")


def report_values(
    connection: Connection, report: ValueReport, *, till: str, new_id: Callable[[], str], now: datetime
) -> ValueAnswer:
    """Take down what a till holds, give it what it may have."""
    recalled = learn_values(connection, report.held, till=till, now=now)
    learn_holds(connection, report.holds, till=till, new_id=new_id, now=now)
    instance = instance_of(connection)
    heard_in, heard = read_stamp(report.stamp)
    # One that knows of another history is from before a restoration, and was long on its way or is to come again.
    is_present = heard_in == instance
    is_settled = _settle(connection, till, is_present=is_present)
    has = {one.lease.id: one.lease.sequence for one in report.held}
    is_all_here = mark_of(connection, till) >= (report.last.epoch, report.last.sequence)
    if is_present and is_all_here and report.is_whole:
        end_value_holds(connection, till, {one.receipt_uid for one in report.holds}, min(heard, now))
        _end_forgotten(connection, till, has, before=min(heard, now) - FORGOTTEN_AFTER)
    leases: list[ValueLease] = []
    if is_settled and not values_promise_nothing(connection, now):
        rules = lease_rules(connection)
        granting = Granting(till=till, rules=rules, new_id=new_id, now=now)
        customers = _customers(connection, report.customers)
        rows = _mine(connection, till)
        _look_after(connection, rows, granting, customers)
        if rules.days:
            grant_values(connection, granting, customers, has=len(rows), wants=report.wants)
        # What is on its way here may say that a lease is over; then only what was given just now is told.
        doubtful = None if is_all_here else {row.id for row in rows}
        news = [row for row in _mine(connection, till) if _is_news(row, has, doubtful)]
        leases = [codec.decode(row.word, ValueLease) for row in news]
    table = schema.value_lease
    wanted_back = (table.c.till == till) & (table.c.state == "open") & table.c.recalled_at.is_not(None)
    recalled += connection.scalars(select(table.c.id).where(wanted_back).order_by(table.c.id))
    return ValueAnswer(
        leases=signed(connection, leases),
        recalled=tuple(recalled),
        server_time=now,
        stamp=make_stamp(instance, now),
        again=not is_present,
    )


def _settle(connection: Connection, till: str, *, is_present: bool) -> bool:
    """Whether the till has said all it has; its points come first, and with them what had been lost."""
    table = schema.till
    instance = instance_of(connection)
    row = connection.execute(select(table).where(table.c.id == till)).one()
    if row.settled_instance != instance or not (is_present or row.settled_values == ""):
        return False
    if row.settled_values != instance:
        connection.execute(update(table).where(table.c.id == till).values(settled_values=instance))
    return True


def _mine(connection: Connection, till: str) -> Sequence[Row[Any]]:
    table = schema.value_lease
    mine = select(table).where(table.c.till == till, table.c.state == "open")
    return connection.execute(mine.order_by(table.c.id).with_for_update()).all()


def _is_news(row: Row[Any], has: Mapping[str, int], doubtful: Collection[str] | None) -> bool:
    """Whether the till is to be told of it: a newer word, or one that it never heard.

    One it has used and does not hold any more is not told again: what is left of it is not what the word says.
    """
    if row.recalled_at is not None:
        return False
    if row.id in has:
        return has[row.id] < int(row.sequence)
    return not row.used and (doubtful is None or row.id not in doubtful)


def _end_forgotten(connection: Connection, till: str, has: Mapping[str, int], *, before: datetime) -> None:
    """End what the till does not hold though it could long know of it, and all that it wrote is here.

    It was installed anew, or an answer was lost and the thing is wanted back.
    """
    table = schema.value_lease
    mine = (table.c.till == till) & (table.c.state == "open") & (table.c.granted_at < before)
    lost = [name for name in connection.scalars(select(table.c.id).where(mine)) if name not in has]
    for start in range(0, len(lost), THINGS_CHUNK):
        close_values(connection, till, lost[start : start + THINGS_CHUNK])


def _customers(connection: Connection, names: Sequence[str]) -> set[str]:
    """The centre's own names of these customers, whichever the till still uses."""
    table = schema.merged
    merged: dict[str, str] = {}
    for start in range(0, len(names), THINGS_CHUNK):
        chunk = names[start : start + THINGS_CHUNK]
        merged |= {row.id: row.customer for row in connection.execute(select(table).where(table.c.id.in_(chunk)))}
    return {merged.get(name, name) for name in names}


# ── What the till has already ───────────────────────────────────────────────────────────────────


def _look_after(connection: Connection, rows: Sequence[Row[Any]], granting: Granting, customers: set[str]) -> None:
    """Let what is wanted live on, and ask back what is good no more."""
    table = schema.value_lease
    coupons = _rows_of(connection, schema.coupon, "serial", rows, ValueKind.COUPON)
    certificates = _rows_of(connection, schema.certificate, "id", rows, ValueKind.CERTIFICATE)
    single = single_use_kinds(connection)
    currency = currency_of(connection)
    for row in rows:
        if row.recalled_at is not None:
            continue
        is_coupon = row.kind == ValueKind.COUPON.value
        if is_coupon:
            thing = coupons.get(row.thing)
            # Of one whose programme the centre does not know the till has said that it is of one use.
            good = is_good(thing, {*single, thing.coupon} if thing is not None else single, granting.now)
        else:
            thing = certificates.get(row.thing)
            good = thing is not None and not thing.blocked and thing.pin_failures < PIN_FAILURES_MAX
        if not good:
            mine = table.c.id == row.id
            connection.execute(update(table).where(mine).values(recalled_at=granting.now))
        elif thing is not None and _is_wanted(row, thing, granting, customers):
            _renew(connection, row, granting, None if is_coupon else thing, currency)


def _rows_of(
    connection: Connection, table: Any, key: str, leases: Sequence[Row[Any]], kind: ValueKind
) -> dict[str, Row[Any]]:
    names = sorted({row.thing for row in leases if row.kind == kind.value})
    found: dict[str, Row[Any]] = {}
    for start in range(0, len(names), THINGS_CHUNK):
        wanted = select(table).where(table.c[key].in_(names[start : start + THINGS_CHUNK]))
        found |= {getattr(row, key): row for row in connection.execute(wanted)}
    return found


def _is_wanted(row: Row[Any], thing: Row[Any], granting: Granting, customers: set[str]) -> bool:
    """Whether the till may still have use for it when it is half over."""
    if not _is_half_over(row, granting.rules, granting.now):
        return False
    if thing.customer is not None and thing.customer in customers:
        return True
    is_certificate: bool = row.kind == ValueKind.CERTIFICATE.value
    return is_certificate and thing.seen_till == granting.till and thing.seen_at > granting.now - SEEN_FOR


def _is_half_over(row: Row[Any], rules: LeaseRules, now: datetime) -> bool:
    left: timedelta = row.expires_at - now
    return bool(rules.days) and left < timedelta(days=rules.days) * RENEW_BEFORE


def _renew(
    connection: Connection, row: Row[Any], granting: Granting, certificate: Row[Any] | None, currency: str
) -> None:
    lease = codec.decode(row.word, ValueLease)
    terms = certificate_terms(certificate, currency) if certificate is not None else None
    lease = replace(lease, sequence=row.sequence + 1, expires_at=granting.ends, terms=terms)
    values = {"sequence": lease.sequence, "expires_at": lease.expires_at, "word": codec.encode(lease)}
    table = schema.value_lease
    connection.execute(update(table).where(table.c.id == row.id).values(**values))
