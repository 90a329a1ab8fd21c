"""What a pipe promises: finite waits, all-or-error writes, and an address that names it in settings and logs."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Endpoint", "Transport"]


class Transport(Protocol):
    """One open pipe. Reading and writing may happen on two threads; closing may happen on a third."""

    @property
    def address(self) -> str:
        """The address it was opened from (``tcp://127.0.0.1:9100``)."""
        ...

    def read(self, timeout_s: float) -> bytes:
        """Whatever has arrived, b"" when nothing did in time; raises TransportClosed when the other end is gone."""
        ...

    def write(self, data: bytes, timeout_s: float) -> None:
        """All of `data`, or TransportClosed / TransportError when it could not be handed over in time."""
        ...

    def close(self) -> None:
        """Give the pipe back; a read that waits ends with TransportClosed. Harmless when repeated."""
        ...


class Endpoint(Protocol):
    """A place where a pipe can be opened, again and again; made from an address without any I/O."""

    @property
    def address(self) -> str:
        """How settings name it: ``tcp://host:port``, ``tcp-listen://host:port``, ``serial:COM5?baud=9600``."""
        ...

    def open(self, timeout_s: float) -> Transport | None:
        """Open it; None when a listening endpoint had no visitor in time; raises TransportUnavailable otherwise."""
        ...

    def close(self) -> None:
        """Stop listening, if it listens. Harmless when repeated."""
        ...
