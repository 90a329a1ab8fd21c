"""A polled device: one thread that asks it for closed documents and its state, and prints slips; knows no protocol.

A till may work with the same device over another port, so nothing is asked that could be in its way: documents are
read and slips printed only when the device has been idle for `Pace.quiet_s`, one document at a time, and before each
one it is looked whether a receipt was opened meanwhile.

Each document is handed over in the order of its number. The taker keeps document and number together, so whatever is
cut or killed in the middle, the next attempt goes on behind the last one that was kept.
"""

from __future__ import annotations

import queue
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from drivers.backoff import reconnect_delay_s
from drivers.polled import Condition, DocumentTaker, Memory, PolledDevice, Pulled
from drivers.transport.contract import Endpoint, Transport
from drivers.vocabulary.errors import (
    CheckoutRefused,
    DeviceRefused,
    ProtocolError,
    TransportError,
    TransportUnavailable,
)
from drivers.vocabulary.events import DeviceState, DeviceStateChanged, Document, Event
from drivers.vocabulary.receipt import DocumentKind
from drivers.vocabulary.slips import PartKind, Slip

__all__ = ["DeviceFactory", "Pace", "PollingWorker"]

OPEN_SLICE_S: Final = 0.2  # how late a stop may be noticed
RETRY_AFTER_FAULT_S: Final = 60.0  # a fault of ours is not cured by haste
LASTING_S: Final = 5.0  # a connection of that length was a success: the next failure starts from the shortest delay
LAST_ANSWER_S: Final = 1.0  # at a stop: a device that answers has answered by then
FRESH_S: Final = 60.0  # after that whoever bought it has left the till
SENSELESS_MAX: Final = 3  # readings of one document that make no sense, before it is kept as unread
SLIPS_MAX: Final = 20  # waiting; more of them nobody waits for
SLIP_S_MAX: Final = 60.0  # a slip that comes later is in the next customer's hands
PROGRESS_FROM: Final = 5  # so many documents at once are worth a sentence
#: No paper, cover, cutter, mechanism, error, printing interrupted or still going on: a slip waits for its end.
PAPER_STOPS: Final = frozenset({"E301", "E302", "E303", "E304", "E305", "E306", "E315", "E316"})
PROGRESS_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often a device is asked.

    Attributes:
        poll_s: between two looks at its state.
        quiet_s: how long it must have been idle before documents are read: a till that has just closed a receipt still
            asks and prints.
    """

    poll_s: float = 1.0
    quiet_s: float = 2.0


class DeviceFactory(Protocol):
    """`PolledKind` with the settings and the name already given."""

    def __call__(
        self, *, connect: Callable[[], Transport], wait: Callable[[float], object], clock: Callable[[], float]
    ) -> PolledDevice:
        """See `PolledKind`."""
        ...


@dataclass(frozen=True, slots=True)
class _Slip:
    lines: tuple[str, ...]
    asked_at_s: float


class PollingWorker:
    """The thread of one polled device.

    Args:
        name: the device's name in the settings; carried by every event.
        endpoint: where the device is.
        device_factory: makes the driver's side of one connection.
        emit: takes events; must never wait.
        stop: the flag that ends the thread; `join` cuts short a device that does not answer.
        taker: who keeps the documents; None asks for none (``way = "host"``).
        pace: how often it is asked.
        clock: seconds that only grow.
        jitter: 0 to 1, for the delays between attempts.
    """

    def __init__(
        self,
        *,
        name: str,
        endpoint: Endpoint,
        device_factory: DeviceFactory,
        emit: Callable[[Event], None],
        stop: threading.Event,
        taker: DocumentTaker | None = None,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self._endpoint = endpoint
        self._make_device = device_factory
        self._emit = emit
        self._stop = stop
        self._taker = taker
        self._pace = pace or Pace()
        self._clock = clock
        self._jitter = jitter
        self._thread = threading.Thread(target=self.run, name=f"polling-{name}", daemon=True)
        self._wanted = threading.Event()
        self._slips: queue.Queue[_Slip] = queue.Queue(SLIPS_MAX)
        self._pipes: list[Transport] = []
        self._failures = 0
        self._said: tuple[DeviceState, str] | None = None
        self._trouble = ""
        self._idle_since_s: float | None = None
        self._seen: tuple[str, int] | None = None  # the memory and its last document, when last looked
        self._grew_at_s: float | None = None
        self._told_at_s = 0.0
        self._senseless = (0, 0)  # a number, and how often reading it made no sense

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread to end, once `stop` is set; False when it has not in time.

        A document that is being read may be read to its end. A device that does not answer is not waited for.
        """
        self._wanted.set()
        self._thread.join(min(LAST_ANSWER_S, timeout_s))
        if self._thread.is_alive() and self._stop.is_set():
            for pipe in tuple(self._pipes):
                pipe.abort()
            self._thread.join(max(0.0, timeout_s - LAST_ANSWER_S))
        return not self._thread.is_alive()

    def print_soon(self, lines: Sequence[str]) -> bool:
        """Print a slip when the device is idle, within a minute or not at all; never waits.

        False when too many wait already.
        """
        try:
            self._slips.put_nowait(_Slip(tuple(lines), self._clock()))
        except queue.Full:
            return False
        self._wanted.set()
        return True

    def print(self, slip: Slip) -> None:
        """The same for a slip of our own: its text; codes are for printers that draw them."""
        self.print_soon([part.text for part in slip.parts if part.kind in {PartKind.TEXT, PartKind.TITLE}])

    @property
    def trouble(self) -> str:
        """Why a slip does not come at once, or ""."""
        state, detail = self._said or (DeviceState.OFF, "")
        return "" if state is DeviceState.ON and self._trouble not in PAPER_STOPS else detail

    def run(self) -> None:
        """Ask, again and again, until `stop` is set; the body of the thread."""
        while not self._stop.is_set():
            began_s = self._clock()
            try:
                self._visit()
            except (TransportError, ProtocolError) as error:
                self._lose(error, began_s)
            except Exception as error:  # noqa: BLE001 - the top of the thread: it ends in a state
                self._forget_connection()
                self._say(DeviceState.FAILED, f"a fault of ours, {type(error).__name__}: {error}; please report it")
                self._stop.wait(RETRY_AFTER_FAULT_S)
        self._forget_connection()
        self._endpoint.close()
        self._say(DeviceState.CLOSED, "")

    # ── One connection ──────────────────────────────────────────────────────────────────────────

    def _visit(self) -> None:
        device = self._make_device(connect=self._connect, wait=self._pause, clock=self._clock)
        while not self._stop.is_set():
            try:
                self._turn(device)
            except (DeviceRefused, CheckoutRefused) as refused:
                self._say(DeviceState.ON, str(refused))
            self._pause(self._pace.poll_s)

    def _turn(self, device: PolledDevice) -> None:
        """One look at the device, and what may be done with it now."""
        if not self._is_quiet(device):
            return
        if self._taker is not None:
            self._pull(device, self._taker)
        if not self._slips.empty() and self._is_quiet(device) and self._trouble not in PAPER_STOPS:
            self._print_slips(device)

    def _is_quiet(self, device: PolledDevice) -> bool:
        """Ask how it is, tell it, and say whether it has been idle for long enough."""
        condition = device.condition()
        self._trouble = condition.code
        self._tell(condition)
        now_s = self._clock()
        if condition.is_busy:
            self._idle_since_s = None
            return False
        if self._idle_since_s is None:
            self._idle_since_s = now_s
        return now_s - self._idle_since_s >= self._pace.quiet_s

    def _connect(self) -> Transport:
        """See `PolledKind`."""
        while not self._stop.is_set():
            pipe = self._endpoint.open(OPEN_SLICE_S)
            if pipe is not None:
                self._pipes.append(pipe)
                return pipe
            if self._said is None:
                self._say(DeviceState.OFF, f"waiting for the device at {self._endpoint.address}")
        raise TransportUnavailable(f"{self._endpoint.address}: the agent stops")

    def _pause(self, duration_s: float) -> None:
        """Wait, less when the agent stops or a slip comes."""
        ends_s = self._clock() + duration_s
        while not self._stop.is_set() and (rest_s := ends_s - self._clock()) > 0:
            if self._wanted.wait(min(rest_s, OPEN_SLICE_S)):
                self._wanted.clear()
                return

    def _lose(self, error: Exception, began_s: float) -> None:
        self._forget_connection()
        if self._stop.is_set():
            return
        self._say(DeviceState.OFF, str(error))
        if self._clock() - began_s >= LASTING_S:
            self._failures = 0
        self._failures += 1
        self._stop.wait(reconnect_delay_s(self._failures, self._jitter()))

    def _forget_connection(self) -> None:
        for pipe in self._pipes:
            pipe.close()
        self._pipes.clear()
        self._idle_since_s = self._seen = self._grew_at_s = None

    # ── Documents ───────────────────────────────────────────────────────────────────────────────

    def _pull(self, device: PolledDevice, taker: DocumentTaker) -> None:
        """Read what is there and not kept yet, as long as nobody else needs the device."""
        memory = device.memory()
        place = taker.place(memory)
        self._note_growth(memory)
        numbers = range(max(place + 1, memory.first), memory.last + 1)
        for number in numbers:
            if number != numbers[0] and not self._is_quiet(device):
                return
            if self._stop.is_set():
                return
            document = self._read(device, number)
            is_fresh = number == memory.last and self._is_fresh()
            lines = taker.take(
                Pulled(memory=memory.name, number=number, last=memory.last, document=document, is_fresh=is_fresh)
            )
            if lines:
                self.print_soon(lines)
            if len(numbers) >= PROGRESS_FROM:
                self._tell_progress(number - numbers[0] + 1, len(numbers))
        if self._tells_progress:
            self._say(DeviceState.ON, "")

    def _read(self, device: PolledDevice, number: int) -> Document:
        """One document; one that never makes sense must not keep back those behind it."""
        try:
            document = device.document(number)
        except ProtocolError as error:
            tries = self._senseless[1] + 1 if self._senseless[0] == number else 1
            self._senseless = (number, tries)
            if tries < SENSELESS_MAX:
                raise
            # Taken for a receipt, so that a person looks at it.
            return _nothing(DocumentKind.SALE, f"document {number} cannot be read: {error}; look it up at the device")
        return document or _nothing(DocumentKind.OTHER, f"the device has no document {number} (any more)")

    def _note_growth(self, memory: Memory) -> None:
        """Whether the newest document came while we were looking."""
        name, last = self._seen or ("", memory.last)
        if name != memory.name:
            self._grew_at_s = None
        elif memory.last > last:
            self._grew_at_s = self._clock()
        self._seen = (memory.name, memory.last)

    def _is_fresh(self) -> bool:
        return self._grew_at_s is not None and self._clock() - self._grew_at_s <= FRESH_S

    # ── Slips ───────────────────────────────────────────────────────────────────────────────────

    def _print_slips(self, device: PolledDevice) -> None:
        while not self._stop.is_set():
            try:
                slip = self._slips.get_nowait()
            except queue.Empty:
                return
            if self._clock() - slip.asked_at_s > SLIP_S_MAX:
                continue
            # Whatever became of it, it is not printed twice: paper that came half out is the customer's.
            device.print_slip(slip.lines)

    # ── What is told ────────────────────────────────────────────────────────────────────────────

    def _tell(self, condition: Condition) -> None:
        sentence = f"{condition.code} {condition.sentence}" if condition.code else ""
        if condition.code and condition.maker_code:
            sentence += f" ({condition.maker_code})"
        if sentence or not self._tells_progress:
            self._say(DeviceState.ON, sentence)

    @property
    def _tells_progress(self) -> bool:
        return self._said is not None and self._said[1].startswith(_READING)

    def _tell_progress(self, done: int, wanted: int) -> None:
        now_s = self._clock()
        if now_s - self._told_at_s >= PROGRESS_EVERY_S:
            self._told_at_s = now_s
            self._say(DeviceState.ON, f"{_READING}: {done} of {wanted}")

    def _say(self, state: DeviceState, detail: str) -> None:
        """Tell a change, once: a retry that fails in the same way is no news."""
        if self._said != (state, detail):
            self._said = (state, detail)
            self._emit(DeviceStateChanged(device=self.name, state=state, detail=detail))


_READING: Final = "reading closed documents"


def _nothing(kind: DocumentKind, problem: str) -> Document:
    return Document(kind=kind, raw=b"", text=(), problems=(problem,))
