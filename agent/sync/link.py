"""Whether the centre answers, told on transitions only; what the sync threads share."""

from __future__ import annotations

import threading
from collections.abc import Callable

from agent.snapshot import LinkState

__all__ = ["Link"]


class Link:
    """The state of the line, as the sync threads see it together: up when no part of the sync is without an answer.

    A trouble (a token that is not valid, a fork) keeps the state OFFLINE with its sentence although the centre answers:
    what it says cannot be relied on for spending points.

    Args:
        changed: told the new state and a sentence, on each transition; runs on a sync thread and must not wait.
    """

    def __init__(self, changed: Callable[[LinkState, str], None]) -> None:
        self._changed = changed
        self._told: tuple[LinkState, str] = (LinkState.UNKNOWN, "")
        self._down: dict[str, str] = {}
        self._troubles: dict[str, str] = {}
        self._wakers: list[Callable[[], None]] = []
        # Several threads report; the state is theirs together and has no thread of its own.
        self._lock = threading.Lock()

    @property
    def state(self) -> LinkState:
        """As last told."""
        return self._told[0]

    def when_up(self, wake: Callable[[], None]) -> None:
        """Call `wake` when the line comes back: whoever waits for its next try tries at once."""
        self._wakers.append(wake)

    def up(self, part: str) -> None:
        """The centre answered this part of the sync."""
        with self._lock:
            came_back = self._down.pop(part, None) is not None
            self._troubles.pop(part, None)
            self._tell()
        if came_back:
            for wake in self._wakers:
                wake()

    def down(self, part: str, detail: str) -> None:
        """The centre did not answer this part, and why."""
        with self._lock:
            self._down[part] = detail
            self._tell()

    def trouble(self, part: str, sentence: str) -> None:
        """Something a person must mend before this part goes on; its next answer says that it is mended."""
        with self._lock:
            self._troubles[part] = sentence
            self._tell()

    def _tell(self) -> None:
        trouble = next(iter(self._troubles.values()), "")
        if trouble:
            now = (LinkState.OFFLINE, trouble)
        elif self._down:
            now = (LinkState.OFFLINE, next(iter(self._down.values())))
        else:
            now = (LinkState.ONLINE, "")
        before, self._told = self._told, now
        # Another reason for the same outage is not news, except when a person must act.
        if now[0] is not before[0] or (trouble and now != before):
            self._changed(*now)
