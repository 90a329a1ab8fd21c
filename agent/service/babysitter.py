"""Looks after the agent where the service manager cannot: starts it, hears that it lives, starts it again, stops it.

The service manager of Windows knows no watchdog: a service that hangs runs for ever. So the service's process is this,
which does nothing else, and the agent is its child. Who the child is and how it is spoken to is not known here
(`agent.service.child`), nor that this is Windows.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from agent.service.notify import ALIVE, READY, STATUS, UPDATE_WANTED

__all__ = ["Babysitter", "Child", "Listener", "Patience", "pause_s"]

log = logging.getLogger(__name__)

LOOK_S: Final = 0.5  # a child that ends or a wish to stop is seen within it
#: A look that took so long was the machine's sleep: Windows' clock counts it, and nobody could have spoken in it.
ASLEEP_S: Final = 10.0
PAUSE_FIRST_S: Final = 1.0
PAUSE_MAX_S: Final = 30.0
KILL_S: Final = 5.0  # for the system to clear away what was killed


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long what may take; the unit of systemd says the same for Linux.

    Attributes:
        ready_s: from its start until the child says that it is ready.
        silence_s: between two signs of life.
        stop_s: for an orderly end.
        settled_s: a child that lived so long starts the pauses afresh.
    """

    ready_s: float = 90.0
    silence_s: float = 60.0
    stop_s: float = 20.0
    settled_s: float = 600.0


class Child(Protocol):
    """A running agent."""

    @property
    def pid(self) -> int:
        """Its process."""
        ...

    def hear(self, wait_s: float) -> list[str]:
        """What it has said since; waits for the first word, no longer than told."""
        ...

    def ended(self) -> int | None:
        """Its exit code; None while it runs."""
        ...

    def ask_to_stop(self) -> None:
        """Tell it to stop in order; comes back at once."""
        ...

    def kill(self) -> None:
        """End it and what it started, now."""
        ...

    def last_words(self) -> str:
        """The end of what it wrote on standard error, in one line."""
        ...


class Listener(Protocol):
    """Whoever wants to know how the child is: the service, which tells Windows."""

    def started(self, pid: int) -> None:
        """A child runs."""
        ...

    def ready(self, status: str) -> None:
        """It has said that it is ready."""
        ...

    def failed(self, reason: str, pause_s: float) -> None:
        """It has ended, or hung and was killed; the next one starts after the pause."""
        ...

    def stopping(self, left_s: float) -> None:
        """The child is being stopped; told again and again until it has ended."""
        ...

    def update_wanted(self) -> None:
        """The child has found work for the updater."""
        ...


def pause_s(failures: int) -> float:
    """How long to wait before the next start, after so many failures in a row (1 is the first)."""
    return min(PAUSE_FIRST_S * 2.0 ** min(max(failures - 1, 0), 16), PAUSE_MAX_S)


class Babysitter:
    """Keeps one child running until told to stop.

    Args:
        start: starts a child; OSError when it cannot.
        listener: is told how it goes.
        patience: how long what may take.
        monotonic: seconds that only grow.
    """

    def __init__(
        self,
        start: Callable[[], Child],
        listener: Listener,
        *,
        patience: Patience | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._start = start
        self._listener = listener
        self._patience = patience or Patience()
        self._monotonic = monotonic

    def run(self, stop: threading.Event) -> None:
        """Until `stop`; then the child has ended, in order or not."""
        failures = 0
        while not stop.is_set():
            began_s = self._monotonic()
            reason = self._one_life(stop)
            if stop.is_set():
                return
            has_settled = self._monotonic() - began_s >= self._patience.settled_s
            failures = 1 if has_settled else failures + 1
            wait_s = pause_s(failures)
            log.error("service.child_failed reason=%s pause_s=%g", reason, wait_s)
            self._listener.failed(reason, wait_s)
            stop.wait(wait_s)

    def _one_life(self, stop: threading.Event) -> str:
        """Start a child and look after it; why it is no more."""
        try:
            child = self._start()
        except OSError as error:
            return f"cannot be started: {error.strerror or error}"
        log.info("service.child_started pid=%d", child.pid)
        self._listener.started(child.pid)
        try:
            reason = self._watch(child, stop)
            if stop.is_set():
                self._stop(child)
        finally:
            self._make_sure(child)
        return reason

    def _watch(self, child: Child, stop: threading.Event) -> str:
        """Until it ends, hangs or is to be stopped; one that was ready has told the rest in its own log."""
        is_ready = False
        heard_s = looked_s = self._monotonic()
        while not stop.is_set():
            words = child.hear(LOOK_S)
            if self._monotonic() - looked_s > ASLEEP_S:
                heard_s = self._monotonic()
            looked_s = self._monotonic()
            for word in words:
                name, _, value = word.partition("=")
                if name == READY and not is_ready:
                    is_ready, heard_s = True, self._monotonic()
                    self._listener.ready(value)
                elif name == ALIVE:
                    heard_s = self._monotonic()
                elif name == UPDATE_WANTED:
                    self._listener.update_wanted()
                elif name == STATUS:
                    log.info("service.child_status %s", value)
            code = child.ended()
            if code is not None:
                last = "" if is_ready else child.last_words()
                return f"it ended by itself with exit code {code}{f'; it said: {last}' if last else ''}"
            silent_s = self._monotonic() - heard_s
            if silent_s > (self._patience.silence_s if is_ready else self._patience.ready_s):
                what = "gave no sign of life" if is_ready else "did not become ready"
                return f"it {what} for {silent_s:.0f} s and was killed"
        return "it was told to stop"

    def _stop(self, child: Child) -> None:
        """In order, or not when that takes too long."""
        child.ask_to_stop()
        end_s = self._monotonic() + self._patience.stop_s
        while child.ended() is None:
            left_s = end_s - self._monotonic()
            if left_s <= 0:
                log.warning("service.child_killed reason=it did not stop within %g s", self._patience.stop_s)
                return
            self._listener.stopping(left_s)
            child.hear(LOOK_S)
        log.info("service.child_stopped code=%s", child.ended())

    def _make_sure(self, child: Child) -> None:
        """Nothing of it is left; two agents at one till would both read its ports."""
        child.kill()
        end_s = self._monotonic() + KILL_S
        while child.ended() is None and self._monotonic() < end_s:
            child.hear(LOOK_S)
