"""The lease keeper: parts of balances in the hands of tills, written here before they are sent.

The invariant: free remainder + what is left under leases and holds = balance - confirmed spending. A lease's end in
time stops the till and frees nothing; its rest is free when the till has said, in its chain of envelopes, that it is
done with it, because then everything spent under it before is here too (or when a person says that the till is no
more). After the database was restored from a back-up there may be leases it does not know: nothing is promised to
anybody until every till has said what it holds and has sent what it had sent before.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, or_, select, update

from central import schema
from central.changes import mark_of, new_instance
from central.lease_grants import IDS_CHUNK, LeaseRules, grant_leases, reserved_of
from central.programme_keys import signer_for_tills
from drivers.vocabulary import codec
from drivers.vocabulary.leases import LEASE, LeaseAnswer, LeaseReport, Place, SignedLease

__all__ = [
    "LeaseRules",
    "close_leases",
    "keep_earned",
    "lease_rules",
    "leases_of",
    "notice_restoration",
    "recall_leases",
    "release_leases",
    "report_leases",
    "reserved",
    "set_lease_rules",
    "spend_lease",
    "unsettled_tills",
]

GONE_AFTER: Final = timedelta(days=60)  # a till not seen for so long holds no restored centre up
RULES_ROW: Final = "lease_rules"

_log = logging.getLogger(__name__)


def lease_rules(connection: Connection) -> LeaseRules:
    """The rules in force."""
    text = connection.scalar(select(schema.meta.c.value).where(schema.meta.c.name == RULES_ROW))
    if text is None:
        return LeaseRules()
    days, share = text.split()
    return LeaseRules(int(days), int(share))


def set_lease_rules(connection: Connection, rules: LeaseRules) -> None:
    """Lease by these rules from now on; what is leased stays."""
    changed = connection.execute(
        update(schema.meta).where(schema.meta.c.name == RULES_ROW).values(value=f"{rules.days} {rules.share}")
    )
    if not changed.rowcount:
        connection.execute(insert(schema.meta).values(name=RULES_ROW, value=f"{rules.days} {rules.share}"))


# ── What is promised ────────────────────────────────────────────────────────────────────────────


def reserved(connection: Connection, customer: str, unit: str, *, now: datetime, but_receipt: tuple[str, str]) -> int:
    """Points of a customer that are somebody's already: open holds of other receipts, what is left under leases.

    Args:
        connection: the transaction.
        customer: whose.
        unit: which points.
        now: a hold of a till that reports ends when the till says so, as a lease does: it may have been used without
            a line. One of a till that never does ends in time.
        but_receipt: (till, receipt uid) whose own hold does not count.
    """
    return reserved_of(connection, [customer], now=now, but_receipt=but_receipt).get((customer, unit), 0)


def unsettled_tills(connection: Connection, now: datetime) -> list[str]:
    """Tills that have not said what they hold since the database was restored; while any is, nothing is promised."""
    till = schema.till
    instance = connection.scalar(select(schema.feed.c.instance))
    rows = connection.execute(
        select(till.c.id)
        .where(
            till.c.settled_instance.not_in(("", instance)),
            till.c.id.not_in(select(schema.till_cursor.c.till).where(schema.till_cursor.c.fork.is_not(None))),
            or_(till.c.seen_at > now - GONE_AFTER, till.c.enrolled_at > now - GONE_AFTER),
        )
        .order_by(till.c.id)
    )
    return list(rows.scalars())


# ── A till reports ──────────────────────────────────────────────────────────────────────────────


def report_leases(connection: Connection, report: LeaseReport, *, till: str, now: datetime) -> LeaseAnswer:
    """Take down what a till holds, give it what it may have."""
    lacking = _lacking(connection, report, till)
    is_surprise = _know(connection, report, till)
    if lacking is not None or is_surprise:
        notice_restoration(connection, till)
    if lacking is None:
        instance = connection.scalar(select(schema.feed.c.instance))
        connection.execute(update(schema.till).where(schema.till.c.id == till).values(settled_instance=instance))
    if mark_of(connection, till) >= (report.last.epoch, report.last.sequence):
        _end_unheard_holds(connection, report, till, now)
    rules = lease_rules(connection)
    leases: list[SignedLease] = []
    if rules.days and not unsettled_tills(connection, now):
        sign = signer_for_tills(connection, LEASE)
        granted = grant_leases(connection, report.wanted, till=till, rules=rules, now=now)
        has = {one.lease.id: one.lease.sequence for one in report.held}
        news = [one for one in granted if has.get(one.id) != one.sequence]
        leases = [SignedLease(lease=one, signatures=sign(codec.encode(one))) for one in news]
    table = schema.lease
    recalled = connection.execute(
        select(table.c.id).where(table.c.till == till, table.c.state == "open", table.c.recalled.is_(True))
    )
    return LeaseAnswer(leases=tuple(leases), recalled=tuple(recalled.scalars()), server_time=now, send_from=lacking)


def _lacking(connection: Connection, report: LeaseReport, till: str) -> Place | None:
    """The first envelope that was acknowledged and is not here, of the oldest epoch that lacks one.

    A quarantined epoch is passed over: what the till had in it, it has sealed again in a later one.
    """
    table = schema.till_cursor
    rows = {row.epoch: row for row in connection.execute(select(table).where(table.c.till == till))}
    for told in sorted((*report.earlier, report.acknowledged), key=lambda place: place.epoch):
        row = rows.get(told.epoch)
        if row is not None and row.fork is not None:
            continue
        has = row.last_seq if row is not None else 0
        if has < told.sequence:
            return Place(epoch=told.epoch, sequence=has + 1)
    return None


def notice_restoration(connection: Connection, till: str) -> None:
    """We lack what we acknowledged to this till: the database was restored, whether or not somebody told it so.

    Noticed once: what other tills still lack is then expected.
    """
    settled = connection.scalar(select(schema.till.c.settled_instance).where(schema.till.c.id == till))
    instance = connection.scalar(select(schema.feed.c.instance))
    if settled == instance:
        _log.error("restored.noticed till=%s", till)
        new_instance(connection)


def _end_unheard_holds(connection: Connection, report: LeaseReport, till: str, now: datetime) -> None:
    """Holds whose time is over and of which the till knows nothing: the answer that told of them was lost."""
    table = schema.hold
    unheard = (table.c.till == till) & (table.c.state == "open") & (table.c.expires_at <= now)
    if report.holds:
        unheard &= table.c.receipt_uid.not_in(report.holds)
    connection.execute(update(table).where(unheard).values(state="released"))


def _know(connection: Connection, report: LeaseReport, till: str) -> bool:
    """Learn leases of before the back-up, and words of them that are newer than ours; whether there were any.

    Each was written here before it was sent, so one that is news to us tells that the database was restored.
    """
    table = schema.lease
    held = {one.lease.id: one.lease for one in report.held if one.lease.till == till}
    names = sorted(held)
    stored: dict[str, Row[Any]] = {}
    for start in range(0, len(names), IDS_CHUNK):
        wanted = select(table).where(table.c.id.in_(names[start : start + IDS_CHUNK])).order_by(table.c.id)
        stored |= {row.id: row for row in connection.execute(wanted.with_for_update())}
    is_surprise = False
    for name, lease in held.items():
        before = stored.get(name)
        is_surprise |= before is None or lease.sequence > before.sequence
        if before is None:
            row = {
                "id": lease.id,
                "till": till,
                "customer": lease.customer_id,
                "unit": lease.unit,
                "points": lease.points,
                "spent": 0,
                "sequence": lease.sequence,
                "granted_at": lease.granted_at,
                "expires_at": lease.expires_at,
                "state": "open",
                "recalled": False,
            }
            connection.execute(insert(table), [row])
        elif before.state == "open" and lease.sequence > before.sequence:
            points = max(before.points, lease.points)
            newer = {"points": points, "sequence": lease.sequence, "expires_at": lease.expires_at}
            connection.execute(update(table).where(table.c.id == lease.id).values(**newer))
    return is_surprise


# ── What envelopes say ──────────────────────────────────────────────────────────────────────────


def spend_lease(connection: Connection, till: str, used: dict[str, int]) -> list[str]:
    """So many points were spent under each lease; what is odd about it, in words for a person."""
    table = schema.lease
    odd: list[str] = []
    for name, points in sorted(used.items()):
        mine = (table.c.id == name) & (table.c.till == till)
        changed = connection.execute(update(table).where(mine).values(spent=table.c.spent + points))
        if not changed.rowcount:
            odd.append(f"spent {points} under a lease that is not known here ({name})")
            continue
        row = connection.execute(select(table.c.points, table.c.spent, table.c.state).where(table.c.id == name)).one()
        if row.spent > row.points or row.state != "open":
            odd.append(f"spent {row.spent} under a lease of {row.points} ({row.state}, {name})")
    return odd


def keep_earned(
    connection: Connection, till: str, customer: str, kept: dict[str, tuple[str, int]], *, at: datetime, until: datetime
) -> None:
    """A till without a line keeps what it has just given for its own spending: lease id to (unit, points)."""
    rows = [
        {
            "id": name,
            "till": till,
            "customer": customer,
            "unit": unit,
            "points": points,
            "spent": 0,
            "sequence": 1,
            "granted_at": at,
            "expires_at": until,
            "state": "open",
            "recalled": False,
            "kept": True,
        }
        for name, (unit, points) in sorted(kept.items())
        if points > 0
    ]
    if rows:
        connection.execute(insert(schema.lease), rows)


def close_leases(connection: Connection, till: str, names: Sequence[str]) -> None:
    """The till is done with them: their rest is free. Names that are not this till's leases are passed over."""
    table = schema.lease
    mine = (table.c.id.in_(names)) & (table.c.till == till)
    connection.execute(update(table).where(mine).values(state="closed"))


# ── People ──────────────────────────────────────────────────────────────────────────────────────


def recall_leases(connection: Connection, customer: str, unit: str) -> None:
    """Somebody wants these points where there is a line: tills that hold them are asked to give them up."""
    table = schema.lease
    there = (table.c.customer == customer) & (table.c.unit == unit) & (table.c.state == "open")
    connection.execute(update(table).where(there).values(recalled=True))


def leases_of(connection: Connection, *, till: str = "", customer: str = "") -> Sequence[Row[Any]]:
    """Open leases, for a person."""
    table = schema.lease
    wanted = select(table).where(table.c.state == "open").order_by(table.c.till, table.c.customer, table.c.id)
    if till:
        wanted = wanted.where(table.c.till == till)
    if customer:
        wanted = wanted.where(table.c.customer == customer)
    return connection.execute(wanted).all()


def release_leases(connection: Connection, till: str) -> int:
    """A person says that this till is no more: what it held is free. What it spent and never told is a risk taken."""
    table = schema.lease
    gone = connection.execute(
        update(table).where(table.c.till == till, table.c.state == "open").values(state="released")
    )
    instance = connection.scalar(select(schema.feed.c.instance))
    connection.execute(update(schema.till).where(schema.till.c.id == till).values(settled_instance=instance))
    _log.warning("lease.released till=%s leases=%d", till, gone.rowcount)
    return gone.rowcount
