"""A till that is not enrolled yet: one thread that makes the enrolment that waits, or sees that somebody made it.

The till sells meanwhile; nothing is stopped or started again when it is enrolled (`Agent` takes the identity over).
"""

from __future__ import annotations

import logging
import random as randomness
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from agent.settings import CentralSettings
from agent.sync.backoff import delay_s
from agent.sync.errors import CentreUnavailable, IdentityError, NotEnrolled
from agent.sync.identity import FILE_NAME as IDENTITY
from agent.sync.identity import Identity, load
from agent.sync.pending import FILE_NAME as PENDING
from agent.sync.pending import NotThisMachine, enrol_pending
from agent.sync.tls import tls_of
from drivers.vocabulary.errors import SettingsError

__all__ = ["Enrolling"]

LOOK_S: Final = 5.0  # for an enrolment somebody made or prepared beside us; a person at the till waits for it
REFUSED_S: Final = 300.0  # a person must do something; asking more often would only fill the centre's log

log = logging.getLogger(__name__)

#: Waits so many seconds or until the flag is set; whether it is set.
Waiter = Callable[[threading.Event, float], bool]


def _wait(stop: threading.Event, seconds: float) -> bool:
    return stop.wait(seconds)


class Enrolling:
    """The thread.

    Args:
        folder: the state folder.
        settings: ``[central]``.
        told: told in words why the till is not enrolled, on each change; must not wait.
        done: given the identity, once; may wait.
        stop: ends the thread.
        attempt: makes the enrolment that waits; None is the real one.
        waiter: how to wait; tests do not.
        random: jitter, from 0 to 1.
    """

    def __init__(
        self,
        folder: Path,
        settings: CentralSettings,
        *,
        told: Callable[[str], None],
        done: Callable[[Identity], None],
        stop: threading.Event,
        attempt: Callable[[], Identity | None] | None = None,
        waiter: Waiter = _wait,
        random: Callable[[], float] = randomness.random,
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._told = told
        self._done = done
        self._stop = stop
        self._attempt = attempt or self._enrol
        self._waiter = waiter
        self._random = random
        self._failures = 0
        self._said = ""
        self._thread = threading.Thread(target=self.run, name="enrolment", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self, timeout_s: float) -> None:
        """Wait for its end, once `stop` is set."""
        self._thread.join(timeout_s)

    def run(self) -> None:
        """Until there is an identity or the agent stops; the body of the thread."""
        while not self._stop.is_set():
            try:
                identity, pause_s = self._turn()
                if identity is not None:
                    log.info("enrolment.done till=%s epoch=%d", identity.till, identity.epoch)
                    self._done(identity)
                    return
            except Exception as error:  # the top of the thread: it ends in a state and another try
                log.exception("enrolment.failed")
                pause_s = LOOK_S
                self._say(f"enrolment failed: {error or type(error).__name__}")
            self._pause(pause_s)

    def _pause(self, seconds: float) -> None:
        """Wait, and no longer than until somebody enrols this till or prepares another enrolment."""
        before = self._files()
        while seconds > 0 and not self._stop.is_set() and self._files() == before:
            slice_s = min(LOOK_S, seconds)
            self._waiter(self._stop, slice_s)
            seconds -= slice_s

    def _files(self) -> tuple[int, ...]:
        """When the two files were written last."""
        found = []
        for name in (IDENTITY, PENDING):
            try:
                found.append((self._folder / name).stat().st_mtime_ns)
            except OSError:
                found.append(0)
        return tuple(found)

    def _turn(self) -> tuple[Identity | None, float]:
        """One look: the identity, or how long to wait for the next."""
        try:
            return load(self._folder), 0.0
        except NotEnrolled:
            pass
        except IdentityError as error:  # somebody enrolled it for another account, say
            self._say(str(error))
            return None, LOOK_S
        try:
            identity = self._attempt()
        except NotThisMachine as image:
            self._say(str(image))
            return None, LOOK_S
        except CentreUnavailable as error:
            self._failures += 1
            self._say(f"this till enrols itself as soon as the centre answers: {error}")
            return None, delay_s(self._failures, jitter=self._random(), retry_after_s=error.retry_after_s)
        except SettingsError as error:
            self._say(f"this till cannot enrol itself: {error}")
            return None, REFUSED_S
        self._failures = 0
        return identity, LOOK_S

    def _enrol(self) -> Identity | None:
        # Settings of TLS are read anew at each try: whoever mends a file need not restart the till.
        return enrol_pending(self._folder, proxy=self._settings.proxy, tls=tls_of(self._settings))

    def _say(self, sentence: str) -> None:
        if sentence != self._said:
            self._said = sentence
            log.warning("enrolment.waits reason=%s", sentence)
            self._told(sentence)
