"""The till's file brought to this version on purpose, with a copy beside it; what an installer calls before a start."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from offline_queue.copies import copy_database
from offline_queue.database import Tuning, connect_reader, schema_version
from offline_queue.files import WriterLock
from offline_queue.migrations import TILL, Schema, bring_up_to_date, oldest_reader, require_version

__all__ = ["Migration", "look", "migrate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One file and its tables.

    Attributes:
        found: the version of its tables before; 0 when there is no file.
        wanted: the version this program works with.
        copy: the file as it was, None when nothing was done.
    """

    found: int
    wanted: int
    copy: Path | None = None

    @property
    def is_due(self) -> bool:
        """Whether there are steps to take."""
        return 0 < self.found < self.wanted


def look(database: Path, schema: Schema = TILL) -> Migration:
    """Which tables a file has; changes nothing, and may be asked beside a running agent.

    Raises:
        StoreNewer: a newer Tillpoint wrote it.
        StoreError: it cannot be read.
    """
    if not database.exists():
        return Migration(found=0, wanted=schema.version)
    connection = connect_reader(database)
    try:
        found = schema_version(connection, database)
        if found > schema.version:  # a newer one wrote it; where it says so, this one can go on with it
            require_version(found, schema, database, readable_from=oldest_reader(connection, database))
    finally:
        connection.close()
    return Migration(found=found, wanted=schema.version)


def migrate(database: Path, *, now: datetime, schema: Schema = TILL) -> Migration:
    """Take the steps a file lacks, after a whole copy of it lies beside it (``till.db.tables-1-2026-03-02T120000``).

    Cut anywhere, the file is as before some step; run again, it goes on. The copy is for a person: nobody puts it back
    by itself, as receipts may have been written since.

    Raises:
        StoreBusy: an agent works with it.
        StoreNewer: a newer Tillpoint wrote it.
        StoreError: it cannot be read, copied or changed.
    """
    before = look(database, schema)
    if not before.is_due:
        return before
    lock = WriterLock.acquire(database)
    try:
        copy = database.with_name(f"{database.name}.tables-{before.found}-{now:%Y-%m-%dT%H%M%S}")
        copy_database(database, copy)
        bring_up_to_date(database, schema, tuning=Tuning())
    finally:
        lock.release()
    return Migration(found=before.found, wanted=schema.version, copy=copy)
