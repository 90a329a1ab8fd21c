"""Joins the reports of till systems to the till: their documents go to the till thread, as those of a register do.

Nothing here decides anything but what was taken before; it runs on the threads that read the folders.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from agent.checkout import report_places
from agent.checkout.records import PulledPlace
from agent.settings import Settings
from agent.till import Till
from agent.till_systems import KnownSystem
from drivers.tills.folders import ReportWorker
from drivers.tills.ledgers import Ledgers, LedgerWorker
from drivers.tills.reports import Progress, ReportContext, Reported
from drivers.vocabulary.events import DeviceStateChanged

__all__ = ["TillReports", "report_worker"]

log = logging.getLogger(__name__)

ANSWER_S: Final = 10.0  # nobody waits at a counter for a document of a report; a slow disk may take its time
LOG_EVERY: Final = 1_000  # documents of a long reading


def report_worker(
    known: KnownSystem,
    settings: Settings,
    till: Till,
    *,
    emit: Callable[[DeviceStateChanged], object],
    stop: threading.Event,
) -> ReportWorker | LedgerWorker | None:
    """The thread that reads this system's reports or its database, None when it has neither."""
    ledger = known.system.ledger
    if ledger is not None and ledger.is_set(known.own):
        return _ledger_worker(known, ledger, settings, till, emit=emit, stop=stop)
    reports = known.system.reports
    if reports is None or not (own := reports.settings(known.own)).folder:
        return None
    zone = ZoneInfo(settings.till.zone)
    context = ReportContext(zone=zone, currency=settings.till.currency)
    return ReportWorker(
        name=known.settings.reports_name,
        reports=reports,
        settings=own,
        book=lambda: reports.book(known.own, context),
        taker=TillReports(till, known.settings.name, read_from=own.read_from, zone=zone),
        emit=emit,
        stop=stop,
        today=lambda: datetime.now(zone).date(),
    )


def _ledger_worker(
    known: KnownSystem,
    ledger: Ledgers,
    settings: Settings,
    till: Till,
    *,
    emit: Callable[[DeviceStateChanged], object],
    stop: threading.Event,
) -> LedgerWorker:
    zone = ZoneInfo(settings.till.zone)
    context = ReportContext(zone=zone, currency=settings.till.currency)
    return LedgerWorker(
        name=known.settings.reports_name,
        open=lambda: ledger.open(known.own, context),
        poll_s=ledger.poll_s(known.own),
        taker=TillReports(till, known.settings.name, read_from=ledger.read_from(known.own), zone=zone),
        emit=emit,
        stop=stop,
    )


class TillReports:
    """Keeps the documents of one till system's reports in the till's store; see `drivers.tills.folders.ReportTaker`.

    Args:
        read_from: as in `ReportSettings`.
        zone: the shop's; a day in `read_from` begins in it.
    """

    def __init__(self, till: Till, system: str, *, read_from: str, zone: ZoneInfo) -> None:
        self._till = till
        self._system = system
        self._read_from = read_from
        self._zone = zone
        self._since: datetime | None = None
        self._places: dict[str, PulledPlace] = {}
        self._unsettled: set[str] = set()
        self._taken = 0

    def begin(self) -> tuple[datetime | None, Mapping[str, Progress]]:
        """As the contract says."""
        system = self._system
        first_seen, places = self._till.run_on_till(lambda desk: report_places.begin(desk, system), timeout_s=ANSWER_S)
        self._places = places
        self._unsettled.clear()
        if self._read_from == "now":
            # To the second, as reports and databases tell times: a sale of this very second is not of before.
            self._since = first_seen.replace(microsecond=0)
        elif self._read_from != "all":
            self._since = datetime.fromisoformat(self._read_from).replace(tzinfo=self._zone)
        # A counter that was killed in its first reading has taken documents and is nowhere yet.
        told = {name: Progress(last=one.last, gaps=one.gaps) for name, one in places.items() if one.last}
        return self._since, told

    def take(self, one: Reported) -> None:
        """As the contract says."""
        kept = self._places.get(one.counter)
        if not report_places.is_new(kept, one):
            return
        place = report_places.after(kept, one)
        if self._since is not None and one.closed_at is not None and one.closed_at < self._since:
            self._places[one.counter] = place
            self._unsettled.add(one.counter)
            return
        system, document = self._system, one.read()
        self._till.run_on_till(lambda desk: report_places.take(desk, system, one, document, place), timeout_s=ANSWER_S)
        self._places[one.counter] = place
        self._taken += 1
        if self._taken % LOG_EVERY == 0:
            log.info("reports.taken system=%s documents=%d", system, self._taken)

    def settle(self, progress: Mapping[str, Progress]) -> None:
        """As the contract says."""
        moved: dict[str, PulledPlace] = {}
        for counter, one in progress.items():
            kept = self._places.get(counter)
            if kept is None:
                kept = report_places.beginning(counter)
            told = replace(kept, last=max(one.last, kept.number), gaps=one.gaps)
            if told != self._places.get(counter) or counter in self._unsettled:
                moved[counter] = told
        if not moved:
            return
        system = self._system
        self._till.run_on_till(lambda desk: report_places.keep(desk, system, moved), timeout_s=ANSWER_S)
        self._places.update(moved)
        self._unsettled.clear()
