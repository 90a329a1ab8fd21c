"""A power cut while a file is made, migrated or exchanged: the old one or the new one is found, and all of it."""

from __future__ import annotations

import dataclasses
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from queue_samples import NOON, append_each
from trace_rig import Trace, record

from offline_queue.migrations import TILL
from offline_queue.reader import OutboxReader
from offline_queue.replica import ReplicaWriter
from offline_queue.replica_build import ReplicaBuild
from offline_queue.rows import rfc3339
from offline_queue.store import TillStore

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="strace is of Linux; the model below SQLite runs here")

SAY = "import os, sys, pathlib\nfolder = pathlib.Path(sys.argv[1])\nsay = lambda word: os.write(1, f'PROMISE {word}\\n'.encode())\n"

MAKE = (
    SAY
    + """
from queue_samples import append_each
from offline_queue.database import Tuning
from offline_queue.migrations import TILL, bring_up_to_date
from offline_queue.store import TillStore
bring_up_to_date(folder / "till.db", TILL, tuning=Tuning())
say("0")
with TillStore.open(folder / "till.db", epoch=1, ballast_bytes=0) as store:
    for number in range(1, 4):
        append_each(store, number, number)
        say(number)
"""
)

MIGRATE = (
    SAY
    + """
import offline_queue.store
from queue_samples import append_each
from test_power_cut_files import TOMORROW
from offline_queue.store import TillStore
offline_queue.store.TILL = TOMORROW
with TillStore.open(folder / "till.db", epoch=1, ballast_bytes=0) as store:
    say("6")
    for number in range(7, 9):
        append_each(store, number, number)
        say(number)
"""
)

SWAP = (
    SAY
    + """
from test_power_cut_files import page
from offline_queue.replica import ReplicaWriter
from offline_queue.replica_build import ReplicaBuild
from offline_queue.replica_build import ReplicaBuild
with ReplicaWriter.open(folder / "replica.db") as writer:
    page(writer, 3)
    build = ReplicaBuild.open(folder / "replica.db")
    page(build, 9, stock="new")
    page(build, 10)
    build.take_the_place_of(writer, while_unread=lambda exchange: exchange())
    say("snapshot-10")
    for number in (11, 12, 13):
        page(writer, number)
"""
)

# The same with the sync of the folder taken out.
WITHOUT_FOLDER_SYNC = """
import offline_queue.files, offline_queue.replica_build
offline_queue.files.sync_folder = offline_queue.replica_build.sync_folder = lambda folder: None
"""


def tomorrow_1(db: Any) -> None:
    """A column, and a table built anew from another."""
    db.execute("ALTER TABLE epoch ADD COLUMN colour TEXT NOT NULL DEFAULT 'grey'")
    db.execute("CREATE TABLE shelf_new (position INTEGER PRIMARY KEY, reason TEXT NOT NULL, at TEXT)")
    db.execute("INSERT INTO shelf_new (position, reason) SELECT position, reason FROM shelf")
    db.execute("DROP TABLE shelf")
    db.execute("ALTER TABLE shelf_new RENAME TO shelf")


def tomorrow_2(db: Any) -> None:
    """An index over every envelope."""
    db.execute("CREATE INDEX envelope_boot ON envelope (boot_id, uptime_ms)")


TOMORROW = dataclasses.replace(TILL, steps=(*TILL.steps, tomorrow_1, tomorrow_2))


def crash_everywhere(trace: Trace, folder: Path, check: Callable[[Path, str], None], *, seeds: int, step: int) -> int:
    """Cut the power at each operation of the log, with so many tearings; how many times that was."""
    points = 0
    for length in range(0, len(trace.disk.log) + 1, step):
        for seed in range(seeds):
            trace.leave(folder, length, seed)
            try:
                check(folder, trace.promised_at(length))
            except Exception as error:
                raise AssertionError(f"operation {length} of {len(trace.disk.log)}, seed {seed}") from error
            points += 1
    return points


def is_caught(trace: Trace, folder: Path, check: Callable[[Path, str], None]) -> bool:
    """Whether some power cut breaks what was promised, as it must where a safeguard was taken out."""
    for length in range(len(trace.disk.log), -1, -1):
        for seed in range(6):
            trace.leave(folder, length, seed)
            try:
                check(folder, trace.promised_at(length))
            except Exception:
                return True
    return False


@pytest.fixture
def left() -> Iterator[Path]:
    """Where what a power cut left is laid out and opened: in memory where there is such a place, for speed alone."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="tillpoint-left-", dir=memory if memory.is_dir() else None))
    yield folder / "left"
    shutil.rmtree(folder)


# ── making ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def check_made(folder: Path, promised: str) -> None:
    """What was promised is there, on one chain; what was not yet promised is there or not."""
    path = folder / "till.db"
    assert path.exists() or promised == ""
    with TillStore.open(path, epoch=1, ballast_bytes=0) as store, OutboxReader.open(path) as reader:
        last = store.depth().last_sequence
        assert last - int(promised or 0) in (0, 1)
        assert "" == store.check()
        report = reader.verify()
        assert (last, None) == (report.checked, report.broken)
        append_each(store, last + 1, last + 1)


def make(tmp_path: Path, *, code: str = MAKE) -> Trace:
    """A file made, and the first receipts."""
    (tmp_path / "made").mkdir()
    return record(code, tmp_path / "made")


def test_a_power_cut_while_the_file_is_made(tmp_path: Path, left: Path) -> None:
    """The file appears whole or not at all, and never goes away again."""
    points = crash_everywhere(make(tmp_path), left, check_made, seeds=2, step=1)

    assert points >= 100


def test_a_file_made_without_syncing_its_folder_is_caught(tmp_path: Path, left: Path) -> None:
    """The rig can tell: a name that is not on the disk takes its file with it."""
    trace = make(tmp_path, code=WITHOUT_FOLDER_SYNC + MAKE)

    assert is_caught(trace, left, check_made)


# ── migrating ───────────────────────────────────────────────────────────────────────────────────────────────────────


def migrate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int) -> Trace:
    """A file of an earlier version as a killed agent left it, with its WAL, brought up to date."""
    before = tmp_path / "before"
    before.mkdir()
    with monkeypatch.context() as patched:
        patched.setattr("offline_queue.store.TILL", dataclasses.replace(TOMORROW, steps=TOMORROW.steps[:version]))
        with TillStore.open(tmp_path / "till.db", epoch=1, ballast_bytes=0) as store:
            append_each(store, 1, 6)
            store.settle(epoch=1, through=3, refused={2: "unknown customer"})
            for name in ("till.db", "till.db-wal"):
                shutil.copy(tmp_path / name, before / name)
    return record(MIGRATE, before)


def check_migrated(folder: Path, promised: str) -> None:
    """Every envelope and the shelf are there, under the tables of one version or the other."""
    path = folder / "till.db"
    with TillStore.open(path, epoch=1, ballast_bytes=0) as store, OutboxReader.open(path) as reader:
        last = store.depth().last_sequence
        assert last - int(promised or 6) in (0, 1)
        assert "" == store.check()
        report = reader.verify()
        assert (last, None) == (report.checked, report.broken)
        assert [(2, "unknown customer")] == [(one.envelope.sequence, one.reason) for one in reader.shelf()]
        assert (3, 1) == (store.depth().acknowledged_through, store.depth().shelved)
        append_each(store, last + 1, last + 1)


@pytest.mark.parametrize("version", range(1, TOMORROW.version))
def test_a_power_cut_while_the_file_is_migrated(
    tmp_path: Path, left: Path, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    """From each earlier version, a killed agent's WAL beside it: nothing of what was acknowledged is lost."""
    trace = migrate(tmp_path, monkeypatch, version)
    for where in ("store", "reader"):
        monkeypatch.setattr(f"offline_queue.{where}.TILL", TOMORROW)
    points = crash_everywhere(trace, left, check_migrated, seeds=2, step=1)

    assert points >= 60


# ── swapping ────────────────────────────────────────────────────────────────────────────────────────────────────────


def page(writer: ReplicaWriter | ReplicaBuild, number: int, *, stock: str = "") -> None:
    """A page of changes after which each customer is as of `number`; `stock` begins a replica with a lot more."""
    rows = [("customer", f"c-{one}", number, b"%d" % number * 50) for one in range(30)]
    if stock:
        rows += [("coupon", f"{stock}-{one}", 1, stock.encode() * 30) for one in range(400)]
    writer.apply(
        cursor=str(number), reflects=number, epoch=1, changes=rows, stored_at=rfc3339(int(NOON.timestamp() * 1_000))
    )


def documents(writer: ReplicaWriter, collection: str) -> set[tuple[int, bytes]]:
    """Every version and body there is."""
    sql = "SELECT version, body FROM document WHERE collection = (SELECT id FROM collection WHERE name = ?)"
    return set(writer._run(sql, (collection,)))


def swap(tmp_path: Path, *, code: str = SWAP) -> Trace:
    """An old replica in use, the next one built beside it, put in its place, and three pages of changes after it."""
    before = tmp_path / "before"
    before.mkdir()
    with ReplicaWriter.open(tmp_path / "replica.db") as writer:
        page(writer, 1, stock="old-")
    with ReplicaWriter.open(tmp_path / "replica.db") as writer:  # so that the WAL holds a few of the pages only
        page(writer, 2)
        for name in ("replica.db", "replica.db-wal"):
            shutil.copy(tmp_path / name, before / name)
    return record(code, before)


def check_swapped(folder: Path, promised: str) -> None:
    """All documents are of one moment, the cursor's; after the swap the old ones do not come back."""
    with ReplicaWriter.open(folder / "replica.db") as writer:
        assert (False, None) == (writer.started_empty, writer.set_aside)
        cursor = int(writer.cursor())
        assert cursor in ({10, 11, 12, 13} if promised else {2, 3, 10, 11, 12, 13})
        assert writer.check()
        assert {(cursor, b"%d" % cursor * 50)} == documents(writer, "customer")
        assert {(1, (b"old-" if cursor < 9 else b"new") * 30)} == documents(writer, "coupon")
        assert (30, 400) == (writer.count("customer"), writer.count("coupon"))
        page(writer, 20)


def test_a_power_cut_while_the_replica_is_exchanged(tmp_path: Path, left: Path) -> None:
    """The old replica or the new one, never parts of both, and its cursor with it."""
    points = crash_everywhere(swap(tmp_path), left, check_swapped, seeds=3, step=1)

    assert points >= 100


def test_a_replica_exchanged_without_syncing_its_folder_is_caught(tmp_path: Path, left: Path) -> None:
    """The rig can tell: the old file comes back after the new one was promised."""
    trace = swap(tmp_path, code=WITHOUT_FOLDER_SYNC + SWAP)

    assert is_caught(trace, left, check_swapped)


# ── for long ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.soak
def test_power_cuts_of_whole_files_for_long(
    tmp_path: Path, left: Path, monkeypatch: pytest.MonkeyPatch, say: Callable[[str], None]
) -> None:
    """The same with many tearings of every operation; the numbers are printed."""
    points: dict[str, int] = {}
    traces = {name: tmp_path / name for name in ("make", "swap", *(f"from-{v}" for v in range(1, TOMORROW.version)))}
    for folder in traces.values():
        folder.mkdir()
    points["make"] = crash_everywhere(make(traces["make"]), left, check_made, seeds=20, step=1)
    points["swap"] = crash_everywhere(swap(traces["swap"]), left, check_swapped, seeds=20, step=1)
    migrations = {v: migrate(traces[f"from-{v}"], monkeypatch, v) for v in range(1, TOMORROW.version)}
    for where in ("store", "reader"):
        monkeypatch.setattr(f"offline_queue.{where}.TILL", TOMORROW)
    for version, trace in migrations.items():
        points[f"from-{version}"] = crash_everywhere(trace, left, check_migrated, seeds=20, step=1)
    say(f"crash points, seeds 0 to 19: {points}, together {sum(points.values())}")

    assert sum(points.values()) >= 5_000
