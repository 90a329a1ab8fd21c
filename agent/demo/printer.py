"""A simulated receipt printer on a loopback port: takes one visitor after another, answers status, keeps the paper."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Final

from drivers.printers.escpos.simulator import VirtualPrinter

__all__ = ["PaperPrinter"]

READ_BYTES: Final = 65_536


class PaperPrinter:
    """One printer; `paper` is everything it has cut off so far, as text."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._paper: list[tuple[str, ...]] = []
        self._cut = threading.Condition()
        threading.Thread(target=self._serve, name="demo-printer", daemon=True).start()

    @property
    def paper(self) -> list[tuple[str, ...]]:
        """Every document cut off, oldest first, as lines of text."""
        with self._cut:
            return list(self._paper)

    def wait_for_paper(self, count: int, timeout_s: float) -> bool:
        """True when `count` documents have been cut off in time."""
        with self._cut:
            return self._cut.wait_for(lambda: len(self._paper) >= count, timeout_s)

    def close(self) -> None:
        """Switch it off."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                visitor, _ = self._server.accept()
            except OSError:
                return
            with visitor, contextlib.suppress(OSError):
                self._print(visitor)

    def _print(self, visitor: socket.socket) -> None:
        """One visit; what a broken visit left uncut is torn off, so that the next receipt begins on clean paper."""
        printer = VirtualPrinter()
        taken = 0
        while data := visitor.recv(READ_BYTES):
            answers = printer.feed(data)
            if answers:
                visitor.sendall(answers)
            fresh = printer.paper[taken:]
            if fresh:
                taken += len(fresh)
                with self._cut:
                    self._paper += [document.lines for document in fresh]
                    self._cut.notify_all()
