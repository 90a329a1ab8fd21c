"""Whoever installs a package moves the pointer too: before an update, beside one that lies ready, and in the middle of one."""

from __future__ import annotations

import pytest
from update_rig import Cut, Machine

from agent.updating.shelf import Shelf
from drivers.vocabulary.updates import TryOutcome, UpdateState


def test_what_runs_is_named_before_another_lies_beside_it(machine: Machine) -> None:
    """An installer of Windows leaves no pointer, and a launcher without one takes the newest folder there is."""
    machine.places.current.unlink()
    machine.bring("1.1.0", switch=False)

    status = machine.apply()
    machine.agent.running = None
    machine.agent.boot()

    assert (UpdateState.STAGED, "1.0.0") == (status.state, status.running)
    assert ("1.0.0", "1.0.0") == (machine.pointed, machine.agent.running)
    machine.wish("1.1.0")
    status = machine.apply()
    assert status.last is not None
    assert (TryOutcome.HEALTHY, "1.0.0") == (status.last.outcome, status.previous)


def test_the_first_update_leaves_the_updater_something_to_start_from(machine: Machine) -> None:
    """`good` names the version that ran, before `current` names another."""
    seen: list[str] = []

    def at(act: str) -> None:
        if act in {"switch", "start"}:
            seen.append(machine.places.good.read_text("utf-8").strip())

    machine.at = at
    machine.bring("1.1.0")
    machine.apply()

    assert [str(machine.versions / "1.0.0")] * 2 == seen


def test_a_version_that_a_package_has_overtaken(machine: Machine) -> None:
    """It lies ready and the agent of before still asks for it: that would be a way down."""
    machine.bring("1.1.0", switch=False)
    machine.apply()
    install(machine, "1.2.0")
    machine.wish("1.1.0")

    status = machine.apply()

    assert status.last is not None
    assert (TryOutcome.REFUSED, "1.2.0") == (status.last.outcome, status.running)
    assert "older than 1.2.0" in status.last.reason
    assert ("1.2.0", "") == (machine.agent.running, status.prepared)


@pytest.mark.parametrize(
    ("ill", "act"),
    [
        ("", "note starting"),
        ("", "watch"),
        ("", "keep"),
        ("start", "switch back"),
        ("start", "start again"),
        ("start", "tidy up"),
    ],
)
def test_a_package_in_the_middle_of_a_switch(machine: Machine, ill: str, act: str) -> None:
    """The updater was stopped, the pointer moved: it ends what it had begun, and moves nothing."""
    machine.ills["1.1.0"] = ill
    machine.bring("1.1.0")

    def at(what: str) -> None:
        if what == act:
            raise Cut(act)

    machine.at = at
    with pytest.raises(Cut):
        machine.apply()
    machine.at = machine.acts.append
    install(machine, "2.0.0")
    machine.places.wish.unlink()

    status = machine.apply()

    assert ("2.0.0", "2.0.0", "2.0.0") == (machine.agent.running, machine.pointed, status.running)
    assert not machine.places.journal.exists()
    assert machine.record.good in {"", "1.0.0"}


def install(machine: Machine, version: str) -> None:
    """What an installer does: another folder, another pointer, the service started again."""
    machine.install(version)
    Shelf(machine.places).point(machine.places.current, machine.versions / version)
    machine.agent.running = None
    machine.agent.boot()
