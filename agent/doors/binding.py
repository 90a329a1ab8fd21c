"""Takes the doors' port on loopback, IPv4 always and IPv6 where there is one, or says in a sentence why it cannot."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
from typing import Final

from agent.doors.holder import holder_of
from drivers.vocabulary.errors import TransportUnavailable

__all__ = ["bind_address", "bind_loopback"]

_BACKLOG: Final = 64  # connections waiting to be accepted; one browser and one POS make a handful
_NOT_ALLOWED: Final = frozenset({errno.EACCES, errno.EPERM, 10013})  # 10013: Windows keeps the port for itself


def bind_loopback(port: int) -> list[socket.socket]:
    """Listening sockets on 127.0.0.1 and, when it can be had, ::1; `port` 0 takes any free one.

    Raises:
        TransportUnavailable: the port is taken; the sentence names the setting and, where it can be seen, who has it.
    """
    try:
        first = _listen(socket.AF_INET, "127.0.0.1", port)
    except OSError as error:
        raise TransportUnavailable(_sentence(error, port)) from None
    sockets = [first]
    with contextlib.suppress(OSError):  # no IPv6 here, or somebody else has it: 127.0.0.1 is the address we tell
        sockets.append(_listen(socket.AF_INET6, "::1", first.getsockname()[1]))
    return sockets


def bind_address(host: str, port: int) -> socket.socket:
    """A listening socket on one address of this machine; raises TransportUnavailable with the next step."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return _listen(family, host, port)
    except OSError as error:
        raise TransportUnavailable(_sentence(error, port, what=f"{host} for a till system", key="listen")) from None


def _listen(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    # Without TCP_NODELAY each answer on a kept connection may wait 40 ms. asyncio sets it on sockets that are named
    # TCP, but not on Windows; there what is accepted has it from the listener.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if sys.platform == "win32":
            # Elsewhere SO_REUSEADDR only skips TIME_WAIT; on Windows it would let another program take our port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _sentence(error: OSError, port: int, *, what: str = "the local API and the panel", key: str = "doors.port") -> str:
    start = f"cannot open port {port} for {what}" if key == "doors.port" else f"cannot open port {port} of {what}"
    if error.errno == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
        return f"{start}: this machine has no such address; set {key} to one of its own"
    if error.errno in _NOT_ALLOWED or getattr(error, "winerror", None) in _NOT_ALLOWED:
        return f"{start}: the system keeps it for itself; set {key} to another one"
    holder = holder_of(port)
    used = f"in use by {holder}" if holder else "in use by another program"
    return f"{start}: {used}; close it or set {key} to another one"
