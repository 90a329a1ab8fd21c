"""The tables of both files as lists of steps that are only ever appended to; sqlite-utils runs them.

sqlite-utils works on the standard library's SQLite, while everything else here uses apsw, which brings its own. Two
SQLite libraries in one process must never have the same file open: POSIX drops *all* locks a process holds on a file
as soon as any descriptor of it is closed, and each library guards against that only for itself. Hence the order:
apsw reads `PRAGMA user_version` and closes; only if a step is due is sqlite-utils imported, which opens the file
alone and closes it; then apsw opens it for good. A new file is built under another name and renamed, so that no
reader can meet it half-made.

An older version goes on with newer tables when the file says that it may: each step tells the oldest schema whose
programmes still read and write what it leaves behind, and that number stands in the file (docs/decisions/022). So a
till that goes back to the version before an update keeps what it sold in between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw

from offline_queue.database import Tuning, connect_writer, schema_version, translate
from offline_queue.errors import StoreBusy, StoreCorrupt, StoreError, StoreFull, StoreNewer, StoreUnavailable
from offline_queue.files import replace_durably

if TYPE_CHECKING:
    import sqlite3  # the standard library's is another megabyte in memory: loaded when a step is due

__all__ = [
    "REPLICA",
    "TILL",
    "Schema",
    "bring_up_to_date",
    "oldest_reader",
    "require_version",
    "run_steps",
    "side_files",
]

Step = Callable[[Any], None]  # gets a sqlite_utils.Database inside a transaction

_STANDARD_LIBRARY_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """What one kind of file is called in the record of migrations, and the steps that make it.

    Attributes:
        breaks: steps after which older programmes cannot go on → the oldest schema that can, usually the step's own
            number; a step that only adds tables, indexes or columns with a default is not in it.
    """

    name: str
    steps: tuple[Step, ...]
    breaks: Mapping[int, int] = field(default_factory=dict)

    @property
    def version(self) -> int:
        """What `PRAGMA user_version` says when every step has been run."""
        return len(self.steps)

    @property
    def readable_from(self) -> int:
        """The oldest schema whose programmes go on with a file of this one."""
        return self.readable_after(self.version)

    def readable_after(self, step: int) -> int:
        """The same for a file that has seen the steps up to this one."""
        return max((oldest for number, oldest in self.breaks.items() if number <= step), default=1)


def _till_1_queue(db: Any) -> None:
    # position = epoch << 40 | sequence: one number is the key, the order and what marks and shelf point at. The two
    # parts are shown as virtual columns for whoever inspects the file. Rowid table: bodies of 2 KB would spill out
    # of a WITHOUT ROWID tree.
    db.execute("""
        CREATE TABLE envelope (
            position INTEGER PRIMARY KEY,
            epoch INTEGER GENERATED ALWAYS AS (position >> 40) VIRTUAL,
            sequence INTEGER GENERATED ALWAYS AS (position & 1099511627775) VIRTUAL,
            id TEXT NOT NULL UNIQUE,
            previous BLOB NOT NULL,
            hash BLOB NOT NULL,
            kind TEXT NOT NULL,
            occurred_at TEXT NOT NULL,
            occurred_ms INTEGER NOT NULL,
            boot_id TEXT NOT NULL,
            uptime_ms INTEGER NOT NULL,
            programme_version INTEGER NOT NULL,
            marks TEXT NOT NULL,
            body BLOB NOT NULL
        )""")
    db.execute("CREATE INDEX envelope_occurred ON envelope (occurred_ms, kind)")
    # The high-water marks. pruned_through and pruned_hash anchor what is left of the chain after pruning.
    db.execute("""
        CREATE TABLE epoch (
            epoch INTEGER PRIMARY KEY,
            last_sequence INTEGER NOT NULL,
            head BLOB NOT NULL,
            acknowledged_through INTEGER NOT NULL,
            pruned_through INTEGER NOT NULL,
            pruned_hash BLOB NOT NULL,
            shelved INTEGER NOT NULL
        )""")
    db.execute("CREATE TABLE mark (mark TEXT, position INTEGER, PRIMARY KEY (mark, position)) WITHOUT ROWID")
    db.execute("CREATE TABLE shelf (position INTEGER PRIMARY KEY, reason TEXT NOT NULL)")
    db.execute("CREATE TABLE document (collection TEXT, key TEXT, value BLOB NOT NULL, UNIQUE (collection, key))")
    db.execute("CREATE TABLE reopened (times INTEGER NOT NULL)")
    db.execute("INSERT INTO reopened (times) VALUES (0)")


def _replica_1_documents(db: Any) -> None:
    # WITHOUT ROWID with a small collection number and the key of an alias as 16 raw bytes: one look-up reads one
    # tree, 1.7 pages from a cold disk with five million aliases, and the file is 1.7 times smaller than with rowids.
    # body NULL is a tombstone: it remembers its version, so that an older change cannot bring the document back.
    db.execute("CREATE TABLE collection (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, live INTEGER NOT NULL)")
    db.execute("""
        CREATE TABLE document (
            collection INTEGER,
            key BLOB,
            version INTEGER NOT NULL,
            reflects INTEGER NOT NULL,
            epoch INTEGER NOT NULL,
            stored_ms INTEGER NOT NULL,
            body BLOB,
            PRIMARY KEY (collection, key)
        ) WITHOUT ROWID""")
    db.execute("""
        CREATE TABLE applied (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            cursor TEXT NOT NULL,
            reflects INTEGER NOT NULL,
            epoch INTEGER NOT NULL,
            stored_ms INTEGER NOT NULL
        )""")


TILL = Schema(name="till", steps=(_till_1_queue,))
REPLICA = Schema(name="replica", steps=(_replica_1_documents,))


def side_files(path: Path) -> tuple[Path, Path]:
    """The WAL and the shared memory SQLite keeps beside a database."""
    return path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")


def bring_up_to_date(path: Path, schema: Schema, *, tuning: Tuning) -> None:
    """Make the file, or run the steps it lacks; the caller holds the writer's lock and no connection.

    Raises:
        StoreNewer: a newer Tillpoint wrote it.
        StoreError: it cannot be opened or changed; after a failed step the file is as before that step.
    """
    if tuning.vfs == "" and not path.exists():
        _make(path, schema)
        return
    connection = connect_writer(path, tuning)
    try:
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)  # a look must not write, least of all after a crash
        found = schema_version(connection, path)
        if found > schema.version:
            require_version(found, schema, path, readable_from=oldest_reader(connection, path))
    finally:
        connection.close()
    if found < schema.version:
        if tuning.vfs:
            raise StoreUnavailable(f"{path} needs a migration, which runs on the operating system's files only")
        run_steps(path, schema)


def oldest_reader(connection: apsw.Connection, path: Path) -> int:
    """The oldest schema that goes on with this file, as it says itself; 0 when it says nothing."""
    try:
        if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'readable_from'").fetchall():
            return 0
        rows: Any = connection.execute("SELECT schema FROM readable_from").fetchall()
    except apsw.Error as error:
        raise translate(error, path, connection) from error
    return int(rows[0][0]) if rows else 0


def require_version(found: int, schema: Schema, path: Path, *, readable_from: int = 0) -> None:
    """Raise unless this programme can go on with the tables of the file; newer ones say since when that is so."""
    if found > schema.version and not 0 < readable_from <= schema.version:
        raise StoreNewer(
            f"{path} was written by a newer Tillpoint (tables {found}, this one knows {schema.version}); "
            "install that version again or restore the file from before the update"
        )
    if found < schema.version:
        raise StoreUnavailable(
            f"{path} has older tables ({found} of {schema.version}); start the agent once to bring it up to date"
        )


def run_steps(path: Path, schema: Schema, *, through: int | None = None) -> None:
    """Run the first `through` steps of a schema (all of them when None) that the file has not seen.

    Each step, its record and the new `user_version` are one transaction.
    """
    import sqlite3

    from sqlite_utils import Database
    from sqlite_utils.migrations import Migrations

    migrations = Migrations(schema.name)
    for number, step in enumerate(schema.steps[:through], start=1):
        migrations(name=f"{number:04d}{step.__name__}")(_numbered(step, number, schema.readable_after(number)))
    connection = sqlite3.connect(path, timeout=_STANDARD_LIBRARY_TIMEOUT_S, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        migrations.apply(Database(connection))
    except sqlite3.Error as error:
        raise _translate(error, path) from error
    finally:
        connection.close()


def _numbered(step: Step, number: int, readable_from: int) -> Step:
    def run(db: Any) -> None:
        step(db)
        if number > 1:  # nothing is older than the first
            db.execute("CREATE TABLE IF NOT EXISTS readable_from (schema INTEGER NOT NULL)")
            db.execute("DELETE FROM readable_from")
            db.execute("INSERT INTO readable_from (schema) VALUES (?)", (readable_from,))
        db.execute(f"PRAGMA user_version = {number:d}")

    return run


def _make(path: Path, schema: Schema) -> None:
    new = path.with_name(path.name + ".new")
    try:
        for leftover in (new, new.with_name(new.name + "-journal")):
            leftover.unlink(missing_ok=True)
        run_steps(new, schema)
        replace_durably(new, path)
    except OSError as error:
        raise StoreUnavailable(
            f"cannot make {path}: {error.strerror}; let the agent's account write its folder"
        ) from error


def _translate(error: sqlite3.Error, path: Path) -> StoreError:
    import sqlite3

    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return StoreFull(f"no room left on the disk of {path} for a migration; free some space and start again")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusy(f"{path} is locked by another programme; close it, a migration is due")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreCorrupt(f"{path} is damaged ({error}); restore it from a back-up")
    return StoreUnavailable(f"a migration of {path} failed ({error}); the file is as it was before")
