"""The tables of the central server and how an older database becomes a newer one; no queries.

Instants are text in UTC with microseconds, so they sort as text on every database; money and points are whole minor
units. Nothing here is peculiar to one database.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    delete,
    insert,
    inspect,
    select,
)

from central.errors import CentralStartError

__all__ = [
    "MIGRATIONS",
    "VERSION",
    "Instant",
    "alias",
    "change",
    "contact",
    "customer",
    "enrol_code",
    "envelope",
    "feed",
    "hold",
    "ledger",
    "lot",
    "meta",
    "metadata",
    "migrate",
    "programme",
    "receipt",
    "till",
    "till_cursor",
]

#: SQLite numbers rows by itself only for a column of type INTEGER.
_Number = BigInteger().with_variant(Integer, "sqlite")


class Instant(TypeDecorator[datetime]):
    """An aware moment, kept as ``2026-11-21T10:00:00.000000Z``: the order of the text is the order of time."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """To text in UTC."""
        del dialect
        if value is None:
            return None
        # strftime("%Y") does not pad years below 1000 on every platform; isoformat does.
        utc = value.astimezone(UTC).replace(tzinfo=None)
        return utc.isoformat(timespec="microseconds") + "Z"

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """To an aware datetime in UTC."""
        del dialect
        return None if value is None else datetime.fromisoformat(value)


metadata: Final = MetaData()

#: One row a word: schema_version, tenant_key (hex), currency.
meta: Final = Table(
    "meta", metadata, Column("name", String(40), primary_key=True), Column("value", Text, nullable=False)
)

till: Final = Table(
    "till",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("shop", String(80), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("token_hash", String(64), nullable=False),
    # False until the till's first request: only then is it sure that the answer of the enrolment arrived.
    Column("token_used", Boolean, nullable=False),
    Column("machine", String(80), nullable=False),
    Column("enrolled_at", Instant, nullable=False),
    Column("seen_at", Instant),
    Column("version", String(40), nullable=False, default=""),
    Column("queue_depth", BigInteger),
    Column("oldest_age_s", BigInteger),
    # The till's clock less ours when it last spoke: how wrong its clock is.
    Column("clock_offset_s", BigInteger),
)

#: The high-water mark of one epoch of one till; `fork` is why it is quarantined, NULL when it is not.
till_cursor: Final = Table(
    "till_cursor",
    metadata,
    Column("till", String(80), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("head", String(64), nullable=False),
    Column("duplicates", BigInteger, nullable=False, default=0),
    Column("fork", Text),
    PrimaryKeyConstraint("till", "epoch"),
)

envelope: Final = Table(
    "envelope",
    metadata,
    Column("till", String(80), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("id", String(40), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("kind", String(60), nullable=False),
    Column("occurred_at", String(40), nullable=False),
    Column("boot_id", String(40), nullable=False),
    Column("uptime_ms", BigInteger, nullable=False),
    Column("programme_version", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("till", "epoch", "sequence"),
)

#: One row for each receipt uid that ever had its effect; `state` is "settled", "waiting" (a return whose sale has not
#: arrived) or "person" (a return that names no sale).
receipt: Final = Table(
    "receipt",
    metadata,
    Column("uid", String(80), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("customer", String(64)),
    Column("base_uid", String(80)),
    Column("total_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("body_hash", String(64), nullable=False),
    Column("till", String(80), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Index("receipt_base", "base_uid"),
)

customer: Final = Table(
    "customer",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(80), nullable=False),
    Column("phone", String(24), nullable=False),
    Column("tier", String(40), nullable=False),
    Column("spent_minor", BigInteger, nullable=False),
    Column("blocked", Boolean, nullable=False),
    Column("segments", JSON, nullable=False),
    Column("deficits", JSON, nullable=False),
)

#: Who the customer is. Never joined into the feed: a till learns masks and keyed hashes only.
contact: Final = Table(
    "contact",
    metadata,
    Column("customer", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("phone", String(24), nullable=False),
)

alias: Final = Table(
    "alias",
    metadata,
    Column("hash", String(32), primary_key=True),
    Column("customer", String(64), nullable=False),
    Column("mask", String(24), nullable=False),
    Index("alias_customer", "customer"),
)

lot: Final = Table(
    "lot",
    metadata,
    Column("customer", String(64), nullable=False),
    Column("id", String(120), nullable=False),
    Column("unit", String(32), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("active_from", Instant),
    Column("expires_at", Instant),
    PrimaryKeyConstraint("customer", "id"),
)

#: Append-only. Rows of one lot add up to the lot; rows without a lot ("") add up to the deficit, negative.
ledger: Final = Table(
    "ledger",
    metadata,
    Column("id", _Number, primary_key=True, autoincrement=True),
    Column("customer", String(64), nullable=False),
    Column("unit", String(32), nullable=False),
    Column("lot", String(120), nullable=False),
    Column("amount", BigInteger, nullable=False),
    # The lot's own times, so that points given back after the lot was emptied expire when they would have.
    Column("active_from", Instant),
    Column("expires_at", Instant),
    Column("reason", String(16), nullable=False),
    Column("receipt_uid", String(80)),
    Column("base_uid", String(80)),
    Column("at", Instant, nullable=False),
    Index("ledger_customer", "customer", "unit"),
    Index("ledger_receipt", "receipt_uid"),
    Index("ledger_base", "base_uid"),
    sqlite_autoincrement=True,
)

hold: Final = Table(
    "hold",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("till", String(80), nullable=False),
    Column("receipt_uid", String(80), nullable=False),
    Column("customer", String(64), nullable=False),
    Column("unit", String(32), nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("state", String(16), nullable=False),
    UniqueConstraint("till", "receipt_uid"),
    Index("hold_customer", "customer", "state"),
)

programme: Final = Table(
    "programme",
    metadata,
    Column("version", BigInteger, primary_key=True),
    # As its author wrote it, and the same as JSON for the tills.
    Column("source", LargeBinary, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("set_at", Instant, nullable=False),
)

#: The feed's newest change of each document; older ones are replaced, so the feed is never longer than the documents.
change: Final = Table(
    "change",
    metadata,
    Column("cursor", BigInteger, primary_key=True, autoincrement=False),
    Column("collection", String(32), nullable=False),
    Column("key", String(128), nullable=False),
    Column("removed", Boolean, nullable=False),
    UniqueConstraint("collection", "key"),
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

enrol_code: Final = Table(
    "enrol_code",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("shop", String(80), nullable=False),
    Column("till", String(80), nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
    Column("epoch", Integer),
)


#: Step n makes version n + 2 out of version n + 1 (version 1 is the first there was). Only ever appended to; a step,
#: once released, is not edited. A new database is made whole and takes no steps.
MIGRATIONS: Final[tuple[Callable[[Connection], None], ...]] = ()

VERSION: Final = len(MIGRATIONS) + 1


def migrate(connection: Connection) -> None:
    """Bring the database to VERSION inside the caller's transaction.

    Raises:
        CentralStartError: a newer Tillpoint wrote this database.
    """
    version = 0
    if inspect(connection).has_table("meta"):
        found = connection.scalar(select(meta.c.value).where(meta.c.name == "schema_version"))
        version = int(found or 0)
    if version > VERSION:
        raise CentralStartError(
            f"the database has schema version {version}, this Tillpoint knows {VERSION}; install the newer version",
        )
    if version == VERSION:
        return
    if version == 0:
        metadata.create_all(connection)
    else:
        for step in MIGRATIONS[version - 1 :]:
            step(connection)
    connection.execute(delete(meta).where(meta.c.name == "schema_version"))
    connection.execute(insert(meta).values(name="schema_version", value=str(VERSION)))
