"""Which customers the tills of which scope are told of: their home, where they shop, where they were asked for.

A scope is a word, such as a region. Ten thousand tills times every balance would be terabytes a day; a till of a scope
holds the customers of its scope and asks the centre for anybody else (`lookups`). A till without a scope is told all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection, delete, func, select, update

from central import schema
from central.bulk import insert_many
from central.database import Database
from central.errors import CentralStartError
from central.scope_feed import EVERYBODY, make_scope, tell_scope

__all__ = [
    "SCOPE",
    "ScopeView",
    "change_scope",
    "checked_scope",
    "enter",
    "fill_from_receipts",
    "list_scopes",
    "prune",
    "scopes_in_use",
    "settle_homes",
]

SCOPE: Final = re.compile(r"[a-z0-9_-]{1,24}")
SEEN_EVERY: Final = timedelta(days=1)  # how exact "last here" is: not a write for each receipt
CHUNK_ROWS: Final = 400  # customers of one transaction: tills are served in between

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeView:
    """One scope for the operator; `found`, `missed` and `refused` are look-ups of its tills."""

    name: str
    tills: int
    customers: int
    homes: int
    found: int
    missed: int
    refused: int


def checked_scope(scope: str) -> str:
    """The same scope, or "" for everything.

    Raises:
        CentralStartError: it is not a word that can be one.
    """
    if scope != EVERYBODY and not SCOPE.fullmatch(scope):
        raise CentralStartError(
            f"the scope {scope[:40]!r} must be 1 to 24 small letters, digits, '_' or '-', or '' for everything"
        )
    return scope


def enter(
    connection: Connection, scope: str, customers: Collection[str], now: datetime, *, home: bool = False
) -> list[str]:
    """These customers are in this scope; those who were not before, told to its tills. The last step of a transaction.

    Names that the centre does not know enter nothing.
    """
    if scope == EVERYBODY or not customers:
        return []
    make_scope(connection, scope)
    table = schema.customer_scope
    fresh: list[str] = []
    wanted = sorted(set(customers))
    for start in range(0, len(wanted), CHUNK_ROWS):
        chunk = wanted[start : start + CHUNK_ROWS]
        of = schema.customer
        known = connection.scalars(select(of.c.id).where(of.c.id.in_(chunk)).order_by(of.c.id)).all()
        rows = connection.execute(select(table).where(table.c.scope == scope, table.c.customer.in_(chunk)))
        there = {row.customer: row for row in rows}
        new = [name for name in known if name not in there]
        insert_many(
            connection,
            table,
            [{"customer": name, "scope": scope, "since": now, "last_at": now, "home": home} for name in new],
        )
        old = [name for name, row in there.items() if now - row.last_at >= SEEN_EVERY or (home and not row.home)]
        if old:
            values = {"last_at": now, "home": True} if home else {"last_at": now}
            mine = (table.c.scope == scope) & table.c.customer.in_(old)
            connection.execute(update(table).where(mine).values(**values))
        fresh += new
    if fresh:
        tell_scope(connection, scope, fresh, removed=False)
    return fresh


def settle_homes(connection: Connection, homes: Mapping[str, str], now: datetime) -> set[str]:
    """Customer → home, as a file of members says; who had another. A home before is kept as long as any scope is."""
    wanted = {customer: scope for customer, scope in homes.items() if scope}
    if not wanted:
        return set()
    table = schema.customer_scope
    rows = connection.execute(
        select(table.c.customer, table.c.scope).where(table.c.customer.in_(list(wanted)), table.c.home)
    )
    before = {row.customer: row.scope for row in rows}
    moved = {customer for customer, scope in wanted.items() if before.get(customer) != scope}
    left = [customer for customer in moved if customer in before]
    if left:
        gone = table.c.customer.in_(left) & table.c.home
        connection.execute(update(table).where(gone).values(home=False, last_at=now))
    for scope in sorted(set(wanted.values())):
        enter(connection, scope, {one for one in moved if wanted[one] == scope}, now, home=True)
    return moved


def prune(database: Database, *, older_than: timedelta, now: datetime, progress: Progress = lambda _: None) -> int:
    """Who was not seen in a scope for so long leaves it, unless it is home; how many did."""
    done = 0
    for scope in database.reading(lambda one: one.scalars(select(schema.scope.c.name)).all()):
        while count := database.writing(partial(_prune_some, scope=scope, before=now - older_than)):
            done += count
            progress(done)
    return done


def _prune_some(connection: Connection, scope: str, before: datetime) -> int:
    table = schema.customer_scope
    wanted = (
        select(table.c.customer)
        .where(table.c.scope == scope, table.c.home.is_(False), table.c.last_at < before)
        .order_by(table.c.last_at)
        .limit(CHUNK_ROWS)
    )
    gone = connection.scalars(wanted).all()
    if not gone:
        return 0
    connection.execute(delete(table).where(table.c.scope == scope, table.c.customer.in_(gone)))
    tell_scope(connection, scope, gone, removed=True)
    return len(gone)


def scopes_in_use(connection: Connection) -> Sequence[str]:
    """The scopes that tills have."""
    return connection.scalars(select(schema.till.c.scope).distinct().order_by(schema.till.c.scope)).all()


def change_scope(connection: Connection, till: str, scope: str) -> str:
    """Give a till another scope; the one it had. It fetches what it may know anew at its next contact.

    Raises:
        CentralStartError: no such till, or the word cannot be a scope.
    """
    table = schema.till
    before: str | None = connection.scalar(select(table.c.scope).where(table.c.id == till).with_for_update())
    if before is None:
        raise CentralStartError(f"no till {till[:80]!r}; `tillpoint central totals` lists them")
    if checked_scope(scope) != EVERYBODY:
        make_scope(connection, scope)
    connection.execute(update(table).where(table.c.id == till).values(scope=scope))
    return before


def fill_from_receipts(
    database: Database, till: str, scope: str, *, now: datetime, progress: Progress = lambda _: None
) -> int:
    """Who ever shopped at a till enters a scope; how many did. For a till that had none: it sells on as it knew."""
    after, done = "", 0
    while scope != EVERYBODY:
        found = database.reading(partial(_buyers, till=till, after=after))
        if not found:
            break
        after = found[-1][0]
        buyers = {customer for _, customer in found}
        done += len(database.writing(partial(enter, scope=scope, customers=buyers, now=now)))
        progress(done)
    return done


def _buyers(connection: Connection, till: str, after: str) -> list[tuple[str, str]]:
    table = schema.receipt
    wanted = (
        select(table.c.uid, table.c.customer)
        .where(table.c.till == till, table.c.customer.is_not(None), table.c.uid > after)
        .order_by(table.c.uid)
        .limit(CHUNK_ROWS)
    )
    return [(row.uid, row.customer) for row in connection.execute(wanted)]


def list_scopes(connection: Connection) -> list[ScopeView]:
    """Every scope, and everybody's."""
    till, inside, asked = schema.till, schema.customer_scope, schema.lookup
    tills: dict[str, int] = {}
    looked: dict[str, tuple[int, int, int]] = {}
    counts = select(
        till.c.scope,
        func.count(),
        func.coalesce(func.sum(asked.c.found), 0),
        func.coalesce(func.sum(asked.c.missed), 0),
        func.coalesce(func.sum(asked.c.refused), 0),
    ).select_from(till.outerjoin(asked, asked.c.till == till.c.id))
    for scope, count, found, missed, refused in connection.execute(counts.group_by(till.c.scope)):
        tills[scope], looked[scope] = count, (int(found), int(missed), int(refused))
    homes: dict[str, int] = {}
    others: dict[str, int] = {}
    grouped = select(inside.c.scope, inside.c.home, func.count()).group_by(inside.c.scope, inside.c.home)
    for scope, home, count in connection.execute(grouped):
        (homes if home else others)[scope] = count
    everybody = connection.scalar(select(func.count()).select_from(schema.customer)) or 0
    names = {EVERYBODY, *tills, *homes, *others, *connection.scalars(select(schema.scope.c.name))}
    return [
        ScopeView(
            name=name,
            tills=tills.get(name, 0),
            customers=everybody if name == EVERYBODY else homes.get(name, 0) + others.get(name, 0),
            homes=homes.get(name, 0),
            found=looked.get(name, (0, 0, 0))[0],
            missed=looked.get(name, (0, 0, 0))[1],
            refused=looked.get(name, (0, 0, 0))[2],
        )
        for name in sorted(names)
    ]
