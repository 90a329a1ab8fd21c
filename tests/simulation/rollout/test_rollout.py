"""A fleet updated in three rings from a real centre: the good release arrives everywhere, the bad one stops at once.

The centre, its HTTP, the tills' turn and their updater are the real ones; services, agents and time are doubles.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulation.cli import main
from simulation.rollout.story import BAD, GOOD, MENDED, Figures, Plan, play

pytestmark = pytest.mark.net

RINGS = ["pilot", "early", "all"]
#: Closed all day and gates of an hour: every release is through within a few visits.
SMALL: dict[str, Any] = {
    "tills": 5,
    "pilot": 2,
    "early": 1,
    "away": 1,
    "soak_hours": 1,
    "closed": "00:00-12:00; 12:00-00:00",
    "check_every_s": 2_000,
    "sell_every_h": 2,
    "after_stop_h": 2,
}


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tills that go back on purpose are no news; and nobody cuts the power here, so nobody waits for the disk."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    if hasattr(os, "sync"):
        monkeypatch.setattr(os, "sync", lambda: None)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def expect_all_of_it(figures: Figures, plan: Plan) -> None:
    assert [] == figures.broken
    assert {GOOD: RINGS, BAD: ["pilot"], MENDED: RINGS} == figures.opened
    assert 1 <= figures.tried_bad <= plan.pilot
    assert "ring pilot" in figures.stop_reason
    assert plan.away == figures.late


def test_a_small_fleet(tmp_path: Path) -> None:
    """Five tills, one of them off at first; the bad release does not start."""
    plan = Plan(**SMALL)

    expect_all_of_it(play(plan, tmp_path), plan)


@pytest.mark.soak
@pytest.mark.parametrize("ill", ["driver", "rehearsal"])
def test_other_ways_to_be_bad(tmp_path: Path, ill: str) -> None:
    """A driver that opened before fails; the version fails in its rehearsal, before a till has changed over."""
    plan = Plan(**SMALL, ill=ill)

    expect_all_of_it(play(plan, tmp_path), plan)


@pytest.mark.soak
def test_a_hundred_tills_in_three_rings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Over nights, with closed hours and gates of half a day; over the command line, which tells the figures."""
    del tmp_path
    assert 0 == main(["rollout", "--json"])
    told = json.loads(capsys.readouterr().out)

    assert 100 == told["tills"]
    expect_all_of_it(Figures(**told), Plan())
