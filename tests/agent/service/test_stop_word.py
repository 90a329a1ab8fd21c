"""The word that ends a run is heard wherever the signal meets the one who waits for it."""

from __future__ import annotations

import subprocess
import sys
import threading

from agent.service.stop_word import StopWord

#: Another thread raises the signal at any moment of a wait; `threading.Event` hangs here within a few rounds.
ROUNDS = """
import signal, threading
from agent.service.stop_word import StopWord

for round in range(500):
    stop = StopWord()
    stop.on_signals("SIGTERM", "SIGNOBODYHAS")
    raising = threading.Timer(round % 20 / 10_000, signal.raise_signal, (signal.SIGTERM,))
    raising.start()
    while not stop.wait(round % 3 / 10_000):
        pass
    raising.join()
print("heard each")
"""


def test_a_signal_in_the_middle_of_a_wait_is_heard() -> None:
    done = subprocess.run([sys.executable, "-c", ROUNDS], check=True, capture_output=True, text=True, timeout=120)

    assert "heard each" == done.stdout.strip()


def test_it_is_heard_by_whoever_waits_then_and_later() -> None:
    stop, heard = StopWord(), []
    waiting = [threading.Thread(target=lambda: heard.append(stop.wait(60))) for _ in range(3)]
    for one in waiting:
        one.start()
    stop.say()
    for one in waiting:
        one.join(60)

    assert [True] * 3 == heard
    assert stop.is_said
    assert stop.wait(0)


def test_nobody_has_said_it() -> None:
    stop = StopWord()

    assert not stop.wait(0.001)
    assert not stop.is_said
