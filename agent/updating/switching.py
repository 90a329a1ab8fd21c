"""The second half of an update: stop, copy, switch, start, watch; or all the way back. Safe to be cut anywhere.

Each step is in the journal before it is taken, and taking one twice does no harm. Until the pointer has been replaced
the old version is what starts, afterwards the new one: both are whole, so a cut leaves one or the other. Whoever starts
the updater next goes on from the journal: before the pointer it gives up, behind it it watches again, and after too
many cuts it goes back.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from agent.updating import trial
from agent.updating.manager import Manager, ManagerError
from agent.updating.places import Places
from agent.updating.records import Journal, Record, Step, keep, read
from agent.updating.safekeeping import Safekeeping
from agent.updating.shelf import Shelf
from agent.updating.unpack import require_whole
from agent.updating.watch import GRACE_S, Look, Watch
from drivers.vocabulary.release import ReleaseRefused
from drivers.vocabulary.updates import LastTry, TryOutcome
from offline_queue.files import replace_durably

__all__ = ["Switching"]

log = logging.getLogger(__name__)

CUTS_MAX: Final = 3  # a mains that fails as often in one switch is no place for a new version
LOOK_S: Final = 1.0


class Switching:
    """Changes the version that runs.

    Args:
        look: asks the agent how it is.
        watch_s: for so long a new version must be well.
        at: told of each act before it is done.
        sleep, monotonic: time, for tests.
    """

    def __init__(
        self,
        places: Places,
        manager: Manager,
        *,
        look: Callable[[], Look],
        watch_s: float,
        now: Callable[[], datetime],
        at: Callable[[str], None],
        config: Path,
        grace_s: float = GRACE_S,
        look_s: float = LOOK_S,
        run: Callable[..., dict[str, Any]] = trial.run_json,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = places
        self._shelf = Shelf(places)
        self._manager = manager
        self._look = look
        self._watch_s = watch_s
        self._grace_s = grace_s
        self._look_s = look_s
        self._now = now
        self._at = at
        self._kept = Safekeeping(places, config, run)
        self._sleep = sleep
        self._monotonic = monotonic

    def switch(self, version: str, folder: Path, record: Record, before: Look, *, by_hand: bool) -> Record:
        """Change over to a version; returns the record with what became of it. The till runs a version afterwards.

        Raises:
            ReleaseRefused: its folder is not whole; nothing was touched.
        """
        require_whole(folder)
        running = self._shelf.current()
        journal = Journal(
            step=Step.STOPPING,
            version=version,
            folder=str(folder),
            previous_version=running.version if running is not None else "",
            previous=str(running.path) if running is not None else "",
            began_at=self._now(),
            devices=before.open_devices,
            troubles=before.troubles,
            by_hand=by_hand,
        )
        return self._forward(journal, record)

    def recover(self, record: Record) -> Record:
        """Go on with a switch that was cut; the till runs a version afterwards."""
        journal = read(self._places.journal, Journal)
        if journal is None:
            # Half a name from before the first step, or nothing at all: the pointer says what runs.
            self._drop_journal()
            self._start()
            return record
        log.warning("update.cut version=%s step=%s", journal.version, journal.step.value)
        if journal.step.value.startswith("back_"):
            return self._back(journal, record)
        if not self._shelf.names(self._places.current, journal.folder):
            moved = "another version was installed in the middle of the switch" if journal.ran else ""
            return self._give_up(journal, record, reason=moved)
        if journal.step is Step.KEEPING:
            return self._keep(journal, record)
        journal = replace(journal, cuts=journal.cuts + 1)
        if journal.cuts >= CUTS_MAX:
            return self._back(replace(journal, reason=f"the switch was cut {journal.cuts} times"), record)
        return self._start_and_watch(journal, record)

    # ── Forward ─────────────────────────────────────────────────────────────────────────────────

    def _forward(self, journal: Journal, record: Record) -> Record:
        try:
            self._note(journal, Step.STOPPING)
            self._at("stop")
            self._manager.stop()
            self._note(journal, Step.COPYING)
            self._at("copy database")
            self._kept.keep_database(journal.version)
            self._note(journal, Step.SWITCHING)
            self._at("lay way back")
            self._shelf.hold()
            if journal.previous:
                self._shelf.point(self._way_back, Path(journal.previous))
            self._at("switch")
            self._shelf.point(self._places.current, Path(journal.folder))
        except (ManagerError, ReleaseRefused, OSError) as error:
            return self._give_up(journal, record, reason=str(error))
        return self._start_and_watch(journal, record)

    def _start_and_watch(self, journal: Journal, record: Record) -> Record:
        try:
            journal = self._note(journal, Step.STARTING, ran=True)
            self._at("start")
            self._manager.start()
            journal = self._note(journal, Step.WATCHING, ran=True)
        except (ManagerError, OSError) as error:
            return self._back(replace(journal, reason=str(error)), record)
        self._at("watch")
        watch = Watch(
            version=journal.version,
            devices=journal.devices,
            troubles=journal.troubles,
            watch_s=self._watch_s,
            grace_s=self._grace_s,
            after_cut=journal.cuts > 0,
        )
        reason = self._watch(watch)
        if reason:
            log.error("update.unwell version=%s reason=%s", journal.version, reason)
            return self._back(replace(journal, reason=reason), record)
        return self._keep(journal, record)

    def _watch(self, watch: Watch) -> str:
        while True:
            now_s = self._monotonic()
            reason = watch.look(self._look(), now_s)
            if reason or watch.is_over(now_s):
                return reason
            self._sleep(min(self._look_s, self._watch_s / 4))

    def _keep(self, journal: Journal, record: Record) -> Record:
        """The new version is the one that is good."""
        with contextlib.suppress(OSError):
            self._note(journal, Step.KEEPING)
        self._at("keep")
        self._shelf.point(self._places.good, Path(journal.folder))
        previous = journal.previous_version if journal.previous_version != journal.version else record.previous
        record = replace(
            record,
            good=journal.version,
            previous=previous or record.previous,
            prepared=None,
            interrupted={},
            not_again={name: why for name, why in record.not_again.items() if name != journal.version},
            last=self._told(journal.version, TryOutcome.HEALTHY, ""),
        )
        self._save(record)
        self._at("prune")
        self._kept.drop_database(journal.version)
        self._shelf.prune({record.good, record.previous})
        self._drop_journal()
        log.info("update.good version=%s", journal.version)
        return record

    # ── Back ────────────────────────────────────────────────────────────────────────────────────

    def _give_up(self, journal: Journal, record: Record, *, reason: str = "") -> Record:
        """The pointer was never replaced: the old version goes on, and the new one may be tried again."""
        times = record.interrupted.get(journal.version, 0) + 1
        why = reason or "it was cut before the new version ran"
        record = replace(
            record,
            interrupted={**record.interrupted, journal.version: times},
            last=self._told(journal.version, TryOutcome.FAILED, why),
        )
        if times >= CUTS_MAX:
            record = replace(record, not_again={**record.not_again, journal.version: why}, prepared=None)
        self._start()
        self._save(record)
        self._kept.drop_database(journal.version)
        self._drop_journal()
        return record

    def _back(self, journal: Journal, record: Record) -> Record:
        """Everything as it was, but for what was sold meanwhile: that stays."""
        journal = self._try_note(journal, Step.BACK_STOPPING)
        self._at("stop again")
        self._kept.keep_log(journal.version, journal.reason, self._manager.log_since(journal.began_at))
        with contextlib.suppress(ManagerError):  # a process that will not end is killed by its manager in the end
            self._manager.stop()
        journal = self._try_note(journal, Step.BACK_SWITCHING)
        self._at("switch back")
        self._point_back(journal)
        journal = self._try_note(journal, Step.BACK_STARTING)
        self._at("start again")
        self._start()
        journal = self._try_note(journal, Step.BACK_WATCHING)
        self._at("look again")
        self._look_at_old(journal)
        outcome = TryOutcome.ROLLED_BACK
        record = replace(
            record,
            not_again={**record.not_again, journal.version: journal.reason},
            prepared=None,
            last=self._told(journal.version, outcome, journal.reason),
        )
        self._save(record)
        self._at("tidy up")
        self._kept.drop_database(journal.version)
        self._shelf.prune({record.good, record.previous, journal.previous_version})
        self._drop_journal()
        log.warning("update.rolled_back version=%s reason=%s", journal.version, journal.reason)
        return record

    def _point_back(self, journal: Journal) -> None:
        if not self._shelf.names(self._places.current, journal.folder):
            return  # back already, or a package that was installed meanwhile has moved it
        if self._shelf.named(self._way_back) is not None:
            replace_durably(self._way_back, self._places.current)  # written before, so that a full disk does not matter
        else:
            self._places.current.unlink(missing_ok=True)  # the launcher takes the packaged one

    @property
    def _way_back(self) -> Path:
        """The pointer to the old version, ready to be put in place."""
        return self._places.work / "back"

    def _look_at_old(self, journal: Journal) -> None:
        """Wait until the old version answers; give it the copy of its database if it cannot use the present one."""
        end_s = self._monotonic() + self._grace_s
        while self._monotonic() < end_s:
            seen = self._look()
            if seen.state == "running" and seen.version != journal.version:
                if not seen.has_store and self._kept.has_database(journal.version):
                    self._put_database_back(journal)
                return
            self._sleep(self._look_s)
        log.error("update.old_silent version=%s", journal.previous_version)

    def _put_database_back(self, journal: Journal) -> None:
        log.error("update.database version=%s cannot be used by %s", journal.version, journal.previous_version)
        with contextlib.suppress(ManagerError):
            self._manager.stop()
        try:
            is_back = self._kept.put_database_back(journal.version)
        except ReleaseRefused as refused:
            log.error("update.database reason=%s", refused)  # noqa: TRY400 - a sentence for store IT
            is_back = False
        if not is_back:
            log.error("update.database left=as it is: something was sold since the copy was made")
        self._start()

    # ── Small things ────────────────────────────────────────────────────────────────────────────

    def _start(self) -> None:
        try:
            self._manager.start()
        except ManagerError as error:
            log.error("update.start reason=%s", error)  # noqa: TRY400 - the next run of the updater tries again

    def _note(self, journal: Journal, step: Step, *, ran: bool | None = None) -> Journal:
        journal = replace(journal, step=step, ran=journal.ran if ran is None else ran)
        self._at(f"note {step.value}")
        self._places.work.mkdir(mode=0o755, parents=True, exist_ok=True)
        keep(self._places.journal, journal)
        return journal

    def _try_note(self, journal: Journal, step: Step) -> Journal:
        """On the way back a full disk is no reason to stop."""
        try:
            return self._note(journal, step)
        except OSError as error:
            log.error("update.journal reason=%s", error.strerror)  # noqa: TRY400 - as above
            return replace(journal, step=step)

    def _save(self, record: Record) -> None:
        self._at("record")
        try:
            keep(self._places.record, record)
        except OSError as error:
            log.error("update.record reason=%s", error.strerror)  # noqa: TRY400 - as above

    def _drop_journal(self) -> None:
        self._at("drop journal")
        self._way_back.unlink(missing_ok=True)
        self._places.journal.unlink(missing_ok=True)

    def _told(self, version: str, outcome: TryOutcome, reason: str) -> LastTry:
        return LastTry(version=version, outcome=outcome, reason=reason[:500], at=self._now())
