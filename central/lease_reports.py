"""A till says what it holds; it is compared with what is written here, and the till is given what it may have.

A report that says nothing new is small: a digest of the till's leases in the place of the leases. Where it is not the
digest of what is written here, the till is asked to name them. Whatever takes something from a till (a hold it knows
nothing of, a lease it does not have) goes by when the till last heard an answer, told by the stamp it shows again: a
report that was long on its way cannot undo what was promised after it was made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from agent.signatures import SignatureError, check_any
from central import schema
from central.errors import Fork
from central.ingest import FORK_SENTENCE
from central.lease_grants import IDS_CHUNK, grant_leases
from central.leases import KEPT_CLOSED, lease_rules
from central.programme_keys import ring_of, signer_for_tills
from central.restoration import (
    await_till,
    instance_of,
    make_stamp,
    note_lack,
    note_trouble,
    notice_restoration,
    promises_nothing,
    read_stamp,
    settle,
)
from drivers.vocabulary import codec
from drivers.vocabulary.leases import (
    LEASE,
    HeldHold,
    Lease,
    LeaseAnswer,
    LeaseReport,
    Place,
    SignedLease,
    held_digest,
)

__all__ = ["report_leases"]

MARGIN: Final = timedelta(minutes=1)  # by which the clocks of two processes may differ
HOLD_ID_MAX: Final = 40  # as wide as the column; ours have 32


@dataclass(slots=True)
class _Told:
    """What came of a till's words.

    Attributes:
        lacking: the first envelope that was acknowledged and is not here, or one of those.
        is_replaced: another machine's envelope has its number, in an epoch that the till has left.
        has: the sequence of the word it has of each lease; None while that is not known.
        dropped: leases that are none any more; the till is to give them up.
        surprise: why the database must have been restored, "" when nothing says so.
        proven: our signature says so.
        odd: what a person should know.
    """

    lacking: Place | None = None
    is_replaced: bool = False
    has: dict[str, int] | None = None
    dropped: list[str] = field(default_factory=list)
    surprise: str = ""
    proven: bool = False
    odd: str = ""


def report_leases(connection: Connection, report: LeaseReport, *, till: str, now: datetime) -> LeaseAnswer:
    """Take down what a till holds, give it what it may have.

    Raises:
        Fork: what it had acknowledged is not what is here; the caller writes the quarantine in its own transaction.
    """
    # Locked: two reports of one till, the first of them late, are taken one after the other.
    row = connection.execute(select(schema.till).where(schema.till.c.id == till).with_for_update()).one()
    lacking, is_replaced = _lacking(connection, report, row)
    has_all = _has(connection, report.last, till)
    heard_in, heard_at = read_stamp(report.stamp)
    told = _Told(lacking=lacking, is_replaced=is_replaced)
    if report.held is not None:
        _know(connection, [one for one in report.held if one.lease.till == till], till, now, told)
    _know_holds(connection, report.holds, till, now, told)
    instance = _notice(connection, row, told, heard_in, now)
    is_first = heard_in == "" and row.settled_instance == ""
    is_present = heard_in == instance or is_first
    if has_all and lacking is None:
        _end_unheard_holds(connection, report, till, heard_at)
        if told.has is not None and is_present:
            _close_what_it_has_not(connection, told.has, row, now, heard_at)
    rows = _open_leases(connection, till)
    if told.has is None and report.digest == held_digest((name, sequence) for name, sequence, _ in rows):
        told.has = {name: sequence for name, sequence, _ in rows}
    _write_down(connection, till, told, is_present=is_present, now=now)
    leases = _given(connection, report, told.has, till, now)
    return LeaseAnswer(
        leases=tuple(leases),
        recalled=(*(name for name, _, is_wanted in rows if is_wanted), *told.dropped),
        server_time=now,
        send_from=lacking,
        stamp=make_stamp(instance, now),
        again=not is_present or (told.has is None and has_all),
    )


def _notice(connection: Connection, row: Row[Any], told: _Told, heard_in: str, now: datetime) -> str:
    """Is this till the first to know of a restoration? The instance from now on."""
    if row.settled_instance in {"", instance_of(connection)}:  # of one that is waited for, news was to be expected
        if told.lacking is not None and not told.is_replaced:  # the fork is known; of the restoration others tell
            why = f"envelope {told.lacking.sequence} of epoch {told.lacking.epoch} was acknowledged"
            notice_restoration(connection, row.id, why=why, now=now, of=heard_in)
        if told.surprise:
            notice_restoration(connection, row.id, why=told.surprise, now=now, of=heard_in, proven=told.proven)
    instance = instance_of(connection)
    if row.settled_instance == "" and heard_in not in {"", instance}:
        await_till(connection, row.id, heard_in)  # its first report is of after the back-up
    return instance


def _write_down(connection: Connection, till: str, told: _Told, *, is_present: bool, now: datetime) -> None:
    """What the till has said, lacks, or says wrongly."""
    row = connection.execute(select(schema.till).where(schema.till.c.id == till)).one()
    if told.odd:
        note_trouble(connection, till, told.odd, now)
    if told.lacking is not None:
        note_lack(connection, row, told.lacking, now)
    elif is_present and told.has is not None:
        settle(connection, row, now, odd=told.odd)


def _given(
    connection: Connection, report: LeaseReport, has: dict[str, int] | None, till: str, now: datetime
) -> list[SignedLease]:
    """New leases and new words of old ones; none for a till of which it is not known what it holds."""
    if has is None:
        return []
    rules = lease_rules(connection)
    if not rules.days or promises_nothing(connection, now):
        return []
    granted = grant_leases(connection, report.wanted, till=till, rules=rules, now=now, has=has)
    if not granted:
        return []
    sign = signer_for_tills(connection, LEASE)
    return [SignedLease(lease=one, signatures=sign(codec.encode(one))) for one in granted]


# ── Envelopes ───────────────────────────────────────────────────────────────────────────────────


def _lacking(connection: Connection, report: LeaseReport, till: Row[Any]) -> tuple[Place | None, bool]:
    """(the envelope to send again from, whether another one has its number), of the oldest epoch that lacks one.

    What the till has sealed again in a later epoch it does not name any more. Of a quarantined epoch only an envelope
    that is named with its hash is asked for: an older till would send it, and be refused, for ever.

    Raises:
        Fork: another one has its number, in the till's present epoch.
    """
    table = schema.till_cursor
    rows = {row.epoch: row for row in connection.execute(select(table).where(table.c.till == till.id))}
    for told in sorted((*report.earlier, report.acknowledged), key=lambda place: place.epoch):
        row = rows.get(told.epoch)
        reached = row.last_seq if row is not None else 0
        is_forked = row is not None and row.fork is not None
        if told.hash and (is_forked or told.sequence <= reached) and _hash_at(connection, told, till.id) != told.hash:
            if told.epoch >= till.epoch:
                raise Fork(FORK_SENTENCE.format(till=till.id, epoch=told.epoch), till=till.id, epoch=told.epoch)
            return Place(epoch=told.epoch, sequence=told.sequence), True
        if reached < told.sequence and not is_forked:
            return Place(epoch=told.epoch, sequence=reached + 1), False
    return None, False


def _hash_at(connection: Connection, place: Place, till: str) -> str:
    """Of the envelope that has this number here, "" for none; sequence 0 has none, and nobody tells its hash."""
    table = schema.envelope
    there = (table.c.till == till) & (table.c.epoch == place.epoch) & (table.c.sequence == place.sequence)
    return connection.scalar(select(table.c.hash).where(there)) or ""


def _has(connection: Connection, last: Place, till: str) -> bool:
    """Whether all the till has written is here."""
    table = schema.till_cursor
    mine = (table.c.till == till) & (table.c.epoch == last.epoch)
    return (connection.scalar(select(table.c.last_seq).where(mine)) or 0) >= last.sequence


# ── Leases ──────────────────────────────────────────────────────────────────────────────────────


def _open_leases(connection: Connection, till: str) -> list[tuple[str, int, bool]]:
    """(id, sequence, whether it is wanted back) of what the till should have of ours."""
    table = schema.lease
    wanted = select(table.c.id, table.c.sequence, table.c.recalled).where(
        table.c.till == till, table.c.state == "open", table.c.kept.is_(False)
    )
    return [(row.id, row.sequence, row.recalled) for row in connection.execute(wanted.order_by(table.c.id))]


def _know(connection: Connection, held: Sequence[SignedLease], till: str, now: datetime, told: _Told) -> None:
    """Learn leases of before the back-up, and words of them that are newer than ours, as far as we signed them.

    Each was written here before it was sent, so one that is news to us tells that the database was restored.
    """
    table = schema.lease
    names = sorted({one.lease.id for one in held})
    stored: dict[str, Row[Any]] = {}
    for start in range(0, len(names), IDS_CHUNK):
        wanted = select(table).where(table.c.id.in_(names[start : start + IDS_CHUNK])).order_by(table.c.id)
        stored |= {row.id: row for row in connection.execute(wanted)}
    told.has = {}
    keys = ring_of(connection).keys
    for signed in held:
        lease, before = signed.lease, stored.get(signed.lease.id)
        is_news = before is None or (before.till == till and lease.sequence > before.sequence)
        if (before is not None and (before.till != till or before.state != "open")) or _is_ancient(lease, now):
            told.dropped.append(lease.id)
        elif is_news and not _is_ours(signed, keys):
            told.odd = f"shows a lease that this centre has not signed ({lease.id})"
            told.dropped.append(lease.id)
        else:
            told.has[lease.id] = lease.sequence
            if is_news:
                told.surprise, told.proven = f"it holds lease {lease.id}", True
                _write(connection, lease, before)


def _is_ancient(lease: Lease, now: datetime) -> bool:
    """Whether it was closed and forgotten here, for all we know."""
    return lease.expires_at < now - KEPT_CLOSED


def _is_ours(signed: SignedLease, keys: Sequence[str]) -> bool:
    try:
        check_any(codec.encode(signed.lease), LEASE, signed.signatures, keys)
    except SignatureError:
        return False
    return True


def _write(connection: Connection, lease: Lease, before: Row[Any] | None) -> None:
    """Take a lease down that a till showed us."""
    table = schema.lease
    values = {"sequence": lease.sequence, "granted_at": lease.granted_at, "expires_at": lease.expires_at}
    if before is not None:
        points = max(before.points, lease.points)
        connection.execute(update(table).where(table.c.id == lease.id).values(points=points, **values))
        return
    row = {
        "id": lease.id,
        "till": lease.till,
        "customer": lease.customer_id,
        "unit": lease.unit,
        "points": lease.points,
        "spent": 0,
        "state": "open",
        "recalled": False,
        "kept": False,
        **values,
    }
    connection.execute(insert(table), [row])


def _close_what_it_has_not(
    connection: Connection, has: dict[str, int], row: Row[Any], now: datetime, heard_at: datetime
) -> None:
    """Free what the till was told of before it made this report, and does not hold.

    The answer was lost and nobody asked again, or the till's files are others now. What was told before the till was
    enrolled last ends in time first: the machine of then may still be selling.
    """
    table = schema.lease
    lost = (
        (table.c.till == row.id)
        & (table.c.state == "open")
        & (table.c.kept.is_(False))
        & (table.c.granted_at < heard_at - MARGIN)
        & ((table.c.granted_at >= row.enrolled_at) | (table.c.expires_at <= now))
    )
    names = [name for name in connection.execute(select(table.c.id).where(lost)).scalars() if name not in has]
    for start in range(0, len(names), IDS_CHUNK):
        chunk = names[start : start + IDS_CHUNK]
        connection.execute(update(table).where(table.c.id.in_(chunk)).values(state="closed"))


# ── Holds ───────────────────────────────────────────────────────────────────────────────────────


def _know_holds(connection: Connection, holds: Sequence[HeldHold], till: str, now: datetime, told: _Told) -> None:
    """Learn holds of after the back-up; one of a receipt that is here already was used or given up."""
    table, receipt = schema.hold, schema.receipt
    by_uid = {one.receipt_uid: one for one in holds if len(one.id) <= HOLD_ID_MAX}
    uids = sorted(by_uid)
    for start in range(0, len(uids), IDS_CHUNK):
        chunk = uids[start : start + IDS_CHUNK]
        mine = select(table).where(table.c.till == till, table.c.receipt_uid.in_(chunk))
        stored = {row.receipt_uid: row for row in connection.execute(mine)}
        over = set(connection.execute(select(receipt.c.uid).where(receipt.c.uid.in_(chunk))).scalars())
        for uid in chunk:
            hold, before = by_uid[uid], stored.get(uid)
            if before is None and uid not in over:
                told.surprise = told.surprise or f"it has a hold for receipt {uid}"
                row = {
                    "id": hold.id,
                    "till": till,
                    "receipt_uid": uid,
                    "customer": hold.customer_id,
                    "unit": hold.unit,
                    "points": hold.points,
                    # Over when the till, asked again, says nothing of it any more.
                    "expires_at": now,
                    "state": "open",
                }
                connection.execute(insert(table), [row])
            elif before is not None and before.state == "open" and before.points < hold.points:
                connection.execute(update(table).where(table.c.id == before.id).values(points=hold.points))


def _end_unheard_holds(connection: Connection, report: LeaseReport, till: str, heard_at: datetime) -> None:
    """Holds that were over when the till last heard us, and of which it knows nothing: it never heard of them."""
    table = schema.hold
    unheard = (table.c.till == till) & (table.c.state == "open") & (table.c.expires_at <= heard_at)
    known = [one.receipt_uid for one in report.holds]
    if known:
        unheard &= table.c.receipt_uid.not_in(known)
    connection.execute(update(table).where(unheard).values(state="released"))
