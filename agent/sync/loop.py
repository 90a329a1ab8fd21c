"""The life of a sync thread: do one step after another, wait between them, come back from whatever goes wrong."""

from __future__ import annotations

import logging
import random as randomness
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from agent.sync.backoff import retrying
from agent.sync.errors import CentreRefused, CentreUnavailable, Unauthorised
from agent.sync.link import Link

__all__ = ["FAILED_S", "SLOW_S", "Done", "Loop", "Step", "Waiter", "wait_for"]

FAILED_S: Final = 30.0  # after something of our own failed (a busy disk, a damaged file)
SLOW_S: Final = 300.0  # between two tries when a person must do something first; short enough to be noticed mended

#: Waits until the event is set or the seconds are over; True when it was set.
Waiter = Callable[[threading.Event, float], bool]

log = logging.getLogger(__name__)


def wait_for(event: threading.Event, timeout_s: float) -> bool:
    """The real waiter."""
    return event.wait(timeout_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What became of a step.

    Attributes:
        pause_s: how long to wait before the next one unless there is work; 0 for none.
        answered: True when the centre was asked and answered.
    """

    pause_s: float
    answered: bool


class Step(Protocol):
    """What a thread does over and over; each call ends within its own deadlines."""

    @property
    def name(self) -> str:
        """For the log, the link and the thread."""
        ...

    def open(self) -> None:
        """Open connections and files, on the thread that uses them."""
        ...

    def step(self) -> Done:
        """One piece of work.

        Raises:
            CentreUnavailable: tried again with back-off.
            CentreRefused: a person must do something; tried again slowly.
        """
        ...

    def abort(self) -> None:
        """End the request that is under way; called from another thread when the agent stops."""
        ...

    def close(self) -> None:
        """Give back what `open` took; called also after a failed `open`."""
        ...


class Loop:
    """One sync thread.

    Args:
        work: what it does.
        link: told whether the centre answers.
        random: jitter, from 0 to 1.
        waiter: how to wait; tests do not.
    """

    def __init__(
        self,
        work: Step,
        link: Link,
        *,
        random: Callable[[], float] = randomness.random,
        waiter: Waiter = wait_for,
    ) -> None:
        self._work = work
        self._link = link
        self._random = random
        self._waiter = waiter
        self._stop = threading.Event()
        # Two bells: new work ends an idle wait but not a back-off, or each receipt of an outage would be a try.
        self._work_bell = threading.Event()
        self._line_bell = threading.Event()
        self._is_told_to_wait = False
        #: When it last took something up or began to wait, in seconds of a monotonic clock; None before the start.
        self.came_round_s: float | None = None
        self._thread = threading.Thread(target=self.run, name=f"sync-{work.name}", daemon=True)
        link.when_up(self._line_bell.set)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """There is work; called from any thread, never waits."""
        self._work_bell.set()

    def ask_stop(self) -> None:
        """Stop after the step that is under way."""
        self._stop.set()
        self._work_bell.set()
        self._line_bell.set()

    def stop(self, timeout_s: float) -> bool:
        """Stop, cutting the request that is under way, and wait for the thread; False when it is still there."""
        self.ask_stop()
        if self._thread.is_alive():
            self._work.abort()
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    # ── The thread ──────────────────────────────────────────────────────────────────────────────

    def run(self) -> None:
        """Until stopped: open, work, and after a failure close and open again."""
        while not self._stop.is_set():
            try:
                self._work.open()
                self._live()
            except Exception as error:
                # Top of the thread: a full disk, a damaged file. It becomes a state and another try.
                log.exception("sync.failed part=%s", self._work.name)
                sentence = str(error) or type(error).__name__
                self._link.trouble(self._work.name, f"the sync ({self._work.name}) failed: {sentence}")
                self._close()
                self._wait(self._stop, FAILED_S)
        self._close()

    def _live(self) -> None:
        retry = retrying(pause=self._back_off, random=self._random, stop=self._stop, failed=self._failed)
        while not self._stop.is_set():
            self.came_round_s = time.monotonic()
            # Cleared before the work is looked for: what comes from here on ends the next wait.
            self._work_bell.clear()
            try:
                done: Done = retry(self._work.step)
            except CentreUnavailable:
                return  # stopped in the middle of an outage
            except CentreRefused as refused:
                self._refused(refused)
                continue
            if done.answered:
                self._link.up(self._work.name)
            if done.pause_s > 0:
                self._wait(self._work_bell, done.pause_s)

    def _refused(self, refused: CentreRefused) -> None:
        sentence = str(refused)
        if isinstance(refused, Unauthorised):
            sentence = f"the centre does not accept this till's token ({refused}); run `tillpoint enrol URL CODE`"
        code = refused.problem.code
        log.error("sync.refused part=%s status=%d code=%s", self._work.name, refused.status, code)
        self._link.trouble(self._work.name, sentence)
        self._wait(self._stop, SLOW_S)

    def _failed(self, error: CentreUnavailable) -> None:
        log.info("sync.unavailable part=%s reason=%s", self._work.name, error)
        self._is_told_to_wait = error.retry_after_s is not None
        self._link.down(self._work.name, str(error))

    def _back_off(self, seconds: float) -> None:
        """A line that comes back ends the wait, unless the centre itself asked for it."""
        bell = self._stop if self._is_told_to_wait else self._line_bell
        # Cleared before `stop` is looked at: a stop rings it again, so the wait is never slept through.
        self._line_bell.clear()
        self._wait(bell, seconds)
        if self._stop.is_set():
            # Else one more request would be made on the way out.
            raise CentreUnavailable("stopped while waiting for the centre")

    def _wait(self, bell: threading.Event, seconds: float) -> None:
        self.came_round_s = time.monotonic()
        if not self._stop.is_set():
            self._waiter(bell, seconds)

    def _close(self) -> None:
        try:
            self._work.close()
        except Exception:
            log.exception("sync.close part=%s", self._work.name)
