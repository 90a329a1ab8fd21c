"""The terminal as a set-up sees it: lines out, answers in, with a way back; over SSH and in a plain Windows console.

What is typed is read on a thread of its own, so that a test scan and a key can be waited for together on every system.
"""

from __future__ import annotations

import locale
import os
import queue
import sys
import threading
from typing import IO, Final, Protocol

__all__ = ["Again", "Back", "Console", "Stopped", "Terminal"]

READ_BYTES: Final = 4096
SLICE_S: Final = 0.5  # on Windows an endless wait does not hear Ctrl-C
LINE_BYTES_MAX: Final = 65_536
BACK: Final = frozenset({"b", "back", "<", "н", "назад"})
AGAIN: Final = frozenset({"a", "again", "п", "повтор", "поиск"})
STOP: Final = frozenset({"q", "quit", "exit", "в", "выход"})


class Back(Exception):  # noqa: N818 - a wish, not an error
    """To the question before."""


class Again(Exception):  # noqa: N818
    """The same question once more, with a new look at what is plugged in."""


class Stopped(Exception):  # noqa: N818
    """Enough: nothing is written."""


class Console(Protocol):
    """Whom a set-up talks with."""

    def say(self, text: str = "") -> None:
        """A line."""
        ...

    def ask(self, prompt: str) -> str:
        """What is answered, without blanks at its ends; raises Back, Again or Stopped when that was said."""
        ...

    def wait(self, text: str, seconds: float) -> str | None:
        """Show `text` in the place of the one before and wait so long for a line; None when none was typed."""
        ...

    def settle(self) -> None:
        """What `wait` showed stays, the next line begins below it."""
        ...


class Terminal:
    """The process's own terminal.

    Args:
        out: where it writes.
        descriptor: where it reads.
    """

    def __init__(self, out: IO[str] | None = None, descriptor: int = 0) -> None:
        self._out = out if out is not None else sys.stdout
        self._descriptor = descriptor
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader: threading.Thread | None = None
        self._shown = 0
        self._ended = False

    def say(self, text: str = "") -> None:
        """See `Console`."""
        self.settle()
        self._out.write(text + "\n")
        self._out.flush()

    def ask(self, prompt: str) -> str:
        """See `Console`."""
        self.settle()
        self._out.write(prompt + " ")
        self._out.flush()
        line: str | None = ""
        while True:
            try:
                line = self._next(SLICE_S)
                break
            except queue.Empty:
                continue
        if line is None:
            self._out.write("\n")
            raise Stopped
        answer = line.strip()
        word = answer.lower()
        if word in BACK:
            raise Back
        if word in AGAIN:
            raise Again
        if word in STOP:
            raise Stopped
        return answer

    def wait(self, text: str, seconds: float) -> str | None:
        """See `Console`."""
        blank = " " * max(0, self._shown - len(text))
        self._out.write(f"\r{text}{blank}")
        self._out.flush()
        self._shown = len(text)
        try:
            line = self._next(seconds)
        except queue.Empty:
            return None
        self._shown = 0  # Enter went to the next line by itself
        if line is None:
            raise Stopped
        return line.strip()

    def settle(self) -> None:
        """See `Console`."""
        if self._shown:
            self._out.write("\n")
            self._shown = 0

    # ── Reading ─────────────────────────────────────────────────────────────────────────────────

    def _next(self, seconds: float) -> str | None:
        if self._reader is None:
            self._reader = threading.Thread(target=self._read, name="console", daemon=True)
            self._reader.start()
        if self._ended and self._lines.empty():
            return None
        line = self._lines.get(timeout=seconds)
        if line is None:
            self._ended = True
        return line

    def _read(self) -> None:
        """Bytes from the descriptor and not from `sys.stdin`, whose lock a thread would take into the program's end."""
        encoding = locale.getpreferredencoding(do_setlocale=False)
        if sys.platform == "win32" and os.isatty(self._descriptor):
            import ctypes

            encoding = f"cp{ctypes.windll.kernel32.GetConsoleCP()}"
        held = b""
        while True:
            try:
                data = os.read(self._descriptor, READ_BYTES)
            except OSError:  # a terminal that was closed
                data = b""
            if not data:
                break
            *lines, held = (held + data).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
            held = held[-LINE_BYTES_MAX:]
            for line in lines:
                self._lines.put(line.decode(encoding, "replace"))
        if held:
            self._lines.put(held.decode(encoding, "replace"))
        self._lines.put(None)
