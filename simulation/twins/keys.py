"""Single keys of a terminal, on POSIX and on Windows; where there is no terminal, lines of text."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from typing import IO, Final

__all__ = ["commands"]

SLICE_S: Final = 0.2  # how late a stop may be noticed


def commands(stream: IO[str], stop: threading.Event) -> Iterator[str]:
    """What the user says: a key at a time on a terminal, else a line; ends with `stop` or with the input."""
    if stream.isatty():
        yield from _keys(stream, stop)
        return
    for line in stream:
        if stop.is_set():
            return
        if line.strip():
            yield line.strip()


if sys.platform == "win32":

    def _keys(stream: IO[str], stop: threading.Event) -> Iterator[str]:  # noqa: ARG001 - the console is one
        import msvcrt

        while not stop.is_set():
            if msvcrt.kbhit():
                key = msvcrt.getwch()
                if key == "\x03":
                    raise KeyboardInterrupt
                yield key
            else:
                stop.wait(SLICE_S)

else:

    def _keys(stream: IO[str], stop: threading.Event) -> Iterator[str]:
        import select
        import termios
        import tty

        before = termios.tcgetattr(stream)
        tty.setcbreak(stream)
        try:
            while not stop.is_set():
                if select.select([stream], [], [], SLICE_S)[0]:
                    key = stream.read(1)
                    if not key:
                        return
                    yield key
        finally:
            termios.tcsetattr(stream, termios.TCSADRAIN, before)
