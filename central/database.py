"""Opens the database and begins transactions on it; the only module that knows which database it is.

SQLite: one writing connection and several reading ones per process, so that two connections of ours never write or
checkpoint at once. WAL is used only from SQLite 3.51.3 on: before it (3.7.0 to 3.51.2) a checkpoint that meets a writer
of another process can corrupt the file (sqlite.org/changes.html, 3.51.3), so an older library gets a rollback journal.

PostgreSQL: a writer's transaction is READ COMMITTED and takes the row locks it needs; a reader's is REPEATABLE READ, so
that a page of changes and its high-water mark are of one moment. Two transactions that stand in each other's way
(deadlock, the same new row twice, a lost connection) are tried again from the beginning: all work here is idempotent.
"""

from __future__ import annotations

import logging
import random
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from zlib import crc32

from msgspec import json
from sqlalchemy import URL, Connection, Engine, create_engine, event, insert, make_url, select, text
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from central import schema
from central.errors import CentralStartError
from central.programmes import sign_from_now_on

__all__ = [
    "READERS_MAX",
    "WRITER_WAIT_S",
    "Database",
    "StoreBusy",
    "is_passing",
    "lock_receipts",
    "open_database",
]

READERS_MAX: Final = 8  # as many as the web server has threads that read; more would only wait for the disk
WRITERS_MAX: Final = 8  # transactions of one process on PostgreSQL at once; more only wait for each other
BUSY_TIMEOUT_S: Final = 5.0  # how long a writer waits for another process before the till is told to come back
WRITER_WAIT_S: Final = 20.0  # how long a request waits for its turn to write; longer than a batch of 500 takes
WAL_SAFE_FROM: Final = (3, 51, 3)
ATTEMPTS_MAX: Final = 6  # of one transaction that met another; then the till is told to come back
PAUSE_S: Final = 0.01  # before the second attempt, twice as long before each next one, with jitter

#: SQLSTATEs of what passes by itself: serialization failure, deadlock, the same row made twice, a lock not had in time.
PASSING: Final = frozenset({"40001", "40P01", "23505", "55P03"})
MIGRATION_LOCK: Final = 0x7469_6C6C  # "till": any number that no other program takes in the same database
RECEIPT_LOCKS: Final = 0x7265_6365  # "rece": the class of the locks on groups of receipts
#: Few enough that every writer may hold all of them (a server has 6 400 locks by default), enough that two batches
#: seldom meet.
RECEIPT_GROUPS: Final = 256

#: Of a PostgreSQL session: nobody waits for ever, and a process that hangs in a transaction gives its locks back.
SESSION: Final = "-c lock_timeout=10s -c statement_timeout=60s -c idle_in_transaction_session_timeout=60s"
CONNECT_TIMEOUT_S: Final = 5

#: What a request meets when the database is locked or gone, or when two processes made the same row at one moment:
#: worth a 503, the till comes back.
StoreBusy: Final = (OperationalError, IntegrityError, PoolTimeout)

#: Four columns of each customer are JSON: a seventh of the time of a snapshot with the standard module.
READ_JSON: Final = json.decode

T = TypeVar("T")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Database:
    """A migrated database.

    Attributes:
        currency: the tenant's, three letters; every amount of money here is in it.
        tenant_key: the key of the keyed hashes, made at the first start.
    """

    reader: Engine
    writer: Engine
    currency: str
    tenant_key: bytes = field(repr=False)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One transaction that sees one moment and writes nothing."""
        with self.reader.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: committed at the end, rolled back by any exception."""
        with self.writer.connect() as connection, connection.begin():
            yield connection

    def reading(self, work: Callable[[Connection], T]) -> T:
        """The answer of one reading transaction; tried again when the connection was lost."""
        return _repeated(self.read, work)

    def writing(self, work: Callable[[Connection], T]) -> T:
        """The answer of one writing transaction; tried again when it met another one. `work` must be idempotent."""
        return _repeated(self.write, work)

    @property
    def writers(self) -> int:
        """How many transactions of this process may write at once."""
        return 1 if self.writer.dialect.name == "sqlite" else WRITERS_MAX

    def close(self) -> None:
        """Close every connection."""
        self.reader.dispose()
        self.writer.dispose()


def _repeated(begin: Callable[[], AbstractContextManager[Connection]], work: Callable[[Connection], T]) -> T:
    attempt = 1
    while True:
        try:
            with begin() as connection:
                return work(connection)
        except DBAPIError as error:
            if attempt >= ATTEMPTS_MAX or not is_passing(error):
                raise
            _log.info("transaction.again attempt=%d error=%s", attempt, type(error.orig).__name__)
        # Outside of the transaction: who waits here holds no lock.
        time.sleep(PAUSE_S * 2 ** (attempt - 1) * (0.5 + random.random()))  # noqa: S311 - jitter, no secret
        attempt += 1


def is_passing(error: DBAPIError) -> bool:
    """True when the same transaction may well succeed a moment later."""
    return error.connection_invalidated or getattr(error.orig, "sqlstate", None) in PASSING


def lock_receipts(connection: Connection, *, sales: Iterable[str], bases: Iterable[str]) -> None:
    """Until the end of the transaction nobody else settles a return of these receipts.

    A sale and its return may arrive from two tills at one moment: without a lock neither would see the other, and the
    return would wait for ever. Sales share a lock with one another and never with a return, so they seldom wait.
    SQLite has one writer, and needs none of this.
    """
    if connection.dialect.name == "sqlite":
        return
    alone = {_group(uid) for uid in bases}
    shared = {_group(uid) for uid in sales} - alone
    rows = sorted([(group, True) for group in alone] + [(group, False) for group in shared])
    # One statement, in the order of the groups, so that two batches never wait for one another in a ring.
    connection.execute(
        _LOCK_RECEIPTS,
        {"groups": [group for group, _ in rows], "alone": [is_alone for _, is_alone in rows]},
    )


_LOCK_RECEIPTS: Final = text(
    f"SELECT CASE WHEN is_alone THEN pg_advisory_xact_lock({RECEIPT_LOCKS}, one)"  # noqa: S608 - two numbers of ours
    f" ELSE pg_advisory_xact_lock_shared({RECEIPT_LOCKS}, one) END"
    " FROM unnest(CAST(:groups AS int[]), CAST(:alone AS bool[])) WITH ORDINALITY AS wanted(one, is_alone, place)"
    " ORDER BY place",
)


def _group(uid: str) -> int:
    return crc32(uid.encode("utf-8", "surrogatepass")) % RECEIPT_GROUPS


def open_database(url: str, *, currency: str = "RUB") -> Database:
    """Open, create or migrate the database; `currency` is what a new one is made with.

    Raises:
        CentralStartError: the URL is wrong, the driver is missing, or the database cannot be opened.
    """
    try:
        parsed = make_url(url)
        reader, writer = _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _server(parsed)
    except (ArgumentError, NoSuchModuleError) as error:
        raise CentralStartError(f"not a database address: {error}; write sqlite:///central.db") from None
    except ModuleNotFoundError as error:
        raise CentralStartError(
            f"the driver of {url.partition(':')[0]} is not installed ({error}); "
            "install Tillpoint's wheel with its extra [postgresql]",
        ) from None

    def prepare(connection: Connection) -> dict[str, str]:
        _wait_for_migrations(connection)
        schema.migrate(connection)
        values = _constants(connection, currency)
        sign_from_now_on(connection)
        return values

    try:
        values = _repeated(writer.begin, prepare)
    except (DBAPIError, PoolTimeout) as error:
        reader.dispose()
        writer.dispose()
        reason = " ".join(str(getattr(error, "orig", error)).split())
        raise CentralStartError(f"cannot open the database {parsed.database}: {reason}") from None
    return Database(
        reader=reader,
        writer=writer,
        currency=values["currency"],
        tenant_key=bytes.fromhex(values["tenant_key"]),
    )


def _constants(connection: Connection, currency: str) -> dict[str, str]:
    """What is made once, at the first start, and kept."""
    found = {row.name: row.value for row in connection.execute(select(schema.meta))}
    missing = {"currency": currency, "tenant_key": secrets.token_hex(32), "sealing_key": secrets.token_hex(32)}
    for name, value in missing.items():
        if name not in found:
            connection.execute(insert(schema.meta).values(name=name, value=value))
            found[name] = value
    if connection.scalar(select(schema.feed.c.id)) is None:
        connection.execute(insert(schema.feed).values(id=1, cursor=0, instance=secrets.token_hex(8)))
    return found


def _wait_for_migrations(connection: Connection) -> None:
    """Two processes that start at once take their turns, also on a database that is still empty."""
    if connection.dialect.name != "sqlite":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))


def _server(url: URL) -> tuple[Engine, Engine]:
    """Reader and writer of a PostgreSQL; `postgresql://` and `postgres://` mean the driver we are tested with."""
    if url.drivername in {"postgresql", "postgres"}:
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername != "postgresql+psycopg":
        raise ArgumentError(f"{url.drivername} is not supported")
    if "options" not in url.query:
        url = url.update_query_dict({"options": SESSION, "connect_timeout": str(CONNECT_TIMEOUT_S)})
    reader = _pool(url, READERS_MAX, isolation_level="REPEATABLE READ")
    return reader, _pool(url, WRITERS_MAX)


def _pool(url: URL, size: int, **more: Any) -> Engine:
    # No ping before each transaction: it would cost a round trip, and a lost connection is tried again anyway.
    return create_engine(url, pool_size=size, max_overflow=0, pool_timeout=WRITER_WAIT_S, **more)


def _sqlite(url: URL) -> tuple[Engine, Engine]:
    if url.database in {None, "", ":memory:"}:
        raise CentralStartError("the central database must be a file; write sqlite:///central.db")
    arguments = {"check_same_thread": False, "timeout": BUSY_TIMEOUT_S, "isolation_level": None}
    writer = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        pool_timeout=WRITER_WAIT_S,
        connect_args=arguments,
        json_deserializer=READ_JSON,
    )
    reader = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=READERS_MAX,
        max_overflow=0,
        pool_timeout=WRITER_WAIT_S,
        connect_args=arguments,
        json_deserializer=READ_JSON,
    )
    # The standard module begins no transaction for a SELECT and a deferred one for a write; we say which we mean.
    event.listen(writer, "connect", _prepare_writer)
    event.listen(writer, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    event.listen(reader, "connect", _prepare_reader)
    event.listen(reader, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return reader, writer


def _prepare_writer(connection: Any, _record: Any) -> None:
    journal = "WAL" if sqlite3.sqlite_version_info >= WAL_SAFE_FROM else "TRUNCATE"
    connection.execute(f"PRAGMA journal_mode={journal}")
    connection.execute("PRAGMA synchronous=FULL")
    # 64 MB: with the default of 2 MB a batch spills into the file before its commit, and syncs twice.
    connection.execute("PRAGMA cache_size=-65536")


def _prepare_reader(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA query_only=ON")
