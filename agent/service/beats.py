"""The flag that stops every thread, and what each look at it tells: this thread still comes round.

Every thread of a device looks at the flag in each turn of its loop, so nothing else has to say that it lives.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Final

__all__ = ["Beats"]

THREADS_MAX: Final = 200  # visits come and go; those that matter come round again at once


class Beats(threading.Event):
    """A `threading.Event` that remembers when each thread looked at it last."""

    def __init__(self) -> None:
        super().__init__()
        self._turns: dict[str, float] = {}

    def is_set(self) -> bool:
        """As of an event."""
        self._note()
        return super().is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """As of an event."""
        self._note()
        try:
            return super().wait(timeout)
        finally:
            self._note()

    @property
    def turns(self) -> Mapping[str, float]:
        """Name of a thread → when it last came round, in seconds of `time.monotonic`."""
        return dict(self._turns)

    def _note(self) -> None:
        if len(self._turns) > THREADS_MAX:
            self._turns = {}  # replaced, not emptied: others may be reading it
        self._turns[threading.current_thread().name] = time.monotonic()
