"""`replica.db`, and the next one that is being loaded, as the downloader sees them: parts and pages go in."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from drivers.vocabulary.centre import Change, ChangesPage, SnapshotManifest
from offline_queue.errors import StoreCorrupt
from offline_queue.replica import ReplicaWriter
from offline_queue.replica_build import ReplicaBuild

__all__ = ["BuildFile", "ReplicaFile"]

log = logging.getLogger(__name__)

Exchange = Callable[[Callable[[], None]], None]


@dataclass(slots=True)
class ReplicaFile:
    """The replica in use."""

    path: Path
    writer: ReplicaWriter
    now: Callable[[], datetime]
    while_unread: Exchange

    @classmethod
    def open(cls, path: Path, now: Callable[[], datetime], *, while_unread: Exchange) -> ReplicaFile:
        """Open it, or begin with an empty one.

        Args:
            path: the file.
            now: the wall clock.
            while_unread: runs an exchange of files while no reader of this process has the replica open.

        Raises:
            StoreError: there is no folder, no right or no room.
        """
        return cls(path, ReplicaWriter.open(path), now, while_unread)

    def cursor(self) -> str:
        """Where to go on."""
        return self.writer.cursor()

    def apply(self, page: ChangesPage) -> None:
        """Take a page over with its cursor."""
        applied = self.writer.apply(
            cursor=page.cursor,
            reflects=page.reflects,
            epoch=page.epoch,
            changes=((change.collection, change.key, change.version, change.document) for change in page.changes),
            stored_at=self.now().isoformat(),
        )
        if applied.started_over:
            log.error("replica.started_over set_aside=%s", self.writer.set_aside)

    def reset(self) -> None:
        """Forget everything."""
        self.writer.reset()

    def build_is_begun(self) -> bool:
        """Whether a snapshot was being loaded when the agent stopped."""
        return ReplicaBuild.is_begun(self.path)

    def build(self) -> BuildFile:
        """The next replica."""
        return BuildFile(ReplicaBuild.open(self.path), self)

    def close(self) -> None:
        """Let go of the file."""
        self.writer.close()


@dataclass(slots=True)
class BuildFile:
    """The replica that is being loaded."""

    file: ReplicaBuild
    replica: ReplicaFile

    def place(self) -> tuple[str, int] | None:
        """(snapshot, parts that are in); None before the first and after the last part."""
        loading = self.file.loading
        return None if loading is None else (loading.snapshot, loading.parts)

    def cursor(self) -> str:
        """Where the changes go on; "" when nothing is loaded."""
        return self.file.cursor()

    def begin(self, snapshot: str) -> None:
        """Forget another snapshot's documents."""
        self.file.begin(snapshot)

    def load(self, part: int, changes: Sequence[Change], manifest: SnapshotManifest) -> None:
        """Take a part, all or nothing."""
        rows = ((change.collection, change.key, change.version, change.document) for change in changes)
        self.file.load(
            part, rows, epoch=manifest.epoch, reflects=manifest.reflects, stored_at=manifest.made_at.isoformat()
        )

    def loaded(self, manifest: SnapshotManifest) -> None:
        """Every part is in."""
        made_at = manifest.made_at.isoformat()
        self.file.loaded(cursor=manifest.cursor, epoch=manifest.epoch, reflects=manifest.reflects, stored_at=made_at)

    def apply(self, page: ChangesPage) -> None:
        """Take a page of changes over.

        Raises:
            StoreCorrupt: the file was damaged and is empty again.
        """
        changes = ((change.collection, change.key, change.version, change.document) for change in page.changes)
        stored_at = self.replica.now().isoformat()
        sound = self.file.apply(
            cursor=page.cursor, reflects=page.reflects, epoch=page.epoch, changes=changes, stored_at=stored_at
        )
        if not sound:
            raise StoreCorrupt("the replica that was being loaded is damaged; it is loaded again")

    def exchange(self) -> None:
        """Check the file and put it in the place of the replica in use."""
        self.file.take_the_place_of(self.replica.writer, while_unread=self.replica.while_unread)

    def reset(self) -> None:
        """Forget what was loaded."""
        self.file.reset()

    def abandon(self) -> None:
        """Give it up; nothing of it is kept."""
        self.file.abandon()

    def close(self) -> None:
        """Close it, to go on with later."""
        self.file.close()
