"""Signs of life: what has stopped is named, and then the process ends so that it is started again."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from agent.assembly import Agent
from agent.cli.run import _watch
from agent.service.notify import Notifier
from agent.service.pulse import SILENCE_S, Pulse, resident_mb
from agent.settings import DoorsSettings, ServiceSettings, Settings, TillSettings

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
    heard, stop = Heard(), threading.Event()
    ended: list[int] = []
    watcher = threading.Thread(target=lambda: ended.append(_watch(agent, heard, stop)))
    watcher.start()
    try:
        wait(lambda: "WATCHDOG=1" in heard.told)
        agent.till.stop(20)
        watcher.join(30)

        assert [1] == ended
        assert "thread till has ended" in heard.told[-1]
    finally:
        stop.set()
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
        assert 1 == _watch(agent, heard, threading.Event())
    finally:
        agent.stop()

    assert "WATCHDOG=1" not in heard.told


def wait(is_so: object) -> None:
    pause = threading.Event()
    for _ in range(3000):
        if is_so():  # type: ignore[operator]
            return
        pause.wait(0.01)
    raise AssertionError("it never came")
