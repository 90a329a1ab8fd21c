"""A till asks for one customer whom its replica does not know, by keyed hash; so many in a time, and each is counted.

A till holds the tenant key, so it could try number after number and learn who is a customer of the chain. Hence a
bucket of look-ups for each till, kept in the database: it holds over restarts and over several server processes.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Final

from msgspec import Raw
from sqlalchemy import Connection, insert, select, update

from central import schema
from central.changes import bodies_of, feed_cursor, mark_of
from central.scopes import enter
from drivers.vocabulary import codec
from drivers.vocabulary.centre import Change, LookupAnswer, LookupWanted

__all__ = ["BURST", "EACH_S", "look_up"]

BURST: Final = 30.0  # an hour of guests at a busy till, all at once
EACH_S: Final = 10.0  # one more every so many seconds: 360 an hour serve any queue, and find nobody by trying numbers


def look_up(
    connection: Connection, wanted: LookupWanted, *, till: str, scope: str, now: datetime
) -> LookupAnswer | int:
    """The customer of one of these hashes with every document about them, or an answer without any.

    Who is found enters the till's scope: from now on its tills are told of them.

    Returns:
        The answer, or after how many seconds the till may ask again; the caller commits either way.
    """
    wait_s = _take_token(connection, till, now)
    if wait_s:
        return wait_s
    table = schema.alias
    rows = connection.execute(select(table.c.hash, table.c.customer).where(table.c.hash.in_(wanted.aliases)))
    owners = {row.hash: row.customer for row in rows}
    # Two keys live during a rotation; when they disagree, the first hash is the one of today's key.
    customer = next((owners[name] for name in wanted.aliases if name in owners), "")
    documents = [("alias", name, codec.encode(customer)) for name in wanted.aliases if owners.get(name) == customer]
    documents += [("customer", key, body) for key, body in bodies_of(connection, "customer", [customer]).items()]
    version = feed_cursor(connection)
    found = [
        Change(collection=collection, key=key, version=version, body=Raw(body)) for collection, key, body in documents
    ]
    epoch, reflects = mark_of(connection, till)
    is_found = any(one.collection == "customer" for one in found)
    if is_found:
        enter(connection, scope, [customer], now)
    count = schema.lookup.c.found if is_found else schema.lookup.c.missed
    connection.execute(update(schema.lookup).where(schema.lookup.c.till == till).values({count: count + 1}))
    return LookupAnswer(epoch=epoch, reflects=reflects, server_time=now, changes=tuple(found) if is_found else ())


def _take_token(connection: Connection, till: str, now: datetime) -> int:
    """One look-up off the till's bucket; 0, or after how many seconds there is one again."""
    table = schema.lookup
    row = connection.execute(select(table).where(table.c.till == till).with_for_update()).first()
    if row is None:
        fresh = {"till": till, "tokens": BURST - 1, "at": now, "found": 0, "missed": 0, "refused": 0}
        connection.execute(insert(table), [fresh])
        return 0
    # A clock that was set back must not take what there is.
    grown = max(0.0, (now - row.at).total_seconds()) / EACH_S
    tokens: float = min(BURST, row.tokens + grown)
    mine = update(table).where(table.c.till == till)
    if tokens < 1.0:
        connection.execute(mine.values(tokens=tokens, at=now, refused=table.c.refused + 1))
        return math.ceil((1.0 - tokens) * EACH_S)
    connection.execute(mine.values(tokens=tokens - 1.0, at=now))
    return 0
