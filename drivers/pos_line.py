"""The port on which a POS reads the scanner it shares with us: opened, kept open, written at once; knows no protocol.

Nobody there is nothing special: a scanner without a computer beeps too. What cannot be handed over at once is thrown
away, for a product that comes late lands on the next receipt.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence

from drivers.backoff import reconnect_delay_s
from drivers.sharing import SharedReader
from drivers.transport.contract import Endpoint, Transport
from drivers.vocabulary.errors import TransportError, TransportUnavailable
from drivers.vocabulary.events import DeviceState, DeviceStateChanged, Event

__all__ = ["PassingOn", "PosLine"]

READ_SLICE_S = 0.2  # how late a stop may be noticed
SEND_TIMEOUT_S = 0.25  # the longest the next scan may wait for a POS that does not read this one
LASTING_S = 1.0  # a visit of that length was a success: the port is there for the next one at once
FROM_POS_MAX = 1_024  # a beep and a trigger are a few bytes; more than this is not for a scanner


class PosLine:
    """The thread of one port.

    Args:
        name: as it is called in states and on the panel.
        endpoint: where the POS reads.
        emit: takes events; must never wait.
        stop: the flag that ends the thread.
        clock: seconds that only grow.
        jitter: 0 to 1, for the delays between attempts.
    """

    def __init__(
        self,
        *,
        name: str,
        endpoint: Endpoint,
        emit: Callable[[Event], None],
        stop: threading.Event,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self._endpoint = endpoint
        self._emit = emit
        self._stop = stop
        self._clock = clock
        self._jitter = jitter
        self._opened_at_s = 0.0
        self._thread = threading.Thread(target=self.run, name=f"pos-{name}", daemon=True)
        self._transport: Transport | None = None
        self._from_pos = bytearray()
        self._gate = threading.Lock()  # of the few bytes that come from the POS
        self._failures = 0
        self._said: tuple[DeviceState, str] | None = None
        self.dropped = 0

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread to end; False when it has not in time."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def send(self, data: bytes) -> bool:
        """Hand bytes to the POS at once; False when they were thrown away. On the scanner's thread."""
        transport = self._transport
        if transport is not None:
            try:
                transport.write(data, SEND_TIMEOUT_S)
            except TransportError:
                transport.close()  # the thread that reads notices, says so and opens it again
            else:
                return True
        self.dropped += 1
        return False

    def taken(self) -> bytes:
        """What the POS sent to its scanner since the last call."""
        with self._gate:
            data = bytes(self._from_pos)
            self._from_pos.clear()
        return data

    def run(self) -> None:
        """Open and read, again and again, until `stop` is set; the body of the thread."""
        while not self._stop.is_set():
            try:
                self._serve()
            except TransportUnavailable as error:
                self._lose(error)
            except TransportError:
                self._part()
            except Exception as error:  # noqa: BLE001 - the top of the thread: it ends in a state
                self._lose(error)
        self._close()
        self._endpoint.close()
        self._say(DeviceState.CLOSED, "")

    def _serve(self) -> None:
        opened = self._endpoint.open(READ_SLICE_S)
        if opened is None:
            if self._said is None:
                self._say(DeviceState.OFF, f"waiting for the POS at {self._endpoint.address}")
            return
        self._transport = opened
        self._opened_at_s = self._clock()
        self._say(DeviceState.ON, "")
        while not self._stop.is_set():
            data = opened.read(READ_SLICE_S)
            with self._gate:
                self._from_pos += data[: FROM_POS_MAX - len(self._from_pos)]

    def _part(self) -> None:
        """The POS went; it comes again when it likes. A port that fails as soon as it is open is tried more slowly."""
        self._close()
        self._say(DeviceState.OFF, f"the POS has left {self._endpoint.address}")
        is_short = self._clock() - self._opened_at_s < LASTING_S
        self._failures = self._failures + 1 if is_short else 0
        self._stop.wait(reconnect_delay_s(self._failures, self._jitter()))

    def _lose(self, error: Exception) -> None:
        self._close()
        self._say(DeviceState.OFF, str(error) or type(error).__name__)
        self._failures += 1
        self._stop.wait(reconnect_delay_s(self._failures, self._jitter()))

    def _close(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()

    def _say(self, state: DeviceState, detail: str) -> None:
        """Tell a change, once: a retry that fails in the same way is no news."""
        if self._said != (state, detail):
            self._said = (state, detail)
            self._emit(DeviceStateChanged(device=self.name, state=state, detail=detail))


class PassingOn:
    """A shared scanner as a conversation of its own: what is the POS's leaves before anybody is told of anything."""

    def __init__(self, shared: SharedReader, line: PosLine) -> None:
        self._shared = shared
        self._line = line

    def feed(self, data: bytes, now_s: float) -> Sequence[Event]:
        """As `drivers.contract.ReaderConversation`."""
        return self._pass_on(*self._shared.feed(data, now_s))

    def tick(self, now_s: float) -> Sequence[Event]:
        """As `drivers.contract.ReaderConversation`."""
        return self._pass_on(*self._shared.tick(now_s))

    def outgoing(self) -> bytes:
        """What the POS sends to its scanner, where that means something."""
        return self._shared.outgoing(self._line.taken())

    def _pass_on(self, passed: bytes, events: Sequence[Event]) -> Sequence[Event]:
        if passed:
            self._line.send(passed)
        return events
