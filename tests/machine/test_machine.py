"""A till with a kernel of its own: USB devices are plugged in, pulled out and plugged in again under a running agent.

The story is in `inside.py`; here each of its steps is a test. `python3 dev.py test --all` runs it.
"""

from __future__ import annotations

import pytest

from tests.machine.boot import STEPS, Machine
from tests.machine.kernel import missing

pytestmark = pytest.mark.machine


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """Booted, played and switched off, once for all steps."""
    why = missing()
    if why:
        pytest.skip(f"SKIPPED LOUDLY: no machine with USB devices was emulated: {why}")
    one = Machine(tmp_path_factory.mktemp("machine"))
    one.run()
    return one


@pytest.mark.parametrize("step", STEPS)
def test_the_story(machine, step):
    """Every step of it went well; the first that did not says why."""
    told = machine.steps.get(step)
    if told is None and any(not one["ok"] for one in machine.steps.values()):
        pytest.skip("a step before it failed")
    assert told is not None, "the machine ended before: " + "\n".join(machine.console[-40:])
    assert told["ok"], told["said"] + "\n".join(machine.console[-20:])


def test_it_ends_by_itself(machine, capsys):
    """Switched off in order, not by the time limit; how long it took is told."""
    with capsys.disabled():
        print(f"\nthe machine: {machine.boot_s:.0f} s until its first step, {machine.seconds:.0f} s in all")
        for step in machine.steps.values():
            print(f"  {step['seconds']:5.1f} s {step['name']}: {step['said'].splitlines()[0] if step['said'] else ''}")

    assert machine.is_over, "\n".join(machine.console[-40:])
