"""TCP pipes: a client that connects and a listener that serves one visitor at a time; no protocol.

One visitor at a time, because a printer has one head: a second till that connects meanwhile waits in the system's
queue and is served when the first has gone, as most network printers do. The exception is a visitor that is
certainly dead: a till that lost power never says goodbye, and comes again after its start. So a newcomer from the
same machine takes the place of a visitor that has been silent for `SILENCE_S`. On loopback this cannot happen (the
system closes the connections of a dead program), so there the older visitor always stays: a second program of the
same machine must not be able to throw the till out. Everybody else who died is found by keep-alive probes.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import sys
import threading
import time
from typing import Any, Final

from drivers.transport.sockets import Readiness, keep_alive, words_of
from drivers.vocabulary.errors import TransportClosed, TransportEnded, TransportError, TransportUnavailable

__all__ = ["TcpEndpoint", "TcpListenEndpoint", "TcpTransport"]

READ_SIZE = 65_536  # one read takes what a socket buffer usually holds
CONNECT_S_MAX = 3.0  # a printer on the local network answers in milliseconds; a sleeping wireless one in two seconds
SILENCE_S = 5.0  # a till that started again takes longer than this
VISITORS_WAITING_MAX = (
    32  # a till that connects for each line of text makes bursts; beyond, the system lets it try again
)

_WOULD_BLOCK: Final = (BlockingIOError, InterruptedError)


class TcpTransport:
    """One open connection; see `drivers.transport.contract.Transport`."""

    def __init__(self, address: str, sock: socket.socket) -> None:
        sock.settimeout(0)
        with contextlib.suppress(OSError):  # not offered everywhere; the bytes flow all the same
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        keep_alive(sock)
        self._address = address
        self._sock = sock
        self._readable = Readiness(sock, for_writing=False)
        self._writable = Readiness(sock, for_writing=True)
        # Held for one call that does not wait, so that no thread reads from a number that was closed and given away.
        self._gate = threading.Lock()
        self._is_closed = False

    @property
    def address(self) -> str:
        """The address of the endpoint it was opened from."""
        return self._address

    def read(self, timeout_s: float) -> bytes:
        """As the contract says."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            try:
                with self._gate:
                    data = self._sock.recv(READ_SIZE)
            except _WOULD_BLOCK:
                pass
            except OSError as error:
                raise self._gone(error) from error
            else:
                if not data:
                    self._refuse_closed()
                    raise TransportEnded(f"{self._address}: the other end sends no more")
                return data
            rest_s = deadline_s - time.monotonic()
            if rest_s <= 0:
                return b""
            self._wait(self._readable, rest_s)

    def write(self, data: bytes, timeout_s: float) -> None:
        """As the contract says."""
        deadline_s = time.monotonic() + timeout_s
        view = memoryview(data)
        while view:
            try:
                with self._gate:
                    view = view[self._sock.send(view) :]
            except _WOULD_BLOCK:
                rest_s = deadline_s - time.monotonic()
                if rest_s <= 0:
                    raise TransportError(
                        f"{self._address} took no bytes for {timeout_s:g} s; see whether the device is out of paper",
                    ) from None
                self._wait(self._writable, rest_s)
            except OSError as error:
                raise self._gone(error) from error

    def finish(self) -> None:
        """As the contract says."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)

    def abort(self) -> None:
        """As the contract says: zero linger makes a reset of the close."""
        with contextlib.suppress(OSError):
            layout = b"\x01\x00\x00\x00" if sys.platform == "win32" else b"\x01\x00\x00\x00\x00\x00\x00\x00"
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, layout)
        self._close(socket.SHUT_RD)  # not RDWR: a FIN before the reset would look like a good end

    def close(self) -> None:
        """As the contract says."""
        self._close(socket.SHUT_RDWR)

    def _close(self, how: int) -> None:
        self._is_closed = True
        with contextlib.suppress(OSError):  # shutting down wakes whoever waits in poll()
            self._sock.shutdown(how)
        with self._gate:
            self._sock.close()

    def _wait(self, readiness: Readiness, timeout_s: float) -> None:
        self._refuse_closed()
        try:
            readiness.wait(timeout_s)
        except (OSError, ValueError) as error:  # ValueError: the number is -1 by now
            raise self._gone(error) from error
        self._refuse_closed()

    def _refuse_closed(self) -> None:
        if self._is_closed:
            raise TransportClosed(f"{self._address} was closed")

    def _gone(self, error: Exception) -> TransportClosed:
        if self._is_closed:
            return TransportClosed(f"{self._address} was closed")
        return TransportClosed(f"{self._address}: the connection broke: {words_of(error)}")


class TcpEndpoint:
    """A host and a port to connect to."""

    is_line = False

    def __init__(self, address: str, host: str, port: int) -> None:
        self._address = address
        self._host = host
        self._port = port
        self._attempt: socket.socket | None = None
        self._attempt_ends_s = 0.0
        self._candidates: list[tuple[int, Any]] = []
        self._failure: OSError | None = None

    @property
    def address(self) -> str:
        """``tcp://host:port``."""
        return self._address

    def open(self, timeout_s: float) -> TcpTransport | None:
        """Connect; None while the connection is still being made, for `CONNECT_S_MAX` in all."""
        deadline_s = time.monotonic() + timeout_s
        if self._attempt is None:
            self._candidates = self._resolve()
            self._attempt_ends_s = time.monotonic() + CONNECT_S_MAX
            self._next_candidate()
        while self._attempt is not None:
            now_s = time.monotonic()
            sock = self._attempt
            ready = Readiness(sock, for_writing=True).wait(min(deadline_s, self._attempt_ends_s) - now_s)
            if ready:
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if code == 0:
                    self._attempt = None
                    return TcpTransport(self._address, sock)
                self._fail(OSError(code, errno.errorcode.get(code, str(code))))
            elif time.monotonic() >= self._attempt_ends_s:
                self._fail(TimeoutError(errno.ETIMEDOUT, "timed out"))
            elif time.monotonic() >= deadline_s:
                return None
        raise self._unavailable()

    def visitor_waits(self) -> bool:
        """Nobody comes by itself."""
        return False

    def close(self) -> None:
        """Give up a connection still being made."""
        if self._attempt is not None:
            self._attempt.close()
            self._attempt = None

    def _resolve(self) -> list[tuple[int, Any]]:
        try:
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise TransportUnavailable(
                f'cannot open {self._address}: the name "{self._host}" is not found;'
                " check the spelling or write the IP address of the device",
                reason="name",
            ) from error
        return [(family, place) for family, _, _, _, place in found]

    def _next_candidate(self) -> None:
        while self._candidates:
            family, place = self._candidates.pop(0)
            sock: socket.socket | None = None
            try:
                sock = socket.socket(family, socket.SOCK_STREAM)
                sock.settimeout(0)
                sock.connect(place)
            except _WOULD_BLOCK:
                pass
            except OSError as error:
                self._failure = error
                if sock is not None:
                    sock.close()
                continue
            self._attempt = sock
            return

    def _fail(self, error: OSError) -> None:
        self._failure = error
        self.close()
        self._next_candidate()

    def _unavailable(self) -> TransportUnavailable:
        error = self._failure or OSError(errno.EADDRNOTAVAIL, "no address")
        if error.errno in (errno.ECONNREFUSED, _WINDOWS_REFUSED):
            reason, words = (
                "refused",
                "the connection is refused; check the port, and that no other program holds the device",
            )
        elif isinstance(error, TimeoutError) or error.errno == errno.ETIMEDOUT:
            reason, words = (
                "silent",
                f"no answer within {CONNECT_S_MAX:g} s; check that the device is on and the cable is in",
            )
        else:
            reason, words = "", f"{words_of(error)}; check the network of this machine and the address of the device"
        return TransportUnavailable(f"cannot open {self._address}: {words}", reason=reason)


_WINDOWS_REFUSED: Final = 10_061  # WSAECONNREFUSED, as SO_ERROR gives it


class _Visitor(TcpTransport):
    """A visitor's connection; gives way to the same till coming again (see the first lines of this file)."""

    def __init__(self, address: str, sock: socket.socket, host: str, listener: TcpListenEndpoint) -> None:
        super().__init__(address, sock)
        self._host = host
        self._listener = listener
        self._heard_at_s = time.monotonic()

    def read(self, timeout_s: float) -> bytes:
        """As the contract says."""
        data = super().read(timeout_s)
        now_s = time.monotonic()
        if data:
            self._heard_at_s = now_s
        elif now_s - self._heard_at_s >= self._listener.silence_s and self._listener.has_come_again(self._host):
            raise TransportClosed(f"{self.address}: {self._host} came again; its older connection was silent")
        return data


class TcpListenEndpoint:
    """A port that waits for a till to connect.

    Args:
        address: ``tcp-listen://host:port``.
        host: which of this machine's addresses to listen on.
        port: 0 lets the system choose.
        silence_s: see the first lines of this file.
    """

    is_line = False

    def __init__(self, address: str, host: str, port: int, *, silence_s: float = SILENCE_S) -> None:
        self._address = address
        self._host = host
        self._port = port
        self._listening: socket.socket | None = None
        self._next: tuple[socket.socket, str] | None = None
        self.silence_s = silence_s

    @property
    def address(self) -> str:
        """``tcp-listen://host:port``."""
        return self._address

    @property
    def port(self) -> int:
        """The port listened on, once `listen` or `open` was called; before that the one asked for."""
        return self._port

    def listen(self) -> None:
        """Begin to listen, if it does not yet; raises TransportUnavailable when the port cannot be had."""
        if self._listening is not None:
            return
        sock: socket.socket | None = None
        try:
            family, _, _, _, place = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)[0]
            sock = socket.socket(family, socket.SOCK_STREAM)
            if sys.platform == "win32":  # there SO_REUSEADDR would let two programs share the port
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
            else:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(place)
            sock.listen(VISITORS_WAITING_MAX)
            sock.settimeout(0)
        except OSError as error:
            if sock is not None:
                sock.close()
            reason = _LISTEN_REASONS.get(error.errno or 0, "")
            raise TransportUnavailable(
                f"cannot listen on {self._address}: {_listen_words(error)}", reason=reason
            ) from error
        self._port = sock.getsockname()[1]
        self._listening = sock

    def open(self, timeout_s: float) -> TcpTransport | None:
        """The next visitor, or None when nobody came in time."""
        self.listen()
        visitor = self._accept(timeout_s)
        if visitor is None:
            return None
        self._next = None
        return _Visitor(self._address, visitor[0], visitor[1], self)

    def visitor_waits(self) -> bool:
        """Whether another visitor has connected."""
        return self._accept(0.0) is not None

    def has_come_again(self, host: str) -> bool:
        """Whether the visitor who waits comes from the machine `host`, and that is not this one."""
        visitor = self._accept(0.0)
        return visitor is not None and visitor[1] == host and not _is_loopback(host)

    def close(self) -> None:
        """Stop listening; who waits is turned away."""
        if self._next is not None:
            self._next[0].close()
            self._next = None
        if self._listening is not None:
            self._listening.close()
            self._listening = None

    def _accept(self, timeout_s: float) -> tuple[socket.socket, str] | None:
        if self._next is None and self._listening is not None:
            try:
                if Readiness(self._listening, for_writing=False).wait(timeout_s):
                    sock, place = self._listening.accept()
                    self._next = (sock, str(place[0]))
            except OSError:  # the visitor was gone before it was let in
                return None
        return self._next


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


_LISTEN_REASONS: Final = {errno.EADDRINUSE: "busy", errno.EACCES: "permission", errno.EPERM: "permission"}


def _listen_words(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "the name is not found; write 127.0.0.1, or 0.0.0.0 for every address of this machine"
    if error.errno == errno.EADDRINUSE:
        return "the port is in use by another program; stop that or choose another port"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine has no such address; write 127.0.0.1, or 0.0.0.0 for every address"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "not permitted; choose a port above 1023"
    return f"{words_of(error)}; choose another address or port"
