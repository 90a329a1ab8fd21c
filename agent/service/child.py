"""The agent as a child process of its babysitter: two pipes, and on Windows a job that ends with whoever holds it.

Down its standard input goes one word, "stop"; its end says the same, so that an agent never outlives its babysitter. Up
its standard output come the agent's signs of life, a line each, behind `notify.MARK`; other lines are its own business.
"""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import IO, Final

from agent.service.notify import BABYSAT, MARK

__all__ = ["AgentProcess"]

WORDS_MAX: Final = 1000  # a babysitter that hears nothing for a quarter of an hour misses words, and no memory
LINE_MAX: Final = 4000
LINES_KEPT: Final = 8
LAST_WORDS_MAX: Final = 600

if sys.platform == "win32":
    from agent.service.job import Job

    FLAGS: Final = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP

else:
    FLAGS: Final = 0

    class Job:
        """Elsewhere the end of the pipe must do."""

        def take(self, process: subprocess.Popen[bytes]) -> None:
            """Nothing to take."""

        def end(self) -> None:
            """Nothing to end."""


class AgentProcess:
    """One run of the agent.

    Args:
        command: program and arguments.
        environment: what it gets besides ours.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> None:
        self._words: queue.Queue[str] = queue.Queue(WORDS_MAX)
        self._last: deque[str] = deque(maxlen=LINES_KEPT)
        self._job = Job()
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **BABYSAT, **(environment or {})},
            creationflags=FLAGS,
        )
        self._job.take(self._process)
        self._readers = [
            threading.Thread(target=read, args=(stream,), name=f"child-{name}", daemon=True)
            for name, read, stream in (
                ("words", self._read_words, self._process.stdout),
                ("errors", self._read_errors, self._process.stderr),
            )
        ]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def hear(self, wait_s: float) -> list[str]:
        """What it has said since; waits for the first word, no longer than told."""
        heard: list[str] = []
        with contextlib.suppress(queue.Empty):
            heard.append(self._words.get(timeout=wait_s))
            while True:
                heard.append(self._words.get_nowait())
        return heard

    def ended(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._process.poll()

    def ask_to_stop(self) -> None:
        """One word, and the end of the pipe; harmless when it has gone."""
        stdin = self._process.stdin
        with contextlib.suppress(OSError, ValueError):
            if stdin is not None:
                stdin.write(b"stop\n")
                stdin.close()

    def kill(self) -> None:
        """End it and what it started, now; harmless when it has ended."""
        self._job.end()
        with contextlib.suppress(OSError):
            self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=LAST_WAIT_S)
        for reader in self._readers:
            reader.join(timeout=LAST_WAIT_S)
        with contextlib.suppress(OSError, ValueError):
            if self._process.stdin is not None:
                self._process.stdin.close()

    def last_words(self) -> str:
        """The end of what it wrote on standard error, in one line."""
        return " | ".join(self._last)[-LAST_WORDS_MAX:]

    def _read_words(self, stream: IO[bytes]) -> None:
        with stream:
            for line in iter(lambda: stream.readline(LINE_MAX), b""):
                if line.startswith(MARK):
                    with contextlib.suppress(queue.Full):
                        self._words.put_nowait(line[len(MARK) :].decode("utf-8", "replace").strip())

    def _read_errors(self, stream: IO[bytes]) -> None:
        """Kept for the log of the babysitter: what is wrong before the agent has a log of its own stands here."""
        with stream:
            for line in iter(lambda: stream.readline(LINE_MAX), b""):
                text = line.decode("utf-8", "replace").strip()
                if text:
                    self._last.append(text)


LAST_WAIT_S: Final = 2.0  # for what was killed to be gone
