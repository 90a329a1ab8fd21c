"""Joins the reports of till systems to the till: their documents go to the till thread, as those of a register do.

Nothing here decides anything but what was taken before; it runs on the threads that read the folders.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from agent.checkout.observed import report_places
from agent.checkout.records import PulledPlace
from agent.settings import Settings
from agent.till import Till
from agent.till_systems import KnownSystem
from drivers.tills.folders import ReportWorker
from drivers.tills.ledgers import Ledgers, LedgerWorker
from drivers.tills.reports import Progress, ReportContext, Reported
from drivers.vocabulary.events import DeviceStateChanged

__all__ = ["TillReports", "ToldReports", "report_worker"]

log = logging.getLogger(__name__)

ANSWER_S: Final = 10.0  # nobody waits at a counter for a document of a report; a slow disk may take its time
LOG_EVERY: Final = 1_000  # documents of a long reading
TOGETHER_MAX: Final = 64  # documents in memory, put together and not counted yet


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
        self._since = _since(self._read_from, first_seen, self._zone)
        # A counter that was killed in its first reading has taken documents and is nowhere yet.
        told = {
            name: Progress(last=one.last, gaps=one.gaps, newest_at=one.newest_at)
            for name, one in places.items()
            if one.last
        }
        return self._since, told

    def take(self, told: Sequence[Reported]) -> None:
        """As the contract says; what is new is put together here and counted many in one commit."""
        places = dict(self._places)
        new: list[report_places.Found] = []
        for one in told:
            kept = places.get(one.counter)
            if not report_places.is_new(kept, one):
                continue
            places[one.counter] = place = report_places.after(kept, one)
            if self._since is not None and one.closed_at is not None and one.closed_at < self._since:
                self._unsettled.add(one.counter)
                continue
            new.append(report_places.Found(one=one, document=one.read(), place=place))
            if len(new) >= TOGETHER_MAX:
                self._count(new)
                new = []
        self._count(new)
        self._places = places

    def _count(self, new: Sequence[report_places.Found]) -> None:
        """On the till thread, as many at a time as keep nobody waiting there."""
        system = self._system
        while new:
            take = partial(report_places.take, system=system, found=new)
            done = self._till.run_on_till(take, timeout_s=ANSWER_S)
            new = new[done:]
            before, self._taken = self._taken, self._taken + done
            if self._taken // LOG_EVERY > before // LOG_EVERY:
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


class ToldReports:
    """Keeps the documents that a till system tells its door after the fact (`HttpReply.reported`).

    Args:
        read_from: as in `ReportSettings`.
        zone: the shop's; a day in `read_from` begins in it.
    """

    def __init__(self, till: Till, system: str, *, read_from: str, zone: ZoneInfo) -> None:
        self._till = till
        self._system = system
        self._read_from = read_from
        self._zone = zone

    def keep(self, told: Sequence[Reported], timeout_s: float) -> None:
        """Count them, each once however often it is told; raises CheckoutRefused when there is no time for all."""
        ends_s = time.monotonic() + timeout_s
        system = self._system

        def left_s() -> float:
            return max(0.001, ends_s - time.monotonic())

        first_seen, _ = self._till.run_on_till(lambda desk: report_places.begin(desk, system), timeout_s=left_s())
        since = _since(self._read_from, first_seen, self._zone)
        new = [one for one in told if since is None or one.closed_at is None or one.closed_at >= since]
        for at in range(0, len(new), TOGETHER_MAX):
            documents = [one.read() for one in new[at : at + TOGETHER_MAX]]
            while documents:
                tell = partial(report_places.tell, system=system, documents=documents)
                done = self._till.run_on_till(tell, timeout_s=left_s())
                documents = documents[done:]


def _since(read_from: str, first_seen: datetime, zone: ZoneInfo) -> datetime | None:
    """What was closed before is not counted; None counts all."""
    if read_from == "all":
        return None
    if read_from == "now":
        # To the second, as reports and databases tell times: a sale of this very second is not of before.
        return first_seen.replace(microsecond=0)
    return datetime.fromisoformat(read_from).replace(tzinfo=zone)
