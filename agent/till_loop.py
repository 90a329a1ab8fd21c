"""The till's thread: commands and events in, one at a time; the desk decides, the store keeps, a snapshot goes out.

Everything that changes state passes through one bounded inbox and one thread, so there is nothing to lock. Commands
(doors, in-line drivers, the sync worker) wait for their answer with a deadline; events (devices, link) never wait.
"""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar

from agent.acts import Train
from agent.asking import LookupAsker, LookupDone, Lookups, LookupSlow
from agent.before_open import BeforeOpen
from agent.checkout.customers.guests import AskedLate
from agent.checkout.desk import Desk
from agent.code_asking import CodeAsker, CodeDone, Codes
from agent.service.tally import Tally
from agent.snapshot import LinkState, Snapshot
from agent.training import Training, open_training
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.events import BankCardRead, CodeScanned, DeviceState, DeviceStateChanged, Event
from offline_queue.errors import StoreCorrupt, StoreError, StoreNewer

__all__ = ["CareChanged", "Command", "LinkChanged", "ReplicaChanged", "ReplicaLoading", "TillLoop"]

log = logging.getLogger(__name__)
T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")

INBOX_MAX: Final = 1_000  # a till sells a few receipts a minute; a thousand waiting means the disk has stopped
TICK_LATE_S: Final = 5.0  # idle work waits no longer for a pause
TICK_S: Final = 1.0  # how often idle work (clearing the screen, expiring holds) is looked at
REOPEN_S: Final = 1.0  # between two attempts at databases that could not be opened; a backup holds them for seconds


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The sync workers noticed the centre come or go."""

    state: LinkState
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ReplicaChanged:
    """The replica has new documents: a programme, balances."""


@dataclass(frozen=True, slots=True)
class CareChanged:
    """What store IT should see to soon; words of `agent.service.health`."""

    care: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaLoading:
    """So many documents of a snapshot are in, of so many; 0 of 0 when the loading is over."""

    done: int
    of: int


#: What the till thread is told: devices, the line, the replica.
Heard = CodeDone | Event | LinkChanged | ReplicaChanged | ReplicaLoading | LookupDone | LookupSlow | CareChanged


@dataclass(slots=True)
class Command:
    """Work for the till thread, and where its answer goes."""

    work: Callable[[Desk], Any]
    done: threading.Event = field(default_factory=threading.Event)
    answer: Any = None
    error: BaseException | None = None
    abandoned: bool = False
    is_real: bool = False
    counts: bool = False
    what: str = "other"


def _nobody_told(device: str, moment: datetime) -> None:
    """A till that is not watched."""
    del device, moment


_MISSING: Final = frozenset({DeviceState.OFF.value, DeviceState.FAILED.value})


def _log_device(desk: Desk, event: DeviceStateChanged) -> None:
    """A device went, and why, or came back; visits that come and go all day are no event."""
    before, state = desk.devices.get(event.device), event.state.value
    was = ("", "") if before is None else (before.state, before.detail)
    if state in _MISSING and was != (state, event.detail):
        log.warning("device.%s device=%s detail=%s", state, event.device, event.detail)
    elif state not in _MISSING and was[0] in _MISSING:
        log.info("device.%s device=%s detail=%s", state, event.device, event.detail)


def _may_pass(error: Exception) -> bool:
    """Whether a file that did not open may open later; one that somebody has to replace waits for a restart.

    Between its moving away and its return from a back-up a new one would be made in its place.
    """
    return isinstance(error, StoreError) and not isinstance(error, StoreCorrupt | StoreNewer)


class TillLoop:
    """Owns the desk and its thread.

    Args:
        open_desk: opens the databases on the till thread; an error it raises leaves the till without a desk: every
            command is then refused in words, while devices and the proxy go on. It is tried again while the file is
            only locked, full or out of reach; what was printed meanwhile is kept and counted then.
        first: the snapshot until the desk is open.
        ask_lookup: how the centre is asked for a customer whom this till does not know; on a thread of its own.
        ask_code: how it is asked about a one-time code; likewise.
    """

    def __init__(
        self, open_desk: Callable[[], Desk], *, first: Snapshot, ask_lookup: LookupAsker, ask_code: CodeAsker
    ) -> None:
        self._open_desk = open_desk
        self._lookups = Lookups(self._outside(ask_lookup), self.emit)
        self._codes = Codes(self._outside(ask_code), self.emit)
        self._inbox: queue.Queue[Command | Heard | None] = queue.Queue(INBOX_MAX)
        self._snapshot = first
        self._subscribers: list[Callable[[Snapshot], None]] = []
        self._thread = threading.Thread(target=self._run, name="till", daemon=True)
        self._ready = threading.Event()
        self._opening = threading.Lock()
        self._before_open = BeforeOpen()
        self._opened_late: Callable[[], None] | None = None
        self._desk: Desk | None = None
        self._training: Training | None = None
        self._broken = ""
        self._trouble = ""
        self.dropped_events = 0
        #: How long the thread took for what it was asked.
        self.tally = Tally()
        #: When a till or the panel last asked for anything, in seconds of a monotonic clock.
        self.asked_s = -math.inf
        #: Told the printer's name and the time on each receipt it has just printed.
        self.told_time: Callable[[str, datetime], None] = _nobody_told
        #: When the thread last took something up, in seconds of a monotonic clock; None while it has no desk.
        self.came_round_s: float | None = None
        #: When a scanner last read something, by the same clock; the start counts as that.
        self.scanned_s = time.monotonic()
        #: When a report was last printed: the end of a shift; None before the first.
        self.report_s: float | None = None

    def _outside(self, ask: Callable[[A], B | None]) -> Callable[[A], B | None]:
        """Asks the centre, but in training, of which it hears nothing."""
        return lambda wanted: None if self._training is not None else ask(wanted)

    # ── Life ────────────────────────────────────────────────────────────────────────────────────

    def start(self, timeout_s: float, *, opened_late: Callable[[], None] = lambda: None) -> str:
        """Start the thread and wait until the databases are open; returns "" or the sentence why they are not.

        Args:
            timeout_s: how long to wait.
            opened_late: told on the till thread, once, when they are open after all; never when "" was returned.
        """
        self._lookups.start()
        self._thread.start()
        self._ready.wait(timeout_s)
        with self._opening:
            if self._desk is not None:
                return ""
            self._opened_late = opened_late
            return self._broken or f"the databases did not open within {timeout_s:g} s; is the disk very slow?"

    def stop(self, timeout_s: float) -> None:
        """Finish what is in the inbox, close the databases."""
        self._lookups.stop()
        if not self._thread.is_alive():
            return
        try:
            self._inbox.put(None, timeout=timeout_s)
        except queue.Full:
            log.warning("till.stop inbox=full")
        self._thread.join(timeout_s)

    @property
    def written(self) -> dict[str, int]:
        """Kind of envelope → how many were written since the start; those of a training are none."""
        return dict(self._desk.written) if self._desk is not None else {}

    # ── What others see ─────────────────────────────────────────────────────────────────────────

    @property
    def snapshot(self) -> Snapshot:
        """The newest snapshot; never waits."""
        return self._snapshot

    def subscribe(self, changed: Callable[[Snapshot], None]) -> Callable[[], None]:
        """Call `changed` on the till thread after each change; returns how to stop."""
        self._subscribers = [*self._subscribers, changed]

        def stop() -> None:
            self._subscribers = [one for one in self._subscribers if one is not changed]

        return stop

    def emit(self, event: Heard) -> None:
        """Take an event; never waits. With a full inbox the event is dropped and counted."""
        self._put(event)

    def _put(self, item: Command | Heard) -> None:
        try:
            self._inbox.put_nowait(item)
        except queue.Full:
            self.dropped_events += 1

    def run_on_till(self, work: Callable[[Desk], T], *, timeout_s: float) -> T:
        """Run `work` on the till thread (settling what the centre acknowledged, say)."""
        return self._ask(work, timeout_s, abandon=False, is_real=True)

    # ── The thread ──────────────────────────────────────────────────────────────────────────────

    def _ask(
        self,
        work: Callable[[Desk], T],
        timeout_s: float,
        *,
        abandon: bool = True,
        is_real: bool = False,
        counts: bool = False,
        what: str = "other",
    ) -> T:
        """Put work into the inbox and wait; work whose asker has gone is not begun.

        In training it is done on the training's desk, unless it `is_real` work. What `counts` has happened already:
        without databases it is refused as everything is, and done once they are open.
        """
        if self._broken:
            with self._opening:
                if self._broken and counts:
                    self._before_open.keep(work)
                if self._broken:
                    raise CheckoutRefused(self._broken, code="no_store")
        if not is_real:
            self.asked_s = time.monotonic()
        command = Command(work, is_real=is_real, counts=counts, what=what)
        try:
            self._inbox.put(command, timeout=timeout_s)
        except queue.Full:
            raise CheckoutRefused("the till is busy; try again, the sale may go on without it", code="busy") from None
        if not command.done.wait(timeout_s):
            command.abandoned = abandon
            raise CheckoutRefused(f"no answer within {timeout_s:g} s; the sale may go on, ask again", code="timeout")
        if command.error is not None:
            raise command.error
        answer: T = command.answer
        return answer

    def _run(self) -> None:
        """Top of the thread."""
        desk = self._open()
        if desk is None:
            return
        self._publish()
        ticked_s = time.monotonic()
        while True:
            self.came_round_s = time.monotonic()
            try:
                item = self._inbox.get(timeout=TICK_S)
            except queue.Empty:
                self._tick()
                ticked_s = time.monotonic()
                continue
            if item is None:
                break
            if isinstance(item, Command):
                self._obey(item)
            else:
                self._guard(partial(self._hear, item))
            if time.monotonic() - ticked_s >= TICK_LATE_S:
                # Asked without a pause (a long report is being read), it does its idle work all the same.
                self._tick()
                ticked_s = time.monotonic()
        if self._training is not None:
            self._training.close()
        desk.close()

    def _open(self) -> Desk | None:
        """Open the databases, trying again while that may help; None when told to stop before they were open."""
        while True:
            try:
                desk = self._open_desk()
            except Exception as error:  # noqa: BLE001 - top of the thread: it becomes a state that everybody can read
                self._cannot_open(str(error) or type(error).__name__)
                if self._refuse(REOPEN_S if _may_pass(error) else None):
                    continue
                kept = self._before_open.take()
                if lost := len(kept.works) + kept.lost:
                    log.error("till.uncounted receipts=%d reason=%s", lost, self._broken)  # noqa: TRY400 - as above
                return None
            with self._opening:
                self._desk, was_broken, self._broken = desk, self._broken, ""
                late, kept = self._opened_late, self._before_open.take()
            self._ready.set()
            if was_broken:
                log.info("till.opened kept=%d lost=%d after=%s", len(kept.works), kept.lost, was_broken)
            for event in kept.news:
                self._guard(partial(self._hear, event))
            for work in kept.works:
                self._guard(work)
            if late is not None:
                late()
            return desk

    def _cannot_open(self, sentence: str) -> None:
        """Said once for each reason."""
        if sentence != self._broken:
            log.error("till.broken reason=%s", sentence)  # a sentence for store IT, not a trace
        with self._opening:
            self._broken = sentence
        self._ready.set()
        self._publish_notice(sentence)

    def _refuse(self, for_s: float | None) -> bool:
        """Refuse what is asked, for ever or so long; False when told to stop."""
        until_s = math.inf if for_s is None else time.monotonic() + for_s
        while (left_s := until_s - time.monotonic()) > 0:
            try:
                item = self._inbox.get(timeout=None if left_s == math.inf else left_s)
            except queue.Empty:
                break
            if item is None:
                return False
            if isinstance(item, Command):
                if item.counts:
                    with self._opening:
                        self._before_open.keep(item.work)
                item.error = CheckoutRefused(self._broken, code="no_store")
                item.done.set()
            elif isinstance(item, CareChanged | DeviceStateChanged | LinkChanged):
                self._before_open.hear(item)
        return True

    def _obey(self, command: Command) -> None:
        """One command: its answer or its error goes back to the asker; the snapshot is out before the answer."""
        if command.abandoned or self._desk is None:
            return
        began_s = time.perf_counter()
        try:
            desk = self._desk if command.is_real or self._training is None else self._training.desk
            command.answer = self._try(command.work, desk)
        except CheckoutRefused as refused:
            command.error = refused
        except Exception as error:
            log.exception("till.command")
            command.error = self._desk.failed(error)
        self._publish()
        self.tally.add(command.what, time.perf_counter() - began_s)
        command.done.set()

    @staticmethod
    def _try(work: Callable[[Desk], Any], desk: Desk) -> Any:
        """Do it; once more after the disk was full or had failed and was brought back."""
        try:
            return work(desk)
        except StoreError as error:
            if not desk.recover(error):
                raise
            log.warning("till.again reason=%s", error)
            return work(desk)

    def _guard(self, work: Callable[[Desk], object]) -> None:
        """Work nobody waits for."""
        if self._desk is None:
            return
        try:
            self._try(work, self._desk)
        except CheckoutRefused as refused:
            log.info("till.event refused=%s", refused)
        except StoreError as error:
            self._desk.failed(error)
            if str(error) != self._trouble:  # a disk that has failed fails every second; said once
                self._trouble = str(error)
                log.error("till.store reason=%s", error)  # noqa: TRY400 - a sentence for store IT, not a trace
        except Exception as error:
            log.exception("till.event")
            self._desk.failed(error)
        self._publish()

    def _tick(self) -> None:
        """Idle work of both desks; a training whose time is up ends."""
        if self._training is not None:
            self._guard(self._tick_training)
        self._guard(lambda desk: desk.tick())
        self._guard(self._ask_late)

    def _ask_late(self, desk: Desk) -> None:
        """Whose receipts are that were closed without a line."""
        asked = desk.want_late() if self._training is None else None
        if asked is not None:
            self._lookups.later(asked)  # with too many waiting it is asked some seconds later

    def _tick_training(self, desk: Desk) -> None:
        """A training that fails ends: nothing of it may cost a real receipt."""
        training = self._training
        if training is None:
            return
        try:
            if not training.is_over(desk.clock.now()):
                training.desk.tick()
                return
        except Exception:
            log.exception("training.fault")
        self._end_training()

    def _train(self, desk: Desk, act: Train) -> None:
        """On the till thread, with the real desk: training begins or ends."""
        if not act.on:
            self._end_training()
        elif not act.supervisor:
            raise CheckoutRefused("a supervisor's PIN begins a training", code="needs_supervisor")
        elif self._training is None:
            desk.clear()
            self._training = open_training(desk, lasts=desk.rules.training)
            log.info("training.begun until=%s", self._training.until.isoformat(timespec="seconds"))

    def _end_training(self) -> None:
        if self._training is None:
            return
        training, self._training = self._training, None
        training.close()
        if self._desk is not None:
            self._desk.shown = None  # what was shown last was the training's
        log.info("training.ended")

    def _hear(self, event: Heard, desk: Desk) -> None:
        if isinstance(event, LookupDone) and isinstance(event.asked, AskedLate):
            desk.named_late(event.asked, event.answer)
            self._ask_late(desk)
        elif isinstance(event, CodeScanned | BankCardRead | LookupDone | LookupSlow | CodeDone):
            self.scanned_s = time.monotonic()
            self._hear_of_customer(event, desk if self._training is None else self._training.desk)
        elif isinstance(event, DeviceStateChanged):
            _log_device(desk, event)
            desk.device_changed(event)
            if self._training is not None:
                self._training.desk.device_changed(event)
        elif isinstance(event, LinkChanged):
            desk.link_changed(event.state, event.detail)
            self._ask_late(desk)
        elif isinstance(event, ReplicaChanged):
            desk.replica_changed()
        elif isinstance(event, CareChanged):
            desk.care = event.care
        elif isinstance(event, ReplicaLoading):
            desk.loading_percent = None if event.of == 0 else 100 * event.done // event.of

    def _hear_of_customer(
        self, event: CodeScanned | BankCardRead | LookupDone | LookupSlow | CodeDone, desk: Desk
    ) -> None:
        """What a scanner read, and what the centre says of it."""
        if isinstance(event, LookupDone):
            if isinstance(event.asked, AskedLate):
                return  # heard on the real desk
            desk.scan_asked(event.asked, event.answer, is_awaited=False)
        elif isinstance(event, CodeDone):
            desk.code_answered(event.asked, event.answer)
        elif isinstance(event, LookupSlow):
            desk.asking_takes_long(event.turn)
        else:
            found = desk.scanned(event)
            if found is not None and not self._lookups.later(found):
                desk.scan_asked(found, None, is_awaited=True)

    def _publish(self) -> None:
        """Tell everybody, when something changed."""
        if self._desk is None:
            return
        try:
            shown = self._training if self._training is not None else self._desk
            fresh = shown.snapshot(self._snapshot.version)
        except StoreError as error:
            self._publish_notice(self._desk.notice or str(error))
            return
        if fresh is None:
            return
        self._tell(fresh)

    def _publish_notice(self, sentence: str) -> None:
        """What was last seen, with a sentence: the file cannot be asked now."""
        from msgspec.structs import replace

        if sentence != self._snapshot.notice:
            self._tell(replace(self._snapshot, version=self._snapshot.version + 1, notice=sentence))

    def _tell(self, fresh: Snapshot) -> None:
        self._snapshot = fresh
        for changed in self._subscribers:
            changed(fresh)
