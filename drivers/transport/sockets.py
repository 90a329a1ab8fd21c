"""What the TCP transports share: waiting for a socket, keep-alive, words of an error; nothing is opened here."""

from __future__ import annotations

import contextlib
import select
import socket
import sys
from typing import Any

__all__ = ["Readiness", "keep_alive", "words_of"]

KEEPALIVE_IDLE_S = 10  # first probe; a till that lost power is noticed within 10 + 3 × 3 seconds
KEEPALIVE_INTERVAL_S = 3
KEEPALIVE_COUNT = 3


class Readiness:
    """Waits until a socket can be read or written; poll() where there is one, for it knows no limit of numbers."""

    def __init__(self, sock: socket.socket, *, for_writing: bool) -> None:
        self._sock = sock
        self._for_writing = for_writing
        self._poll: Any = None
        if sys.platform != "win32":
            self._poll = select.poll()
            self._poll.register(sock, select.POLLOUT if for_writing else select.POLLIN)

    def wait(self, timeout_s: float) -> bool:
        """Whether it is ready, or broken, within the time; the call that follows tells which."""
        if self._poll is not None:
            return bool(self._poll.poll(max(0.0, timeout_s) * 1000))
        waiting = [self._sock]
        # Windows reports a failed connection only among the exceptional ones.
        ready = select.select(
            [] if self._for_writing else waiting,
            waiting if self._for_writing else [],
            waiting,
            max(0.0, timeout_s),
        )
        return any(ready)


def keep_alive(sock: socket.socket) -> None:
    """Ask the system to find a dead other end; the times where it lets us choose them."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    wanted = (
        ("TCP_KEEPIDLE", KEEPALIVE_IDLE_S),
        ("TCP_KEEPINTVL", KEEPALIVE_INTERVAL_S),
        ("TCP_KEEPCNT", KEEPALIVE_COUNT),
    )
    for name, value in wanted:
        option = getattr(socket, name, None)
        if option is not None:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, option, value)


def words_of(error: Exception) -> str:
    """The system's own words, lowercase, to be put into a sentence of ours."""
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return words[:1].lower() + words[1:]
