"""Warnings come before something fails, name nobody, and go when it is well again."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.doctor.report import advice
from agent.service.beats import Beats
from agent.service.health import CARES, DISK_LEAST, DISK_LOW, Health, ages
from agent.service.masks import masked
from offline_queue.store import BALLAST_BYTES

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


def health(**given: Any) -> Health:
    usual: dict[str, Any] = {
        "folder": Path("/state"),
        "memory_max_mb": 300,
        "ages_s": lambda: {"till": 1.0},
        "memory_mb": lambda: 50,
        "waiting_oldest_at": lambda: "",
        "shelved": lambda: 0,
        "troubles": lambda: 0,
        "free": lambda folder: 10 * DISK_LOW,
        "now": lambda: NOW,
    }
    return Health(**{**usual, **given})


def kinds(one: Health) -> list[tuple[str, str]]:
    return [(found.code, found.severity) for found in one.warnings()]


def test_all_is_well() -> None:
    assert () == health().warnings()
    assert () == health().look()


@pytest.mark.parametrize(("left", "severity"), [(DISK_LOW - 1, "warning"), (DISK_LEAST - 1, "failed")])
def test_a_disk_that_fills(left: int, severity: str) -> None:
    one = health(free=lambda folder: left)

    assert [("disk_full", severity)] == kinds(one)
    assert ("disk",) == one.look()


def test_the_warning_comes_long_before_a_receipt_is_refused() -> None:
    """What the queue keeps for itself is what is left when it refuses; a day of receipts is a few MB."""
    day = 2_000 * 8_192

    assert DISK_LEAST > BALLAST_BYTES + day
    assert DISK_LOW >= 8 * DISK_LEAST


def test_a_disk_that_does_not_say_is_no_warning() -> None:
    def gone(folder: Path) -> int:
        raise OSError("no such device")

    assert health(free=gone).disk_free_bytes() is None
    assert () == health(free=gone).warnings()


@pytest.mark.parametrize(
    ("off", "found"),
    [(60, []), (-121, [("clock", "warning")]), (121, [("clock", "warning")]), (3600, [("clock", "failed")])],
)
def test_the_clock_against_the_centres(off: int, found: list[tuple[str, str]]) -> None:
    one = health()
    one.centre_told(NOW - timedelta(seconds=off))

    assert off == one.clock_offset_s()
    assert found == kinds(one)


def test_a_clock_that_is_set_right_is_well_again(caplog: pytest.LogCaptureFixture) -> None:
    """Said once when it comes and once when it goes."""
    caplog.set_level(logging.INFO)
    one = health()
    one.centre_told(NOW - timedelta(hours=3))
    shown = [one.look(), one.look()]
    one.centre_told(NOW)

    assert [("clock",), ("clock",), ()] == [*shown, one.look()]
    assert ["health.clock the till's clock is 3.0 h ahead of the centre's", "health.clock is well again"] == [
        record.getMessage() for record in caplog.records
    ]


def test_a_registers_clock_is_judged_by_the_nearest_of_three_receipts() -> None:
    """A receipt that is printed again has an old time; yesterday's is no clock at all."""
    one = health()
    for minutes in (0, 600, 600, 600, 3000):
        one.register_told("fine", NOW - timedelta(minutes=minutes if minutes != 600 else 1))
        one.register_told("slow", NOW - timedelta(minutes=61))
    one.register_told("new", NOW - timedelta(minutes=61))

    assert {"fine": 60.0, "slow": 3660.0} == one.register_offsets_s()
    assert [("register_clock", "warning")] == kinds(one)
    assert "61 min ahead of that of slow" in one.warnings()[0].words


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"memory_mb": lambda: 241}, "memory"),
        ({"ages_s": lambda: {"reader-scanner": 601.0}}, "thread_silent"),
        ({"troubles": lambda: 2}, "part_broken"),
        ({"waiting_oldest_at": (NOW - timedelta(hours=25)).isoformat}, "queue_old"),
        ({"shelved": lambda: 1}, "queue_shelved"),
    ],
)
def test_each_kind_has_words_of_the_doctor_and_names_nobody(given: dict[str, Any], code: str) -> None:
    found = health(**given).warnings()

    assert [code] == [one.code for one in found]
    assert code in advice()
    assert found[0].words == masked(found[0].words)
    assert code not in CARES  # the cashier is not told of what only IT can judge


def test_the_worst_comes_first() -> None:
    one = health(shelved=lambda: 1, free=lambda folder: 0)

    assert ["failed", "warning"] == [found.severity for found in one.warnings()]


def test_ages_are_of_threads_that_have_begun() -> None:
    assert {"till": 2.0} == ages({"till": 98.0, "doors": None}, 100.0)


@pytest.fixture
def turning() -> Iterator[Beats]:
    """A thread that looks at the flag in each turn, as every device's does."""
    beats = Beats()

    def run() -> None:
        while not beats.is_set():
            beats.wait(0.01)

    thread = threading.Thread(target=run, name="reader-scanner")
    thread.start()
    yield beats
    beats.set()
    thread.join(10)


def test_whoever_looks_at_the_flag_lives(turning: Beats) -> None:
    pause = threading.Event()
    while "reader-scanner" not in turning.turns:
        pause.wait(0.005)
    first = turning.turns["reader-scanner"]
    while turning.turns["reader-scanner"] == first:
        pause.wait(0.005)

    assert 0 <= time.monotonic() - turning.turns["reader-scanner"] < 5


def test_names_of_threads_that_come_and_go_fill_nothing() -> None:
    beats = Beats()
    for number in range(500):
        thread = threading.Thread(target=beats.is_set, name=f"visit-{number}")
        thread.start()
        thread.join()

    assert len(beats.turns) <= 201
