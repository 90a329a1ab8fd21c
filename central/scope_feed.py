"""What the tills of one scope are told: the feed's changes about their own customers, and nobody else's.

Beside the feed of all changes each scope has its own, under the same cursors: a till that was away reads what concerns
it and nothing else, and a long poll is woken by nothing else. Who is in which scope is decided in `scopes`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select, text, update

from central import schema
from central.bulk import insert_many

__all__ = [
    "EVERYBODY",
    "IS_COMMON",
    "PERSONAL",
    "FeedPlaces",
    "feed_places",
    "grow_feed",
    "make_scope",
    "rows_after",
    "scope_keys",
    "tell_scope",
    "tell_scopes",
]

EVERYBODY: Final = ""  # the scope of a till that is told everything
PERSONAL: Final = ("alias", "customer", "merged")  # collections about one customer; all others go to every till
KEYS_CHUNK: Final = 400  # keys in one statement; databases bound the number of parameters
#: Word for word the condition of the index `change_common`: with parameters no database would use it.
IS_COMMON: Final = text("change.collection NOT IN ('alias', 'customer', 'merged')")

Key = tuple[str, str]  # collection, key


@dataclass(frozen=True, slots=True)
class FeedPlaces:
    """Where the newest change is that each till must be told: of everybody's tills, of all scopes, of each scope."""

    everybody: int
    common: int = 0
    scopes: Mapping[str, int] = field(default_factory=dict)

    def of(self, scope: str) -> int:
        """Of one scope's tills."""
        return self.everybody if scope == EVERYBODY else max(self.common, self.scopes.get(scope, 0))


def feed_places(connection: Connection) -> FeedPlaces:
    """As it is now; costs a row for each scope."""
    newest = connection.scalar(select(func.max(schema.change.c.cursor)))
    places = {row.name: row.cursor for row in connection.execute(select(schema.scope))}
    return FeedPlaces(newest or 0, places.get(EVERYBODY, 0), places)


def grow_feed(connection: Connection, count: int) -> int:
    """The first of so many new cursors; the feed's row is locked from here to the commit, also for 0 of them."""
    grown = update(schema.feed).where(schema.feed.c.id == 1).values(cursor=schema.feed.c.cursor + count)
    last: int = connection.execute(grown.returning(schema.feed.c.cursor)).scalar_one()
    return last - count + 1


def make_scope(connection: Connection, scope: str) -> None:
    """From now on there is this scope; harmless when there is."""
    table = schema.scope
    there = set(connection.scalars(select(table.c.name).where(table.c.name.in_((EVERYBODY, scope)))))
    for name in dict.fromkeys((EVERYBODY, scope)):
        if name not in there:
            connection.execute(insert(table).values(name=name, cursor=0))


def tell_scopes(connection: Connection, changed: Sequence[tuple[int, Key]], *, removed: bool) -> None:
    """After documents changed, under (cursor, key) of the feed: tell each scope what is its own.

    A document that a scope was told and that is not of its customers any more (a number that moved) is removed there.
    """
    names = set(connection.scalars(select(schema.scope.c.name)))
    if not names:
        return
    if any(key[0] not in PERSONAL for _, key in changed):
        _raise(connection, {EVERYBODY: changed[-1][0]})
    about = [(cursor, key) for cursor, key in changed if key[0] in PERSONAL]
    if not about:
        return
    keys = [key for _, key in about]
    told = _told(connection, keys)
    owners = {} if removed else _owners(connection, keys)
    homes = scopes_of(connection, set(owners.values()))
    rows = []
    for cursor, key in about:
        wanted = homes.get(owners.get(key, ""), set())
        rows += [_row(scope, cursor, key, removed=scope not in wanted) for scope in told.get(key, set()) | wanted]
    _forget(connection, [key for key in keys if key in told])
    insert_many(connection, schema.scope_change, rows)
    _raise(connection, {row["scope"]: row["cursor"] for row in rows})


def tell_scope(connection: Connection, scope: str, customers: Collection[str], *, removed: bool) -> int:
    """Tell one scope every document of these customers, or that it has them no more; how many documents."""
    grow_feed(connection, 0)  # the lock first: what others have just written about them is seen, or is told by them
    keys = _documents_of(connection, customers)
    if not keys:
        return 0
    first = grow_feed(connection, len(keys))
    rows = [_row(scope, first + place, key, removed=removed) for place, key in enumerate(keys)]
    _forget(connection, keys, scope=scope)
    insert_many(connection, schema.scope_change, rows)
    _raise(connection, {scope: rows[-1]["cursor"]})
    return len(keys)


def scopes_of(connection: Connection, customers: Collection[str]) -> dict[str, set[str]]:
    """The scopes of each customer that has any."""
    table = schema.customer_scope
    found: dict[str, set[str]] = {}
    for chunk in _chunks(sorted(customers)):
        wanted = select(table.c.customer, table.c.scope).where(table.c.customer.in_(chunk))
        for row in connection.execute(wanted):
            found.setdefault(row.customer, set()).add(row.scope)
    return found


def rows_after(connection: Connection, *, scope: str, after: int, limit: int) -> Sequence[Row[Any]]:
    """The first changes after a place that the tills of a scope are told: cursor, collection, key, removed."""
    table = schema.change
    common = select(table).where(table.c.cursor > after).order_by(table.c.cursor).limit(limit)
    if scope == EVERYBODY:
        return connection.execute(common).all()
    own = schema.scope_change
    wanted = (
        select(own.c.cursor, own.c.collection, own.c.key, own.c.removed)
        .where(own.c.scope == scope, own.c.cursor > after)
        .order_by(own.c.cursor)
        .limit(limit)
    )
    rows = [*connection.execute(common.where(IS_COMMON)), *connection.execute(wanted)]
    return sorted(rows, key=attrgetter("cursor"))[:limit]


def scope_keys(connection: Connection, *, scope: str, collection: str, beyond: str | None, limit: int) -> Sequence[str]:
    """The next keys of a collection that a scope has, in their order."""
    table = schema.scope_change
    wanted = select(table.c.key).where(table.c.scope == scope, table.c.collection == collection)
    if beyond is not None:
        wanted = wanted.where(table.c.key > beyond)
    return connection.scalars(wanted.where(table.c.removed.is_(False)).order_by(table.c.key).limit(limit)).all()


def _told(connection: Connection, keys: Sequence[Key]) -> dict[Key, set[str]]:
    """Which scopes were ever told each document."""
    table = schema.scope_change
    wanted = set(keys)
    found: dict[Key, set[str]] = {}
    for chunk in _chunks([name for _, name in keys]):
        rows = select(table.c.scope, table.c.collection, table.c.key).where(table.c.key.in_(chunk))
        for row in connection.execute(rows):
            if (row.collection, row.key) in wanted:
                found.setdefault((row.collection, row.key), set()).add(row.scope)
    return found


def _owners(connection: Connection, keys: Sequence[Key]) -> dict[Key, str]:
    """Whose each document is."""
    owners = {key: key[1] for key in keys if key[0] == "customer"}
    for collection, table, column in (
        ("alias", schema.alias, schema.alias.c.hash),
        ("merged", schema.merged, schema.merged.c.id),
    ):
        for chunk in _chunks([name for kind, name in keys if kind == collection]):
            for row in connection.execute(select(column.label("key"), table.c.customer).where(column.in_(chunk))):
                owners[collection, row.key] = row.customer
    return owners


def _documents_of(connection: Connection, customers: Collection[str]) -> list[Key]:
    keys: list[Key] = []
    for chunk in _chunks(sorted(customers)):
        keys += [("customer", customer) for customer in chunk]
        for collection, table, column in (
            ("alias", schema.alias, schema.alias.c.hash),
            ("merged", schema.merged, schema.merged.c.id),
        ):
            wanted = select(column).where(table.c.customer.in_(chunk)).order_by(column)
            keys += [(collection, name) for name in connection.scalars(wanted)]
    return keys


def _forget(connection: Connection, keys: Sequence[Key], *, scope: str | None = None) -> None:
    """Take out what was told of these documents: to one scope, or to all."""
    table = schema.scope_change
    for collection in PERSONAL:
        # One collection a statement: with pairs of collection and key SQLite walks over the whole scope.
        for chunk in _chunks(name for kind, name in keys if kind == collection):
            gone = delete(table).where(table.c.collection == collection, table.c.key.in_(chunk))
            connection.execute(gone if scope is None else gone.where(table.c.scope == scope))


def _row(scope: str, cursor: int, key: Key, *, removed: bool) -> dict[str, Any]:
    return {"scope": scope, "cursor": cursor, "collection": key[0], "key": key[1], "removed": removed}


def _raise(connection: Connection, places: Mapping[str, int]) -> None:
    """These scopes have news up to here."""
    table = schema.scope
    for scope, cursor in places.items():
        connection.execute(update(table).where(table.c.name == scope).values(cursor=cursor))


def _chunks(whole: Iterable[Any]) -> Iterator[list[Any]]:
    rest = list(whole)
    for start in range(0, len(rest), KEYS_CHUNK):
        yield rest[start : start + KEYS_CHUNK]
