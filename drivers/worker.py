"""A reader device (scanner, card reader): one thread that moves its bytes into a conversation; knows no protocol."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence

from drivers.backoff import reconnect_delay_s
from drivers.contract import ReaderConversation
from drivers.transport.contract import Endpoint, Transport
from drivers.vocabulary.errors import TransportError, TransportUnavailable
from drivers.vocabulary.events import DeviceState, DeviceStateChanged, Event

__all__ = ["ReaderWorker"]

READ_SLICE_S = 0.2  # how late a stop may be noticed; bytes are noticed at once
READ_SLICE_BUSY_S = 0.02  # shortly after bytes: a code without a suffix ends by silence, and the cashier waits for it
BUSY_S = 0.5  # how long after the last byte the short slices go on
WRITE_TIMEOUT_S = 2.0  # a reader is sent a few bytes at most
RETRY_AFTER_FAULT_S = 60.0  # a fault of ours is not cured by haste
LASTING_S = 5.0  # a connection of that length was a success: the next failure starts from the shortest delay


class ReaderWorker:
    """The thread of one reader.

    Args:
        name: the device's name in the settings; carried by every event.
        endpoint: where the reader is.
        conversation_factory: makes the driver's conversation for one connection.
        emit: takes events; must never wait.
        stop: the flag that ends the thread, within half a second.
        clock: seconds that only grow.
        jitter: 0 to 1, for the delays between attempts.
    """

    def __init__(
        self,
        *,
        name: str,
        endpoint: Endpoint,
        conversation_factory: Callable[[], ReaderConversation],
        emit: Callable[[Event], None],
        stop: threading.Event,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self._endpoint = endpoint
        self._make_conversation = conversation_factory
        self._emit = emit
        self._stop = stop
        self._clock = clock
        self._jitter = jitter
        self._thread = threading.Thread(target=self.run, name=f"reader-{name}", daemon=True)
        self._transport: Transport | None = None
        self._failures = 0
        self._said: tuple[DeviceState, str] | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread to end; False when it has not in time."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def run(self) -> None:
        """Connect and read, again and again, until `stop` is set; the body of the thread."""
        while not self._stop.is_set():
            try:
                self._connect_and_read()
            except Exception as error:  # noqa: BLE001 - the top of the thread: it ends in a state
                self._close()
                self._say(DeviceState.FAILED, f"a fault of ours, {type(error).__name__}: {error}; please report it")
                self._stop.wait(RETRY_AFTER_FAULT_S)
        self._close()
        self._endpoint.close()
        self._say(DeviceState.CLOSED, "")

    def _connect_and_read(self) -> None:
        try:
            self._transport = self._endpoint.open(READ_SLICE_S)
        except TransportUnavailable as error:
            self._lose(error)
            return
        if self._transport is None:
            if self._said is None:
                self._say(DeviceState.OFF, f"waiting for the device at {self._endpoint.address}")
            return
        self._say(DeviceState.ON, "")
        began_s = self._clock()
        try:
            self._read(self._transport)
        except TransportError as error:
            if self._clock() - began_s >= LASTING_S:
                self._failures = 0
            self._lose(error)

    def _read(self, transport: Transport) -> None:
        conversation = self._make_conversation()
        heard_at_s = self._clock() - BUSY_S
        while not self._stop.is_set():
            outgoing = conversation.outgoing()
            if outgoing:
                transport.write(outgoing, WRITE_TIMEOUT_S)
            is_busy = self._clock() - heard_at_s < BUSY_S
            # A device that goes in the middle of a code takes the half with it: a pulled plug is no end.
            data = transport.read(READ_SLICE_BUSY_S if is_busy else READ_SLICE_S)
            now_s = self._clock()
            if data:
                heard_at_s = now_s
                self._tell(conversation.feed(data, now_s))
            else:
                self._tell(conversation.tick(now_s))

    def _tell(self, events: Sequence[Event]) -> None:
        for event in events:
            self._emit(event)

    def _lose(self, error: TransportError) -> None:
        self._close()
        self._say(DeviceState.OFF, str(error))
        self._failures += 1
        self._stop.wait(reconnect_delay_s(self._failures, self._jitter()))

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def _say(self, state: DeviceState, detail: str) -> None:
        """Tell a change, once: a retry that fails in the same way is no news."""
        if self._said != (state, detail):
            self._said = (state, detail)
            self._emit(DeviceStateChanged(device=self.name, state=state, detail=detail))
