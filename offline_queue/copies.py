"""Whole copies of a till's database, taken from a running or a stopped agent, and whether two say the same.

Made before a migration. A copy is put back only where nothing was written since: what was sold must never be lost.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import apsw

from offline_queue.database import connect_reader, translate
from offline_queue.errors import StoreError, StoreUnavailable
from offline_queue.files import replace_durably, sync_folder
from offline_queue.migrations import side_files

__all__ = ["contents", "copy_database", "put_back", "size_bytes"]

_PAGES_A_STEP = 256  # a megabyte: a running agent's commit never waits for longer than that takes

#: What a till knows, in columns that every version has. Order makes it the same for the same contents.
_CONTENTS = (
    "SELECT epoch, last_sequence, head, acknowledged_through FROM epoch ORDER BY epoch",
    "SELECT position, hash FROM envelope ORDER BY position",
    "SELECT position, reason FROM shelf ORDER BY position",
    "SELECT collection, key, value FROM document ORDER BY collection, key",
)


def size_bytes(database: Path) -> int:
    """How much room a copy takes at most."""
    wal, _ = side_files(database)
    return sum(one.stat().st_size for one in (database, wal) if one.exists())


def copy_database(database: Path, target: Path) -> None:
    """Copy a database as of one moment, beside whoever writes it.

    Raises:
        StoreError: it cannot be read, or there is no room.
    """
    draft = target.with_name(target.name + ".new")
    _remove(draft)
    source = connect_reader(database)
    try:
        copy = apsw.Connection(str(draft))
        try:
            with copy.backup("main", source, "main") as backup:
                while not backup.done:
                    backup.step(_PAGES_A_STEP)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file: what lies in a WAL beside it would be forgotten
        finally:
            copy.close()
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        _remove(target)
        replace_durably(draft, target)
    except apsw.Error as error:
        _remove(draft)
        raise translate(error, database, None) from error
    except OSError as error:
        _remove(draft)
        raise StoreUnavailable(f"cannot copy {database} to {target}: {error.strerror}") from error
    finally:
        source.close()


def contents(database: Path) -> str:
    """A digest of everything a till has written, whatever tables were added to the file since; hex.

    Raises:
        StoreError: it cannot be read.
    """
    digest = hashlib.sha256()
    connection = connect_reader(database)
    try:
        for number, statement in enumerate(_CONTENTS):
            for row in connection.execute(statement):
                digest.update(f"{number}".encode())
                for value in row:
                    digest.update(_bytes(value))
    except apsw.Error as error:
        raise translate(error, database, connection) from error
    finally:
        connection.close()
    return digest.hexdigest()


def put_back(copy: Path, database: Path) -> bool:
    """Put a copy in the place of a database that nobody has open, if nothing was written since; whether it was.

    What stood there is kept beside it, under the name `<database>.left`.

    Raises:
        StoreError: the copy cannot be read, or the file cannot be replaced.
    """
    was = contents(copy)
    try:
        if contents(database) != was:
            return False
    except StoreError:
        return False  # nobody can say what is in it: a person decides
    try:
        left = database.with_name(database.name + ".left")
        for source, target in zip((database, *side_files(database)), (left, *side_files(left)), strict=True):
            target.unlink(missing_ok=True)
            if source.exists():
                replace_durably(source, target)
        draft = database.with_name(database.name + ".new")
        draft.write_bytes(copy.read_bytes())
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        replace_durably(draft, database)
    except OSError as error:
        raise StoreUnavailable(f"cannot put {copy} back as {database}: {error.strerror}") from error
    return True


def _bytes(value: Any) -> bytes:
    data = value if isinstance(value, bytes) else str(value).encode()
    return len(data).to_bytes(8, "big") + data


def _remove(database: Path) -> None:
    for one in (database, *side_files(database), database.with_name(database.name + "-journal")):
        one.unlink(missing_ok=True)
    sync_folder(database.parent)
