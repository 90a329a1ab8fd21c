"""A network cable that can be pulled: forwards one TCP port to another until it is cut, and again when it is mended."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from typing import Final

__all__ = ["Gate", "free_port"]

CHUNK: Final = 65_536
POLL_S: Final = 0.1  # how soon a cut is noticed


def free_port() -> int:
    """A loopback port nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


class Gate:
    """Listens on `port` and forwards to `target`; `cut()` drops everything and refuses, `mend()` forwards again."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(POLL_S)
        self.port: int = self._server.getsockname()[1]
        self._whole = threading.Event()
        self._whole.set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._accept, name="gate", daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Pull the cable: open connections are reset, new ones end at once."""
        self._whole.clear()

    def mend(self) -> None:
        """Plug it in again."""
        self._whole.set()

    def close(self) -> None:
        """Stop for good."""
        self._stop.set()
        self._whole.clear()
        self._thread.join(5)
        self._server.close()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                visitor, _ = self._server.accept()
            except TimeoutError:
                continue
            if not self._whole.is_set():
                visitor.close()
                continue
            threading.Thread(target=self._forward, args=(visitor,), name="gate-pair", daemon=True).start()

    def _forward(self, visitor: socket.socket) -> None:
        """Both directions of one connection, until either side ends or the cable is pulled."""
        with contextlib.ExitStack() as both, contextlib.suppress(OSError):
            both.enter_context(visitor)
            server = both.enter_context(socket.create_connection(("127.0.0.1", self._target), timeout=2))
            visitor.settimeout(2)
            watch = both.enter_context(selectors.DefaultSelector())
            watch.register(visitor, selectors.EVENT_READ, server)
            watch.register(server, selectors.EVENT_READ, visitor)
            while self._whole.is_set():
                for key, _ in watch.select(POLL_S):
                    source, sink = key.fileobj, key.data
                    data = source.recv(CHUNK) if isinstance(source, socket.socket) else b""
                    if not data:
                        return
                    sink.sendall(data)
