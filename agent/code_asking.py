"""Asks the centre about one-time codes beside the till thread: sending takes seconds, and nobody waits for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from agent.asking import answer_within
from agent.checkout.customers.spend_proofs import CodeAnswer, CodeQuestion

__all__ = ["CodeAsker", "CodeDone", "Codes"]

log = logging.getLogger(__name__)

CodeAsker = Callable[[CodeQuestion], CodeAnswer | None]
"""Asks the centre within its own deadline; None when there is no line."""


@dataclass(frozen=True, slots=True)
class CodeDone:
    """The centre's word on a code; None when it could not be had."""

    asked: CodeQuestion
    answer: CodeAnswer | None = field(repr=False)


class Codes:
    """One thread for each question; the desk asks one at a time.

    Args:
        ask: asks the centre.
        emit: tells the till thread; must not wait.
    """

    def __init__(self, ask: CodeAsker, emit: Callable[[CodeDone], None]) -> None:
        self._ask = ask
        self._emit = emit

    def later(self, asked: CodeQuestion) -> None:
        """Ask beside; the answer comes as an event, in any case."""
        threading.Thread(target=self._run, args=(asked,), name="code", daemon=True).start()

    def within(self, asked: CodeQuestion, timeout_s: float) -> CodeAnswer | None:
        """The answer, when it comes in so many seconds; for who waits for it with a deadline of their own."""
        return answer_within(lambda: self._ask(asked), timeout_s, name="code")

    def _run(self, asked: CodeQuestion) -> None:
        """Top of the thread."""
        answer = None
        try:
            answer = self._ask(asked)
        except Exception:
            log.exception("code.failed")
        self._emit(CodeDone(asked, answer))
