"""The word that ends a run, and that a signal may say at any moment.

Not `threading.Event`: a handler runs on the main thread between any two of its instructions, and where that thread
holds the event's lock, `set` waits for ever for the very code it has interrupted. A service that is told to stop
then hangs until it is killed. `queue.SimpleQueue` is the one waiting thing of the standard library whose `put` may
interrupt its own `get` (Python's documentation of `SimpleQueue.put`).
"""

from __future__ import annotations

import queue
import signal

__all__ = ["StopWord"]


class StopWord:
    """Said once, heard by whoever waits, then and later."""

    def __init__(self) -> None:
        self._is_said = False
        self._waking: queue.SimpleQueue[None] = queue.SimpleQueue()

    @property
    def is_said(self) -> bool:
        """Whether it is time to end."""
        return self._is_said

    def say(self) -> None:
        """End it: from any thread, and from a signal handler."""
        self._is_said = True
        self._waking.put(None)

    def wait(self, timeout_s: float) -> bool:
        """Wait so long, or until it is said; whether it is."""
        if self._is_said:
            return True
        try:
            self._waking.get(timeout=timeout_s)
        except queue.Empty:
            return self._is_said
        self._waking.put(None)  # for the next who waits
        return True

    def on_signals(self, *names: str) -> None:
        """Let these signals say it, as far as this system has them; from the main thread only."""
        for name in names:
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), lambda *_: self.say())
