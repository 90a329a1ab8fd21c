"""A printer of our own: one thread that prints slips when it can, says how the printer is, and makes nobody wait.

The printer is opened for each slip and let go of after it, so that others may print on it too, and a plug that was
pulled is no event. A slip that cannot be printed waits a little for paper; after that its customer has gone, and it is
dropped and counted: it can be printed again from the panel.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from drivers.backoff import reconnect_delay_s
from drivers.contract import SlipConversation, SlipTrouble
from drivers.transport.contract import Endpoint, Transport
from drivers.vocabulary.errors import TransportError, TransportUnavailable
from drivers.vocabulary.events import DeviceState, DeviceStateChanged, Event
from drivers.vocabulary.slips import Slip

__all__ = ["KEPT_S", "SlipWorker"]

WAITING_MAX: Final = 20  # a printer that is off all day must not print the whole day when it comes back
KEPT_S: Final = 120.0  # how long a slip waits for paper; the customer does not wait longer
LOOK_EVERY_S: Final = 120.0  # how often an idle printer is looked at, so that the panel knows before a customer does
LOOK_AGAIN_S: Final = 10.0  # the same while something is wrong with it
OPEN_SLICE_S: Final = 0.2  # how late a stop may be noticed
OPEN_S_MAX: Final = 5.0  # longer than any connection of ours takes
ANSWER_S: Final = 0.6  # a printer answers how it is in milliseconds, over a slow serial line in tens of them
WRITE_TIMEOUT_S: Final = 10.0  # beside the time that the line itself needs
SLOWEST_BYTES_S: Final = 900.0  # 9600 baud; drawn lines are thousands of bytes each
RETRY_S_MAX: Final = 5.0  # whoever puts in paper waits for the slip
RETRY_AFTER_FAULT_S: Final = 60.0  # a fault of ours is not cured by haste


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A slip, and until when it is worth printing."""

    slip: Slip
    until_s: float


class SlipWorker:
    """The thread of one printer.

    Args:
        name: the device's name in the settings; carried by every event.
        endpoint: where the printer is.
        conversation_factory: makes the driver's conversation for one connection.
        emit: takes events; must never wait.
        stop: the flag that ends the thread, within half a second.
        clock: seconds that only grow.
        jitter: 0 to 1, for the delays between attempts.
        kept_s: how long a slip waits for a printer that cannot print.
    """

    def __init__(
        self,
        *,
        name: str,
        endpoint: Endpoint,
        conversation_factory: Callable[[], SlipConversation],
        emit: Callable[[Event], None],
        stop: threading.Event,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        kept_s: float = KEPT_S,
    ) -> None:
        self.name = name
        self.printed = 0
        self.dropped = 0
        self._endpoint = endpoint
        self._make_conversation = conversation_factory
        self._emit = emit
        self._stop = stop
        self._clock = clock
        self._jitter = jitter
        self._kept_s = kept_s
        self._thread = threading.Thread(target=self.run, name=f"slips-{name}", daemon=True)
        # Filled by whoever closes a receipt, emptied by the thread; it forgets the oldest by itself.
        self._waiting: deque[_Waiting] = deque()
        self._news = threading.Condition()
        self._failures = 0
        self._said: tuple[DeviceState, str] | None = None
        self._transport: Transport | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread to end; False when it has not in time."""
        with self._news:
            self._news.notify_all()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def print(self, slip: Slip) -> None:
        """Take a slip to print; never waits. With too many waiting the oldest is dropped."""
        with self._news:
            if len(self._waiting) >= WAITING_MAX:
                self._waiting.popleft()
                self.dropped += 1
            self._waiting.append(_Waiting(slip, self._clock() + self._kept_s))
            self._news.notify_all()

    @property
    def trouble(self) -> str:
        """Why the next slip is not printed at once; "" when it is, as far as is known."""
        said = self._said
        return said[1] if said is not None and said[0] is not DeviceState.ON else ""

    def run(self) -> None:
        """Print and look, again and again, until `stop` is set; the body of the thread."""
        while not self._stop.is_set():
            try:
                self._turn()
            except Exception as error:  # noqa: BLE001 - the top of the thread: it ends in a state
                self._close()
                self._drop_first()
                self._say(DeviceState.FAILED, f"a fault of ours, {type(error).__name__}: {error}; please report it")
                self._stop.wait(RETRY_AFTER_FAULT_S)
        self._close()
        self._endpoint.close()
        self._say(DeviceState.CLOSED, "")

    # ── One turn ────────────────────────────────────────────────────────────────────────────────

    def _turn(self) -> None:
        """Print the first slip, or look how the printer is; then wait for news."""
        self._drop_stale()
        waiting = self._waiting[0] if self._waiting else None
        try:
            is_done = self._visit(waiting.slip if waiting is not None else None)
        except TransportError as error:
            self._close()
            self._lose(str(error))
            return
        self._close()
        if is_done and waiting is not None:
            self._took(waiting)
        if not is_done:
            self._pause()
        elif not self._waiting:
            self._wait(LOOK_EVERY_S)

    def _visit(self, slip: Slip | None) -> bool:
        """Open the printer, ask it, print; False when it says that it cannot print."""
        transport = self._transport = self._open()
        conversation = self._make_conversation()
        trouble = self._asked(transport, conversation)
        if trouble is not None and trouble.stops:
            self._say(DeviceState.OFF, self._with_code(trouble))
            return False
        if slip is not None:
            data = conversation.render(slip)
            transport.write(data, WRITE_TIMEOUT_S + len(data) / SLOWEST_BYTES_S)
            # Asked once more: paper that ran out in the middle is known only now.
            trouble = self._asked(transport, conversation)
            if trouble is not None and trouble.stops:
                self._say(DeviceState.OFF, f"{self._with_code(trouble)}; the last slip may be cut short")
                return True
        self._failures = 0
        self._say(DeviceState.ON, self._with_code(trouble) if trouble is not None else "")
        return True

    def _open(self) -> Transport:
        deadline_s = self._clock() + OPEN_S_MAX
        while not self._stop.is_set():
            transport = self._endpoint.open(OPEN_SLICE_S)
            if transport is not None:
                return transport
            if self._clock() >= deadline_s:
                break
        raise TransportUnavailable(f"{self._endpoint.address} does not answer; check that the printer is on")

    def _asked(self, transport: Transport, conversation: SlipConversation) -> SlipTrouble | None:
        """How the printer is; a printer that says nothing has no trouble."""
        request = conversation.ask()
        if not request:
            return conversation.trouble
        transport.write(request, WRITE_TIMEOUT_S)
        deadline_s = self._clock() + ANSWER_S
        while not conversation.is_told and not self._stop.is_set():
            rest_s = deadline_s - self._clock()
            if rest_s <= 0:
                break
            conversation.feed(transport.read(rest_s), self._clock())
        return conversation.trouble

    # ── What waits ──────────────────────────────────────────────────────────────────────────────

    def _took(self, waiting: _Waiting) -> None:
        with self._news:
            if self._waiting and self._waiting[0] is waiting:
                self._waiting.popleft()
        self.printed += 1

    def _drop_stale(self) -> None:
        now_s = self._clock()
        with self._news:
            while self._waiting and self._waiting[0].until_s <= now_s:
                self._waiting.popleft()
                self.dropped += 1

    def _drop_first(self) -> None:
        """A slip that made us fail would do so for ever."""
        with self._news:
            if self._waiting:
                self._waiting.popleft()
                self.dropped += 1

    def _wait(self, timeout_s: float) -> None:
        """Until a slip comes, or so long."""
        deadline_s = self._clock() + timeout_s
        with self._news:
            while not self._waiting and not self._stop.is_set():
                rest_s = deadline_s - self._clock()
                if rest_s <= 0:
                    return
                self._news.wait(min(rest_s, OPEN_SLICE_S))

    # ── What is told ────────────────────────────────────────────────────────────────────────────

    def _lose(self, detail: str) -> None:
        self._say(DeviceState.OFF, detail)
        self._pause()

    def _pause(self) -> None:
        """Before the next try: shortly while a slip waits, else now and then, and at once for a new slip."""
        self._failures += 1
        if self._waiting:
            self._stop.wait(min(RETRY_S_MAX, reconnect_delay_s(self._failures, self._jitter())))
        else:
            self._wait(LOOK_AGAIN_S)

    @staticmethod
    def _with_code(trouble: SlipTrouble) -> str:
        return f"{trouble.code} {trouble.sentence}"

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def _say(self, state: DeviceState, detail: str) -> None:
        """Tell a change, once."""
        if state is DeviceState.OFF and self.dropped:
            detail = f"{detail} (slips not printed: {self.dropped})"
        if self._said != (state, detail):
            self._said = (state, detail)
            self._emit(DeviceStateChanged(device=self.name, state=state, detail=detail))
