"""The Debian package on a booted systemd: installed, killed, hung, upgraded, taken back, removed, purged.

The story is in `inside.py`; here each of its steps is a test. `python3 dev.py test --all` runs it.
"""

from __future__ import annotations

import importlib
import json

import pytest

from tests.nspawn.base import missing
from tests.nspawn.boot import Container

pytestmark = pytest.mark.machine

#: What is played, in this order; each is a method of `tests.nspawn.inside.Story`.
STEPS = (
    "installed_it_answers",
    "it_runs_as_itself",
    "its_units_are_sound",
    "it_starts_fast",
    "its_settings_are_changed",
    "killed_it_comes_back",
    "hung_it_comes_back",
    "root_leaves_no_files_of_its_own",
    "upgraded_it_goes_on",
    "the_pointer_takes_it_back",
    "a_bad_pointer_is_no_end",
    "an_older_package_is_meant",
    "removed_it_leaves_what_it_kept",
    "installed_again_it_goes_on",
    "purged_it_keeps_unsent_receipts",
    "told_so_it_deletes_them",
    "with_nothing_to_lose_nothing_is_asked",
)


@pytest.fixture(scope="module")
def container(project, tmp_path_factory):
    """Two packages of this tree, one of them numbered higher; booted, played and switched off once for all steps."""
    why = missing()
    if why:
        pytest.skip(f"SKIPPED LOUDLY: no package was tried on a booted systemd: {why}")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(project / "installer/build"))
        payload, deb = importlib.import_module("payload"), importlib.import_module("deb")
        one = Container(tmp_path_factory.mktemp("container"))
        told = {}
        for name, version, compression in (("old", payload.project_version(), "-Zgzip"), ("new", "99.0.0", "-Znone")):
            folder = payload.build(deb.PLATFORM, one.folder / name, version=version)
            told[name] = {"version": version, "file": deb.build(folder, one.shared, compression).name}
    (one.shared / "packages.json").write_text(json.dumps({**told, "steps": STEPS}), "utf-8")
    one.run()
    return one


@pytest.mark.parametrize("step", STEPS)
def test_the_story(container, step, capsys):
    """Every step of it went well; the first that did not says why."""
    told = container.steps.get(step)
    if told is None and any(not one["ok"] for one in container.steps.values()):
        pytest.skip("a step before it failed")
    assert told is not None, f"the container ended before: {container.console}"
    with capsys.disabled():
        print(f"\n  {told['seconds']:5.1f} s {step}: {told['said'] if told['ok'] else 'failed'}")
    assert told["ok"], told["said"]
