"""A replica that is being loaded from a snapshot beside the one in use, part by part, and then takes its place.

The file is a replica like any other, under the name `replica.db.next`; its cursor says how far the loading has come,
in the same transaction as the documents. So a till that is switched off in the middle goes on at the next part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from offline_queue.errors import StoreCorrupt, StoreUnavailable
from offline_queue.files import replace_durably, sync_folder
from offline_queue.migrations import side_files
from offline_queue.replica import Change, ReplicaWriter

__all__ = ["Loading", "ReplicaBuild", "build_path"]

_LOADING = "loading"


@dataclass(frozen=True, slots=True)
class Loading:
    """How far a build has come: which snapshot, and how many of its parts are in the file."""

    snapshot: str
    parts: int


def build_path(replica: Path) -> Path:
    """Where the next replica is built."""
    return replica.with_name(replica.name + ".next")


class ReplicaBuild:
    """The next replica. To be used by one thread, the one that writes the replica."""

    def __init__(self, path: Path, writer: ReplicaWriter) -> None:
        self._path = path
        self._writer = writer

    @classmethod
    def open(cls, replica: Path) -> ReplicaBuild:
        """Go on with a build that was begun, or begin one.

        Raises:
            StoreError: it cannot be made or opened.
        """
        path = build_path(replica)
        return cls(path, ReplicaWriter.open(path))

    @classmethod
    def is_begun(cls, replica: Path) -> bool:
        """Whether there is a file of an earlier run to go on with."""
        return build_path(replica).exists()

    @property
    def loading(self) -> Loading | None:
        """How far it is; None before the first part, and when every part is in."""
        words = self._writer.cursor().split(" ")
        if len(words) != 3 or words[0] != _LOADING or not words[2].isdigit():
            return None
        return Loading(words[1], int(words[2]))

    @property
    def is_loaded(self) -> bool:
        """Every part is in; the cursor is the centre's own."""
        return self._writer.cursor() != "" and self.loading is None

    def cursor(self) -> str:
        """Where the changes go on."""
        return self._writer.cursor()

    def begin(self, snapshot: str) -> None:
        """Forget what was loaded of another snapshot."""
        if not snapshot or " " in snapshot:
            raise ValueError("a snapshot's id is one word")
        self._writer.reset()
        self._writer.apply(cursor=f"{_LOADING} {snapshot} 0", reflects=0, epoch=1, changes=(), stored_at=_NO_TIME)

    def load(self, part: int, changes: Iterable[Change], *, epoch: int, reflects: int, stored_at: str) -> None:
        """Take one part, counted from 0; parts come in their order, and none of their documents comes twice.

        Raises:
            ValueError: it is not this part's turn.
            StoreFull: no room; nothing of the part was kept.
            StoreError: likewise.
        """
        loading = self.loading
        if loading is None or loading.parts != part:
            raise ValueError(f"part {part} does not come next ({self._writer.cursor()!r})")
        cursor = f"{_LOADING} {loading.snapshot} {part + 1}"
        self._writer.load(cursor=cursor, reflects=reflects, epoch=epoch, changes=changes, stored_at=stored_at)

    def loaded(self, *, cursor: str, epoch: int, reflects: int, stored_at: str) -> None:
        """Every part is in: from here on it takes the changes after `cursor` as any replica does."""
        self._writer.apply(cursor=cursor, reflects=reflects, epoch=epoch, changes=(), stored_at=stored_at)

    def apply(self, *, cursor: str, reflects: int, epoch: int, changes: Iterable[Change], stored_at: str) -> bool:
        """Take over a page of changes; False when the file turned out damaged and is empty again."""
        applied = self._writer.apply(
            cursor=cursor, reflects=reflects, epoch=epoch, changes=changes, stored_at=stored_at
        )
        return not applied.started_over

    def count(self, collection: str) -> int:
        """How many documents of a collection there are."""
        return self._writer.count(collection)

    def take_the_place_of(self, replica: ReplicaWriter, *, while_unread: Callable[[Callable[[], None]], None]) -> None:
        """Check every page and put the file in the place of `replica`, whose writer goes on with it.

        Args:
            replica: the writer of the replica in use.
            while_unread: runs the exchange while no reader of this process has the replica open, which Windows
                needs; called once.

        Raises:
            StoreCorrupt: the new file is damaged; it was set aside, and the replica is as before.
            StoreUnavailable: somebody else has the replica open (Windows); the replica is as before.
        """
        if not self._writer.check():
            if self._writer.set_aside is not None:
                self._writer.set_aside.unlink(missing_ok=True)  # a copy of what the centre has; no use to anybody
            raise StoreCorrupt(f"{self._path} was damaged while it was loaded; it will be loaded again")
        target = replica.path
        if not replica.fold():
            raise StoreUnavailable(f"{target} is being read by another programme; close it, it is exchanged then")
        self._writer.fold()
        self._writer.close()
        replica.close_file()
        try:
            while_unread(lambda: _exchange(self._path, target))
        except OSError as error:
            raise StoreUnavailable(
                f"cannot put {self._path} in the place of {target}: {error.strerror or error}; close what reads it"
            ) from error
        finally:
            replica.reopen()

    def reset(self) -> None:
        """Forget what was loaded and keep the file."""
        self._writer.reset()

    def abandon(self) -> None:
        """Give the file up."""
        self._writer.close()
        for path in (self._path, *side_files(self._path)):
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file; a later `open` goes on with it. Harmless when repeated."""
        self._writer.close()


_NO_TIME = "1970-01-01T00:00:00+00:00"


def _exchange(new: Path, target: Path) -> None:
    """The old file's WAL goes first, for good: under its name it would be taken for the new file's.

    Its removal is synced before the rename: after a power cut the two could else be found in the other order.
    A cut in between leaves the old file, whose WAL was folded in before, or the new one.
    """
    for leftover in side_files(target):
        leftover.unlink(missing_ok=True)
    sync_folder(target.parent)
    replace_durably(new, target)
