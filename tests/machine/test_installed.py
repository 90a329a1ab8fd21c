"""The Debian package's own service in the emulated machine: devices are plugged in after it started.

The story is in `inside_installed.py`; here each of its steps is a test. `python3 dev.py test --all` runs it.
"""

from __future__ import annotations

import importlib

import pytest

from tests.machine import kernel
from tests.machine.installed import INSTALLED_STEPS, InstalledMachine
from tests.nspawn import base

pytestmark = pytest.mark.machine


@pytest.fixture(scope="module")
def machine(project, tmp_path_factory):
    """The package made, installed, booted, played and switched off, once for all steps."""
    why = kernel.missing() or base.missing()
    if why:
        pytest.skip(f"SKIPPED LOUDLY: the package was not tried on a machine with USB devices: {why}")
    folder = tmp_path_factory.mktemp("installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(project / "installer/build"))
        payload, deb = importlib.import_module("payload"), importlib.import_module("deb")
        version = payload.project_version()
        made = deb.build(payload.build(deb.PLATFORM, folder / version, version=version), folder, "-Znone")
    one = InstalledMachine(folder, made, version)
    one.run()
    return one


@pytest.mark.parametrize("step", INSTALLED_STEPS)
def test_the_story(machine, step, capsys):
    """Every step of it went well; the first that did not says why."""
    told = machine.steps.get(step)
    if told is None and any(not one["ok"] for one in machine.steps.values()):
        pytest.skip("a step before it failed")
    assert told is not None, "the machine ended before: " + "\n".join(machine.console[-40:])
    with capsys.disabled():
        print(f"\n  {told['seconds']:5.1f} s {step}: {told['said'] if told['ok'] else 'failed'}")
    assert told["ok"], told["said"] + "\n".join(machine.console[-20:])
