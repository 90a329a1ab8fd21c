"""The thread of a till that is not enrolled: what it says, how long it waits, and what ends its waiting."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from agent.enrolling import LOOK_S, REFUSED_S, Enrolling
from agent.settings import CentralSettings
from agent.sync.errors import CentreUnavailable, IdentityError
from agent.sync.identity import Identity
from agent.sync.pending import NotThisMachine, Pending, keep

WHO = Identity(url="https://c.example", till="t1", shop="s1", epoch=1, token="x", tenant_key="ab" * 32, currency="RUB")


class Rig:
    """The thread's body on this thread; each attempt is one of a list, waiting is counted and takes no time."""

    def __init__(self, folder: Path, *attempts: Any) -> None:
        self.attempts = list(attempts)
        self.told: list[str] = []
        self.done: list[Identity] = []
        self.waited: list[float] = []
        self.on_wait = lambda: None
        self.stop = threading.Event()
        self.thread = Enrolling(
            folder,
            CentralSettings(),
            told=self.told.append,
            done=self.done.append,
            stop=self.stop,
            attempt=self.attempt,
            waiter=self.wait,
            random=lambda: 1.0,
        )

    def attempt(self) -> Identity | None:
        found = self.attempts.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        self.waited.append(seconds)
        self.on_wait()
        return stop.is_set()


def test_it_waits_longer_and_longer_for_a_centre_that_is_away(tmp_path: Path) -> None:
    """And says so once, not at each try; a wish of the centre is kept."""
    away = CentreUnavailable("cannot reach it")
    rig = Rig(tmp_path, away, away, CentreUnavailable("busy", retry_after_s=7), None, WHO)
    rig.thread.run()

    assert [WHO] == rig.done
    assert [1.0, 2.0, 5.0, 5.0, 1.0] == rig.waited[:5]  # 7 s and 4 s of jitter, in slices
    assert 2 == len(rig.told)
    assert "as soon as the centre answers: cannot reach it" in rig.told[0]


def test_a_refusal_waits_for_a_person_and_no_longer(tmp_path: Path) -> None:
    """Five minutes, unless somebody prepares another enrolment meanwhile."""
    rig = Rig(tmp_path, IdentityError("the secret has expired"), WHO)
    rig.thread.run()
    again = Rig(tmp_path, IdentityError("the secret has expired"), WHO)
    again.on_wait = lambda: keep(tmp_path, Pending(url="https://c.example", secret="y" * 30))
    again.thread.run()

    assert REFUSED_S == sum(rig.waited)
    assert [LOOK_S] == again.waited
    assert "cannot enrol itself: the secret has expired" in rig.told[0]


def test_an_image_is_no_trouble_that_is_told_again_and_again(tmp_path: Path) -> None:
    """It looks each few seconds whether somebody enrolled it by hand."""
    rig = Rig(tmp_path, NotThisMachine("this machine is the image"), NotThisMachine("this machine is the image"), WHO)
    rig.thread.run()

    assert ["this machine is the image"] == rig.told
    assert [LOOK_S, LOOK_S] == rig.waited


def test_a_fault_of_ours_ends_in_words_and_another_try(tmp_path: Path) -> None:
    """The thread does not die of it."""
    rig = Rig(tmp_path, RuntimeError("oops"), WHO)
    rig.thread.run()

    assert ["enrolment failed: oops"] == rig.told
    assert [WHO] == rig.done


def test_a_till_that_is_busy_is_told_again(tmp_path: Path) -> None:
    """The identity is on disk; that the till could not take it over at once loses nothing."""
    rig = Rig(tmp_path, WHO, WHO)
    taken = rig.done.append
    tries = [RuntimeError("no answer within 30 s"), None]

    def done(identity: Identity) -> None:
        error = tries.pop(0)
        if error is not None:
            raise error
        taken(identity)

    rig.thread._done = done
    rig.thread.run()

    assert [WHO] == rig.done
    assert "no answer within 30 s" in rig.told[0]


def test_it_ends_when_the_agent_stops(tmp_path: Path) -> None:
    """In the middle of a long wait."""
    rig = Rig(tmp_path, IdentityError("no"))
    rig.on_wait = rig.stop.set
    rig.thread.run()

    assert [LOOK_S] == rig.waited
    assert [] == rig.done
