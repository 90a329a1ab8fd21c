"""Coupons and certificates in the hands of tills: what is leased, used, given back and taken back; grants nothing.

The invariants: a coupon of one use is under one open lease at most; what is left under leases on a certificate and
what open receipts keep of it are together no more than its balance. As with points a lease's end in time frees
nothing; it is over when all of it was used, when the till has said in its chain that it is done with it, or when a
person says that the till is no more.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update

from agent.signatures import SignatureError, check_any
from central import schema
from central.programme_keys import ring_of
from central.restoration import GONE_AFTER, instance_of, notice_restoration, promises_nothing
from drivers.vocabulary import codec
from drivers.vocabulary.decision import CouponUsed, Decision
from drivers.vocabulary.value_leases import VALUE_LEASE, HeldMoney, SignedValueLease, ValueKind, ValueLease

__all__ = [
    "THINGS_CHUNK",
    "close_values",
    "count_open",
    "count_wrong_pin",
    "end_value_holds",
    "keep_lease",
    "lately_recalled",
    "learn_holds",
    "learn_values",
    "leased_of",
    "open_leases",
    "prune_values",
    "recall_used_elsewhere",
    "recall_values",
    "release_values",
    "reporting_tills",
    "use_values",
    "values_of",
    "values_promise_nothing",
]

KEPT_CLOSED: Final = timedelta(days=90)  # past its end: as long as a till keeps what it sent, to send it again
PRUNED_AT_ONCE: Final = 400  # rows in one transaction: tills wait for it
THINGS_CHUNK: Final = 400  # names in one statement; databases bound the number of parameters

_log = logging.getLogger(__name__)


# ── What is promised ────────────────────────────────────────────────────────────────────────────


def open_leases(connection: Connection, kind: ValueKind, things: Collection[str]) -> dict[str, list[Row[Any]]]:
    """The open leases on each of these things; nothing for a thing that nobody holds."""
    table = schema.value_lease
    found: dict[str, list[Row[Any]]] = {}
    names = sorted(things)
    for start in range(0, len(names), THINGS_CHUNK):
        chunk = names[start : start + THINGS_CHUNK]
        wanted = select(table).where(table.c.kind == kind.value, table.c.thing.in_(chunk), table.c.state == "open")
        for row in connection.execute(wanted.order_by(table.c.id)):
            found.setdefault(row.thing, []).append(row)
    return found


def lately_recalled(connection: Connection, kind: ValueKind, till: str, since: datetime) -> set[str]:
    """What this till was asked to give up since then: somebody wants it elsewhere, and comes back in a minute."""
    table = schema.value_lease
    named = (table.c.kind == kind.value) & (table.c.till == till) & (table.c.recalled_at > since)
    return set(connection.scalars(select(table.c.thing).where(named)))


def leased_of(rows: Sequence[Row[Any]]) -> int:
    """What is left under these leases."""
    return sum(max(0, int(row.amount) - int(row.used)) for row in rows)


def values_promise_nothing(connection: Connection, now: datetime) -> bool:
    """Whether a till may still hold what this database does not know, because it was restored from a back-up."""
    if promises_nothing(connection, now):
        return True
    till = schema.till
    forked = select(schema.till_cursor.c.till).where(schema.till_cursor.c.fork.is_not(None))
    unsettled = select(till.c.id).where(
        till.c.settled_values.not_in(("", instance_of(connection))),
        till.c.id.not_in(forked),
        or_(till.c.seen_at > now - GONE_AFTER, till.c.enrolled_at > now - GONE_AFTER),
    )
    return connection.execute(unsettled.limit(1)).first() is not None


def reporting_tills() -> Any:
    """Tills that say which certificates open receipts keep: a hold of theirs ends when they say so, not by time."""
    return select(schema.till.c.id).where(schema.till.c.settled_values != "")


def end_value_holds(connection: Connection, till: str, receipts: Collection[str], heard: datetime) -> None:
    """Holds on certificates of which the till never heard: over when it last heard us, and not among its receipts."""
    table = schema.certificate_hold
    unheard = (table.c.till == till) & (table.c.state == "open") & (table.c.expires_at <= heard)
    if receipts:
        unheard &= table.c.receipt_uid.not_in(receipts)
    connection.execute(update(table).where(unheard).values(state="released"))


# ── Leases are made and learned ─────────────────────────────────────────────────────────────────


def keep_lease(connection: Connection, lease: ValueLease) -> None:
    """Write a lease down, before it is sent."""
    row = {
        "id": lease.id,
        "till": lease.till,
        "kind": lease.kind.value,
        "thing": lease.thing,
        "customer": lease.customer_id or None,
        "amount": lease.amount,
        "used": 0,
        "sequence": lease.sequence,
        "granted_at": lease.granted_at,
        "expires_at": lease.expires_at,
        "state": "open",
        "recalled_at": None,
        "word": codec.encode(lease),
    }
    connection.execute(insert(schema.value_lease), [row])


def learn_values(connection: Connection, held: Sequence[SignedValueLease], *, till: str, now: datetime) -> list[str]:
    """Leases a till holds that are not here, or that it knows a newer word of: the database was restored.

    Returns:
        Ids of those that are none: never given by us, or ended since.
    """
    table = schema.value_lease
    names = sorted(one.lease.id for one in held)
    stored: dict[str, Row[Any]] = {}
    for start in range(0, len(names), THINGS_CHUNK):
        wanted = select(table).where(table.c.id.in_(names[start : start + THINGS_CHUNK])).order_by(table.c.id)
        stored |= {row.id: row for row in connection.execute(wanted.with_for_update())}
    ended: list[str] = []
    keys = ring_of(connection).keys if held else ()
    is_awaited = _is_awaited(connection, till)
    for one in held:
        lease, before = one.lease, stored.get(one.lease.id)
        if before is not None and lease.sequence <= before.sequence:
            if before.state != "open":
                ended.append(lease.id)
            continue
        if lease.till != till or not _is_signed(one, keys):
            _log.error("values.forged till=%s lease=%s", till, lease.id)
            ended.append(lease.id)
            continue
        # Expected of a till that has yet to say what it holds; from any other one it is news.
        if not is_awaited:
            notice_restoration(connection, till, why=f"lease {lease.id}", now=now, proven=True)
        if before is None:
            keep_lease(connection, lease)
        else:
            newer = {"sequence": lease.sequence, "expires_at": lease.expires_at, "word": codec.encode(lease)}
            connection.execute(update(table).where(table.c.id == lease.id).values(**newer))
    return ended


def learn_holds(
    connection: Connection, held: Sequence[HeldMoney], *, till: str, new_id: Callable[[], str], now: datetime
) -> None:
    """Holds on certificates that a till knows of and that are not here: each was written here before it was told.

    Of a receipt that is closed nothing is learned: the report was long on its way.
    """
    if not held:
        return
    table, receipts = schema.certificate_hold, schema.receipt
    uids = sorted({one.receipt_uid for one in held})
    known: set[tuple[str, str]] = set()
    closed: set[str] = set()
    for start in range(0, len(uids), THINGS_CHUNK):
        chunk = uids[start : start + THINGS_CHUNK]
        rows = connection.execute(select(table).where(table.c.till == till, table.c.receipt_uid.in_(chunk)))
        known |= {(row.receipt_uid, row.certificate) for row in rows}
        closed |= set(connection.scalars(select(receipts.c.uid).where(receipts.c.uid.in_(chunk))))
    lost = [one for one in held if (one.receipt_uid, one.certificate) not in known and one.receipt_uid not in closed]
    if not lost:
        return
    if not _is_awaited(connection, till):
        notice_restoration(connection, till, why=f"a hold for receipt {lost[0].receipt_uid}", now=now)
    rows_lost = [
        {
            "id": new_id()[:40],
            "till": till,
            "receipt_uid": one.receipt_uid,
            "certificate": one.certificate,
            "amount_minor": one.amount,
            "expires_at": now,
            "state": "open",
        }
        for one in lost
    ]
    connection.execute(insert(table), rows_lost)


def _is_awaited(connection: Connection, till: str) -> bool:
    """Whether the till has yet to say what it holds since the database was restored."""
    settled = connection.scalar(select(schema.till.c.settled_values).where(schema.till.c.id == till))
    return settled not in ("", instance_of(connection))


def _is_signed(one: SignedValueLease, keys: Sequence[str]) -> bool:
    try:
        check_any(codec.encode(one.lease), VALUE_LEASE, one.signatures, keys)
    except SignatureError:
        return False
    return True


# ── What envelopes say ──────────────────────────────────────────────────────────────────────────


def use_values(connection: Connection, till: str, used: Mapping[str, int]) -> list[str]:
    """So much was used under each lease; what is odd about it, in words for a person."""
    table = schema.value_lease
    odd: list[str] = []
    for name, amount in sorted(used.items()):
        mine = (table.c.id == name) & (table.c.till == till)
        row = connection.execute(select(table).where(mine).with_for_update()).first()
        if row is None:
            odd.append(f"used {amount} under a lease that is not known here ({name})")
            continue
        total = row.used + amount
        if total > row.amount or row.state != "open":
            odd.append(f"used {total} under a lease of {row.amount} on a {row.kind} ({row.state}, {name})")
        state = "closed" if total >= row.amount and row.state == "open" else row.state
        connection.execute(update(table).where(mine).values(used=total, state=state))
    return odd


def recall_used_elsewhere(connection: Connection, till: str, decision: Decision, *, now: datetime) -> None:
    """A sale used coupons, perhaps without asking: another till that holds one must not offer it any more."""
    for effect in decision.effects:
        if isinstance(effect, CouponUsed):
            recall_values(connection, ValueKind.COUPON, effect.code, now=now, but=till)


def close_values(connection: Connection, till: str, names: Sequence[str]) -> None:
    """The till is done with them: their rest is free. Names of other things are passed over."""
    table = schema.value_lease
    mine = table.c.id.in_(names) & (table.c.till == till) & (table.c.state == "open")
    connection.execute(update(table).where(mine).values(state="closed"))


def count_wrong_pin(connection: Connection, till: str, lease: str) -> str:
    """A wrong PIN was told at a till without a line: "" or what is odd about it."""
    leases, table = schema.value_lease, schema.certificate
    mine = (leases.c.id == lease) & (leases.c.till == till) & (leases.c.kind == ValueKind.CERTIFICATE.value)
    name = connection.scalar(select(leases.c.thing).where(mine))
    if name is None:
        return f"a wrong PIN under a lease that is not known here ({lease})"
    failures = table.c.pin_failures + 1
    connection.execute(update(table).where(table.c.id == name).values(pin_failures=failures))
    return ""


def prune_values(connection: Connection, now: datetime) -> bool:
    """Forget leases that are over for long; whether there may be more."""
    table = schema.value_lease
    old = select(table.c.id).where(
        table.c.state != "open", table.c.expires_at < now - KEPT_CLOSED, table.c.used <= table.c.amount
    )
    names = connection.scalars(old.limit(PRUNED_AT_ONCE)).all()
    connection.execute(delete(table).where(table.c.id.in_(names)))
    return len(names) == PRUNED_AT_ONCE


# ── People ──────────────────────────────────────────────────────────────────────────────────────


def recall_values(connection: Connection, kind: ValueKind, thing: str, *, now: datetime, but: str = "") -> None:
    """Tills that hold this thing, but for the one that asks, are to give it up."""
    table = schema.value_lease
    there = (table.c.kind == kind.value) & (table.c.thing == thing) & (table.c.state == "open") & (table.c.till != but)
    connection.execute(update(table).where(there, table.c.recalled_at.is_(None)).values(recalled_at=now))


def values_of(connection: Connection, *, till: str = "", customer: str = "", limit: int = 10_000) -> Sequence[Row[Any]]:
    """Open leases on coupons and certificates with the masks of the latter, for a person."""
    table, money = schema.value_lease, schema.certificate
    joined = table.outerjoin(money, (table.c.kind == ValueKind.CERTIFICATE.value) & (money.c.id == table.c.thing))
    wanted = select(table, money.c.mask).select_from(joined).where(table.c.state == "open")
    if till:
        wanted = wanted.where(table.c.till == till)
    if customer:
        wanted = wanted.where(table.c.customer == customer)
    return connection.execute(wanted.order_by(table.c.till, table.c.kind, table.c.thing).limit(limit)).all()


def release_values(connection: Connection, till: str) -> int:
    """A person says that this till is no more: what it held is free. What it used and never told is a risk taken."""
    table, tills, holds = schema.value_lease, schema.till, schema.certificate_hold
    gone = connection.execute(
        update(table).where(table.c.till == till, table.c.state == "open").values(state="released")
    )
    connection.execute(update(holds).where(holds.c.till == till, holds.c.state == "open").values(state="released"))
    connection.execute(update(tills).where(tills.c.id == till).values(settled_values=instance_of(connection)))
    _log.warning("values.released till=%s leases=%d", till, gone.rowcount)
    return gone.rowcount


def count_open(connection: Connection, till: str) -> int:
    """How many leases on values a till has."""
    table = schema.value_lease
    return connection.scalar(select(func.count()).where(table.c.till == till, table.c.state == "open")) or 0
