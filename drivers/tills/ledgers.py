"""One thread that reads the closed documents a POS keeps in a database of its own: each once, and never writes there.

It gives them to the same taker as a folder's reports (`drivers.tills.folders`), which keeps a document and its place
together. Documents are numbered when they are begun and come when they are closed, so a number that is missing is asked
for again until it comes.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Protocol

from drivers.backoff import reconnect_delay_s
from drivers.tills.folders import ReportTaker
from drivers.tills.reports import Counted, Progress, ReportContext, Reported
from drivers.vocabulary.errors import CheckoutRefused, TransportError
from drivers.vocabulary.events import DeviceState, DeviceStateChanged

__all__ = ["Ledger", "LedgerWorker", "Ledgers"]

log = logging.getLogger(__name__)

RETRY_MAX_S: Final = 60.0  # a database that is away
RETRY_AFTER_FAULT_S: Final = 60.0


class Ledger(Protocol):
    """One connection to a POS's database; every method may wait, and raises TransportError when it is gone."""

    @property
    def counter(self) -> str:
        """What counts the documents; in another one the numbers begin anew."""
        ...

    def last_before(self, moment: datetime | None) -> int:
        """The newest number that was closed before this moment; 0 for none, and for None."""
        ...

    def closed(self, after: int, missing: Sequence[tuple[int, int]], *, limit: int) -> Sequence[Reported]:
        """Documents closed by now, by number: those after this one, and those of the missing ones that came."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledgers:
    """The field `ledger` of a till system's row.

    Attributes:
        open: connects, with the room's own settings.
        is_set: whether the settings name a database.
        poll_s: seconds between two looks.
        read_from: as in `ReportSettings`.
    """

    open: Callable[[Any, ReportContext], Ledger]
    is_set: Callable[[Any], bool]
    poll_s: Callable[[Any], float]
    read_from: Callable[[Any], str]


@dataclass(slots=True, kw_only=True)
class LedgerWorker:
    """The thread of one till system's database.

    Attributes:
        name: carried by every event.
        open: connects.
        poll_s: seconds between two looks.
        taker: who keeps the documents.
        emit: takes events; must never wait.
        stop: the flag that ends the thread.
        at_once: documents of one question.
        jitter: 0 to 1, for the delays between attempts.
    """

    name: str
    open: Callable[[], Ledger]
    poll_s: float
    taker: ReportTaker
    emit: Callable[[DeviceStateChanged], object]
    stop: threading.Event
    at_once: int = 200
    jitter: Callable[[], float] = random.random
    _thread: threading.Thread = field(init=False)
    _ledger: Ledger | None = None
    _counted: Counted | None = None
    _failures: int = 0
    _said: tuple[DeviceState, str] | None = None

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self.run, name=f"ledger-{self.name}", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread to end, once `stop` is set; False when it has not in time."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def run(self) -> None:
        """Look, again and again, until `stop` is set; the body of the thread."""
        while not self.stop.is_set():
            pause_s = self.poll_s
            try:
                self.look()
                self._failures = 0
                self._say(DeviceState.ON, "")
            except TransportError as error:
                self._failures += 1
                self._hang_up()
                self._say(DeviceState.OFF, str(error))
                pause_s = reconnect_delay_s(self._failures, self.jitter(), max_s=RETRY_MAX_S)
            except CheckoutRefused as refused:
                self._counted = None  # asked again from the place that was kept
                self._say(DeviceState.ON, f"the documents wait: {refused}")
            except Exception as error:
                log.exception("ledger.fault name=%s", self.name)
                self._hang_up()
                self._say(DeviceState.FAILED, f"{type(error).__name__} in reading the database; the log says where")
                pause_s = RETRY_AFTER_FAULT_S
            self.stop.wait(pause_s)
        self._hang_up()

    def look(self) -> int:
        """Take what was closed since the last look; how many documents there were."""
        if self._ledger is None:
            self._ledger = self.open()
        ledger, counted = self._ledger, self._counted or self._begin(self._ledger)
        taken = 0
        while not self.stop.is_set():
            found = ledger.closed(counted.last, counted.gaps, limit=self.at_once)
            self.taker.take([replace(one, is_late=counted.met(one.number)) for one in found])
            self.taker.settle({ledger.counter: Progress(last=counted.last, gaps=tuple(counted.gaps))})
            taken += len(found)
            if len(found) < self.at_once:
                break
        return taken

    def _begin(self, ledger: Ledger) -> Counted:
        since, progress = self.taker.begin()
        kept = progress.get(ledger.counter)
        if kept is None:
            counted = Counted(last=ledger.last_before(since))
        else:
            counted = Counted(last=kept.last, gaps=list(kept.gaps))
        log.info("ledger.begin name=%s counter=%s after=%d since=%s", self.name, ledger.counter, counted.last, since)
        self._counted = counted
        return counted

    def _hang_up(self) -> None:
        ledger, self._ledger, self._counted = self._ledger, None, None
        if ledger is not None:
            ledger.close()

    def _say(self, state: DeviceState, detail: str) -> None:
        """Tell a change, once."""
        if self._said != (state, detail):
            self._said = (state, detail)
            self.emit(DeviceStateChanged(device=self.name, state=state, detail=detail))
