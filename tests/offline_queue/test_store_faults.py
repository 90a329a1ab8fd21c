"""What a hostile machine does to the store: wrong files, second writers, failing and full disks, kill -9."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from queue_rig import MemoryDisk, RigVFS
from queue_samples import NOON, append_each, append_one, append_together

from offline_queue.database import Tuning
from offline_queue.errors import (
    StoreBusy,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreNewer,
    StoreUnavailable,
)
from offline_queue.reader import OutboxReader
from offline_queue.store import TillStore

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
PAGE = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "till.db"


def open_store(path: Path) -> TillStore:
    return TillStore.open(path, epoch=1, ballast_bytes=0)


def python(code: str, *arguments: str, **options: object) -> subprocess.Popen[str]:
    """A child that can import the queue and these helpers."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(HERE))), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=ROOT,
        **options,
    )


# ── files that are not ours to write ────────────────────────────────────────────────────────────────────────────────


def test_a_second_writer_in_this_process_is_refused(path: Path) -> None:
    """The sentence names the process that writes; after it closed, the next one may."""
    with open_store(path), pytest.raises(StoreBusy, match=f"already being written by process {os.getpid()}"):
        open_store(path)
    with open_store(path) as store:
        assert 1 == store.epoch


def test_a_second_writer_in_another_process_is_refused(path: Path) -> None:
    """The lock is freed by the operating system when its holder dies, without anybody tidying up."""
    child = python(
        "import sys, pathlib; from offline_queue.store import TillStore\n"
        "store = TillStore.open(pathlib.Path(sys.argv[1]), epoch=1, ballast_bytes=0)\n"
        "print('open', flush=True); sys.stdin.read()",
        str(path),
    )
    try:
        assert "open\n" == child.stdout.readline()
        with pytest.raises(StoreBusy, match=f"by process {child.pid}; only one agent may run"):
            open_store(path)
    finally:
        child.kill()
        child.communicate()
    with open_store(path) as store:
        assert 1 == store.epoch


def test_a_file_of_a_newer_version_is_refused_untouched(path: Path) -> None:
    """After a downgrade of the programme the file stays exactly as it is."""
    open_store(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 999")
    connection.commit()
    connection.close()
    before = path.read_bytes()

    with pytest.raises(StoreNewer, match=r"was written by a newer Tillpoint .* install that version again or restore"):
        open_store(path)
    with pytest.raises(StoreNewer):
        OutboxReader.open(path)
    assert before == path.read_bytes()


def test_a_file_that_is_no_database_is_refused_untouched(path: Path) -> None:
    """A text file under our name is somebody's; it is not overwritten."""
    path.write_bytes(b"dear diary, " * 1_000)

    with pytest.raises(StoreCorrupt, match="not a database"):
        open_store(path)
    assert path.read_bytes().startswith(b"dear diary")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """Nothing is created in its place."""
    with pytest.raises(StoreUnavailable, match=r"nowhere does not exist; create it"):
        open_store(tmp_path / "nowhere" / "till.db")
    assert not (tmp_path / "nowhere").exists()


@contextmanager
def ordinary_account() -> Iterator[None]:
    """Without the powers of root, for as long as it takes; an ordinary account stays what it is."""
    if sys.platform == "win32":
        pytest.skip("permission bits are not what Windows goes by")
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder every account may walk into, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="tillpoint-rights-"))
    folder.chmod(0o777)
    yield folder
    folder.chmod(0o777)
    for path in folder.iterdir():
        path.chmod(0o666)  # what is read-only, Windows does not delete
    shutil.rmtree(folder)


def test_a_folder_we_may_not_write_is_named(open_folder: Path) -> None:
    """A wrong owner after a copy by root: the sentence says who needs what."""
    open_folder.chmod(0o555)
    with ordinary_account(), pytest.raises(StoreUnavailable) as raised:
        open_store(open_folder / "till.db")

    assert (
        f"cannot write {open_folder / 'till.db'}: Permission denied; let the agent's account write its folder"
        == str(raised.value)
    )


def test_a_file_we_may_not_write_is_named_at_once(open_folder: Path) -> None:
    """Not at the first receipt, but when the agent starts."""
    path = open_folder / "till.db"
    open_store(path).close()
    path.chmod(0o444)
    path.with_name("till.db.lock").chmod(0o666)
    with (
        ordinary_account(),
        pytest.raises(StoreUnavailable, match=r"till\.db: read-only; let the agent's account write"),
    ):
        open_store(path)


def test_a_disk_mounted_read_only_is_named() -> None:
    """A worn-out card that turned read-only."""
    with small_disk("4m") as folder:
        open_store(folder / "till.db").close()
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        with pytest.raises(StoreUnavailable, match=r"cannot write .*: Read-only file system"):
            open_store(folder / "till.db")


# ── damaged files ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_damaged_page_is_reported_and_never_served(path: Path) -> None:
    """Bytes scribbled over the middle of the file: checking says so, and reading raises instead of answering."""
    with open_store(path) as store:
        append_together(store, 1, 200, body=b"r" * 2_000)
    with path.open("r+b") as file:
        for page in range(20, 100):
            file.seek(page * PAGE)
            file.write(b"\xa5" * 100)

    with OutboxReader.open(path) as reader, pytest.raises(StoreCorrupt, match=r"damaged .*restore"):
        reader.batch(envelopes_max=500, bytes_max=1 << 20)
    with open_store(path) as store:
        assert "" != store.check()


def test_a_flipped_bit_inside_a_body_is_found_by_the_chain(path: Path) -> None:
    """SQLite sees nothing wrong; the chain names the envelope."""
    with open_store(path) as store:
        append_together(store, 1, 300)
    with path.open("r+b") as file:
        content = file.read()
        file.seek(content.index(b'{"receipt":217}') + 3)
        file.write(b"R")

    with open_store(path) as store, OutboxReader.open(path) as reader:
        assert "" == store.check()
        report = reader.verify()
    assert (216, (1, 217)) == (report.checked, report.broken)


def test_files_of_two_back_ups_are_refused(path: Path) -> None:
    """A database whose marks and envelopes are of different moments is half a restore."""
    with open_store(path) as store:
        append_together(store, 1, 5)
        store._run("DELETE FROM envelope WHERE sequence = 5", ())

    with pytest.raises(StoreCorrupt, match="does not agree with itself"):
        open_store(path)


def test_a_lonely_wal_is_not_thrown_away(path: Path) -> None:
    """Somebody moved the database and left its WAL: acknowledged envelopes may be in there."""
    path.with_name("till.db-wal").write_bytes(b"x" * 100)

    with pytest.raises(StoreCorrupt, match=r"is gone but till\.db-wal is there"):
        open_store(path)
    assert path.with_name("till.db-wal").exists()


# ── disks that fail ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def failing_disk(path: Path) -> Iterator[tuple[TillStore, MemoryDisk]]:
    open_store(path).close()
    vfs = RigVFS("tillpoint-failing-sync")
    vfs.disk = MemoryDisk({str(path): path.read_bytes()})
    store = TillStore.open(path, epoch=1, ballast_bytes=0, tuning=Tuning(vfs="tillpoint-failing-sync", exclusive=True))
    yield store, vfs.disk
    vfs.disk.sync_fails = False
    store.close()
    vfs.unregister()


def test_a_failed_sync_is_fatal_until_reopened(failing_disk: tuple[TillStore, MemoryDisk]) -> None:
    """Nothing is promised on a connection whose sync failed, even when the next sync would succeed."""
    store, disk = failing_disk
    append_each(store, 1, 2)
    disk.sync_fails = True
    with pytest.raises(StoreUnavailable, match="the disk failed"):
        append_each(store, 3, 3)
    disk.sync_fails = False

    assert "" != store.failed
    for use in (lambda: append_each(store, 4, 4), store.depth, lambda: store.settle(epoch=1, through=1), store.tend):
        with pytest.raises(StoreUnavailable, match="reopen before anything more is promised"):
            use()
    store.reopen()
    assert "" == store.failed
    known = store.depth().last_sequence
    assert known == (3 if store.by_id("id-000003") else 2)
    assert known + 1 == append_each(store, 4, 4)[0].sequence


def test_reopening_a_disk_that_still_fails_stays_failed(failing_disk: tuple[TillStore, MemoryDisk]) -> None:
    """Reopening writes and syncs once before it believes anything."""
    store, disk = failing_disk
    append_each(store, 1, 2)
    disk.sync_fails = True
    with pytest.raises(StoreUnavailable):
        append_each(store, 3, 3)
    for _ in range(2):
        with pytest.raises(StoreError):
            store.reopen()
        assert "" != store.failed
    disk.sync_fails = False
    store.reopen()

    assert store.depth().last_sequence in (2, 3)


def test_a_write_that_failed_inside_a_block_cannot_be_ignored(path: Path) -> None:
    """A block that swallows the error still does not commit the rest of its work."""
    with open_store(path) as store:
        append_each(store, 1, 1)
        store._run("CREATE TRIGGER no_room BEFORE INSERT ON document BEGIN SELECT RAISE(ABORT, 'no'); END", ())
        with pytest.raises(StoreError), store.transaction() as tx:  # noqa: PT012 - raised when the block ends
            append_one(tx, 2)
            with pytest.raises(StoreError):
                tx.put("open", "key", b"value")
            with pytest.raises(StoreError):
                append_one(tx, 3)

        assert 1 == store.depth().last_sequence


# ── disks that are full ─────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def small_disk(size: str) -> Iterator[Path]:
    """A tmpfs of our own, or a loud skip."""
    if sys.platform != "linux" or shutil.which("mount") is None:
        pytest.skip("no tmpfs here: the full disk is tested on Linux only")
    folder = Path(tempfile.mkdtemp(prefix="tillpoint-full-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tillpoint-test", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        folder.rmdir()
        pytest.skip("this account may not mount a tmpfs: the full disk was NOT tested")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()


def fill(store: TillStore, first: int) -> int:
    """Append until the disk is full; the number of the first envelope that did not fit."""
    number = first
    while True:
        try:
            append_each(store, number, number, body=b"r" * 2_000)
        except StoreFull:
            return number
        number += 1


def test_a_full_disk_can_be_drained_with_the_ballast() -> None:
    """Nothing promised is lost; the centre's answer is taken, old envelopes go, and then the sale is recorded again."""
    with small_disk("12m") as folder, TillStore.open(folder / "till.db", epoch=1) as store:
        assert store.ballast_present
        refused = fill(store, 1)
        assert not store.ballast_present
        assert refused - 1 == store.depth().waiting
        again = fill(store, refused)  # the ballast's room takes some more, and leaves the rest for draining
        assert again > refused

        store.settle(epoch=1, through=again - 1)
        assert 0 == store.depth().waiting
        removed = 0
        while chunk := store.prune(now=NOON, keep_days=9_999, keep_bytes=400_000):
            removed += chunk
        assert removed > 0
        (envelope,) = append_each(store, again, again, body=b"r" * 2_000)
        assert (again, "") == (envelope.sequence, store.check())


def test_the_ballast_comes_back_with_the_room() -> None:
    """Somebody deletes a film: the next idle moment lays the ballast again."""
    with small_disk("8m") as folder, TillStore.open(folder / "till.db", epoch=1, ballast_bytes=512 * 1024) as store:
        (folder / "film.avi").write_bytes(bytes(5 * 1024 * 1024))
        fill(store, 1)
        store.tend()
        assert not store.ballast_present
        (folder / "film.avi").unlink()
        store.tend()

        assert store.ballast_present


@pytest.mark.skipif(sys.platform == "win32", reason="no RLIMIT_FSIZE on Windows")
def test_a_limit_on_the_file_size_is_a_full_disk(path: Path) -> None:
    """A quota or a limit is not a broken disk: the store says full, and goes on when there is room."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with open_store(path) as store:
        append_each(store, 1, 2)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, hard))
            refused = fill(store, 3)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

        assert "" == store.failed
        assert refused - 1 == store.depth().last_sequence
        assert [refused] == [envelope.sequence for envelope in append_each(store, refused, refused)]


# ── processes that die ──────────────────────────────────────────────────────────────────────────────────────────────

WRITER = """
import sys, pathlib
from queue_samples import append_one
from offline_queue.store import TillStore
store = TillStore.open(pathlib.Path(sys.argv[1]), epoch=1)
number = store.depth().last_sequence
while True:
    number += 1
    with store.transaction() as tx:
        append_one(tx, number, marks=[f"receipt:{number}"])
        tx.put("open", "last", str(number).encode())
    print(number, flush=True)
    if number % 7 == 0:
        store.settle(epoch=1, through=number - 3)
"""


def kill_loop(path: Path, kills: int) -> int:
    """Kill the writer with no warning after it acknowledged a few; the number it had acknowledged at the end."""
    acknowledged = 0
    for turn in range(kills):
        child = python(WRITER, str(path))
        for _ in range(3 + turn * 13 % 31):
            acknowledged = int(child.stdout.readline())
        child.kill()
        rest = child.stdout.read()  # not communicate(): that reads past what readline() has read ahead
        child.communicate()
        complete = rest[: rest.rfind("\n") + 1].split()
        acknowledged = int(complete[-1]) if complete else acknowledged
        assert child.returncode == (-signal.SIGKILL if sys.platform != "win32" else 1)
        with open_store(path) as store, OutboxReader.open(path) as reader:
            last = store.depth().last_sequence
            assert last in (acknowledged, acknowledged + 1)
            assert str(last).encode() == store.get("open", "last")
            report = reader.verify()
            assert (last, None) == (report.checked, report.broken)
    return acknowledged


def test_nothing_acknowledged_is_lost_by_kill_9(path: Path) -> None:
    """Ten kills on one file: every acknowledged envelope is there, with its document."""
    assert kill_loop(path, 10) > 30


@pytest.mark.soak
def test_nothing_acknowledged_is_lost_by_two_hundred_kills(path: Path) -> None:
    """The same, two hundred times."""
    assert kill_loop(path, 200) > 600


# ── what a commit costs ─────────────────────────────────────────────────────────────────────────────────────────────

COMMITS = """
import os, sys, pathlib
from queue_samples import append_one
from offline_queue.store import TillStore
count, rests = int(sys.argv[2]), sys.argv[3] == "rests"
with TillStore.open(pathlib.Path(sys.argv[1]), epoch=1) as store:
    with store.transaction() as tx:
        append_one(tx, 1)
    for number in range(2, count + 2):
        os.write(1, b"BEGIN-COMMIT")
        with store.transaction() as tx:
            append_one(tx, number, body=b"r" * 2_000, marks=[f"receipt:{number}"])
            tx.put("open", "receipt", b"x")
        os.write(1, b"END-COMMIT")
        if rests:
            store.tend()
"""


@pytest.mark.parametrize(("count", "rests"), [(10, "works"), (80, "rests")])
def test_a_commit_costs_one_sync(path: Path, count: int, rests: str) -> None:
    """With an envelope, a mark and a document each: one fdatasync, no fsync, as strace counts them.

    Ten in a row; and eighty with idle moments between them, into which the checkpoints fall.
    """
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed: the number of syncs was NOT measured")
    trace = path.with_name("trace")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(HERE)))}
    command = [strace, "-f", "-o", str(trace), "-e", "trace=fsync,fdatasync,write"]
    finished = subprocess.run(
        [*command, sys.executable, "-c", COMMITS, str(path), str(count), rests],
        env=environment,
        capture_output=True,
        check=False,
    )
    if finished.returncode:
        pytest.skip("strace may not trace here: the number of syncs was NOT measured")
    commits = [part.partition("END-COMMIT")[0] for part in trace.read_text().split("BEGIN-COMMIT")[1:]]

    assert [(1, 0)] * count == [(one.count("fdatasync("), one.count(" fsync(")) for one in commits]
    assert rests == "works" or count // 10 < trace.read_text().count("fdatasync(") - count
