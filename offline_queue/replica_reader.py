"""Looking documents of the replica up beside its writer; copes with any state of the file, and never writes."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import apsw

from offline_queue.database import Rows, connect_reader, schema_version, translate
from offline_queue.errors import StoreError
from offline_queue.migrations import REPLICA, oldest_reader
from offline_queue.rows import rfc3339

__all__ = ["META", "ReplicaDocument", "ReplicaMeta", "ReplicaReader", "first_number", "meta_of", "packed_key"]

KEY_CHARS_MAX = 128  # what the wire accepts
META = "SELECT cursor, reflects, epoch, stored_ms FROM applied"

_PACKED_KEY = re.compile(r"[0-9a-f]{32}")
_FIND = (
    "SELECT body, version, reflects, epoch, stored_ms FROM document"
    " WHERE collection = (SELECT id FROM collection WHERE name = ?) AND key = ?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaDocument:
    """One document as the centre last said.

    Attributes:
        body: the sealed bytes.
        version: grows with each change of the document at the centre.
        reflects: the till's last envelope, in `epoch`, whose effect is already in the body.
        epoch: the till's epoch at the centre when it was made.
        stored_at: when it came, RFC 3339 in UTC.
    """

    body: bytes
    version: int
    reflects: int
    epoch: int
    stored_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaMeta:
    """How far the replica has come: the words of the last applied page."""

    cursor: str
    reflects: int
    epoch: int
    stored_at: str


class ReplicaReader:
    """Looking documents up beside the writer, in another thread or process; copes with any state of the file.

    Absent, half-made, damaged, deleted or replaced: the answer is "not known", `trouble` says why, and each look-up
    tries again. To be used by one thread.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._name = str(path)
        self._connection: apsw.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._trouble = ""

    @classmethod
    def open(cls, path: Path) -> ReplicaReader:
        """A reader of the file at `path`, whether it is there already or not. Raises nothing."""
        return cls(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def trouble(self) -> str:
        """Why the last look-up could not look: a sentence for the panel; "" when it could."""
        return self._trouble

    def get(self, collection: str, key: str) -> ReplicaDocument | None:
        """The document under a key; None when the replica does not know it."""
        rows = self._rows(_FIND, (collection, packed_key(key)))
        if not rows or rows[0][0] is None:
            return None
        body, version, reflects, epoch, stored_ms = rows[0]
        return ReplicaDocument(body=body, version=version, reflects=reflects, epoch=epoch, stored_at=rfc3339(stored_ms))

    def meta(self) -> ReplicaMeta | None:
        """How far the replica has come; None before the first page."""
        return meta_of(self._rows(META, ()))

    def count(self, collection: str) -> int:
        """How many documents of a collection there are; a number kept with them, not counted."""
        return first_number(self._rows("SELECT live FROM collection WHERE name = ?", (collection,)))

    def close(self) -> None:
        """Let go of the file; the next look-up opens it again. Harmless when repeated."""
        connection, self._connection, self._identity = self._connection, None, None
        if connection is not None:
            connection.close(force=True)

    def _rows(self, sql: str, bindings: tuple[Any, ...]) -> Rows:
        connection = self._current()
        if connection is None:
            return []
        try:
            return connection.execute(sql, bindings).fetchall()
        except apsw.Error as error:
            self._trouble = str(translate(error, self._path, connection))
            self.close()  # so that the writer can set the file aside, on Windows too
            return []

    def _current(self) -> apsw.Connection | None:
        """The connection to the file that bears the name now; one `stat` a look-up tells a replaced file."""
        try:
            status = os.stat(self._name)  # noqa: PTH116 - half a microsecond less on every look-up
        except OSError as error:
            self._trouble = f"{self._path} is not there yet" if isinstance(error, FileNotFoundError) else str(error)
            self.close()
            return None
        identity = (status.st_dev, status.st_ino)
        if self._connection is None or identity != self._identity:
            self.close()
            self._open(identity)
        return self._connection

    def _open(self, identity: tuple[int, int]) -> None:
        try:
            connection = connect_reader(self._path)
        except StoreError as error:
            self._trouble = str(error)
            return
        try:
            version = schema_version(connection, self._path)
            readable_from = oldest_reader(connection, self._path)
        except StoreError as error:
            self._trouble = str(error)
            connection.close()
            return
        if version != REPLICA.version and not (version > REPLICA.version >= readable_from > 0):
            self._trouble = f"{self._path} has tables of another version; the sync will make it anew"
            connection.close()
            return
        self._connection, self._identity, self._trouble = connection, identity, ""


def packed_key(key: str) -> str | bytes:
    """32 hex digits, the keyed hash of a phone or a card, as 16 bytes; any other key as it is, which never collides."""
    if not 1 <= len(key) <= KEY_CHARS_MAX:
        raise ValueError(f"a key must have from 1 to {KEY_CHARS_MAX} characters")
    return bytes.fromhex(key) if _PACKED_KEY.fullmatch(key) else key


def meta_of(rows: Rows) -> ReplicaMeta | None:
    """The rows of `META` as a value."""
    if not rows:
        return None
    cursor, reflects, epoch, stored_ms = rows[0]
    return ReplicaMeta(cursor=cursor, reflects=reflects, epoch=epoch, stored_at=rfc3339(stored_ms))


def first_number(rows: Rows) -> int:
    """The one number a query answered, 0 for no answer."""
    return int(rows[0][0]) if rows else 0
