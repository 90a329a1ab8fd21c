"""An in-memory disk under SQLite that forgets what was not synced, so that a power cut can be tried at every operation.

The workload runs once; every operation that reaches the disk is written down. A crash is then a reading of that log up
to some operation: of what was not synced at that moment, each 512-byte sector arrives or does not, as a seed decides,
and so does each creation or removal of a file whose folder was not synced. Nothing needs root; it runs on Windows.

What is modelled of a real disk: `xSync` of a file makes its bytes last; the first sync of a journal or WAL that was
just created also syncs its folder, as SQLite's unix layer does; a removal lasts when SQLite asked for it. A sector is
written whole or not at all, and bytes beside a write are never harmed (what SQLite calls powersafe overwrite).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import apsw

SECTOR = 512


@dataclass
class Inode:
    content: bytearray = field(default_factory=bytearray)


@dataclass(frozen=True)
class Operation:
    """One thing that reached the disk: write, truncate, sync, create, remove, rename, sync_folder."""

    what: str
    inode: int = -1
    name: str = ""
    to: str = ""
    offset: int = 0
    data: bytes = b""


class MemoryDisk:
    """Files as the running system sees them, and the log of how they came to be.

    Weaknesses to plant: a disk that `lies` acknowledges a sync it did not do; one that `forgets_names` keeps what is
    in a file and not that the file is there.
    """

    def __init__(self, files: dict[str, bytes], *, lies: bool = False, forgets_names: bool = False) -> None:
        self.inodes: list[Inode] = []
        self.names: dict[str, int] = {}
        self.log: list[Operation] = []
        self.fresh_journals: set[int] = set()
        self.lies = lies
        self.forgets_names = forgets_names
        self.sync_fails = False
        for name, content in files.items():
            self.names[name] = len(self.inodes)
            self.inodes.append(Inode(bytearray(content)))
        self.first_names = dict(self.names)
        self.first_content = [bytes(inode.content) for inode in self.inodes]

    def open(self, name: str, *, create: bool, journal: bool) -> int:
        if name not in self.names:
            if not create:
                raise apsw.CantOpenError(name)
            number = len(self.inodes)
            self.inodes.append(Inode())
            self.first_content.append(b"")
            self.names[name] = number
            if journal:
                self.fresh_journals.add(number)
            self.log.append(Operation("create", inode=number, name=name))
        return self.names[name]

    def write(self, number: int, data: bytes, offset: int) -> None:
        _write(self.inodes[number].content, data, offset)
        self.log.append(Operation("write", inode=number, offset=offset, data=bytes(data)))

    def truncate(self, number: int, size: int) -> None:
        del self.inodes[number].content[size:]
        self.log.append(Operation("truncate", inode=number, offset=size))

    def sync(self, number: int) -> None:
        if self.lies:
            return
        if self.sync_fails:
            failure = apsw.IOError("the sync failed")
            failure.extendedresult = apsw.SQLITE_IOERR_FSYNC
            raise failure
        self.log.append(Operation("sync", inode=number))
        if number in self.fresh_journals:
            self.fresh_journals.discard(number)
            if not self.forgets_names:
                self.log.append(Operation("sync_folder"))

    def remove(self, name: str, *, sync_folder: bool) -> None:
        if name in self.names:
            self.log.append(Operation("remove", inode=self.names.pop(name), name=name))
        if sync_folder and not self.lies and not self.forgets_names:
            self.log.append(Operation("sync_folder"))

    def after_crash(self, length: int, seed: int) -> dict[str, bytes]:
        """What is found when power failed after the first `length` operations of the log."""
        rng = random.Random(f"{seed}/{length}")
        content = [bytearray(first) for first in self.first_content]
        names = dict(self.first_names)
        loose: dict[int, list[Operation]] = {}
        loose_names: list[Operation] = []
        for operation in self.log[:length]:
            if operation.what == "sync":
                for waiting in loose.pop(operation.inode, []):
                    _apply(content[operation.inode], waiting)
            elif operation.what == "sync_folder":
                for waiting in loose_names:
                    _rename(names, waiting)
                loose_names.clear()
            elif operation.what in ("create", "remove", "rename"):
                loose_names.append(operation)
            else:
                loose.setdefault(operation.inode, []).append(operation)
        keep = rng.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        for operation in loose_names:
            if rng.random() < keep:
                _rename(names, operation)
        for number, operations in loose.items():
            for operation in operations:
                _apply_torn(content[number], operation, rng, keep)
        return {name: bytes(content[number]) for name, number in names.items()}


def _write(content: bytearray, data: bytes, offset: int) -> None:
    if offset > len(content):
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


def _apply(content: bytearray, operation: Operation) -> None:
    if operation.what == "truncate":
        del content[operation.offset :]
    else:
        _write(content, operation.data, operation.offset)


def _apply_torn(content: bytearray, operation: Operation, rng: random.Random, keep: float) -> None:
    if operation.what == "truncate":
        if rng.random() < keep:
            _apply(content, operation)
        return
    start, end = operation.offset, operation.offset + len(operation.data)
    while start < end:
        stop = min(end, (start // SECTOR + 1) * SECTOR)
        if rng.random() < keep:
            _write(content, operation.data[start - operation.offset : stop - operation.offset], start)
        start = stop


def _rename(names: dict[str, int], operation: Operation) -> None:
    if operation.what == "create":
        names[operation.name] = operation.inode
    else:
        names.pop(operation.name, None)
        if operation.what == "rename":
            names[operation.to] = operation.inode


class RigVFS(apsw.VFS):
    """SQLite's door to the memory disk; `disk` may be exchanged between two openings."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.disk = MemoryDisk({})
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> RigFile:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        journal = bool(flags[0] & (apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL))
        number = self.disk.open(path, create=bool(flags[0] & apsw.SQLITE_OPEN_CREATE), journal=journal)
        flags[1] = flags[0]
        return RigFile(self.disk, number)

    def xAccess(self, name: str, flags: int) -> bool:
        return name in self.disk.names

    def xFullPathname(self, name: str) -> str:
        return name

    def xDelete(self, name: str, syncdir: bool) -> None:
        self.disk.remove(name, sync_folder=syncdir)


class RigFile:
    """One open file on the memory disk."""

    def __init__(self, disk: MemoryDisk, number: int) -> None:
        self.disk = disk
        self.number = number

    def xRead(self, amount: int, offset: int) -> bytes:
        return bytes(self.disk.inodes[self.number].content[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        self.disk.write(self.number, data, offset)

    def xTruncate(self, size: int) -> None:
        self.disk.truncate(self.number, size)

    def xSync(self, flags: int) -> None:
        self.disk.sync(self.number)

    def xFileSize(self) -> int:
        return len(self.disk.inodes[self.number].content)

    def xLock(self, level: int) -> None: ...

    def xUnlock(self, level: int) -> None: ...

    def xCheckReservedLock(self) -> bool:
        return False

    def xFileControl(self, op: int, pointer: int) -> bool:
        return False

    def xSectorSize(self) -> int:
        return SECTOR

    def xDeviceCharacteristics(self) -> int:
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE

    def xClose(self) -> None: ...
