"""Snapshots: everything a till may know, in parts that are made once and fetched by whoever begins.

A new till, or one whose replica is gone, takes millions of documents; from the feed they would come in the order in
which they last changed, five hundred a page, made anew for each till. A snapshot is read in the order of the keys
while the centre works on, each part in a short transaction of its own, so nobody waits for it. A document that
changes meanwhile may or may not be in its new form; with the feed from `cursor` on taken over too, it is.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
import secrets
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Raw
from sqlalchemy import Column, Connection, Select, delete, func, insert, select, update

from central import changes, schema
from central.database import Database
from central.errors import Refusal
from central.scope_feed import EVERYBODY, PERSONAL, scope_keys
from drivers.vocabulary import codec
from drivers.vocabulary.centre import Change, SnapshotManifest, SnapshotPart, SnapshotPartInfo

__all__ = ["KEPT", "PART_BYTES", "build_snapshot", "forget_unused", "is_due", "read_manifest", "read_part"]

PART_BYTES: Final = 2_097_152  # of JSON: a third of a megabyte on the line, 40 s over 64 kbit/s; lost at most once
KEPT: Final = 2  # a till that is in the middle of the one before may finish it
ABANDONED_AFTER: Final = timedelta(minutes=10)  # without a new part: whoever built it is gone
RENEW_AFTER: Final = timedelta(hours=24)
WORTH_IT: Final = 5_000  # customers; fewer come as fast from the feed itself
_KEYS: Final = 2_000  # documents read in one transaction
_GZIP_LEVEL: Final = 6
_KEY_OF: Final[dict[str, Column[str]]] = {
    "alias": schema.alias.c.hash,
    "customer": schema.customer.c.id,
    "merged": schema.merged.c.id,
}

Progress = Callable[[int, int], None]  # documents done, documents expected

_log = logging.getLogger(__name__)


def is_due(connection: Connection, now: datetime, *, scope: str = EVERYBODY) -> bool:
    """Whether a new snapshot is worth making: none yet or an old one, enough customers, and nobody at it."""
    table = schema.snapshot
    ready = (table.c.state == "ready") & (table.c.scope == scope)
    newest = connection.scalar(select(func.max(table.c.made_at)).where(ready))
    if newest is not None and now - newest < RENEW_AFTER:
        return False
    if connection.execute(_being_made(scope, now).limit(1)).first() is not None:
        return False
    inside = schema.customer_scope
    some = (
        select(schema.customer.c.id) if scope == EVERYBODY else select(inside.c.customer).where(inside.c.scope == scope)
    )
    return connection.execute(some.limit(1).offset(WORTH_IT - 1)).first() is not None


def build_snapshot(
    database: Database, *, now: Callable[[], datetime], scope: str = EVERYBODY, progress: Progress | None = None
) -> str:
    """Make a snapshot for the tills of a scope and forget all of it but the newest; its id.

    Raises:
        Refusal: 409 `snapshot_busy`, somebody is making one.
    """
    name = secrets.token_hex(8)
    with database.write() as connection:
        version, expected = _begin(connection, name, scope, now())
    done = 0
    part: list[Change] = []
    size = 0
    number = 0
    for collection, key, body in _documents(database, scope):
        part.append(Change(collection=collection, key=key, version=version, body=Raw(body)))
        size += len(body) + len(key)
        if size >= PART_BYTES:
            _write_part(database, name, number, part, now())
            done, number, part, size = done + len(part), number + 1, [], 0
            if progress is not None:
                progress(done, max(done, expected))
    if part:
        _write_part(database, name, number, part, now())
        done += len(part)
    with database.write() as connection:
        _finish(connection, name, scope, done)
    _log.info("snapshot.ready id=%s scope=%s documents=%d parts=%d", name, scope, done, number + bool(part))
    return name


def forget_unused(connection: Connection, scopes: Sequence[str], now: datetime) -> None:
    """Forget old snapshots of scopes that no till has any more."""
    table = schema.snapshot
    _forget(connection, select(table.c.id).where(table.c.scope.not_in(scopes), table.c.made_at < now - RENEW_AFTER))


def _being_made(scope: str, now: datetime) -> Select[tuple[str]]:
    table = schema.snapshot
    return select(table.c.id).where(
        table.c.state == "building", table.c.scope == scope, table.c.touched_at > now - ABANDONED_AFTER
    )


def _begin(connection: Connection, name: str, scope: str, now: datetime) -> tuple[int, int]:
    """Write down where the feed is and how far each till is, before anything is read.

    Returns:
        The feed's place, which is every document's version here, and about how many documents there are.
    """
    # The feed's row is locked first: two that begin at the same moment see one another.
    feed = connection.execute(select(schema.feed).with_for_update()).one()
    table = schema.snapshot
    busy = connection.execute(_being_made(scope, now)).first()
    if busy is not None:
        raise Refusal(409, "snapshot_busy", f"snapshot {busy.id} is being made; wait until it is ready")
    _forget(connection, select(table.c.id).where(table.c.state == "building", table.c.scope == scope))
    connection.execute(
        insert(table).values(
            id=name,
            scope=scope,
            cursor=changes.cursor_of(feed.instance, feed.cursor, scope),
            made_at=now,
            touched_at=now,
            state="building",
            documents=0,
        )
    )
    marks = []
    for till in connection.scalars(select(schema.till.c.id).where(schema.till.c.scope == scope)).all():
        epoch, sequence = changes.mark_of(connection, till)
        marks.append({"snapshot": name, "till": till, "epoch": epoch, "sequence": sequence})
    if marks:
        connection.execute(insert(schema.snapshot_mark), marks)
    own = schema.scope_change
    counted = [select(func.count()).select_from(one) for one in (schema.alias, schema.customer)]
    if scope != EVERYBODY:
        counted = [select(func.count()).where(own.c.scope == scope, own.c.removed.is_(False))]
    return feed.cursor, sum(connection.scalar(one) or 0 for one in counted)


def _documents(database: Database, scope: str) -> Iterator[tuple[str, str, bytes]]:
    """(collection, key, body) of everything, each collection in the order of its keys."""
    for collection in PERSONAL:
        for keys in _keys(database, scope, collection):
            with database.read() as connection:
                body = changes.bodies_of(connection, collection, keys)
            yield from ((collection, key, body[key]) for key in keys if key in body)
    # What else the feed carries is little: the programme, settings.
    with database.read() as connection:
        others = changes.other_documents(connection)
    yield from others


def _keys(database: Database, scope: str, collection: str) -> Iterator[Sequence[str]]:
    column = _KEY_OF[collection]
    last: str | None = None
    while True:
        with database.read() as connection:
            if scope != EVERYBODY:
                keys = scope_keys(connection, scope=scope, collection=collection, beyond=last, limit=_KEYS)
            else:
                wanted = select(column).order_by(column).limit(_KEYS)
                keys = connection.scalars(wanted if last is None else wanted.where(column > last)).all()
        if not keys:
            return
        last = keys[-1]
        yield keys


def _write_part(database: Database, name: str, number: int, part: list[Change], now: datetime) -> None:
    body = codec.encode(SnapshotPart(changes=tuple(part)))
    row = {
        "snapshot": name,
        "number": number,
        "sha256": hashlib.sha256(body).hexdigest(),
        "size": len(body),
        "documents": len(part),
        "data": gzip.compress(body, _GZIP_LEVEL, mtime=0),
    }
    with database.write() as connection:
        connection.execute(insert(schema.snapshot_part), [row])
        table = schema.snapshot
        connection.execute(update(table).where(table.c.id == name).values(touched_at=now))


def _finish(connection: Connection, name: str, scope: str, documents: int) -> None:
    table = schema.snapshot
    connection.execute(update(table).where(table.c.id == name).values(state="ready", documents=documents))
    ready = (table.c.state == "ready") & (table.c.scope == scope)
    kept = select(table.c.id).where(ready).order_by(table.c.made_at.desc()).limit(KEPT)
    names = connection.execute(kept).scalars().all()
    _forget(connection, select(table.c.id).where(ready, table.c.id.not_in(names)))


def _forget(connection: Connection, wanted: Select[tuple[str]]) -> None:
    names = connection.execute(wanted).scalars().all()
    if not names:
        return
    for table in (schema.snapshot_part, schema.snapshot_mark):
        connection.execute(delete(table).where(table.c.snapshot.in_(names)))
    connection.execute(delete(schema.snapshot).where(schema.snapshot.c.id.in_(names)))


def read_manifest(connection: Connection, *, till: str, scope: str = EVERYBODY) -> SnapshotManifest:
    """The newest snapshot of a till's scope, as this till is to take it.

    Raises:
        Refusal: 404 `no_snapshot`: everything is to be had from the feed.
    """
    table = schema.snapshot
    feed = connection.execute(select(schema.feed)).one()
    row = connection.execute(
        select(table).where(table.c.state == "ready", table.c.scope == scope).order_by(table.c.made_at.desc()).limit(1)
    ).first()
    # One of another history of the feed (the database was restored) would not fit to the changes.
    if row is None or not row.cursor.startswith(f"{feed.instance}."):
        raise Refusal(404, "no_snapshot", "there is no snapshot; read /changes from the beginning")
    mark = schema.snapshot_mark
    found = connection.execute(
        select(mark.c.epoch, mark.c.sequence).where(mark.c.snapshot == row.id, mark.c.till == till)
    ).first()
    epoch, reflects = (found.epoch, found.sequence) if found is not None else (_epoch(connection, till), 0)
    part = schema.snapshot_part
    parts = connection.execute(
        select(part.c.sha256, part.c.size, part.c.documents).where(part.c.snapshot == row.id).order_by(part.c.number)
    )
    return SnapshotManifest(
        id=row.id,
        cursor=row.cursor,
        epoch=epoch,
        reflects=reflects,
        made_at=row.made_at,
        documents=row.documents,
        parts=tuple(SnapshotPartInfo(sha256=one.sha256, size=one.size, documents=one.documents) for one in parts),
    )


def _epoch(connection: Connection, till: str) -> int:
    return connection.scalar(select(schema.till.c.epoch).where(schema.till.c.id == till)) or 1


def read_part(connection: Connection, *, snapshot: str, number: int, scope: str = EVERYBODY) -> bytes:
    """One part, gzipped, as it was made; only to a till of the snapshot's own scope.

    Raises:
        Refusal: 410 `snapshot_gone`: ask for the newest one.
    """
    part = schema.snapshot_part
    whole = schema.snapshot
    data: bytes | None = connection.scalar(
        select(part.c.data)
        .join(whole, whole.c.id == part.c.snapshot)
        .where(part.c.snapshot == snapshot, part.c.number == number, whole.c.scope == scope)
    )
    if data is None:
        raise Refusal(
            410, "snapshot_gone", f"part {number} of snapshot {snapshot[:40]!r} is not kept; ask for the newest"
        )
    return data
