"""Where a twin listens: the addresses of devices, and ``pty:``, a pseudo-terminal that a till opens like a port."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import threading
import time
from pathlib import Path
from typing import Final

from drivers.transport.address import endpoint
from drivers.transport.contract import Endpoint, Transport
from drivers.transport.tcp import TcpListenEndpoint
from drivers.vocabulary.errors import SettingsError, TransportClosed

__all__ = ["listen_at"]

READ_SIZE: Final = 4096
FULL_WAIT_S: Final = 0.01  # a terminal that nobody reads fills up; a real wire would lose the bytes as well
_SCHEME: Final = "pty:"


def listen_at(address: str) -> tuple[Endpoint, str]:
    """A place that is ready to be talked to, and its name for people.

    Args:
        address: ``tcp-listen://host:port`` (port 0 is any), ``serial:PORT``, ``pty:`` or ``pty:LINK``, which makes LINK
            point at the terminal.

    Raises:
        SettingsError: it names none of these.
        TransportUnavailable: it is taken.
    """
    if address.startswith(_SCHEME):
        return _terminal(address)
    place = endpoint(address)
    if isinstance(place, TcpListenEndpoint):
        place.listen()
        return place, f"{address.rpartition(':')[0]}:{place.port}"
    if not place.is_line:
        raise SettingsError(
            f"--listen {address}: a twin waits to be called; write tcp-listen://127.0.0.1:9100, serial:COM7"
            " or, not on Windows, pty:"
        )
    return place, address


if sys.platform == "win32":

    def _terminal(address: str) -> tuple[Endpoint, str]:
        raise SettingsError(
            f"--listen {address}: Windows has no pseudo-terminals; use tcp-listen://127.0.0.1:9100, or serial:COM7"
            " with a pair of virtual ports (com0com) whose other end the till opens"
        )

else:
    import select
    import tty

    class _TerminalLine:
        """A pseudo-terminal: its own endpoint and its own pipe, open from the beginning.

        Attributes:
            name: what a till opens.
        """

        is_line = True

        def __init__(self, link: str) -> None:
            self._far, self._near = os.openpty()  # the near end stays open, so that a till may come and go
            tty.setraw(self._near)
            os.set_blocking(self._far, False)
            self.name = os.ttyname(self._near)
            self._link = Path(link) if link else None
            self._is_closed = threading.Event()
            if self._link is not None:
                self._make_link(self._link)

        def _make_link(self, link: Path) -> None:
            try:
                if link.is_symlink():
                    link.unlink()
                link.symlink_to(self.name)
            except OSError as error:
                self.close()
                raise SettingsError(f"--listen pty:{link}: cannot make the link: {error.strerror}") from None
            self.name = str(link)

        @property
        def address(self) -> str:
            """How a till names it in Tillpoint's settings."""
            return f"serial:{self.name}"

        def open(self, timeout_s: float) -> Transport | None:  # noqa: ARG002 - it is there already
            """As the contract says."""
            return self

        def visitor_waits(self) -> bool:
            """On a wire nobody can wait."""
            return False

        def read(self, timeout_s: float) -> bytes:
            """As the contract says."""
            if self._is_closed.is_set():
                raise TransportClosed(f"{self.name} is closed")
            if not select.select([self._far], [], [], timeout_s)[0]:
                return b""
            try:
                return os.read(self._far, READ_SIZE)
            except OSError as error:
                if error.errno in {errno.EAGAIN, errno.EIO}:
                    return b""
                raise TransportClosed(f"{self.name}: {error.strerror}") from None

        def write(self, data: bytes, timeout_s: float) -> None:
            """What nobody reads in time is lost, as on a wire."""
            ends_s = time.monotonic() + timeout_s
            while data and time.monotonic() < ends_s and not self._is_closed.is_set():
                with contextlib.suppress(BlockingIOError):
                    data = data[os.write(self._far, data) :]
                    continue
                select.select([], [self._far], [], FULL_WAIT_S)

        def finish(self) -> None:
            """No effect on a wire."""

        def abort(self) -> None:
            """A visit is over; the terminal stays."""

        def close(self) -> None:
            """As the contract says."""
            if self._is_closed.is_set():
                return
            self._is_closed.set()
            if self._link is not None:
                with contextlib.suppress(OSError):
                    self._link.unlink()
            os.close(self._far)
            os.close(self._near)

    def _terminal(address: str) -> tuple[Endpoint, str]:
        line = _TerminalLine(address.removeprefix(_SCHEME))
        return line, line.name
