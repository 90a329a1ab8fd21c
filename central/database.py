"""Opens the database and begins transactions on it; the only module that knows which database it is.

SQLite: one writing connection and several reading ones per process, so that two connections of ours never write or
checkpoint at once. WAL is used only from SQLite 3.51.3 on: before it (3.7.0 to 3.51.2) a checkpoint that meets a writer
of another process can corrupt the file (sqlite.org/changes.html, 3.51.3), so an older library gets a rollback journal.

PostgreSQL: one pool; readers run REPEATABLE READ, so that a page of changes and its high-water mark are of one moment.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, insert, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import QueuePool

from central import schema
from central.errors import CentralStartError

__all__ = ["Database", "StoreBusy", "open_database"]

READERS_MAX: Final = 8  # as many as the web server has threads that read; more would only wait for the disk
BUSY_TIMEOUT_S: Final = 5.0  # how long a writer waits for another process before the till is told to come back
WRITER_WAIT_S: Final = 20.0  # how long a request waits for its turn to write; longer than a batch of 500 takes
WAL_SAFE_FROM: Final = (3, 51, 3)

#: What a request meets when the database is locked or gone, or when two processes made the same row at one moment:
#: worth a 503, the till comes back.
StoreBusy: Final = (OperationalError, IntegrityError, PoolTimeout)


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

    def close(self) -> None:
        """Close every connection."""
        self.reader.dispose()
        self.writer.dispose()


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
        raise CentralStartError(f"the driver of {url.partition(':')[0]} is not installed: {error}") from None
    try:
        with writer.begin() as connection:
            schema.migrate(connection)
            values = _constants(connection, currency)
    except DBAPIError as error:
        raise CentralStartError(f"cannot open the database {parsed.database}: {error.orig}") from None
    return Database(
        reader=reader,
        writer=writer,
        currency=values["currency"],
        tenant_key=bytes.fromhex(values["tenant_key"]),
    )


def _constants(connection: Connection, currency: str) -> dict[str, str]:
    """What is made once, at the first start, and kept."""
    found = {row.name: row.value for row in connection.execute(select(schema.meta))}
    missing = {"currency": currency, "tenant_key": secrets.token_hex(32)}
    for name, value in missing.items():
        if name not in found:
            connection.execute(insert(schema.meta).values(name=name, value=value))
            found[name] = value
    if connection.scalar(select(schema.feed.c.id)) is None:
        connection.execute(insert(schema.feed).values(id=1, cursor=0, instance=secrets.token_hex(8)))
    return found


def _server(url: URL) -> tuple[Engine, Engine]:
    writer = create_engine(url, pool_pre_ping=True)
    return writer.execution_options(isolation_level="REPEATABLE READ"), writer


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
    )
    reader = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=READERS_MAX,
        max_overflow=0,
        pool_timeout=WRITER_WAIT_S,
        connect_args=arguments,
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


def _prepare_reader(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA query_only=ON")
