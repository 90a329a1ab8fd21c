"""Migrations: every old version's file opens, a failed step leaves no trace, and two SQLite libraries never meet."""

from __future__ import annotations

import dataclasses
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from queue_samples import append_each

from offline_queue.database import Tuning
from offline_queue.errors import StoreNewer, StoreUnavailable
from offline_queue.migrations import REPLICA, TILL, Schema, bring_up_to_date, run_steps
from offline_queue.reader import OutboxReader
from offline_queue.replica import ReplicaReader, ReplicaWriter
from offline_queue.store import TillStore

ROOT = Path(__file__).resolve().parents[2]


def user_version(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        return connection.execute("PRAGMA user_version").fetchone()[0]
    finally:
        connection.close()


@pytest.mark.parametrize("version", range(1, TILL.version + 1))
def test_a_till_file_of_every_version_opens(tmp_path: Path, version: int) -> None:
    """Built by the first steps as that version did, brought up to date, and usable."""
    path = tmp_path / "till.db"
    run_steps(path, TILL, through=version)
    assert version == user_version(path)

    with TillStore.open(path, epoch=1, ballast_bytes=0) as store, OutboxReader.open(path) as reader:
        append_each(store, 1, 2)
        assert reader.verify().broken is None
    assert TILL.version == user_version(path)


@pytest.mark.parametrize("version", range(1, REPLICA.version + 1))
def test_a_replica_of_every_version_opens(tmp_path: Path, version: int) -> None:
    """The same for the cache."""
    path = tmp_path / "replica.db"
    run_steps(path, REPLICA, through=version)

    with ReplicaWriter.open(path) as writer:
        assert "" == writer.cursor()
    assert REPLICA.version == user_version(path)


def add_a_column(db: Any) -> None:
    db["envelope"].add_column("colour", str)


def fail_half_way(db: Any) -> None:
    db["envelope"].add_column("shape", str)
    raise sqlite3.OperationalError("pretend")


def test_a_step_appended_later_is_run_once_on_a_file_in_use(tmp_path: Path) -> None:
    """Tomorrow's version: yesterday's envelopes are all there, and the chain holds."""
    path = tmp_path / "till.db"
    with TillStore.open(path, epoch=1, ballast_bytes=0) as store:
        written = append_each(store, 1, 5)
    tomorrow = dataclasses.replace(TILL, steps=(*TILL.steps, add_a_column))
    for _ in range(2):
        bring_up_to_date(path, tomorrow, tuning=Tuning())

    connection = sqlite3.connect(path)
    assert 5 == len(connection.execute("SELECT id, colour FROM envelope").fetchall())
    assert tomorrow.version == connection.execute("PRAGMA user_version").fetchone()[0]
    connection.execute(f"PRAGMA user_version = {TILL.version}")
    connection.close()
    with OutboxReader.open(path) as reader:
        assert written == reader.batch(envelopes_max=10, bytes_max=1 << 20)


def test_a_failed_step_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """The step, its record and the version are one transaction; steps before it stay."""
    path = tmp_path / "till.db"
    with TillStore.open(path, epoch=1, ballast_bytes=0) as store:
        append_each(store, 1, 5)
    broken = dataclasses.replace(TILL, steps=(*TILL.steps, add_a_column, fail_half_way))
    with pytest.raises(StoreUnavailable, match=r"a migration of .* failed \(pretend\); the file is as it was before"):
        bring_up_to_date(path, broken, tuning=Tuning())

    assert TILL.version + 1 == user_version(path)
    connection = sqlite3.connect(path)
    columns = [row[1] for row in connection.execute("PRAGMA table_info(envelope)")]
    connection.close()
    assert ("colour" in columns, "shape" in columns) == (True, False)


def test_a_new_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    """It is built under another name; what a crash left of an earlier attempt is thrown away."""
    path = tmp_path / "till.db"
    path.with_name("till.db.new").write_bytes(b"half")
    broken = Schema(name="till", steps=(*TILL.steps, fail_half_way))
    with pytest.raises(StoreUnavailable):
        bring_up_to_date(path, broken, tuning=Tuning())
    assert not path.exists()
    bring_up_to_date(path, TILL, tuning=Tuning())

    assert ["till.db"] == [file.name for file in tmp_path.iterdir()]


@pytest.mark.parametrize("exists", [False, True])
def test_sqlite_utils_is_imported_only_when_a_step_is_due(tmp_path: Path, exists: bool) -> None:
    """An ordinary start of the agent loads one SQLite and no migration library."""
    path = tmp_path / "till.db"
    if exists:
        TillStore.open(path, epoch=1, ballast_bytes=0).close()
    code = (
        "import sys, pathlib; from offline_queue.store import TillStore\n"
        "TillStore.open(pathlib.Path(sys.argv[1]), epoch=1, ballast_bytes=0).close()\n"
        "print('sqlite_utils' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert f"{not exists}\n" == answer.stdout


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted in /proc")
def test_the_two_libraries_never_have_the_file_open_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the standard library's SQLite works on the file, no other descriptor of it exists in the process."""
    path = tmp_path / "till.db"
    run_steps(path, TILL)
    seen: list[int] = []

    def count(db: Any) -> None:
        links = [str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]
        seen.append(links.count(str(path)))

    monkeypatch.setattr("offline_queue.store.TILL", dataclasses.replace(TILL, steps=(*TILL.steps, count)))
    TillStore.open(path, epoch=1, ballast_bytes=0).close()

    assert [1] == seen


# ── Back to the version before (docs/decisions/022) ─────────────────────────────────────────────


def next_schema(schema: Schema, step: Any, **more: Any) -> Schema:
    """What the version after this one has."""
    return dataclasses.replace(schema, steps=(*schema.steps, step), **more)


def test_an_older_version_goes_on_where_the_newer_only_added(tmp_path: Path) -> None:
    """What was sold with the newer version is there after going back, and the chain goes on behind it."""
    path = tmp_path / "till.db"
    with TillStore.open(path, epoch=1, ballast_bytes=0) as store:
        append_each(store, 1, 1)
    newer = next_schema(TILL, add_a_column)
    bring_up_to_date(path, newer, tuning=Tuning())
    assert newer.version == user_version(path)

    with TillStore.open(path, epoch=1, ballast_bytes=0) as store, OutboxReader.open(path) as reader:
        append_each(store, 2, 3)

        assert reader.verify().broken is None
        assert [1, 2, 3] == [one.sequence for one in reader.page()]
    assert newer.version == user_version(path)
    bring_up_to_date(path, newer, tuning=Tuning())  # and the newer one comes again


def test_an_older_version_refuses_what_the_newer_broke(tmp_path: Path) -> None:
    """A step that takes something away names the schema that can go on; nobody older does, and the file stays."""
    path = tmp_path / "till.db"
    TillStore.open(path, epoch=1, ballast_bytes=0).close()
    number = TILL.version + 1
    bring_up_to_date(path, next_schema(TILL, add_a_column, breaks={number: number}), tuning=Tuning())

    with pytest.raises(StoreNewer, match="newer Tillpoint"):
        TillStore.open(path, epoch=1, ballast_bytes=0)
    with pytest.raises(StoreNewer, match="newer Tillpoint"):
        OutboxReader.open(path)


def test_a_break_counts_from_its_own_step_on() -> None:
    """Files of the steps before it stay readable for older versions; later steps do not heal it."""
    schema = dataclasses.replace(TILL, steps=(*TILL.steps, add_a_column, add_a_column), breaks={2: 2})

    assert [1, 2, 2] == [schema.readable_after(step) for step in (1, 2, 3)]
    assert 2 == schema.readable_from
    assert 1 == TILL.readable_after(1)


def test_an_older_version_reads_a_newer_replica_that_only_added(tmp_path: Path) -> None:
    """Going back needs no line: the members are still known."""
    path = tmp_path / "replica.db"
    with ReplicaWriter.open(path) as writer:
        writer.apply(
            cursor="7", reflects=0, epoch=1, changes=[("alias", "a", 1, b"1")], stored_at="2026-01-01T00:00:00+00:00"
        )

    def add(db: Any) -> None:
        db["collection"].add_column("colour", str)

    bring_up_to_date(path, next_schema(REPLICA, add), tuning=Tuning())

    with ReplicaWriter.open(path) as writer:
        assert "7" == writer.cursor()
    reader = ReplicaReader.open(path)
    assert reader.get("alias", "a") is not None
    reader.close()
