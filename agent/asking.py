"""Asks the centre, beside the till thread, for customers whom this till does not know; the till thread never waits."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from agent.checkout.customers.guests import Asked, AskedLate
from drivers.vocabulary.centre import LookupAnswer, LookupWanted

__all__ = ["LookupAsker", "LookupDone", "LookupSlow", "Lookups", "answer_within"]

log = logging.getLogger(__name__)
T = TypeVar("T")

WAITING_MAX: Final = 4  # a cashier scans one after another; who scans faster is told "not found", as without a line
SLOW_AFTER_S: Final = 0.4  # a line that answers sooner needs no words on the screen

LookupAsker = Callable[[LookupWanted], LookupAnswer | None]
"""Asks the centre for a customer within its own deadline; None when there is no line."""


def answer_within(ask: Callable[[], T], timeout_s: float, *, name: str) -> T | None:
    """What the centre says in so many seconds; None when it does not, or cannot be asked.

    For who has a deadline of their own; the question itself ends by the line's, on a daemon's thread of that name.
    """
    answers: queue.SimpleQueue[T | None] = queue.SimpleQueue()

    def run() -> None:
        answer = None
        try:
            answer = ask()
        except Exception:
            log.exception("%s.failed", name)
        answers.put(answer)

    threading.Thread(target=run, name=name, daemon=True).start()
    try:
        return answers.get(timeout=timeout_s)
    except queue.Empty:
        return None


@dataclass(frozen=True, slots=True)
class LookupDone:
    """The centre's word on a code that a device read; None when it could not be had."""

    asked: Asked | AskedLate
    answer: LookupAnswer | None


@dataclass(frozen=True, slots=True)
class LookupSlow:
    """The centre has not answered yet."""

    turn: int


class Lookups:
    """One thread that asks for what devices read; doors ask on their own threads.

    Args:
        ask: asks the centre.
        emit: tells the till thread; must not wait.
    """

    def __init__(self, ask: LookupAsker, emit: Callable[[LookupDone | LookupSlow], None]) -> None:
        self._ask = ask
        self._emit = emit
        self._waiting: queue.Queue[Asked | AskedLate | None] = queue.Queue(WAITING_MAX)
        self._thread = threading.Thread(target=self._run, name="lookup", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Begin no more; one that is under way ends by its own deadline, on a daemon's thread."""
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            log.info("lookup.stop waiting=full")

    def later(self, asked: Asked | AskedLate) -> bool:
        """Ask beside, the answer comes as an event; False when too many wait already."""
        try:
            self._waiting.put_nowait(asked)
        except queue.Full:
            return False
        return True

    def within(self, asked: Asked, timeout_s: float) -> LookupAnswer | None:
        """The answer, when it comes in so many seconds; see `answer_within`."""
        return answer_within(lambda: self._ask(asked.wanted), timeout_s, name="lookup-confirm")

    def now(self, asked: Asked | AskedLate) -> LookupAnswer | None:
        """Ask on this thread; the till is told when it takes a while."""
        timer = threading.Timer(SLOW_AFTER_S, self._emit, (LookupSlow(asked.turn),))
        timer.daemon = True
        timer.start()
        try:
            return self._ask(asked.wanted)
        finally:
            timer.cancel()

    def _run(self) -> None:
        """Top of the thread."""
        while (asked := self._waiting.get()) is not None:
            answer = None
            try:
                answer = self.now(asked)
            except Exception:
                log.exception("lookup.failed")
            self._emit(LookupDone(asked, answer))
