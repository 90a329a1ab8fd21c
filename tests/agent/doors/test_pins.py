"""PINs: what is kept of them, who gets in, and for how long nobody does."""

from __future__ import annotations

import io
import json
import sys

import pytest

from agent.cli import main
from agent.doors.pins import LOCKED_S, TRIES_MAX, Pins, set_pin
from drivers.vocabulary.errors import SettingsError
from tests.agent.doors.memory_desk import TestClock

PIN = "4829"


@pytest.fixture
def folder(tmp_path):
    set_pin(tmp_path, "supervisor", PIN, TestClock())
    return tmp_path


def test_the_right_pin_and_no_other(folder):
    """Nor the right one of another role, nor one that was never set."""
    pins = Pins(folder, TestClock())

    assert (True, False, 4) == (
        pins.check("supervisor", PIN).is_right,
        pins.check("supervisor", "4830").is_right,
        pins.check("supervisor", "0000").tries_left + 1,
    )
    assert not pins.check("it", PIN).is_set


def test_five_wrong_ones_shut_the_door_for_five_minutes(folder):
    """The right one does not open it meanwhile, and it opens again by itself."""
    clock = TestClock()
    pins = Pins(folder, clock)
    left = [pins.check("supervisor", "0000").tries_left for _ in range(TRIES_MAX)]

    assert [4, 3, 2, 1, 0] == left
    assert (LOCKED_S, False) == (pins.check("supervisor", PIN).wait_s, pins.check("supervisor", PIN).is_right)

    clock.pass_s(LOCKED_S)

    assert pins.check("supervisor", PIN).is_right


@pytest.mark.parametrize("wrong", [3, TRIES_MAX])
def test_a_restart_gives_no_new_tries(folder, wrong):
    """Pulling the plug after each try does not help, nor does setting the clock."""
    for _ in range(wrong):
        Pins(folder, TestClock()).check("supervisor", "0000")
    clock = TestClock()
    clock.wall = clock.wall.replace(year=2030)
    after = Pins(folder, clock).check("supervisor", PIN if wrong == TRIES_MAX else "0000")

    assert (False, wrong == TRIES_MAX) == (after.is_right, after.wait_s > 0)
    assert after.tries_left == (0 if wrong == TRIES_MAX else TRIES_MAX - wrong - 1)


def test_the_right_one_gives_all_tries_back(folder):
    """Four wrong, one right, four wrong: still open."""
    pins = Pins(folder, TestClock())
    for pin in ["0000"] * 4 + [PIN] + ["0000"] * 4:
        pins.check("supervisor", pin)

    assert pins.check("supervisor", PIN).is_right


def test_the_file_holds_no_pin(folder):
    """Salted: the same PIN twice looks different; only the agent's user may read it."""
    set_pin(folder, "it", PIN, Salt())
    kept = json.loads((folder / "panel.pins").read_text())

    assert kept["it"]["digest"] != kept["supervisor"]["digest"]
    assert PIN not in {part for one in kept.values() for part in map(str, one.values())}
    if sys.platform != "win32":
        assert 0o600 == (folder / "panel.pins").stat().st_mode & 0o777


class Salt(TestClock):
    """Another salt than the fixture's."""

    __test__ = False

    def random_bytes(self, count: int) -> bytes:
        return b"\x07" * count


@pytest.mark.parametrize("pin", ["", "123", "1234567890123", "12a4", "１２３４", "0000", "1234", "987654"])
def test_what_is_no_pin(tmp_path, pin):
    """Too short, too long, no digits, or the first that anybody tries."""
    with pytest.raises(SettingsError):
        set_pin(tmp_path, "it", pin, TestClock())

    assert [] == list(tmp_path.iterdir())


def test_a_spoilt_file_is_named(folder):
    """And what to do about it."""
    (folder / "panel.pins").write_text("{")
    with pytest.raises(SettingsError, match=r"panel\.pins holds no PINs of ours: delete it"):
        Pins(folder, TestClock()).check("it", PIN)


def test_a_new_pin_counts_at_once(folder):
    """A running agent reads the file anew."""
    pins = Pins(folder, TestClock())
    set_pin(folder, "supervisor", "7777001", TestClock())

    assert (False, True) == (pins.check("supervisor", PIN).is_right, pins.check("supervisor", "7777001").is_right)


def test_the_command(tmp_path, monkeypatch, capsys):
    """`tillpoint panel --set-pin` takes one line of its input; a bad one changes nothing."""
    config = tmp_path / "config.toml"
    config.write_text(f"[till]\nstate_folder = {json.dumps(str(tmp_path / 'state'))}\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("482917\n"))
    done = main(["panel", "--set-pin", "it", "--config", str(config)])
    monkeypatch.setattr("sys.stdin", io.StringIO("12\n"))
    refused = main(["panel", "--set-pin", "it", "--config", str(config)])

    assert (0, 1) == (done, refused)
    assert "482917" not in capsys.readouterr().out
    assert Pins(tmp_path / "state", TestClock()).check("it", "482917").is_right
