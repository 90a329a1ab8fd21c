"""The hop to newer versions: which one runs, what lies ready and for how long, and what became of the last one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from agent.doctor.report import Finding, fine, skipped, warning
from agent.settings import Settings
from agent.updating.places import Places, places_of
from agent.updating.records import Journal, Status, Waiting, read
from drivers.vocabulary.updates import TryOutcome

__all__ = ["check_updates"]

HOP: Final = "updates"
CUT_AFTER: Final = timedelta(hours=4)  # longer than any watch


def check_updates(settings: Settings, now: datetime) -> list[Finding]:
    """What the updater last said, and since when something waits."""
    places = places_of(settings)
    if not places.versions.is_dir():
        return [skipped(HOP, f"{places.versions} is not there: this till is not updated by itself")]
    journal = read(places.journal, Journal)
    if journal is not None:
        return [_under_way(journal, now)]
    status = read(places.status, Status)
    if status is None:
        return [fine(HOP, "nothing was updated yet")]
    return [_last(status), *_ready(status, places, settings, now)]


def _under_way(journal: Journal, now: datetime) -> Finding:
    words = f"{journal.version} is being tried since {journal.began_at:%Y-%m-%d %H:%M} UTC ({journal.step.value})"
    return warning(HOP, "update_cut", words) if now - journal.began_at > CUT_AFTER else fine(HOP, words)


def _last(status: Status) -> Finding:
    last = status.last
    runs = f"{status.running} runs{f', pinned to {status.pinned}' if status.pinned else ''}"
    if last is None or last.outcome is TryOutcome.HEALTHY or last.version == status.running:
        return fine(HOP, runs)
    code = "update_rolled_back" if last.outcome is TryOutcome.ROLLED_BACK else "update_refused"
    return warning(HOP, code, f"{runs}; {last.version}: {last.reason}")


def _ready(status: Status, places: Places, settings: Settings, now: datetime) -> list[Finding]:
    if not status.prepared or status.prepared_at is None:
        return []
    waiting = read(places.waiting, Waiting)
    why = status.waiting or (waiting.reason if waiting is not None else "")
    words = f"{status.prepared} lies ready since {status.prepared_at:%Y-%m-%d}{f': {why}' if why else ''}"
    late = now - status.prepared_at > timedelta(days=settings.updates.postpone_days)
    return [warning(HOP, "update_late", words) if late else fine(HOP, words)]
