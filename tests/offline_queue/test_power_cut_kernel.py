"""A power cut under a real file system: ext4 and XFS are shut down without a flush while the queue writes to them.

The file system lies on a loop device. `FS_IOC_SHUTDOWN` with "no log flush" makes it stop at once, so that only what
had reached the device is found when it is mounted again. This needs root, mkfs and a loop device; where one of them
is missing the test says which and is skipped.
"""

from __future__ import annotations

import os
import shutil
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from offline_queue.reader import OutboxReader
from offline_queue.store import TillStore

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="loop devices are of Linux")

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
SHUTDOWN = 0x8004587D  # FS_IOC_SHUTDOWN, _IOR('X', 125, __u32): linux/fs.h
NO_LOG_FLUSH = 2  # FS_SHUTDOWN_FLAGS_NOLOGFLUSH
SIZES = {"ext4": 64, "xfs": 320}  # MiB; XFS makes none smaller than 300

WRITER = """
import os, pathlib, sys
from queue_samples import append_one
from offline_queue.database import Tuning
from offline_queue.store import TillStore
# A weakened queue is given a long WAL as well, or the sync of a checkpoint may save it by chance.
tuning = Tuning(synchronous=sys.argv[2], checkpoint_pages=200 if sys.argv[2] == "FULL" else 10_000)
with TillStore.open(pathlib.Path(sys.argv[1]), epoch=1, tuning=tuning) as store:
    number = store.depth().last_sequence
    while True:
        number += 1
        with store.transaction() as tx:
            append_one(tx, number, body=b"r" * 2_000, marks=[f"receipt:{number}"])
        os.write(1, b"%d\\n" % number)
        if number % 20 == 0:
            store.settle(epoch=1, through=number - 5)
"""


def run(*words: object) -> None:
    """Run a program, or skip with its own words."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-200:]
        pytest.skip(f"SKIPPED LOUDLY: {words[0]} failed ({said}); the power cut of a real kernel was NOT tried")


class Disk:
    """A file system of its own in one file."""

    def __init__(self, folder: Path, kind: str) -> None:
        if os.geteuid() != 0:
            pytest.skip("SKIPPED LOUDLY: only root may mount; the power cut of a real kernel was NOT tried")
        if shutil.which(f"mkfs.{kind}") is None:
            pytest.skip(f"SKIPPED LOUDLY: mkfs.{kind} is not installed; the power cut on {kind} was NOT tried")
        self.image = folder / "disk"
        self.at = folder / "mounted"
        self.at.mkdir()
        with self.image.open("wb") as file:
            file.truncate(SIZES[kind] << 20)
        run(f"mkfs.{kind}", "-q", self.image)

    @contextmanager
    def mounted(self) -> Iterator[Path]:
        """The file system in the folder tree, for as long as it takes."""
        run("mount", "-o", "loop", self.image, self.at)
        try:
            yield self.at
        finally:
            subprocess.run(["umount", str(self.at)], check=True)

    def shut_down(self) -> None:
        """The power cut."""
        import fcntl

        descriptor = os.open(self.at, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        except OSError as error:
            pytest.skip(f"SKIPPED LOUDLY: this kernel does not shut file systems down ({error.strerror})")
        finally:
            os.close(descriptor)


def write_until_the_cut(disk: Disk, count: int, synchronous: str) -> int:
    """Start the writer, cut the power after it acknowledged `count` more; the last number it had acknowledged."""
    with disk.mounted() as folder:
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder / "till.db"), synchronous],
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(HERE))), "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=ROOT,
        )
        try:
            said = b"".join(writer.stdout.readline() for _ in range(count))
            # Stopped first: a sync that races with the shutdown is acknowledged by ext4 though it was not done.
            writer.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, writer.pid, os.WSTOPPED | os.WNOWAIT)
            disk.shut_down()
        finally:
            writer.kill()
            said += writer.stdout.read()
            writer.wait()
            writer.stdout.close()
    return int(said[: said.rindex(b"\n")].split()[-1])


def look(disk: Disk) -> int:
    """Mount again and check the file; the last envelope found."""
    with disk.mounted() as folder:
        path = folder / "till.db"
        with TillStore.open(path, epoch=1) as store, OutboxReader.open(path) as reader:
            last = store.depth().last_sequence
            report = reader.verify()
            assert (last, None, "") == (report.checked, report.broken, store.check())
    return last


def cut_repeatedly(tmp_path: Path, kind: str, cuts: int) -> list[int]:
    """The numbers that had been acknowledged at each cut; every one of them was found afterwards."""
    disk = Disk(tmp_path, kind)
    reached = []
    for turn in range(cuts):
        acknowledged = write_until_the_cut(disk, 20 + turn * 37 % 90, "FULL")
        assert look(disk) - acknowledged in (0, 1)
        reached.append(acknowledged)
    return reached


@pytest.mark.parametrize("kind", ["ext4", pytest.param("xfs", marks=pytest.mark.thorough)])
def test_a_power_cut_under_a_real_file_system(tmp_path: Path, kind: str) -> None:
    """Two cuts on one disk: everything acknowledged is there, on one whole chain."""
    reached = cut_repeatedly(tmp_path, kind, cuts=2)

    assert reached[-1] > 50


def test_a_real_file_system_shows_the_loss_of_a_weakened_queue(tmp_path: Path) -> None:
    """With synchronous=NORMAL the last receipts are gone: the cut is a real one."""
    disk = Disk(tmp_path, "ext4")
    acknowledged = write_until_the_cut(disk, 60, "NORMAL")

    assert look(disk) < acknowledged


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_many_power_cuts_under_a_real_file_system(tmp_path: Path, kind: str, say: Callable[[str], None]) -> None:
    """Forty cuts on one disk."""
    reached = cut_repeatedly(tmp_path, kind, cuts=40)
    say(f"{kind}: {len(reached)} power cuts, {reached[-1]} envelopes acknowledged, none lost")

    assert reached[-1] > 1_000
