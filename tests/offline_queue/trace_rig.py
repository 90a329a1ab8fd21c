"""Records what a real process asks of its disk, by strace, and reads the log as a power cut would have left it.

The memory disk of `queue_rig` sits under SQLite and sees nothing else. Here everything is seen that a file goes
through: the standard library's SQLite of a migration, renames, removals, and the sync of the folder. The
same model then decides what of it arrived: see `MemoryDisk.after_crash`. What the process had promised at which
moment it says itself, by writing `PROMISE name` to its standard output.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from queue_rig import MemoryDisk, Operation

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
CALLS = "open,openat,close,write,pwrite64,ftruncate,truncate,fsync,fdatasync,unlink,unlinkat,rename,renameat,renameat2"
UNMODELLED = ("-shm", ".lock")  # shared memory is made anew after a crash, and a lock holds nothing

_CALL = re.compile(r"^(\w+)\((.*)\)\s+= (-?\d+)")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_PROMISE = re.compile(rb"PROMISE (\S+)\n")


@dataclass
class Trace:
    """A recorded run: the disk with its log, and which promise was given at which length of the log."""

    disk: MemoryDisk
    promises: list[tuple[int, str]]

    def promised_at(self, length: int) -> str:
        """The last promise given before operation `length`; "" for none."""
        return next((name for reached, name in reversed(self.promises) if reached <= length), "")

    def leave(self, folder: Path, length: int, seed: int) -> None:
        """Make `folder` what is found after a power cut at that moment."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, content in self.disk.after_crash(length, seed).items():
            (folder / name).write_bytes(content)


def record(code: str, folder: Path) -> Trace:
    """Run `code` on `folder` (its first argument) under strace, or skip and say why."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("SKIPPED LOUDLY: strace is not installed; power cuts of whole files were NOT tried")
    disk = MemoryDisk({one.name: one.read_bytes() for one in folder.iterdir() if not one.name.endswith(UNMODELLED)})
    log = folder.with_name(folder.name + ".strace")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(HERE))), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [strace, "-o", str(log), "-xx", "-s", "16777216", "-e", f"trace={CALLS}", sys.executable, "-c", code, folder],
        env=environment,
        capture_output=True,
        check=False,
        cwd=ROOT,
    )
    if done.returncode and b"PTRACE" in done.stderr.upper():
        pytest.skip("SKIPPED LOUDLY: this account may not trace; power cuts of whole files were NOT tried")
    assert 0 == done.returncode, done.stderr.decode()
    return _Reader(disk, folder).read(log.read_text("ascii"))


class _Reader:
    """Turns strace's lines into the operations of the model."""

    def __init__(self, disk: MemoryDisk, folder: Path) -> None:
        self.disk = disk
        self.folder = str(folder)
        self.open: dict[int, int | str] = {}  # descriptor → inode, or "folder"
        self.place: dict[int, int] = {}  # descriptor → where `write` goes on
        self.promises: list[tuple[int, str]] = []

    def read(self, text: str) -> Trace:
        for line in text.splitlines():
            found = _CALL.match(line)
            if found is not None and int(found[3]) >= 0:
                texts = [bytes.fromhex(one.replace("\\x", "")) for one in _TEXT.findall(found[2])]
                self._call(found[1], texts, _TEXT.sub("", found[2]).split(", "), int(found[3]))
        return Trace(self.disk, self.promises)

    def _call(self, name: str, texts: list[bytes], words: list[str], answer: int) -> None:
        if name in ("open", "openat"):
            self._opened(texts[0].decode(), words[-2] if "O_CREAT" in words[-2] else words[-1], answer)
        elif name.startswith("unlink"):
            self._removed(self._name(texts[0].decode()))
        elif name.startswith("rename"):
            self._renamed(self._name(texts[0].decode()), self._name(texts[1].decode()))
        elif name == "truncate":
            self._truncated(self.disk.names.get(self._name(texts[0].decode()), -1), int(words[1]))
        else:
            self._on_descriptor(name, int(words[0]), texts, words, answer)

    def _on_descriptor(self, name: str, number: int, texts: list[bytes], words: list[str], answer: int) -> None:
        target = self.open.get(number)
        if number == 1 and name == "write":
            self.promises += [(len(self.disk.log), one.decode()) for one in _PROMISE.findall(texts[0])]
        elif name == "close":
            self.open.pop(number, None)
        elif target == "folder" and name in ("fsync", "fdatasync"):
            self.disk.log.append(Operation("sync_folder"))
        elif isinstance(target, int):
            if name in ("fsync", "fdatasync"):
                self.disk.log.append(Operation("sync", inode=target))
            elif name == "ftruncate":
                self._truncated(target, int(words[1]))
            elif name == "pwrite64":
                self.disk.write(target, texts[0][:answer], int(words[3]))
            elif name == "write":
                self.disk.write(target, texts[0][:answer], self.place[number])
                self.place[number] += answer

    def _opened(self, path: str, flags: str, number: int) -> None:
        self.open.pop(number, None)
        if path.rstrip("/") == self.folder:
            self.open[number] = "folder"
            return
        name = self._name(path)
        if not name:
            return
        self.open[number] = self.disk.open(name, create=True, journal=False)
        self.place[number] = 0
        if "O_TRUNC" in flags:
            self._truncated(self.disk.names[name], 0)

    def _truncated(self, inode: int, size: int) -> None:
        if inode >= 0:
            self.disk.truncate(inode, size)

    def _removed(self, name: str) -> None:
        if name:
            self.disk.remove(name, sync_folder=False)

    def _renamed(self, source: str, target: str) -> None:
        inode = self.disk.names.pop(source)
        self.disk.names[target] = inode
        self.disk.log.append(Operation("rename", inode=inode, name=source, to=target))

    def _name(self, path: str) -> str:
        """The file's name when it lies in the folder and is modelled, else ""."""
        folder, _, name = path.rpartition("/")
        return name if folder == self.folder and not name.endswith(UNMODELLED) else ""
