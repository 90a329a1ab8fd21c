"""Pipes inside this process, for tests and the demo: they behave like a socket and touch no hardware."""

from __future__ import annotations

import threading
import time
from typing import Final

from drivers.vocabulary.errors import TransportClosed, TransportEnded, TransportError

__all__ = ["BUFFER_SIZE_MAX", "MemoryEndpoint", "MemoryTransport", "memory_pair"]

BUFFER_SIZE_MAX = 65_536  # as a socket's: a reader that sleeps makes the writer wait, as in life


class _Wire:
    """One direction: bytes on their way from one end to the other."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.buffer = bytearray()
        self.is_finished = False  # the writer will send no more
        self.is_broken = False  # one of the two ends is closed

    def read(self, timeout_s: float) -> bytes:
        with self.changed:
            self.changed.wait_for(lambda: self.buffer or self.is_finished or self.is_broken, timeout_s)
            if self.buffer:
                data = bytes(self.buffer)
                self.buffer.clear()
                self.changed.notify_all()
                return data
            if self.is_broken:
                raise TransportClosed("the memory pipe is closed")
            if self.is_finished:
                raise TransportEnded("the other end of the memory pipe sends no more")
            return b""

    def write(self, data: bytes, timeout_s: float) -> None:
        deadline_s = time.monotonic() + timeout_s
        view = memoryview(data)
        with self.changed:
            while view:
                if self.is_broken or self.is_finished:
                    raise TransportClosed("the memory pipe is closed")
                room = BUFFER_SIZE_MAX - len(self.buffer)
                if room > 0:
                    self.buffer += view[:room]
                    view = view[room:]
                    self.changed.notify_all()
                elif not self.changed.wait(max(0.0, deadline_s - time.monotonic())):
                    raise TransportError("the other end of the memory pipe does not read")

    def end(self, *, in_order: bool, discard: bool = False) -> None:
        with self.changed:
            self.is_finished = self.is_finished or in_order
            self.is_broken = self.is_broken or not in_order
            if discard:
                self.buffer.clear()
            self.changed.notify_all()


class MemoryTransport:
    """One end of a pair; see `drivers.transport.contract.Transport`."""

    def __init__(self, address: str, incoming: _Wire, outgoing: _Wire) -> None:
        self._address = address
        self._incoming = incoming
        self._outgoing = outgoing

    @property
    def address(self) -> str:
        """The name it was made with."""
        return self._address

    def read(self, timeout_s: float) -> bytes:
        """As the contract says."""
        return self._incoming.read(timeout_s)

    def write(self, data: bytes, timeout_s: float) -> None:
        """As the contract says."""
        self._outgoing.write(data, timeout_s)

    def finish(self) -> None:
        """As the contract says."""
        self._outgoing.end(in_order=True)

    def abort(self) -> None:
        """As the contract says."""
        self._outgoing.end(in_order=False, discard=True)
        self._incoming.end(in_order=False, discard=True)

    def close(self) -> None:
        """As the contract says; what was written before can still be read."""
        self._outgoing.end(in_order=True)
        self._incoming.end(in_order=False, discard=True)


def memory_pair(name: str = "pair") -> tuple[MemoryTransport, MemoryTransport]:
    """Two connected ends."""
    there, back = _Wire(), _Wire()
    address = f"memory:{name}"
    return MemoryTransport(address, back, there), MemoryTransport(address, there, back)


class _Meeting:
    """Where two ends that open the same name find each other.

    It is one per process, because the two ends live in one process and know nothing of each other but the name.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.offers: dict[str, list[MemoryTransport]] = {}

    def meet(self, name: str, timeout_s: float) -> MemoryTransport | None:
        with self.changed:
            waiting = self.offers.setdefault(name, [])
            if waiting:
                theirs = waiting.pop(0)
                self.changed.notify_all()
                return theirs
            ours, theirs = memory_pair(name)
            waiting.append(theirs)
            self.changed.wait_for(lambda: not _holds(waiting, theirs), timeout_s)
            if _holds(waiting, theirs):
                waiting[:] = [offer for offer in waiting if offer is not theirs]
                return None
            return ours


def _holds(offers: list[MemoryTransport], wanted: MemoryTransport) -> bool:
    return any(offer is wanted for offer in offers)


_MEETING: Final = _Meeting()


class MemoryEndpoint:
    """A name in this process; the first two that open it are connected to each other, and so on."""

    is_line = False

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def address(self) -> str:
        """``memory:name``."""
        return f"memory:{self._name}"

    def open(self, timeout_s: float) -> MemoryTransport | None:
        """Meet the other one; None when nobody came in time."""
        return _MEETING.meet(self._name, timeout_s)

    def visitor_waits(self) -> bool:
        """Whether somebody else offers to meet under this name."""
        with _MEETING.changed:
            return bool(_MEETING.offers.get(self._name))

    def close(self) -> None:
        """Nothing listens between two calls of `open`."""
