"""The first filling of a replica: a snapshot's parts, then the changes since, then it takes the place of the old one.

Until then the till works with what it has. A part that is in the file is never fetched again, whatever happens in
between; the centre forgetting the snapshot is the one thing that makes it begin anew.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from agent.sync.errors import CursorUnknown, SnapshotUnknown
from agent.sync.parts import ChangesClient
from drivers.vocabulary.centre import Change, ChangesPage, SnapshotManifest

__all__ = ["Bootstrap", "Build", "Outcome"]

log = logging.getLogger(__name__)


class Build(Protocol):
    """The replica that is being loaded; used by the downloader's thread alone."""

    def place(self) -> tuple[str, int] | None:
        """(snapshot, parts that are in); None before the first and after the last part."""
        ...

    def cursor(self) -> str:
        """Where the changes go on; "" when nothing is loaded."""
        ...

    def begin(self, snapshot: str) -> None:
        """Forget another snapshot's documents."""
        ...

    def load(self, part: int, changes: Sequence[Change], manifest: SnapshotManifest) -> None:
        """Take a part, all or nothing."""
        ...

    def loaded(self, manifest: SnapshotManifest) -> None:
        """Every part is in."""
        ...

    def apply(self, page: ChangesPage) -> None:
        """Take a page of changes over."""
        ...

    def exchange(self) -> None:
        """Check the file and put it in the place of the replica in use."""
        ...

    def reset(self) -> None:
        """Forget what was loaded."""
        ...

    def abandon(self) -> None:
        """Give it up; nothing of it is kept."""
        ...

    def close(self) -> None:
        """Close it, to go on with later."""
        ...


class Outcome(Enum):
    """What became of one step. NONE: there is no snapshot, the feed has everything."""

    GOES_ON = "goes_on"
    DONE = "done"
    NONE = "none"


@dataclass(slots=True)
class Bootstrap:
    """One filling; each step is one request.

    Attributes:
        loading: told (documents that are in, documents there are); must not wait.
    """

    client: ChangesClient
    build: Build
    loading: Callable[[int, int], None]
    _manifest: SnapshotManifest | None = field(default=None, init=False)

    def step(self) -> Outcome:
        """The next request.

        Raises:
            CentreUnavailable: tried again; nothing is lost.
            StoreError: likewise, when there is room again.
        """
        if self.build.cursor() and self.build.place() is None:
            return self._catch_up()
        manifest = self._manifest
        if manifest is None:
            return self._ask_manifest()
        place = self.build.place()
        number = place[1] if place is not None else 0
        if number < len(manifest.parts):
            return self._load_part(manifest, number)
        self.build.loaded(manifest)
        return Outcome.GOES_ON

    def _ask_manifest(self) -> Outcome:
        try:
            manifest = self.client.snapshot()
        except SnapshotUnknown:
            self.build.abandon()
            return Outcome.NONE
        place = self.build.place()
        if place is None or place[0] != manifest.id:
            self.build.begin(manifest.id)
        self._manifest = manifest
        self._tell(manifest)
        log.info("snapshot.loading id=%s documents=%d parts=%d", manifest.id, manifest.documents, len(manifest.parts))
        return Outcome.GOES_ON

    def _load_part(self, manifest: SnapshotManifest, number: int) -> Outcome:
        try:
            part = self.client.snapshot_part(manifest, number)
        except SnapshotUnknown:
            self._manifest = None  # a newer one took its place while we were away
            return Outcome.GOES_ON
        self.build.load(number, part.changes, manifest)
        self._tell(manifest)
        return Outcome.GOES_ON

    def _catch_up(self) -> Outcome:
        """What changed since the snapshot was begun; only with it are the documents of one moment."""
        try:
            page = self.client.changes(self.build.cursor(), 0)
        except CursorUnknown as unknown:
            log.warning("snapshot.outdated reason=%s", unknown)
            self._manifest = None
            self.build.reset()
            return Outcome.GOES_ON
        self.build.apply(page)
        if page.more:
            return Outcome.GOES_ON
        self.build.exchange()
        self.loading(0, 0)
        log.info("snapshot.in_use")
        return Outcome.DONE

    def _tell(self, manifest: SnapshotManifest) -> None:
        place = self.build.place()
        number = place[1] if place is not None else 0
        self.loading(sum(part.documents for part in manifest.parts[:number]), manifest.documents)
