"""The babysitter: a clock that is wound by hand, children that do what a list says, and no waiting."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from agent.service.babysitter import Babysitter, Patience, pause_s

PATIENCE = Patience(ready_s=90, silence_s=60, stop_s=20, settled_s=600)


@dataclass
class Shop:
    """The clock, the stop, and what the listener was told."""

    now_s: float = 0.0
    told: list[str] = field(default_factory=list)
    children: list[ScriptedChild] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    failures_until_stop: int = 1

    def started(self, pid: int) -> None:
        self.told.append(f"started {pid}")

    def ready(self, status: str) -> None:
        self.told.append(f"ready {status}")

    def failed(self, reason: str, pause_s: float) -> None:
        self.told.append(f"failed {reason} pause {pause_s:g}")
        self.failures_until_stop -= 1
        self.stop_wait_over()

    def stop_wait_over(self) -> None:
        if self.failures_until_stop <= 0:
            self.stop.set()

    def stopping(self, left_s: float) -> None:
        self.told.append("stopping")

    def update_wanted(self) -> None:
        self.told.append("update wanted")


class ScriptedChild:
    """Its script: (seconds that pass, words said); a number ends it with that code, "stop" is the order from outside."""

    def __init__(self, shop: Shop, script: list, *, obeys: bool = True, words: str = "") -> None:
        self.shop, self.script, self.obeys = shop, list(script), obeys
        self.pid = 100 + len(shop.children)
        self.code: int | None = None
        self.was_asked = self.was_killed = False
        self.words = words
        shop.children.append(self)

    def hear(self, wait_s: float) -> list[str]:
        step = self.script.pop(0) if self.script else (wait_s, [])
        if isinstance(step, int):
            self.code = step
            return []
        if step == "stop":
            self.shop.stop.set()
            return []
        self.shop.now_s += step[0]
        if self.was_asked and self.obeys:
            self.code = 0
        return step[1]

    def ended(self) -> int | None:
        return self.code

    def ask_to_stop(self) -> None:
        self.was_asked = True

    def kill(self) -> None:
        self.was_killed = True
        if self.code is None:
            self.code = -9

    def last_words(self) -> str:
        return self.words


def run(shop: Shop, *scripts: list, **more) -> list[str]:
    """Children with these scripts, one after the other; what was told."""
    waiting = list(scripts)
    shop.stop.wait = lambda timeout=None: shop.stop.is_set()  # type: ignore[method-assign]
    sitter = Babysitter(
        lambda: ScriptedChild(shop, waiting.pop(0), **more), shop, patience=PATIENCE, monotonic=lambda: shop.now_s
    )
    sitter.run(shop.stop)
    return shop.told


def test_a_child_that_lives_is_left_alone_and_stopped_in_order():
    shop = Shop()

    told = run(shop, [(3, ["READY=panel there"]), *[(1, ["WATCHDOG=1"])] * 300, "stop"])

    assert ["started 100", "ready panel there", "stopping"] == told
    assert shop.children[0].was_asked
    assert 0 == shop.children[0].code


def test_one_that_ends_is_started_again_and_its_last_words_are_told():
    shop = Shop(failures_until_stop=2)

    told = run(shop, [1], [1], words="no settings file")

    assert [
        "started 100",
        "failed it ended by itself with exit code 1; it said: no settings file pause 1",
        "started 101",
        "failed it ended by itself with exit code 1; it said: no settings file pause 2",
    ] == told


def test_one_that_was_ready_has_its_own_log():
    told = run(Shop(), [(1, ["READY=x"]), 0], words="INFO this and that")

    assert "failed it ended by itself with exit code 0 pause 1" == told[-1]


def test_one_that_hangs_is_killed():
    shop = Shop()

    told = run(shop, [(1, ["READY=x"]), (1, ["WATCHDOG=1"]), *[(10, [])] * 6, (1, [])])

    assert "failed it gave no sign of life for 61 s and was killed pause 1" == told[-1]
    assert shop.children[0].was_killed


def test_a_machine_that_slept_has_no_child_that_hung():
    """Windows counts sleep as time; the child had no turn in it either, and has its whole patience again."""
    shop = Shop()
    night = (8 * 3600, [])

    told = run(
        shop, [(1, ["READY=x"]), (1, ["WATCHDOG=1"]), night, *[(10, [])] * 6, (1, ["WATCHDOG=1"]), night, "stop"]
    )

    assert ["started 100", "ready x", "stopping"] == told


def test_one_that_never_becomes_ready_is_killed():
    told = run(Shop(), [*[(10, ["STATUS=opening"])] * 9, (1, [])])

    assert "failed it did not become ready for 91 s and was killed pause 1" == told[-1]


def test_one_that_will_not_stop_is_killed_in_time():
    shop = Shop()

    run(shop, [(1, ["READY=x"]), "stop", *[(5, [])] * 10], obeys=False)

    assert shop.children[0].was_asked
    assert shop.children[0].was_killed
    assert shop.now_s <= 1 + PATIENCE.stop_s + 5


def test_the_updater_is_started_when_the_child_asks():
    told = run(Shop(), [(1, ["READY=x"]), (1, ["UPDATE=1"]), "stop"])

    assert "update wanted" in told


def test_a_program_that_cannot_be_started_is_a_failure_like_another():
    shop = Shop(failures_until_stop=3)

    def start():
        raise FileNotFoundError(2, "No such file or directory")

    shop.stop.wait = lambda timeout=None: shop.stop.is_set()  # type: ignore[method-assign]
    Babysitter(start, shop, patience=PATIENCE, monotonic=lambda: shop.now_s).run(shop.stop)

    assert "failed cannot be started: No such file or directory pause 4" == shop.told[-1]


def test_a_long_life_makes_the_pauses_short_again():
    shop = Shop(failures_until_stop=3)
    alive = [(1, ["READY=x"]), *[(50, ["WATCHDOG=1"])] * 13]

    told = run(shop, [1], [1], [*alive, 1])

    assert told[-1].endswith("pause 1")


@pytest.mark.parametrize(("failures", "expected"), [(1, 1), (2, 2), (3, 4), (5, 16), (6, 30), (1000, 30)])
def test_the_pauses(failures, expected):
    assert expected == pause_s(failures)
