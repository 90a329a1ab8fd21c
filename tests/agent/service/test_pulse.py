"""Signs of life: what has stopped is named, and then the process ends so that it is started again."""

from __future__ import annotations

import dataclasses
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from agent.assembly import Agent
from agent.cli.run import _watch
from agent.service.notify import Notifier
from agent.service.pulse import SILENCE_S, Pulse, resident_mb
from agent.service.stop_word import StopWord
from agent.settings import DoorsSettings, ServiceSettings, Settings, TillSettings
from agent.watching import QUIET_S, Watching

pytestmark = pytest.mark.net


class Heard(Notifier):
    """Remembers what a service manager would hear."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def _send(self, message: str) -> None:
        self.told.append(message)


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    unlimited = ServiceSettings(memory_max_mb=0)  # of a test run, not of an agent
    return Agent(
        Settings(till=TillSettings(state_folder=str(tmp_path)), doors=DoorsSettings(port=0), service=unlimited)
    )


def pulse(**changed: object) -> Pulse:
    given = {
        "turns": lambda: {"till": 100.0, "doors": None},
        "gone": tuple,
        "memory_mb": lambda: 50,
        "memory_max_mb": 300,
    }
    return Pulse(**{**given, **changed})  # type: ignore[arg-type]


def test_all_is_well_until_something_is_not() -> None:
    assert [] == pulse().troubles(100.0 + SILENCE_S)
    assert ["thread till has not come round for 61 s"] == pulse().troubles(161.0)
    assert ["thread sync-upload has ended"] == pulse(gone=lambda: ("sync-upload",)).troubles(100.0)
    assert ["301 MB are held, more than service.memory_max_mb = 300"] == pulse(memory_mb=lambda: 301).troubles(100.0)
    assert [] == pulse(memory_mb=lambda: 10_000, memory_max_mb=0).troubles(100.0)


def test_this_process_knows_what_it_holds() -> None:
    assert 10 < resident_mb() < 10_000


def test_an_agent_lives_and_its_threads_come_round(agent: Agent) -> None:
    agent.start()
    try:
        beat = agent.pulse()
        wait(lambda: None not in beat.turns().values())
        first = dict(beat.turns())
        wait(lambda: all(turn > first[name] for name, turn in beat.turns().items()))

        assert {"till", "doors"} == set(first)
        assert [] == beat.troubles(time.monotonic())
    finally:
        agent.stop()


def test_a_thread_that_ended_ends_the_run(agent: Agent) -> None:
    """Not with a hang: whoever runs it starts it again."""
    agent.start()
    heard, stop = Heard(), StopWord()
    ended: list[int] = []
    watcher = threading.Thread(target=lambda: ended.append(_watch(agent, heard, stop, settled_s=0)))
    watcher.start()
    try:
        wait(lambda: "WATCHDOG=1" in heard.told)
        agent.till.stop(20)
        watcher.join(30)

        assert [1] == ended
        assert "thread till has ended" in heard.told[-1]
    finally:
        stop.say()
        agent.stop()


def test_what_dies_soon_after_the_start_is_said_and_the_receipt_passes_on(agent: Agent) -> None:
    """It would die again: a start every few seconds would cut the printer off each time."""
    agent.start()
    heard, stop = Heard(), StopWord()
    ended: list[int] = []
    watcher = threading.Thread(target=lambda: ended.append(_watch(agent, heard, stop)))
    watcher.start()
    try:
        agent.till.stop(20)
        wait(lambda: any("thread till has ended" in one for one in heard.told))
        alive = heard.told.count("WATCHDOG=1")
        wait(lambda: heard.told.count("WATCHDOG=1") > alive)
    finally:
        stop.say()
        watcher.join(30)
        agent.stop()

    assert [0] == ended


def test_a_till_without_its_database_goes_on_for_the_printer(tmp_path: Path) -> None:
    (tmp_path / "till.db").write_bytes(b"no database at all, and long enough to be looked at" * 100)
    agent = Agent(Settings(till=TillSettings(state_folder=str(tmp_path)), doors=DoorsSettings(port=0)))
    agent.start()
    try:
        troubles = agent.pulse().troubles(time.monotonic() + SILENCE_S * 2)

        assert agent.troubles
        assert not [one for one in troubles if "till" in one]
    finally:
        agent.stop()


def test_too_much_memory_ends_the_run(tmp_path: Path) -> None:
    agent = Agent(
        Settings(
            till=TillSettings(state_folder=str(tmp_path)),
            doors=DoorsSettings(port=0),
            service=ServiceSettings(memory_max_mb=1),
        )
    )
    agent.start()
    heard = Heard()
    try:
        assert 1 == _watch(agent, heard, StopWord(), settled_s=0)
    finally:
        agent.stop()

    assert "WATCHDOG=1" not in heard.told


def weighed(agent: Agent, monkeypatch: pytest.MonkeyPatch, *, held_mb: int) -> Pulse:
    """The agent's pulse, with so much memory of 300 MB."""
    beat = dataclasses.replace(agent.pulse(), memory_mb=lambda: held_mb, memory_max_mb=300)
    monkeypatch.setattr(Agent, "pulse", lambda _: beat)
    return beat


def test_too_much_memory_waits_for_the_end_of_the_receipt(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    """A customer is at the till: it goes on; when it is quiet the run ends, to be started again."""
    agent.start()
    weighed(agent, monkeypatch, held_mb=310)
    quiet = [False]
    monkeypatch.setattr(Watching, "is_quiet", lambda *_: quiet[0])
    heard, stop, ended = Heard(), StopWord(), []
    watcher = threading.Thread(target=lambda: ended.append(_watch(agent, heard, stop, settled_s=0)))
    watcher.start()
    try:
        wait(lambda: "WATCHDOG=1" in heard.told)
        assert [] == ended
        quiet[0] = True
        watcher.join(30)
    finally:
        stop.say()
        agent.stop()

    assert [1] == ended
    assert "310 MB are held" in heard.told[-1]


def test_far_too_much_memory_waits_for_nobody(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine is about to end it anyhow."""
    agent.start()
    weighed(agent, monkeypatch, held_mb=380)
    monkeypatch.setattr(Watching, "is_quiet", lambda *_: False)
    try:
        assert 1 == _watch(agent, Heard(), StopWord(), settled_s=0)
    finally:
        agent.stop()


@pytest.mark.parametrize(("naps", "expected"), [([1.0, 28_800.0, *[5.0] * 10], 0), ([1.0, *[9.0] * 10], 1)])
def test_a_machine_that_slept_is_given_a_minute(
    agent: Agent, monkeypatch: pytest.MonkeyPatch, naps: list[float], expected: int
) -> None:
    """Windows' clock counts sleep, in which no thread comes round; one that hangs in the day is dead as ever."""
    clock, left = [1_000.0], list(naps)

    class Stop(StopWord):
        def wait(self, timeout_s: float) -> bool:
            del timeout_s
            clock[0] += left.pop(0)
            return not left

    agent.start()
    beat = dataclasses.replace(agent.pulse(), turns=lambda: {"till": 1_000.0}, gone=lambda: ())
    monkeypatch.setattr(Agent, "pulse", lambda _: beat)
    monkeypatch.setattr(Watching, "look", lambda _: None)
    monkeypatch.setattr("agent.cli.run.time", SimpleNamespace(monotonic=lambda: clock[0]))

    try:
        assert expected == _watch(agent, Heard(), Stop(), settled_s=0)
    finally:
        agent.stop()


def test_what_is_a_quiet_moment(agent: Agent) -> None:
    agent.start()
    try:
        watching, now_s = agent.watching, time.monotonic()
        assert watching.is_quiet(now_s)
        watching.heard(3)  # a till that asks its printer how it is
        assert watching.is_quiet(now_s)
        watching.heard(300)
        assert not watching.is_quiet(now_s + 1)
        assert watching.is_quiet(time.monotonic() + QUIET_S)
        agent.till.panel_identify("2900000000018", presented=True, replace=False, timeout_s=10)
        assert not watching.is_quiet(time.monotonic() + QUIET_S + 1)  # somebody's number is on the screen
    finally:
        agent.stop()


def test_the_panel_hears_of_a_full_disk_and_that_it_is_well_again(agent: Agent) -> None:
    agent.start()
    try:
        free = [1024]
        agent.watching.health.free = lambda folder: free[0]
        agent.watching.look()
        wait(lambda: agent.till.snapshot.care == ("disk",))
        free[0] = 1 << 40
        agent.watching.look()
        wait(lambda: agent.till.snapshot.care == ())
    finally:
        agent.stop()


def wait(is_so: object) -> None:
    pause = threading.Event()
    for _ in range(3000):
        if is_so():  # type: ignore[operator]
            return
        pause.wait(0.01)
    raise AssertionError("it never came")
