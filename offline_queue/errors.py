"""What can go wrong with the files on disk; each message names the file and gives the next step.

StoreError
├── StoreUnavailable   cannot be opened or written now: no folder, read-only, no right, the disk failed
├── StoreBusy          somebody else writes it
├── StoreNewer         written by a newer Tillpoint
├── StoreCorrupt       the bytes on disk are not what was written
├── StoreFull          the disk has no room
└── StoreConflict      an envelope with this id is already in the queue
"""

from __future__ import annotations

__all__ = [
    "StoreBusy",
    "StoreConflict",
    "StoreCorrupt",
    "StoreError",
    "StoreFull",
    "StoreNewer",
    "StoreUnavailable",
]


class StoreError(Exception):
    """Everything the queue and the replica raise about their files; a wrong argument is a ValueError instead."""


class StoreUnavailable(StoreError):  # noqa: N818 - a state of the world, named as the field names it
    """The file cannot be opened or written now: no folder, read-only, no right, or the disk failed."""


class StoreBusy(StoreError):  # noqa: N818
    """Another process or thread writes this file."""


class StoreNewer(StoreError):  # noqa: N818
    """The file was written by a newer Tillpoint than this one."""


class StoreCorrupt(StoreError):  # noqa: N818
    """The bytes on disk are not what was written."""


class StoreFull(StoreError):  # noqa: N818
    """The disk has no room; nothing of the transaction was written."""


class StoreConflict(StoreError):  # noqa: N818
    """An envelope with this id is already in the queue; nothing was appended."""
