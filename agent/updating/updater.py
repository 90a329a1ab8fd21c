"""The updater: outside the service, with the rights to move the pointer; verifies everything again, by itself.

One run does what there is to do and ends: go on with a switch that was cut, make ready what the agent fetched, change
over when the agent says that the till is quiet. `tillpoint update apply` is one run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from agent.updating.looking import look_at
from agent.updating.manager import Manager, own_manager
from agent.updating.places import Places, own_platform, places_of
from agent.updating.preparing import Preparing
from agent.updating.records import Record, Status, Wish, keep, read
from agent.updating.shelf import Shelf, VersionFolder, is_lower
from agent.updating.switching import Switching
from agent.updating.trust import require_own_file, trust_of
from agent.updating.watch import GRACE_S, Look
from drivers.vocabulary.release import ReleaseRefused
from drivers.vocabulary.updates import LastTry, TryOutcome, UpdateState
from offline_queue.files import WriterLock

if TYPE_CHECKING:
    from agent.settings import Settings

__all__ = ["Updater"]

log = logging.getLogger(__name__)

RELEASE_SUFFIX: Final = ".release.json"
WISH_GOOD: Final = timedelta(minutes=2)  # a till that was quiet longer ago may be busy now

#: What is wrong with the release itself, and will be tomorrow; everything else may pass.
_FOR_GOOD: Final = frozenset({"rehearsal", "no_way_back", "not_whole"})


def _nothing(act: str) -> None:
    log.debug("update.act %s", act)


class Updater:
    """Does the work; used by one process at a time.

    Args:
        config: the settings file; nobody with fewer rights may write it.
        manager: of the service.
        look: asks the agent how it is.
        at: told of each act before it is done.
        more: for `Switching` and `Preparing`, in tests.
    """

    def __init__(
        self,
        settings: Settings,
        config: Path,
        *,
        manager: Manager | None = None,
        look: Callable[[], Look] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        at: Callable[[str], None] = _nothing,
        platform: str = "",
        run: Callable[..., dict[str, Any]] | None = None,
        grace_s: float = GRACE_S,
        **more: Any,
    ) -> None:
        self._settings = settings
        self._config = config
        self.places: Places = places_of(settings)
        self._shelf = Shelf(self.places)
        self._now = now
        self._at = at
        self._look = look or (lambda: look_at(self.places.state))
        self._runs: dict[str, Any] = {"run": run} if run is not None else {}
        self.platform = platform or own_platform()
        self._switching = Switching(
            self.places,
            manager if manager is not None else own_manager(settings),
            look=self._look,
            watch_s=settings.updates.watch_s,
            now=now,
            at=at,
            config=config,
            grace_s=grace_s,
            **self._runs,
            **more,
        )

    def apply(self) -> Status:
        """One run; returns what everybody may know afterwards.

        Raises:
            StoreBusy: another run is under way.
            OSError: the disk failed; the next run goes on.
        """
        with _Turn(self.places):
            record = self._recovered()
            wish = read(self.places.wish, Wish)
            waiting = ""
            if wish is not None and self._settings.updates.install != "off":
                record, waiting = self._fulfil(wish, record)
            return self._tell(record, waiting)

    def carried(self, source: Path) -> Status:
        """Take the release that lies in a folder (a stick, a share) with its archive, and change over to it.

        Raises:
            ReleaseRefused: there is not just one release, it does not count, or a receipt is open.
            OSError: the disk failed.
        """
        found = sorted(source.glob(f"*{RELEASE_SUFFIX}"))
        if len(found) != 1:
            raise ReleaseRefused("missing", f"{source} has {len(found)} files *{RELEASE_SUFFIX}; one is needed")
        version = found[0].name.removesuffix(RELEASE_SUFFIX)
        with _Turn(self.places):
            record = self._prepared(version, self._recovered(), source)
            folder = self._shelf.find(version)
            assert folder is not None
            return self._tell(self._change_over(folder, record, by_hand=True), "")

    def go_to(self, version: str, *, pinned: bool = False) -> Status:
        """Change over to a version that lies on the shelf, as somebody with the rights asked for.

        Raises:
            ReleaseRefused: it is not there or not whole, or a receipt is open; nothing was touched.
        """
        with _Turn(self.places):
            record = self._recovered()
            folder = self._shelf.find(version)
            if folder is None:
                there = ", ".join(one.version for one in self._shelf.folders()) or "none"
                raise ReleaseRefused("missing", f"version {version} is not on this till (there are: {there})")
            if pinned:
                record = replace(record, pinned=version)
                keep(self.places.record, record)
            record = self._change_over(folder, record, by_hand=True)
            return self._tell(record, "")

    def back(self) -> Status:
        """Go back to the version that was good before, and do not come here again by itself.

        Raises:
            ReleaseRefused: there is none, or a receipt is open.
        """
        with _Turn(self.places):
            record = self._recovered()
            running = self._shelf.current()
            name = record.previous if running is None or record.good == running.version else record.good
            folder = self._shelf.find(name) if name else None
            if folder is None or running is None or folder.version == running.version:
                raise ReleaseRefused("missing", "there is no version to go back to on this till")
            record = replace(
                record, not_again={**record.not_again, running.version: "somebody went back from it by hand"}
            )
            keep(self.places.record, record)
            return self._tell(self._change_over(folder, record, by_hand=True), "")

    def pin(self, version: str) -> Status:
        """Stay at a version ("" ends it)."""
        with _Turn(self.places):
            record = replace(self._recovered(), pinned=version)
            keep(self.places.record, record)
            return self._tell(record, "")

    def forgive(self) -> None:
        """Somebody asked by hand: what failed before may be tried once more."""
        with _Turn(self.places):
            record = self._recovered()
            keep(self.places.record, replace(record, not_again={}, interrupted={}))

    # ── Parts ───────────────────────────────────────────────────────────────────────────────────

    def _recovered(self) -> Record:
        record = read(self.places.record, Record) or Record()
        if self.places.journal.exists():
            record = self._switching.recover(record)
        return record

    def _fulfil(self, wish: Wish, record: Record) -> tuple[Record, str]:
        """Make ready and change over; what stands against it is in the record's last try, or in words."""
        running = self._shelf.current()
        if running is not None and running.version == wish.version:
            return record, ""
        try:
            ready = record.prepared
            behind = running is not None and is_lower(wish.version, running.version)  # a package has overtaken it
            if behind or ready is None or ready.version != wish.version or not Path(ready.folder).is_dir():
                record = self._prepared(wish.version, record, self.places.inbox)
            waiting = self._why_wait(wish, record)
            if waiting or not wish.switch or record.prepared is None:
                return record, waiting
            folder = VersionFolder(version=wish.version, path=Path(record.prepared.folder), is_packaged=False)
            return self._change_over(folder, record, by_hand=False), ""
        except (ReleaseRefused, ValueError, OSError) as error:
            if isinstance(error, ReleaseRefused) and error.code == "busy":
                return record, str(error)
            return self._refused(wish.version, replace(record, prepared=None), error), ""

    def _why_wait(self, wish: Wish, record: Record) -> str:
        if record.pinned and record.pinned != wish.version:
            return f"this till is pinned to {record.pinned}"
        if wish.switch and abs(self._now() - wish.at) > WISH_GOOD:
            return "the till was quiet when it was asked last; it is asked again"
        return ""

    def _prepared(self, version: str, record: Record, source: Path) -> Record:
        require_own_file(self._config)
        preparing = Preparing(
            self.places,
            trust_of(self._settings.updates),
            config=self._config,
            platform=self.platform,
            now=self._now,
            at=self._at,
            **self._runs,
        )
        ready, signed = preparing.prepare(version, record, source)
        newest = max(signed, record.newest) if record.newest is not None else signed
        record = replace(record, prepared=ready, newest=newest)
        keep(self.places.record, record)
        self._shelf.prune({record.good, record.previous, version})
        return record

    def _change_over(self, folder: VersionFolder, record: Record, *, by_hand: bool) -> Record:
        before = self._look()
        if before.busy:
            raise ReleaseRefused("busy", f"not now: {before.busy}")
        if before.state != "running" and not by_hand:  # nobody could tell afterwards what worked before
            raise ReleaseRefused("busy", f"not now: the agent does not answer ({before.why or before.state})")
        return self._switching.switch(folder.version, folder.path, record, before, by_hand=by_hand)

    def _refused(self, version: str, record: Record, error: Exception) -> Record:
        """Note why a version is not taken."""
        code = error.code if isinstance(error, ReleaseRefused) else "disk"
        sentence = str(error)[:500]
        log.error("update.refused version=%s code=%s reason=%s", version, code, sentence)
        outcome = TryOutcome.FAILED if code in {"rehearsal", "no_room", "disk", "no_way_back"} else TryOutcome.REFUSED
        last = LastTry(version=version, outcome=outcome, reason=sentence, at=self._now())
        if code == "not_again" and record.last is not None and record.last.version == version:
            last = record.last  # what was told first is the better sentence
        again = record.not_again if code not in _FOR_GOOD else {**record.not_again, version: sentence}
        record = replace(record, last=last, not_again=again)
        try:
            keep(self.places.record, record)
        except OSError as failed:
            log.error("update.record reason=%s", failed.strerror)  # noqa: TRY400 - a full disk is a state
        return record

    def _tell(self, record: Record, waiting: str) -> Status:
        running = self._shelf.current()
        state = UpdateState.IDLE
        if record.last is not None and record.last.outcome is TryOutcome.ROLLED_BACK:
            state = UpdateState.ROLLED_BACK
        if record.prepared is not None:
            state = UpdateState.STAGED
        if record.pinned:
            state = UpdateState.PINNED
        status = Status(
            state=state,
            running=running.version if running is not None else "",
            at=self._now(),
            prepared=record.prepared.version if record.prepared is not None else "",
            prepared_at=record.prepared.at if record.prepared is not None else None,
            previous=record.previous,
            pinned=record.pinned,
            waiting=waiting,
            not_again=record.not_again,
            last=record.last,
        )
        try:
            keep(self.places.status, status)
        except OSError as error:
            log.error("update.status reason=%s", error.strerror)  # noqa: TRY400 - a full disk is a state
        return status


class _Turn:
    """One updater at a time; the operating system frees it on any death."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._lock: WriterLock | None = None

    def __enter__(self) -> None:
        try:
            self._places.work.mkdir(mode=0o755, parents=True, exist_ok=True)
        except OSError as error:
            raise ReleaseRefused(
                "rights", f"cannot write {self._places.versions}: {error.strerror}; run it as root (as administrator)"
            ) from None
        self._lock = WriterLock.acquire(self._places.work / "updater")

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            self._lock.release()
