"""Bad lines by name: wrappers around a good transport that spoil what is read from it; for tests and rehearsals."""

from __future__ import annotations

from collections.abc import Callable

from drivers.transport.contract import Transport
from drivers.vocabulary.errors import TransportClosed

__all__ = ["Delayed", "DisconnectAfter", "Duplicating", "Lossy", "OneByteAtATime"]


class _Wrapper:
    """Passes everything on unchanged."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner

    @property
    def address(self) -> str:
        """The inner address."""
        return self._inner.address

    def read(self, timeout_s: float) -> bytes:
        """Read from the inner transport."""
        return self._inner.read(timeout_s)

    def write(self, data: bytes, timeout_s: float) -> None:
        """Write to the inner transport."""
        self._inner.write(data, timeout_s)

    def finish(self) -> None:
        """Finish the inner transport."""
        self._inner.finish()

    def abort(self) -> None:
        """Abort the inner transport."""
        self._inner.abort()

    def close(self) -> None:
        """Close the inner transport."""
        self._inner.close()


class OneByteAtATime(_Wrapper):
    """Every read gives one byte; a parser that needs whole frames fails here."""

    def __init__(self, inner: Transport) -> None:
        super().__init__(inner)
        self._rest = b""

    def read(self, timeout_s: float) -> bytes:
        """One byte, or b"" when nothing arrived in time."""
        if not self._rest:
            self._rest = self._inner.read(timeout_s)
        byte, self._rest = self._rest[:1], self._rest[1:]
        return byte


class Lossy(_Wrapper):
    """Bytes get lost.

    Args:
        inner: the good line.
        rate: share of the bytes that are lost, 0 to 1.
        random: gives a number from 0 to 1 for each byte; a seeded one makes the same losses again.
    """

    def __init__(self, inner: Transport, *, rate: float, random: Callable[[], float]) -> None:
        super().__init__(inner)
        self._rate = rate
        self._random = random

    def read(self, timeout_s: float) -> bytes:
        """What is left of the next chunk, b"" when all of it was lost."""
        return bytes(byte for byte in self._inner.read(timeout_s) if self._random() >= self._rate)


class Duplicating(_Wrapper):
    """Chunks come twice, as from a bridge that sends again what was acknowledged late.

    Args:
        inner: the good line.
        every: each n-th chunk is doubled; 1 doubles them all.
    """

    def __init__(self, inner: Transport, *, every: int = 1) -> None:
        super().__init__(inner)
        self._every = every
        self._count = 0

    def read(self, timeout_s: float) -> bytes:
        """The next chunk, or twice that."""
        data = self._inner.read(timeout_s)
        if not data:
            return data
        self._count += 1
        return data * 2 if self._count % self._every == 0 else data


class Delayed(_Wrapper):
    """Everything comes late.

    Args:
        inner: the good line.
        delay_s: how late each chunk is.
        wait: waits that long (`threading.Event.wait` in life, a fake clock's own in a test).
    """

    def __init__(self, inner: Transport, *, delay_s: float, wait: Callable[[float], object]) -> None:
        super().__init__(inner)
        self._delay_s = delay_s
        self._wait = wait

    def read(self, timeout_s: float) -> bytes:
        """The next chunk, after the delay."""
        data = self._inner.read(timeout_s)
        if data:
            self._wait(self._delay_s)
        return data


class DisconnectAfter(_Wrapper):
    """The cable is pulled after so many bytes were read, in the middle of whatever it was."""

    def __init__(self, inner: Transport, *, bytes_read_max: int) -> None:
        super().__init__(inner)
        self._left = bytes_read_max

    def read(self, timeout_s: float) -> bytes:
        """Bytes until the limit; TransportClosed from then on."""
        if self._left <= 0:
            self._inner.abort()
            raise TransportClosed(f"{self.address}: the cable was pulled")
        data = self._inner.read(timeout_s)[: self._left]
        self._left -= len(data)
        return data
