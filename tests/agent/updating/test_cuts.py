"""The power goes at every single act of an update: afterwards the till sells on with the old or the new version, whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from update_rig import SCISSORS, Cut, Machine, fresh

from agent.updating.unpack import require_whole
from drivers.vocabulary.updates import TryOutcome

#: What the new version is → where the till ends when nobody cuts anything.
CASES = {"": "1.1.0", "start": "1.0.0", "driver": "1.0.0"}


def cut_run(machine: Machine, at: int | None) -> bool:
    """One run of the updater that is cut before its `at`-th act; whether it was."""
    updater = machine.make_updater()
    SCISSORS.below, SCISSORS.cut_at, SCISSORS.count = str(machine.folder), at, 0
    try:
        updater.apply()
    except Cut:
        return True
    finally:
        SCISSORS.below = ""
    return False


def require_sells(machine: Machine, where: str) -> None:
    """A version runs, it is what the pointer names, and its folder is whole."""
    assert machine.agent.running in {"1.0.0", "1.1.0"}, where
    assert machine.agent.running == machine.pointed, where
    require_whole(machine.versions / machine.pointed)


def count_acts(folder: Path, ill: str) -> int:
    """How many acts an update has."""
    machine = fresh(folder)
    machine.ills["1.1.0"] = ill
    machine.bring("1.1.0")
    assert not cut_run(machine, None)
    assert CASES[ill] == machine.agent.running
    return SCISSORS.count


def every_cut(folder: Path, ill: str, *, boots: bool, step: int = 1, first: int = 1) -> int:
    """Cut before each act in turn; the machine starts again, or only the updater was killed; then it is run again."""
    acts = count_acts(folder, ill)
    for at in range(first, acts + 1, step):
        machine = fresh(folder)
        machine.ills["1.1.0"] = ill
        machine.bring("1.1.0")
        where = f"cut before act {at} of {acts}"
        assert cut_run(machine, at), where
        where += f": {SCISSORS.last}"
        # At once: what would be started now is whole, whatever happens next.
        assert machine.pointed in {"1.0.0", "1.1.0"}, where
        require_whole(machine.versions / machine.pointed)
        if boots:
            machine.agent.running = None
            machine.agent.boot()
        machine.wish("1.1.0")
        machine.apply()
        require_sells(machine, where)
        assert CASES[ill] == machine.agent.running, where
        assert not machine.places.journal.exists(), where
        if ill:
            assert "1.1.0" in machine.record.not_again, where
    return acts


@pytest.mark.parametrize("ill", CASES)
def test_cut_at_some_acts(tmp_path: Path, ill: str) -> None:
    """Every seventh act, the updater killed; the soak has every act, and the machine's restart."""
    assert every_cut(tmp_path / "m", ill, boots=False, step=7, first=3) > 30


@pytest.mark.soak
@pytest.mark.parametrize("boots", [False, True])
@pytest.mark.parametrize("ill", CASES)
def test_cut_at_every_act(tmp_path: Path, ill: str, *, boots: bool, say: Callable[[str], None]) -> None:
    """All of them."""
    acts = every_cut(tmp_path / "m", ill, boots=boots)

    say(f"update of a version that is {ill or 'good'}, {'power cut' if boots else 'updater killed'}: {acts} cut points")


@pytest.mark.soak
def test_cut_twice(tmp_path: Path, say: Callable[[str], None]) -> None:
    """A second cut, in the run that mends the first."""
    acts, done = count_acts(tmp_path / "m", ""), 0
    for at in range(1, acts + 1, 3):
        for second in (2, 5, 9, 14, 20):
            machine = fresh(tmp_path / "m")
            machine.bring("1.1.0")
            assert cut_run(machine, at)
            machine.wish("1.1.0")
            cut_run(machine, second)
            machine.wish("1.1.0")
            machine.apply()
            require_sells(machine, f"cut before acts {at} and {second}")
            done += 1
    say(f"{done} pairs of cuts")


def test_too_many_cuts_in_the_watch_go_back(tmp_path: Path) -> None:
    """A version in whose watch the power goes three times is left: perhaps it is what takes the machine down."""
    machine = fresh(tmp_path / "m")
    machine.bring("1.1.0")
    updater = machine.make_updater()

    def die(seconds: float) -> None:
        raise Cut(f"{seconds}")

    for _ in range(3):
        updater = machine.make_updater()
        updater._switching._sleep = die
        with pytest.raises(Cut):
            updater.apply()
        assert "1.1.0" == machine.pointed

    status = machine.apply()

    assert ("1.0.0", "1.0.0") == (machine.agent.running, machine.pointed)
    assert status.last is not None
    assert TryOutcome.ROLLED_BACK is status.last.outcome
    assert "cut 3 times" in status.last.reason


def test_devices_that_are_off_after_the_machine_was(tmp_path: Path) -> None:
    """The mains were switched off at closing time, in the middle of the watch: the printer is on at ten."""
    machine = fresh(tmp_path / "m")
    machine.bring("1.1.0")
    updater = machine.make_updater()

    def die(seconds: float) -> None:
        raise Cut(f"{seconds}")

    updater._switching._sleep = die
    with pytest.raises(Cut):
        updater.apply()
    machine.ills["1.1.0"] = "device"

    assert "1.1.0" == machine.apply().running


def test_a_disk_that_is_full_on_the_way_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way back was written before it was needed."""
    machine = fresh(tmp_path / "m")
    machine.ills["1.1.0"] = "start"
    machine.bring("1.1.0")
    updater = machine.make_updater()
    real = updater._switching._back

    def full(*args: object, **named: object) -> None:
        raise OSError(28, "No space left on device")

    def back(*args: object) -> object:
        monkeypatch.setattr("agent.updating.switching.keep", full)
        monkeypatch.setattr("agent.updating.updater.keep", full)
        monkeypatch.setattr("agent.updating.shelf.Shelf.point", full)
        return real(*args)  # type: ignore[arg-type]

    updater._switching._back = back  # type: ignore[assignment,method-assign]

    updater.apply()

    assert ("1.0.0", "1.0.0") == (machine.agent.running, machine.pointed)
