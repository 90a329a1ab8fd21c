"""A twin on its wire: one thread carries bytes; others look at its paper and switch its troubles."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from drivers.transport.contract import Endpoint, Transport
from drivers.twins import ServerTwin, ShownTwin, TwinConnection
from drivers.vocabulary.errors import TransportError, TransportUnavailable

__all__ = ["Seen", "Stand"]

OPEN_SLICE_S: Final = 0.2  # how late a stop may be noticed
READ_SLICE_S: Final = 0.02  # some devices say every 60 ms that they are still printing
WRITE_TIMEOUT_S: Final = 2.0
RETRY_S: Final = 1.0  # a port that went away
VISITORS_MAX: Final = 32  # at once, of a device that is a server


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The twin at one moment.

    Attributes:
        count: lines printed since the beginning; hand it back to see what is new.
        lines: what is new on the paper.
        wire: who is there, in words.
    """

    count: int
    lines: tuple[str, ...]
    facts: Mapping[str, str]
    rude: Mapping[str, bool]
    wire: str
    bytes_in: int
    bytes_out: int


class Stand:
    """Serves a twin until `stop`; everything else may be called from any thread.

    Args:
        endpoint: where it listens; closed at the end.
        clock: seconds that only grow.
    """

    def __init__(self, twin: ShownTwin, endpoint: Endpoint, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._twin = twin
        self._endpoint = endpoint
        self._clock = clock
        self._turn = threading.Condition()
        self._stop = threading.Event()
        self._unasked = b""
        self._wire = "nobody is connected"
        self._visitors = 0
        self._bytes_in = self._bytes_out = 0
        self._version = 0
        self._thread = threading.Thread(target=self._run, name="twin", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End it and give the wire back."""
        self._stop.set()
        with self._turn:
            self._turn.notify_all()
        self._thread.join(5)
        self._endpoint.close()

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stop.is_set()

    def look(self, after: int = 0) -> Seen:
        """How it is now, with the paper after the first `after` lines."""
        with self._turn:
            return self._look(after)

    def wait(self, version: int, timeout_s: float) -> int:
        """Until something changed since `version`, or time is up; the version to ask with next."""
        with self._turn:
            self._turn.wait_for(lambda: self._version != version or self._stop.is_set(), timeout_s)
            return self._version

    def set_rude(self, name: str, *, is_on: bool) -> None:
        """Switch a trouble; ValueError for a name there is not."""
        with self._turn:
            if name not in self._twin.rudenesses():
                raise ValueError(f"no rudeness {name!r}; known are {', '.join(self._twin.rudenesses())}")
            self._unasked += self._twin.set_rude(name, is_on=is_on)
            self._changed()

    def toggle(self, name: str) -> bool:
        """Switch it over; whether it holds now."""
        with self._turn:
            is_on = not self._twin.rudenesses().get(name, False)
        self.set_rude(name, is_on=is_on)
        return is_on

    # ── The thread ──────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                pipe = self._endpoint.open(OPEN_SLICE_S)
            except TransportUnavailable as error:
                self._say(str(error))
                self._stop.wait(RETRY_S)
                continue
            if pipe is None:
                self._serve(b"")
                continue
            if isinstance(self._twin, ServerTwin) and not self._endpoint.is_line:
                self._visit_beside(pipe, self._twin.connection())
            else:
                self._visit(pipe, None)

    def _visit_beside(self, pipe: Transport, connection: TwinConnection) -> None:
        """One of several visitors, on a thread of its own."""
        if self._visitors >= VISITORS_MAX:
            pipe.abort()
            return
        threading.Thread(target=self._visit, args=(pipe, connection), name="twin-visit", daemon=True).start()

    def _visit(self, pipe: Transport, connection: TwinConnection | None) -> None:
        self._come(1)
        try:
            while not self._stop.is_set() and (connection is None or not connection.is_closed):
                answer = self._serve(pipe.read(READ_SLICE_S), connection)
                if answer:
                    pipe.write(answer, WRITE_TIMEOUT_S)
        except TransportError:
            pass  # how many are left is told
        finally:
            pipe.close()
            self._come(-1)

    def _come(self, more: int) -> None:
        """Somebody came or went."""
        with self._turn:
            self._visitors += more
            many = f"{self._visitors} are connected" if self._visitors > 1 else "somebody is connected"
            here = "the wire is open" if self._endpoint.is_line else many
        self._say(here if self._visitors else "nobody is connected")

    def _serve(self, data: bytes, connection: TwinConnection | None = None) -> bytes:
        """One turn of the twin; what it says."""
        with self._turn:
            now_s = self._clock()
            before = self._look(self._twin.roll.count)
            answer = b""
            if data:
                answer = self._twin.feed(data, now_s) if connection is None else connection.feed(data)
            answer += self._twin.tick(now_s) + self._unasked
            self._unasked = b""
            self._bytes_in += len(data)
            self._bytes_out += len(answer)
            if data or answer or before != self._look(before.count):
                self._changed()
            return answer

    def _look(self, after: int) -> Seen:
        twin = self._twin
        return Seen(
            count=twin.roll.count,
            lines=twin.roll.since(after),
            facts=dict(twin.facts()),
            rude=dict(twin.rudenesses()),
            wire=self._wire,
            bytes_in=self._bytes_in,
            bytes_out=self._bytes_out,
        )

    def _say(self, wire: str) -> None:
        with self._turn:
            self._wire = wire
            self._changed()

    def _changed(self) -> None:
        self._version += 1
        self._turn.notify_all()
