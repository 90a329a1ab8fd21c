"""Tables of what the tills are told: the feed of changes, scopes, look-ups, snapshots."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    text,
)

from central.schema.columns import Instant, metadata

__all__ = [
    "change",
    "customer_scope",
    "feed",
    "lookup",
    "scope",
    "scope_change",
    "snapshot",
    "snapshot_mark",
    "snapshot_part",
]

#: The feed's newest change of each document; older ones are replaced, so the feed is never longer than the documents.
change: Final = Table(
    "change",
    metadata,
    Column("cursor", BigInteger, primary_key=True, autoincrement=False),
    Column("collection", String(32), nullable=False),
    Column("key", String(128), nullable=False),
    Column("removed", Boolean, nullable=False),
    UniqueConstraint("collection", "key"),
    # What every till is told, of whatever scope, found without reading what is about customers.
    Index(
        "change_common",
        "cursor",
        sqlite_where=text("collection NOT IN ('alias', 'customer', 'merged')"),
        postgresql_where=text("collection NOT IN ('alias', 'customer', 'merged')"),
    ),
)

#: One row. Cursors are handed out under its lock, so they become visible in their own order: a sequence of the
#: database's own would let a reader see 11 while 10 is not committed yet, and skip 10 for ever.
feed: Final = Table(
    "feed",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("cursor", BigInteger, nullable=False),
    Column("instance", String(16), nullable=False),
)

#: One row for each scope there is, with the feed's place of the newest change that its tills are told and others need
#: not be; the scope "" stands for what all of them are told. No rows: every till is told everything.
scope: Final = Table(
    "scope",
    metadata,
    Column("name", String(24), primary_key=True),
    Column("cursor", BigInteger, nullable=False),
)

#: Who is told to the tills of which scope. `home` came with the file of members and does not end by itself.
customer_scope: Final = Table(
    "customer_scope",
    metadata,
    Column("customer", String(64), nullable=False),
    Column("scope", String(24), nullable=False),
    Column("since", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("home", Boolean, nullable=False),
    PrimaryKeyConstraint("customer", "scope"),
    Index("customer_scope_age", "scope", "home", "last_at"),
)

#: The newest change of each document of a scope's customers, as `change` is for all: what its tills were told, removed
#: ones too. Cursors are the feed's own.
scope_change: Final = Table(
    "scope_change",
    metadata,
    Column("scope", String(24), nullable=False),
    Column("cursor", BigInteger, nullable=False),
    Column("collection", String(32), nullable=False),
    Column("key", String(128), nullable=False),
    Column("removed", Boolean, nullable=False),
    PrimaryKeyConstraint("scope", "cursor"),
    UniqueConstraint("scope", "collection", "key"),
    Index("scope_change_key", "key"),
)

#: How many customers a till asked for by their keyed hash, and how many more it may ask for now (`tokens`, at `at`).
lookup: Final = Table(
    "lookup",
    metadata,
    Column("till", String(80), primary_key=True),
    Column("tokens", Float, nullable=False),
    Column("at", Instant, nullable=False),
    Column("found", BigInteger, nullable=False),
    Column("missed", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
)

#: Everything the tills may know, read in parts at one time and kept for those who begin. `state` is "building" or
#: "ready"; `touched_at` shows that whoever builds it is still at it.
snapshot: Final = Table(
    "snapshot",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("scope", String(40), nullable=False),
    Column("cursor", String(64), nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("touched_at", Instant, nullable=False),
    Column("state", String(16), nullable=False),
    Column("documents", BigInteger, nullable=False),
)

#: Each till's last envelope that every part of the snapshot contains.
snapshot_mark: Final = Table(
    "snapshot_mark",
    metadata,
    Column("snapshot", String(40), nullable=False),
    Column("till", String(80), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    PrimaryKeyConstraint("snapshot", "till"),
)

#: `data` is the answer's body as it goes over the wire, gzipped; sha256 and size are of what it unzips to.
snapshot_part: Final = Table(
    "snapshot_part",
    metadata,
    Column("snapshot", String(40), nullable=False),
    Column("number", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("documents", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("snapshot", "number"),
)
