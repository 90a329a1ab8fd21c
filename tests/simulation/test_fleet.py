"""The fleet in small: many seeds keep every promise, a planted bug breaks one, and a seed is the same world again."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drivers.vocabulary.errors import SettingsError
from simulation.cli import main
from simulation.fleet import Fleet
from simulation.outcome import Outcome
from simulation.world import Broken, Plan

SMALL: dict[str, Any] = {"tills": 5, "customers": 30, "days": 1.5, "receipts": 10}
#: Where the bug shows: few people with the same points at every till, long cuts, short leases.
TIGHT: dict[str, Any] = {
    "tills": 4,
    "customers": 6,
    "days": 3,
    "receipts": 16,
    "clones": 0,
    "restores": 0,
    "returns": 0.0,
    "cuts": 2.0,
}
CAP = 40
CAUGHT = 2  # a seed whose world trips over the bug; another one may take over when behaviour changes


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """A thousand deliberate faults are no news."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def run(folder: Path, seed: int, story: list[str] | None = None, **more: Any) -> Outcome:
    kept: list[str] = story if story is not None else []
    return Fleet(Plan(seed=seed, **more), folder, kept.append).run()


@pytest.mark.parametrize(
    "seed",
    [
        *(1, 5),
        *(pytest.param(seed, marks=pytest.mark.thorough) for seed in range(2, 5)),
        *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(6, 21)),
    ],
)
def test_every_promise_holds(tmp_path: Path, seed: int) -> None:
    """With strict leases nobody spends a point that was never there, whatever breaks; every fifth world has a cap."""
    cap = CAP if seed % 5 == 0 else 0
    outcome = run(tmp_path, seed, points_cap=cap, **SMALL)

    assert outcome.overspent_max <= outcome.bound
    assert outcome.sales > 20
    assert outcome.checks == 37


@pytest.mark.thorough  # the command does the same in the plain tests
def test_a_lease_freed_at_its_end_is_caught(tmp_path: Path) -> None:
    """The very same world without the bug is sound."""
    seed = CAUGHT
    with pytest.raises(Broken) as caught:
        run(tmp_path / made(tmp_path, "bug"), seed, plant="lease_freed_at_expiry", **TIGHT)

    assert "G3" == caught.value.promise
    assert caught.value.tail
    assert 0 == run(tmp_path / made(tmp_path, "sound"), seed, **TIGHT).overspent_max


def test_a_seed_is_the_same_world_again(tmp_path: Path) -> None:
    """Line by line; and the worst happens in a small world too: seed 8 has all of it."""
    stories: list[list[str]] = [[], []]
    counted = [run(tmp_path / made(tmp_path, str(place)), 8, stories[place], **SMALL).counted for place in (0, 1)]

    assert stories[0] == stories[1]
    assert set() == {"copied", "fork", "restored", "power cut", "answer lost", "doubled", "late"} - counted[0].keys()
    assert set() == {"crashed", "line cut", "sealed again", "enrolled again", "clock set"} - counted[0].keys()


def test_the_command_tells_how_it_went(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """0 and a table when all is well; 1, the step and the way to see it again when a promise breaks."""
    words = [f"--{name} {value}" for name, value in TIGHT.items()]
    story = tmp_path / "story.txt"
    well = main(f"fleet {' '.join(words)} --days 0.5 --seed {CAUGHT} --log {story}".split())
    said = capsys.readouterr().out
    broken = main(f"fleet {' '.join(words)} --seed {CAUGHT} --plant lease_freed_at_expiry".split())
    complained = capsys.readouterr().out

    assert (0, 1) == (well, broken)
    assert "overspent  0 points" in said
    assert "quoted" in story.read_text("utf-8")
    assert "G3 is broken: day" in complained
    assert f"--seed {CAUGHT}" in complained
    assert "--plant lease_freed_at_expiry --log story.txt" in complained


@pytest.mark.parametrize("words", ["fleet --tills 0", "fleet --days x", "fleet --plant nothing"])
def test_a_wrong_command_line_is_said(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is made."""
    with pytest.raises(SystemExit) as ended:
        main(words.split())

    assert 2 == ended.value.code
    assert "usage: tillpoint simulate" in capsys.readouterr().err


def test_what_cannot_be_simulated_is_said() -> None:
    """With what can be."""
    with pytest.raises(SettingsError, match="did you mean 'fleet'"):
        main(["fleets"])


def made(folder: Path, name: str) -> str:
    (folder / name).mkdir()
    return name


@pytest.mark.thorough
def test_what_a_copy_replaced_in_a_restored_centre_is_not_lost(tmp_path: Path) -> None:
    """This world, and seed 1053, ended with confirmed receipts that the centre had acknowledged, and lost for ever."""
    outcome = larger(tmp_path, 1_068)

    assert set() == {"restored", "copied", "fork", "acknowledged and lost", "sealed again"} - outcome.counted.keys()


def larger(folder: Path, seed: int) -> Outcome:
    """More tills, more days; every fifth world has a cap."""
    cap = CAP if seed % 5 == 0 else 0
    return run(folder, seed, points_cap=cap, tills=8, customers=60, days=3, receipts=20, clones=1 + seed % 2)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1_000, 1_200))
def test_two_hundred_seeds(tmp_path: Path, seed: int) -> None:
    """Promise by promise."""
    outcome = larger(tmp_path, seed)

    assert outcome.overspent_max <= outcome.bound
