"""The feed: which documents changed, in the order in which it became visible, and one page of them for a till.

A cursor is ``<instance>.<number>``, and ``.<scope>`` behind it for a till that has one; tills must not read it. The
instance names this history of the feed: after the database was restored from a back-up the operator gives it a new one
(`tillpoint central restored`). A cursor of another instance or scope, or one ahead of the feed, is answered with 410:
the till forgets its replica and begins again.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Raw
from sqlalchemy import Connection, Row, delete, select, update

from central import schema
from central.accounts import customer_documents
from central.bulk import insert_many
from central.coupons import coupon_documents
from central.errors import Refusal
from central.programme_keys import SIGNED, signed_document
from central.scope_feed import EVERYBODY, IS_COMMON, grow_feed, rows_after, tell_scopes
from drivers.vocabulary import codec
from drivers.vocabulary.centre import TOMBSTONE, Change, ChangesPage

__all__ = [
    "PAGE_BYTES_MAX",
    "PAGE_CHANGES_MAX",
    "CursorAhead",
    "bodies_of",
    "cursor_of",
    "feed_cursor",
    "mark_of",
    "new_instance",
    "other_documents",
    "place_of",
    "publish",
    "read_page",
]

PAGE_CHANGES_MAX: Final = 500  # a till applies at most 1 000 rows a transaction; half of it keeps its writes short
PAGE_BYTES_MAX: Final = 2_097_152  # of documents in one page; a customer with very many lots must not make it endless
KEYS_CHUNK: Final = 400  # keys in one statement; databases bound the number of parameters


class CursorAhead(Refusal):
    """A cursor of this very feed that it has not reached: the database was restored after the till was told of it.

    Attributes:
        instance: the feed's.
    """

    def __init__(self, instance: str) -> None:
        super().__init__(410, "cursor_unknown", "this server was restored from a back-up; begin again without a cursor")
        self.instance = instance


def publish(connection: Connection, keys: Iterable[tuple[str, str]], *, removed: bool = False) -> None:
    """Say that these documents (collection, key) changed; the last step of a transaction that changed them.

    The feed's row is locked from here to the commit, so cursors become visible in order.
    """
    wanted = list(dict.fromkeys(keys))
    if not wanted:
        return
    first = grow_feed(connection, len(wanted))
    _forget(connection, wanted)
    insert_many(
        connection,
        schema.change,
        [
            {"cursor": first + place, "collection": collection, "key": key, "removed": removed}
            for place, (collection, key) in enumerate(wanted)
        ],
    )
    tell_scopes(connection, [(first + place, key) for place, key in enumerate(wanted)], removed=removed)


def _forget(connection: Connection, keys: Sequence[tuple[str, str]]) -> None:
    """Older changes of these documents."""
    table = schema.change
    names: dict[str, list[str]] = {}
    for collection, key in keys:
        names.setdefault(collection, []).append(key)
    # A collection at a time: for pairs SQLite would read the whole feed and not its index.
    for collection, own in names.items():
        for start in range(0, len(own), KEYS_CHUNK):
            chunk = own[start : start + KEYS_CHUNK]
            connection.execute(delete(table).where(table.c.collection == collection, table.c.key.in_(chunk)))


def feed_cursor(connection: Connection) -> int:
    """How far the feed is; grows with each change."""
    cursor: int = connection.execute(select(schema.feed.c.cursor)).scalar_one()
    return cursor


def new_instance(connection: Connection, *, instead_of: str | None = None) -> None:
    """Begin another history of the feed: every till will fetch everything again.

    Nothing happens when somebody else has just ended `instead_of`.
    """
    change = update(schema.feed).values(instance=secrets.token_hex(8))
    if instead_of is not None:
        change = change.where(schema.feed.c.instance == instead_of)
    connection.execute(change)


def read_page(connection: Connection, *, till: str, cursor: str, now: datetime, scope: str = EVERYBODY) -> ChangesPage:
    """What changed after `cursor` ("" for everything) for a till of `scope`, with its mark of the same moment.

    Raises:
        Refusal: 410 `cursor_unknown`, the till must begin again.
        CursorAhead: likewise, and everybody else must too.
    """
    feed = connection.execute(select(schema.feed)).one()
    after = _place(cursor, instance=feed.instance, newest=feed.cursor, scope=scope)
    rows = rows_after(connection, scope=scope, after=after, limit=PAGE_CHANGES_MAX + 1)
    more = len(rows) > PAGE_CHANGES_MAX
    changes = _documents(connection, rows[:PAGE_CHANGES_MAX])
    kept, cut = _bounded(changes)
    more = more or cut
    reached = kept[-1].version if more else feed.cursor
    epoch, reflects = mark_of(connection, till)
    return ChangesPage(
        cursor=cursor_of(feed.instance, reached, scope),
        epoch=epoch,
        reflects=reflects,
        more=more,
        server_time=now,
        changes=tuple(kept),
    )


def mark_of(connection: Connection, till: str) -> tuple[int, int]:
    """The till's last envelope that is applied: (epoch, sequence).

    After a re-enrolment the old epoch drains first, so its mark is told until the first envelope of the new one.
    """
    cursors = schema.till_cursor
    found = connection.execute(
        select(cursors.c.epoch, cursors.c.last_seq)
        .where(cursors.c.till == till, cursors.c.last_seq > 0)
        .order_by(cursors.c.epoch.desc())
        .limit(1),
    ).first()
    if found is not None:
        return found.epoch, found.last_seq
    epoch: int | None = connection.scalar(select(schema.till.c.epoch).where(schema.till.c.id == till))
    return epoch or 1, 0


def other_documents(connection: Connection) -> list[tuple[str, str, bytes]]:
    """(collection, key, body) of all that is not about one customer: little, and not made in parts."""
    table = schema.change
    rows = connection.execute(select(table).where(IS_COMMON).order_by(table.c.collection, table.c.key)).all()
    found = _documents(connection, rows)
    return [(one.collection, one.key, one.document) for one in found if one.document is not None]


def bodies_of(connection: Connection, collection: str, keys: Sequence[str]) -> dict[str, bytes]:
    """Key → body of those of these documents that there are; of a collection that is about customers."""
    if collection == "customer":
        return dict(customer_documents(connection, keys))
    read = _alias_documents if collection == "alias" else _merged_documents
    return {key: body for (_, key), body in read(connection, keys).items()}


def place_of(cursor: str) -> int:
    """The number in a cursor that this server has just made."""
    return int(cursor.split(".")[1])


def cursor_of(instance: str, place: int, scope: str) -> str:
    """A place in the feed, as a till of a scope is told it; to a till of another scope it says nothing."""
    return f"{instance}.{place}.{scope}" if scope else f"{instance}.{place}"


def _place(cursor: str, *, instance: str, newest: int, scope: str) -> int:
    if cursor == "":
        return 0
    name, _, rest = cursor.partition(".")
    number, _, of = rest.partition(".")
    known = (name, of) == (instance, scope) and number.isascii() and number.isdigit() and len(number) <= 18
    if known and int(number) > newest:
        raise CursorAhead(instance)
    if not known:
        raise Refusal(
            410,
            "cursor_unknown",
            "this cursor is not of this server's present feed, or of another scope; begin again without a cursor",
        )
    return int(number)


def _bounded(changes: Sequence[Change]) -> tuple[list[Change], bool]:
    """As many changes as fit into a page, at least one; and whether some were left out."""
    size = 0
    for place, change in enumerate(changes):
        size += len(bytes(change.body))
        if size > PAGE_BYTES_MAX and place > 0:
            return list(changes[:place]), True
    return list(changes), False


def _documents(connection: Connection, rows: Sequence[Row[Any]]) -> list[Change]:
    """The present body of each changed document; one that is not there any more is a tombstone."""
    wanted: dict[str, list[str]] = {}
    for row in rows:
        if not row.removed:
            wanted.setdefault(row.collection, []).append(row.key)
    bodies = {("customer", key): body for key, body in customer_documents(connection, wanted.get("customer", []))}
    bodies |= _alias_documents(connection, wanted.get("alias", []))
    bodies |= _merged_documents(connection, wanted.get("merged", []))
    bodies |= {("keys", key): b"{}" for key in wanted.get("keys", [])}
    bodies |= coupon_documents(connection, wanted.get("coupon", []))
    if "programme" in wanted:
        bodies |= _programme_documents(connection)
    return [
        Change(
            collection=row.collection,
            key=row.key,
            version=row.cursor,
            body=Raw(bodies.get((row.collection, row.key), TOMBSTONE)),
        )
        for row in rows
    ]


def _alias_documents(connection: Connection, hashes: Sequence[str]) -> dict[tuple[str, str], bytes]:
    found: dict[tuple[str, str], bytes] = {}
    for start in range(0, len(hashes), KEYS_CHUNK):
        chunk = hashes[start : start + KEYS_CHUNK]
        wanted = select(schema.alias.c.hash, schema.alias.c.customer).where(schema.alias.c.hash.in_(chunk))
        for row in connection.execute(wanted).all():
            found["alias", row.hash] = codec.encode(row.customer)
    return found


def _merged_documents(connection: Connection, names: Sequence[str]) -> dict[tuple[str, str], bytes]:
    """Names that tills gave to customers who had one already: the body is the customer's id."""
    found: dict[tuple[str, str], bytes] = {}
    for start in range(0, len(names), KEYS_CHUNK):
        chunk = names[start : start + KEYS_CHUNK]
        for row in connection.execute(select(schema.merged).where(schema.merged.c.id.in_(chunk))):
            found["merged", row.id] = codec.encode(row.customer)
    return found


def _programme_documents(connection: Connection) -> dict[tuple[str, str], bytes]:
    table = schema.programme
    document = connection.scalar(select(table.c.document).order_by(table.c.version.desc()).limit(1))
    signed = signed_document(connection)
    if document is None or signed is None:
        return {}
    return {("programme", "current"): document, SIGNED: signed}
