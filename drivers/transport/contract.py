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
        """Whatever has arrived, b"" when nothing did in time.

        Raises TransportEnded when the other end finished sending in good order, TransportClosed when it is gone.
        """
        ...

    def write(self, data: bytes, timeout_s: float) -> None:
        """All of `data`, or TransportClosed / TransportError when it could not be handed over in time."""
        ...

    def finish(self) -> None:
        """Tell the other end that nothing more will be written (TCP FIN); reading goes on. No effect on a wire."""
        ...

    def abort(self) -> None:
        """Close so that the other end notices at once and what was not sent is thrown away (TCP reset)."""
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

    @property
    def is_line(self) -> bool:
        """True for a wire that is there whether anybody talks or not (serial): it is opened once and kept."""
        ...

    def open(self, timeout_s: float) -> Transport | None:
        """Open it; None when it is not there yet: no visitor came in time, or a connection is still being made.

        Call it again to go on waiting. Raises TransportUnavailable when it cannot be opened.
        """
        ...

    def visitor_waits(self) -> bool:
        """True when somebody new waits to be served while a visitor is here; never waits itself."""
        ...

    def close(self) -> None:
        """Stop listening, or give up a connection still being made. Harmless when repeated."""
        ...
