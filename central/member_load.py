"""A file of members of any length into the centre: streamed, gone on with after an interruption, wrong lines put aside.

How far a file has come is written in the transaction that writes its members, under the digest of the file's content:
the same file goes on where it was, however it was stopped, and a file that was changed begins anew. Loading is
idempotent anyway; going on only saves the time.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any, BinaryIO, Final, Self, TextIO

from sqlalchemy import Connection, delete, insert, select

from central import schema
from central.database import Database
from central.errors import CentralStartError
from central.members import Loaded, Member, load_chunk, member_columns, read_member

__all__ = ["FileLoad", "errors_file", "load_file"]

READ_BYTES: Final = 1 << 20
CHUNK_ROWS: Final = 1_000  # of one transaction: the indexes are written once for all of them
REASONS_KEPT: Final = 3  # told on the terminal; all are in the file of errors


@dataclass(slots=True)
class FileLoad:
    """How far a file has come.

    Attributes:
        offset: bytes of the file that are done.
        line: the last line that is done, as an editor counts.
        wrong: lines that were put aside.
        size: bytes of the file.
        went_on_from: the line after which this run began; 0 for the whole file.
        reasons: the first few of this run, in words.
    """

    loaded: Loaded = field(default_factory=Loaded)
    offset: int = 0
    line: int = 0
    wrong: int = 0
    size: int = 0
    went_on_from: int = 0
    reasons: list[str] = field(default_factory=list)


def errors_file(path: Path) -> Path:
    """Where the wrong lines of a file are named."""
    return path.with_name(path.name + ".errors.csv")


def load_file(database: Database, path: Path, *, now: datetime, progress: Callable[[FileLoad], None]) -> FileLoad:
    """Load every member of a CSV file that can be read.

    Raises:
        CentralStartError: the first line does not name the columns, or names one that is not known.
        OSError: the file, or the file of errors beside it, cannot be opened.
    """
    with path.open("rb") as file:
        mark = f"load:{_digest(file)}"
        state = database.reading(partial(_state, mark=mark))
        state.size, state.went_on_from = path.stat().st_size, state.line
        lines = _Lines(file)
        reader = csv.reader(lines, strict=True)
        names = _header(reader, path.name)
        units = member_columns(names, path.name)
        if state.offset:
            lines.go_to(state.offset, state.line)
        rows = _rows(reader, partial(read_member, units=units, currency=database.currency), names)
        with _Errors(path, goes_on=state.offset > 0) as errors:
            while chunk := _next_chunk(rows, lines, state, errors):
                wanted = [row for row in chunk if isinstance(row, Member)]
                state.loaded.add(database.writing(partial(_write, members=wanted, state=state, mark=mark, now=now)))
                progress(state)
    database.writing(lambda connection: connection.execute(delete(schema.meta).where(schema.meta.c.name == mark)))
    return state


def _next_chunk(rows: Iterator[Member | str], lines: _Lines, state: FileLoad, errors: _Errors) -> list[Member | str]:
    """One transaction's worth of records, wrong ones put aside; none at the end of the file."""
    chunk: list[Member | str] = []
    for row in islice(rows, CHUNK_ROWS):
        chunk.append(row)
        if isinstance(row, str):
            state.wrong += 1
            errors.add(lines.line, row)
            if len(state.reasons) < REASONS_KEPT:
                state.reasons.append(f"line {lines.line}: {row}")
    errors.flush()
    state.offset, state.line = lines.offset, lines.line
    return chunk


def _write(connection: Connection, *, members: Sequence[Member], state: FileLoad, mark: str, now: datetime) -> Loaded:
    """The members and how far the file is, in one transaction."""
    # The last line of a member wins, as it would in two chunks.
    wanted = list({member.id: member for member in members}.values())
    part = load_chunk(connection, wanted, now)
    part.unchanged += len(members) - len(wanted)
    done = Loaded(**asdict(state.loaded))
    done.add(part)
    told = {"offset": state.offset, "line": state.line, "wrong": state.wrong, **asdict(done)}
    connection.execute(delete(schema.meta).where(schema.meta.c.name == mark))
    connection.execute(insert(schema.meta).values(name=mark, value=json.dumps(told)))
    return part


def _state(connection: Connection, mark: str) -> FileLoad:
    stored = connection.scalar(select(schema.meta.c.value).where(schema.meta.c.name == mark))
    if stored is None:
        return FileLoad()
    told = json.loads(stored)
    loaded = Loaded(added=told["added"], updated=told["updated"], unchanged=told["unchanged"])
    return FileLoad(loaded=loaded, offset=told["offset"], line=told["line"], wrong=told["wrong"])


def _digest(file: BinaryIO) -> str:
    """Of the whole content: two versions of a file may have one size and one date."""
    digest = hashlib.blake2b(digest_size=16)
    while block := file.read(READ_BYTES):
        digest.update(block)
    file.seek(0)
    return digest.hexdigest()


class _Lines:
    """The file's lines as text, with how many bytes and lines were handed out; csv asks for one at a time."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.offset = 0
        self.line = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        data = self._file.readline(READ_BYTES)
        if not data:
            raise StopIteration
        begins = self.offset == 0
        self.offset += len(data)
        self.line += 1
        # What is no UTF-8 stays visible, so that its line can be named.
        return data.decode("utf-8-sig" if begins else "utf-8", "surrogateescape")

    def go_to(self, offset: int, line: int) -> None:
        """Go on behind a record that is done."""
        self._file.seek(offset)
        self.offset, self.line = offset, line


def _header(reader: Iterator[list[str]], name: str) -> list[str]:
    try:
        return next(reader, [])
    except csv.Error as error:
        raise CentralStartError(f"{name}, line 1: {error}") from None


def _rows(
    reader: Iterator[list[str]], read: Callable[[dict[str, str | None]], Member], names: list[str]
) -> Iterator[Member | str]:
    """Each record as a member, or as why it is none."""
    while True:
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield str(error)
            continue
        if not values:
            continue
        if len(values) > len(names):
            yield "more fields than columns"
            continue
        try:
            "".join(values).encode()
            yield read(dict(zip_longest(names, values)))
        except UnicodeEncodeError:
            yield "is not UTF-8; save the file as UTF-8"
        except ValueError as error:
            yield str(error)


class _Errors:
    """The file of wrong lines, made when there is one; it names lines and reasons, and holds no phone and no card."""

    def __init__(self, path: Path, *, goes_on: bool) -> None:
        self._path = errors_file(path)
        self._goes_on = goes_on
        self._file: TextIO | None = None
        self._writer: Any = None

    def __enter__(self) -> Self:
        if not self._goes_on:
            self._path.unlink(missing_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, line: int, reason: str) -> None:
        """One wrong line."""
        if self._file is None:
            is_new = not self._path.exists()
            self._file = self._path.open("a", encoding="utf-8", newline="")
            self._writer = csv.writer(self._file)
            if is_new:
                self._writer.writerow(("line", "reason"))
        self._writer.writerow((line, reason))

    def flush(self) -> None:
        """Before the chunk is committed: a line that counts as done is named."""
        if self._file is not None:
            self._file.flush()
