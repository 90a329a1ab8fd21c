"""A real child process: what it says arrives, it stops when told and when its babysitter is gone, and dies when killed."""

from __future__ import annotations

import sys
import time

import pytest

from agent.service.child import AgentProcess

GOOD = """
import threading, sys
from agent.service.notify import Notifier, hear_orders
stop = threading.Event()
notifier = Notifier.from_environment()
assert notifier.is_babysat and notifier.every_s == 10
hear_orders(stop.set)
print("a line that is nobody's business", flush=True)
notifier.ready("panel\\nthere")
notifier.alive()
notifier.update_wanted()
print("opening failed", file=sys.stderr, flush=True)
stop.wait(60)
notifier.stopping()
sys.exit(5)
"""
DEAF = "import time\ntime.sleep(60)"


def heard(child: AgentProcess, count: int) -> list[str]:
    words: list[str] = []
    end_s = time.monotonic() + 30
    while len(words) < count and time.monotonic() < end_s:
        words += child.hear(0.1)
    return words


def code_of(child: AgentProcess) -> int | None:
    end_s = time.monotonic() + 30
    while child.ended() is None and time.monotonic() < end_s:
        child.hear(0.05)
    return child.ended()


@pytest.fixture
def child():
    one = AgentProcess([sys.executable, "-c", GOOD])
    yield one
    one.kill()


def test_it_tells_and_stops_when_told(child):
    assert ["READY=panel there", "WATCHDOG=1", "UPDATE=1"] == heard(child, 3)
    assert child.ended() is None

    child.ask_to_stop()

    assert 5 == code_of(child)
    child.kill()
    assert "opening failed" == child.last_words()


def test_it_stops_when_the_pipe_ends(child):
    """As it does when the babysitter was killed."""
    heard(child, 3)
    child._process.stdin.close()

    assert 5 == code_of(child)


def test_one_that_does_not_listen_is_killed():
    child = AgentProcess([sys.executable, "-c", DEAF])
    child.ask_to_stop()
    assert child.ended() is None

    child.kill()

    assert child.ended() not in {None, 0}


def test_a_program_that_is_not_there(tmp_path):
    with pytest.raises(OSError, match=r"(?i)no such file|cannot find|not found"):
        AgentProcess([str(tmp_path / "nothing.exe")])
