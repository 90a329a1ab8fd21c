"""Files that a POS reads while we write them, and writes while we read them: whole or not at all, the flag last."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Final

__all__ = ["TAKEN", "LoadState", "delete_read", "load_state", "mark_read", "write_load", "write_whole"]

TAKEN: Final = ".tillpoint-read"  # behind the name of a report that is being deleted
_NEW: Final = ".tillpoint-new"
_LOOKED_BYTES: Final = 64  # the first lines of a load file


def write_whole(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Write a file that is there whole or not at all, also after a cut in power; raises OSError."""
    new = path.with_name(path.name + _NEW)
    with new.open("wb") as file:
        file.writelines([data] if isinstance(data, bytes) else data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return
    # A network folder may not know how.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def mark_read(path: Path, mark: tuple[bytes, bytes], offset: int, head: bytes) -> bytes:
    """Turn the mark of a fresh report into that of one that was read, in place; its new beginning.

    A file that is not marked fresh, or is not as long as what was read, stays as it is.
    """
    fresh, read = mark
    place = head.find(fresh) if fresh else -1
    if not 0 <= place <= 4:  # behind the mark of an encoding at most
        return head
    with path.open("r+b") as file:
        if os.fstat(file.fileno()).st_size != offset or file.read(len(head)) != head:
            return head
        file.seek(place)
        file.write(read)
        file.flush()
        os.fsync(file.fileno())
    return head[:place] + read + head[place + len(fresh) :]


def delete_read(path: Path, offset: int) -> bool:
    """Delete a report that was read up to `offset`; False when something was appended meanwhile.

    It goes under another name first (`TAKEN`), so that a POS that writes now begins a new file. What was appended
    stays: under its old name, or under the other one when the POS has begun a new file already.
    """
    taken = path.with_name(path.name + TAKEN)
    if taken.exists():
        return False
    path.rename(taken)
    if taken.stat().st_size == offset:
        taken.unlink()
        return True
    if not path.exists():
        taken.rename(path)
    return False


# ── Load files ──────────────────────────────────────────────────────────────────────────────────


class LoadState(Enum):
    """What a POS did with a load file: there is NONE, it WAITS to be loaded, or it was LOADED."""

    NONE = "none"
    WAITS = "waits"
    LOADED = "loaded"


def load_state(data: Path, flag: Path | None) -> LoadState:
    """Whether the POS has taken the last load: it deletes the flag, and turns the # of the file into @."""
    if flag is not None and flag.exists():
        return LoadState.WAITS
    try:
        with data.open("rb") as file:
            lines = file.read(_LOOKED_BYTES).splitlines()
    except FileNotFoundError:
        return LoadState.NONE
    if len(lines) > 1 and lines[1].strip() == b"@":
        return LoadState.LOADED
    return LoadState.WAITS if flag is None else LoadState.LOADED


def write_load(data: Path, flag: Path | None, content: bytes | Iterable[bytes]) -> LoadState:
    """Write a load file, its flag last; nothing is touched while the POS has not taken the one before.

    Returns:
        The state before: WAITS means that nothing was written.

    Raises:
        OSError: the folder cannot be written to.
    """
    before = load_state(data, flag)
    if before is LoadState.WAITS:
        return before
    write_whole(data, content)
    if flag is not None:
        write_whole(flag, b"")
    return before
