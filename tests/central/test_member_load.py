"""A file of members: streamed, idempotent, gone on with after any interruption, wrong lines named and left out."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from central import schema
from central.accounts import imbalances
from central.database import Database
from central.errors import CentralStartError
from central.member_load import CHUNK_ROWS, FileLoad, errors_file, load_file
from central.totals import read_totals

DATABASES = ("sqlite", "postgresql")

ROWS = 3 * CHUNK_ROWS + 50


class PowerCutError(Exception):
    """The machine stops."""


@pytest.fixture
def members(tmp_path: Path) -> Path:
    path = tmp_path / "members.csv"
    lines = [f'm{n:05d},"Anna\nTestova {n}",+7900{n:07d},{n % 90},{n % 7}' for n in range(ROWS)]
    path.write_text("\ufeffid,name,phone,spent,points\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def load(database: Database, path: Path, now: Any, *, until: int = 10**9) -> FileLoad:
    def progress(done: FileLoad) -> None:
        if done.loaded.total >= until:
            raise PowerCutError

    return load_file(database, path, now=now, progress=progress)


def counts(done: FileLoad) -> tuple[int, int, int, int]:
    return done.loaded.added, done.loaded.updated, done.loaded.unchanged, done.wrong


def test_a_file_is_loaded_once(database: Database, members: Path, words: Any) -> None:
    """Again is the same; nothing of how far it came stays behind; the ledger adds up."""
    first, again = load(database, members, words.NOON), load(database, members, words.NOON)
    totals = database.reading(read_totals)

    assert (ROWS, 0, 0, 0) == counts(first)
    assert (0, 0, ROWS, 0) == counts(again)
    assert (ROWS, ()) == (totals.customers, totals.imbalances)
    assert sum(n % 7 for n in range(ROWS)) == totals.points["bonus"]["opening"]
    assert not errors_file(members).exists()
    assert [] == _marks(database)


@pytest.mark.parametrize("until", [1, CHUNK_ROWS + 1, ROWS])
def test_an_interrupted_file_goes_on(database: Database, members: Path, words: Any, until: int) -> None:
    """Behind the last chunk that was committed, also after names of several lines; the counts are of the whole file."""
    with pytest.raises(PowerCutError):
        load(database, members, words.NOON, until=until)
    done = load(database, members, words.NOON)

    assert (ROWS, 0, 0, 0) == counts(done)
    assert 1 < done.went_on_from <= 1 + 2 * ROWS
    assert [] == database.reading(imbalances)
    assert ROWS == database.reading(read_totals).customers


def test_a_changed_file_begins_anew(database: Database, members: Path, words: Any) -> None:
    """It is another file, also with the same name."""
    with pytest.raises(PowerCutError):
        load(database, members, words.NOON, until=1)
    members.write_text(members.read_text("utf-8").replace("Testova 0", "Petrova 0"), encoding="utf-8")
    done = load(database, members, words.NOON)

    assert (0, ROWS) == (done.went_on_from, done.loaded.total)


def test_wrong_lines_are_named_and_left_out(database: Database, tmp_path: Path, words: Any) -> None:
    """Each with its line as an editor counts; the others are loaded; the file of errors holds no number of anybody."""
    path = tmp_path / "members.csv"
    rows = [
        b"id,name,phone,points",
        b'anna,"Anna\nPetrova",+79000000001,1',
        b"boris,B,89000000002,1",
        b"vera,V,+79000000003,1,too,many",
        b"grigory,\xff\xfe,+79000000004,1",
        b"dina,D\0,+79000000005,1",
        b",E,+79000000006,1",
        b'fedor,"F" x,+79000000007,1',
        b"",
        b"galya",
        b"zoya,Z,+79000000008,1",
    ]
    path.write_bytes(b"\n".join(rows) + b"\n")
    done = load(database, path, words.NOON)
    with errors_file(path).open(encoding="utf-8", newline="") as file:
        wrong = list(csv.DictReader(file))
    ids = database.reading(lambda connection: sorted(connection.scalars(select(schema.customer.c.id))))

    assert (3, 0, 0, 6) == counts(done)
    assert ["anna", "galya", "zoya"] == ids
    assert ["4", "5", "6", "7", "8", "9"] == [row["line"] for row in wrong]
    assert ["international", "more fields", "UTF-8", "NUL", "1 to 64", "expected after"] == [
        next(
            word
            for word in ("international", "more fields", "UTF-8", "NUL", "1 to 64", "expected after")
            if word in row["reason"]
        )
        for row in wrong
    ]
    assert "900000000" not in errors_file(path).read_text("utf-8").replace("write it as +79000000001", "")


def test_errors_of_an_interrupted_file_are_kept(database: Database, tmp_path: Path, words: Any) -> None:
    """Going on adds to the file of errors; loading anew begins a new one."""
    path = tmp_path / "members.csv"
    lines = [f"m{n},{'x' if n in {3, CHUNK_ROWS + 3} else 1}" for n in range(2 * CHUNK_ROWS)]
    path.write_text("id,points\n" + "\n".join(lines), encoding="utf-8")
    with pytest.raises(PowerCutError):
        load(database, path, words.NOON, until=1)
    done = load(database, path, words.NOON)
    both = errors_file(path).read_text("utf-8").splitlines()
    load(database, path, words.NOON)

    assert 2 == done.wrong
    assert ["line", "5", str(CHUNK_ROWS + 5)] == [line.partition(",")[0] for line in both]
    assert both == errors_file(path).read_text("utf-8").splitlines()


@pytest.mark.parametrize(
    ("text", "words_of"), [("name\nA\n", "no column 'id'"), ("", "no column 'id'"), ("id,phnoe\n", "unknown column")]
)
def test_a_file_without_its_columns_is_refused_whole(
    database: Database, tmp_path: Path, words: Any, text: str, words_of: str
) -> None:
    """Nothing is guessed."""
    path = tmp_path / "members.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CentralStartError, match=words_of):
        load(database, path, words.NOON)


def _marks(database: Database) -> list[str]:
    names = database.reading(lambda connection: list(connection.scalars(select(schema.meta.c.name))))
    return [name for name in names if name.startswith("load:")]
