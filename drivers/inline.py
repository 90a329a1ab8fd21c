"""An in-line device: stands between a till and its printer, through restarts of either; knows no protocol.

Transparent first. A till that connects while the printer cannot be reached is turned away at once, as it would be
without us; when one side leaves, the other learns it; a wire (serial) stays open, because on a wire nobody can leave.
Each visit gets a conversation of its own.

A document is handed over exactly once: to `compose` where there is one, else as the event DocumentPrinted.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

from drivers.backoff import reconnect_delay_s
from drivers.contract import InlineConversation, InsideAdviser, SlipComposer
from drivers.guard import GuardedConversation
from drivers.relay import Relay, Side
from drivers.transport.contract import Endpoint, Transport
from drivers.vocabulary.errors import TransportClosed, TransportUnavailable
from drivers.vocabulary.events import DeviceState, DeviceStateChanged, Event

__all__ = ["InlineWorker"]

OPEN_SLICE_S = 0.2  # how late a stop may be noticed while a visitor or a connection is waited for
RETRY_S_MAX = 2.0  # a till with a printer that is back should not wait for us
RETRY_AFTER_FAULT_S = 60.0  # a fault of ours is not cured by haste
LASTING_S = 5.0  # a visit of that length was a success: the next failure starts from the shortest delay
COMPOSE_TIMEOUT_S = 0.25  # a cashier does not see it, and every till waits longer for a printer


class InlineWorker:
    """The thread of one in-line device.

    Args:
        name: the device's name in the settings; carried by every event.
        host: where the till is.
        device: where the printer is.
        conversation_factory: makes the driver's conversation for one visit.
        emit: takes events; must never wait.
        stop: the flag that ends the thread, within half a second.
        compose: asked for the loyalty lines of each document.
        compose_timeout_s: how long the till's next bytes may wait for them.
        adviser: asked what may be taken off an open receipt.
        heard: told how many bytes the till has sent, each time; must not wait.
        clock: seconds that only grow.
        jitter: 0 to 1, for the delays between attempts.
    """

    def __init__(
        self,
        *,
        name: str,
        host: Endpoint,
        device: Endpoint,
        conversation_factory: Callable[[], InlineConversation],
        emit: Callable[[Event], None],
        stop: threading.Event,
        compose: SlipComposer | None = None,
        compose_timeout_s: float = COMPOSE_TIMEOUT_S,
        adviser: InsideAdviser | None = None,
        heard: Callable[[int], None] = lambda count: None,  # noqa: ARG005 - named for the reader
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self._host = host
        self._device = device
        self._make_conversation = conversation_factory
        self._emit = emit
        self._stop = stop
        self._compose = compose
        self._compose_timeout_s = compose_timeout_s
        self._adviser = adviser
        self._heard = heard
        self._clock = clock
        self._jitter = jitter
        self._thread = threading.Thread(target=self.run, name=f"inline-{name}", daemon=True)
        self._host_line: Transport | None = None
        self._device_line: Transport | None = None
        self._failures = 0
        self._retry_at_s = clock()
        self._said: tuple[DeviceState, str] | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread to end; False when it has not in time."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def run(self) -> None:
        """Serve visit after visit until `stop` is set; the body of the thread."""
        while not self._stop.is_set():
            try:
                self._serve()
            except Exception as error:  # noqa: BLE001 - the top of the thread: it ends in a state
                self._close_all()
                self._say(DeviceState.FAILED, f"a fault of ours, {type(error).__name__}: {error}; please report it")
                self._stop.wait(RETRY_AFTER_FAULT_S)
        self._close_all()
        self._say(DeviceState.CLOSED, "")

    # ── one turn ────────────────────────────────────────────────────────────────────────────────

    def _serve(self) -> None:
        if self._device.is_line and not self._mind_device_line() and not self._host.is_line:
            self._turn_visitor_away()
            return
        host = self._next_host()
        if host is None:
            return
        device = self._open_device(host)
        if device is not None:
            self._visit(host, device)

    def _visit(self, host: Transport, device: Transport) -> None:
        self._say(DeviceState.ON, "")
        relay = Relay(
            name=self.name,
            host=host,
            device=device,
            keeps_host=self._host.is_line,
            keeps_device=self._device.is_line,
            conversation=GuardedConversation(self._make_conversation),
            emit=self._emit,
            compose=self._compose,
            compose_timeout_s=self._compose_timeout_s,
            adviser=self._adviser,
            heard=self._heard,
            stop=self._stop,
            clock=self._clock,
            is_wanted_elsewhere=self._host.visitor_waits,
            complain=lambda sentence: self._say(DeviceState.ON, sentence),
        )
        began_s = self._clock()
        ending = relay.run()
        if self._clock() - began_s >= LASTING_S:
            self._failures = 0
        if ending.side is Side.HOST:
            self._host_line = None
        if ending.side is Side.DEVICE:
            self._device_line = None
            if not ending.is_in_order:
                self._say(DeviceState.OFF, ending.detail)
        if ending.side is Side.DEVICE or (ending.side is Side.HOST and self._host.is_line):
            self._fail()

    # ── the till's side ─────────────────────────────────────────────────────────────────────────

    def _next_host(self) -> Transport | None:
        """The kept wire, or the next visitor; None when there is none yet."""
        if self._host_line is not None:
            return self._host_line
        try:
            host = self._host.open(OPEN_SLICE_S)
        except TransportUnavailable as error:
            self._say(DeviceState.OFF, str(error))
            self._fail()
            self._stop.wait(max(0.0, self._retry_at_s - self._clock()))
            return None
        if host is None:
            if self._said is None:
                self._say(DeviceState.CLOSED, f"waiting for the till at {self._host.address}")
        elif self._host.is_line:
            self._host_line = host
        return host

    def _turn_visitor_away(self) -> None:
        """The printer's wire cannot be opened: whoever connects must see that at once."""
        try:
            visitor = self._host.open(OPEN_SLICE_S)
        except TransportUnavailable as error:
            self._say(DeviceState.OFF, str(error))
            self._stop.wait(OPEN_SLICE_S)
            return
        if visitor is not None:
            visitor.abort()

    # ── the printer's side ──────────────────────────────────────────────────────────────────────

    def _mind_device_line(self) -> bool:
        """Keep the printer's wire open and empty while no till is there; False while it cannot be opened."""
        if self._device_line is None:
            if self._clock() < self._retry_at_s:
                return False
            try:
                self._device_line = self._device.open(OPEN_SLICE_S)
            except TransportUnavailable as error:
                self._say(DeviceState.OFF, str(error))
                self._fail()
                return False
        try:
            # What a printer says while nobody is there is for nobody.
            while self._device_line is not None and not self._host_line and self._device_line.read(0.0):
                pass
        except TransportClosed as error:
            if self._device_line is not None:
                self._device_line.abort()
            self._device_line = None
            self._say(DeviceState.OFF, str(error))
            self._fail()
            return False
        return self._device_line is not None

    def _open_device(self, host: Transport) -> Transport | None:
        """The printer for this host; None when it cannot be had, and then a visitor is gone and a wire is kept."""
        if self._device_line is not None:
            return self._device_line
        if self._host.is_line and self._clock() < self._retry_at_s:
            self._pour_away(host)
            return None
        try:
            device = None
            while device is None and not self._stop.is_set():
                device = self._device.open(OPEN_SLICE_S)
        except TransportUnavailable as error:
            self._say(DeviceState.OFF, str(error))
            self._fail()
            device = None
        if device is None and not self._host.is_line:
            host.abort()
        if device is not None and self._device.is_line:
            self._device_line = device
        return device

    def _pour_away(self, host: Transport) -> None:
        """Read and forget what a till prints on a wire whose printer is not there: kept, it would come out too late."""
        try:
            host.read(min(OPEN_SLICE_S, max(0.0, self._retry_at_s - self._clock())))
        except TransportClosed as error:
            host.abort()
            self._host_line = None
            self._say(DeviceState.OFF, str(error))
            self._fail()

    # ── both ────────────────────────────────────────────────────────────────────────────────────

    def _fail(self) -> None:
        """Count a failure and set the time before which nothing is tried again."""
        self._failures += 1
        delay_s = reconnect_delay_s(self._failures, self._jitter(), max_s=RETRY_S_MAX)
        self._retry_at_s = self._clock() + delay_s

    def _close_all(self) -> None:
        for line in (self._host_line, self._device_line):
            if line is not None:
                line.close()
        self._host_line = self._device_line = None
        self._host.close()
        self._device.close()

    def _say(self, state: DeviceState, detail: str) -> None:
        """Tell a change, once: a retry that fails in the same way is no news."""
        if self._said != (state, detail):
            self._said = (state, detail)
            self._emit(DeviceStateChanged(device=self.name, state=state, detail=detail))
