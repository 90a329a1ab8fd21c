"""An in-line device with many tills' connections at once: each visit on threads of its own; knows no protocol.

For a device that is a server (HTTP): a till keeps one connection open and asks over another, a browser looks on, and
nobody may wait for somebody else's connection to end. A printer with one head stays with `drivers.inline`.

Transparent as there: a visitor that comes while the device cannot be reached is turned away at once, and when one side
leaves, the other learns it.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Final

from drivers.contract import InlineConversation, InsideAdviser, SlipComposer
from drivers.guard import GuardedConversation
from drivers.inline import COMPOSE_TIMEOUT_S
from drivers.relay import Relay, Side
from drivers.transport.contract import Endpoint, Transport
from drivers.transport.tcp import TcpListenEndpoint
from drivers.vocabulary.errors import TransportUnavailable
from drivers.vocabulary.events import DeviceState, DeviceStateChanged, Event

__all__ = ["ManyVisits"]

OPEN_SLICE_S: Final = 0.2  # how late a stop may be noticed while a visitor or a connection is waited for
RETRY_S: Final = 2.0  # a port that is taken may be free again soon
LEAVE_S: Final = 1.0  # for each visit to end when told to stop


class ManyVisits:
    """The threads of one in-line device; started and joined as an `InlineWorker`.

    Args:
        name: the device's name in the settings; carried by every event.
        host: where the tills come to.
        device_factory: makes an endpoint of the device, a new one for each visit: making a connection has a state.
        conversation_factory: makes the driver's conversation for one visit.
        emit: takes events; must never wait.
        stop: the flag that ends all threads, within half a second.
        visitors_max: connections at once; a visitor above that is turned away.
        compose: asked for the loyalty lines of each document.
        compose_timeout_s: how long the till's next bytes may wait for them.
        adviser: asked what may be taken off an open receipt.
        heard: told how many bytes the till has sent, each time; must not wait.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        *,
        name: str,
        host: Endpoint,
        device_factory: Callable[[], Endpoint],
        conversation_factory: Callable[[], InlineConversation],
        emit: Callable[[Event], None],
        stop: threading.Event,
        visitors_max: int,
        compose: SlipComposer | None = None,
        compose_timeout_s: float = COMPOSE_TIMEOUT_S,
        adviser: InsideAdviser | None = None,
        heard: Callable[[int], None] = lambda count: None,  # noqa: ARG005 - named for the reader
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._host = host
        self._make_device = device_factory
        self._make_conversation = conversation_factory
        self._emit = emit
        self._stop = stop
        self._visitors_max = visitors_max
        self._compose = compose
        self._compose_timeout_s = compose_timeout_s
        self._adviser = adviser
        self._heard = heard
        self._clock = clock
        self._thread = threading.Thread(target=self.run, name=f"visits-{name}", daemon=True)
        self._visits: list[threading.Thread] = []
        self._telling = threading.Lock()  # visits tell of the device at the same time
        self._said: tuple[DeviceState, str] | None = None

    def start(self) -> None:
        """Start the thread that lets visitors in."""
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait for the threads to end; False when they have not in time."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def run(self) -> None:
        """Let visitors in until `stop` is set; the body of the thread."""
        if isinstance(self._host, TcpListenEndpoint):
            self._host.silence_s = math.inf  # nobody's place is taken: there is room for all
        while not self._stop.is_set():
            try:
                self._let_in()
            except Exception as error:  # noqa: BLE001 - the top of the thread: it ends in a state
                self._say(DeviceState.FAILED, f"a fault of ours, {type(error).__name__}: {error}; please report it")
                self._stop.wait(RETRY_S)
        self._host.close()
        for visit in self._visits:
            visit.join(LEAVE_S)
        self._say(DeviceState.CLOSED, "")

    def _let_in(self) -> None:
        self._visits = [visit for visit in self._visits if visit.is_alive()]
        try:
            visitor = self._host.open(OPEN_SLICE_S)
        except TransportUnavailable as error:
            self._say(DeviceState.OFF, str(error))
            self._stop.wait(RETRY_S)
            return
        if visitor is None:
            if self._said is None:
                self._say(DeviceState.CLOSED, f"waiting for the till at {self._host.address}")
        elif len(self._visits) >= self._visitors_max:
            visitor.abort()
            self._say(DeviceState.ON, f"more than {self._visitors_max} connections at once: one was turned away")
        else:
            visit = threading.Thread(target=self._visit, args=(visitor,), name=f"visit-{self.name}", daemon=True)
            self._visits.append(visit)
            visit.start()

    # ── One visit, on a thread of its own ───────────────────────────────────────────────────────

    def _visit(self, host: Transport) -> None:
        try:
            device = self._open_device()
            if device is None:
                host.abort()
                return
            self._say(DeviceState.ON, "")
            ending = self._relay(host, device).run()
            if ending.side is Side.DEVICE and not ending.is_in_order:
                self._say(DeviceState.OFF, ending.detail)
        except Exception as error:  # noqa: BLE001 - the top of the thread: it ends in a state
            host.abort()
            self._say(DeviceState.FAILED, f"a fault of ours, {type(error).__name__}: {error}; please report it")

    def _open_device(self) -> Transport | None:
        """A connection to the device, None when it cannot be reached or we stop."""
        place = self._make_device()
        try:
            while not self._stop.is_set():
                device = place.open(OPEN_SLICE_S)
                if device is not None:
                    return device
        except TransportUnavailable as error:
            self._say(DeviceState.OFF, str(error))
        place.close()
        return None

    def _relay(self, host: Transport, device: Transport) -> Relay:
        return Relay(
            name=self.name,
            host=host,
            device=device,
            keeps_host=False,
            keeps_device=False,
            conversation=GuardedConversation(self._make_conversation),
            emit=self._emit,
            compose=self._compose,
            compose_timeout_s=self._compose_timeout_s,
            adviser=self._adviser,
            heard=self._heard,
            stop=self._stop,
            clock=self._clock,
            is_wanted_elsewhere=lambda: False,
            complain=lambda sentence: self._say(DeviceState.ON, sentence),
        )

    def _say(self, state: DeviceState, detail: str) -> None:
        """Tell a change, once."""
        with self._telling:
            if self._said == (state, detail):
                return
            self._said = (state, detail)
        self._emit(DeviceStateChanged(device=self.name, state=state, detail=detail))
