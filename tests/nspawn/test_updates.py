"""Updates on a booted systemd: the units do them, take bad ones back, and go on after kills and power cuts.

The story is in `inside_updates.py`; here each of its steps is a test. `python3 dev.py test --all` runs it.
"""

from __future__ import annotations

import importlib
import json

import pytest

from tests.nspawn.base import missing
from tests.nspawn.boot import Container

pytestmark = pytest.mark.machine

LIFE_S = 1_500.0  # it takes seven minutes, on processors that others use too twice as long

#: What is played, in this order; each is a method of `tests.nspawn.inside_updates.Story`.
STEPS = (
    "installed_with_a_scanner",
    "a_wish_starts_the_updater",
    "when_the_till_is_quiet_it_changes_over",
    "back_by_hand_and_there_again_from_a_stick",
    "its_sandbox_has_what_it_needs_and_no_more",
    "one_that_does_not_start_is_taken_back",
    "one_whose_driver_fails_is_taken_back",
    "one_signed_by_a_stranger_is_refused",
    "a_lower_one_is_refused",
    "the_updater_is_killed_while_stopping",
    "the_updater_is_killed_while_switching",
    "the_updater_is_killed_while_watching",
    "the_power_goes_while_stopping",
    "after_that_the_old_one_sells",
    "the_power_goes_while_switching",
    "after_that_a_whole_one_sells",
    "the_power_goes_while_watching",
    "after_that_the_new_one_is_watched_to_the_end",
    "a_package_that_cannot_be_unpacked_changes_nothing",
    "a_package_between_leaves_the_pointer",
    "a_newer_package_in_the_middle_of_the_stop",
    "a_lower_wish_does_not_undo_a_package",
    "an_older_package_while_a_newer_one_is_watched",
    "removed_in_the_middle_it_stops",
    "installed_again_it_ends_what_was_begun",
    "purged_nothing_is_left",
)

#: Packages of this tree under other numbers.
PACKAGES = {"between": "45.0.0", "new": "60.0.0"}
#: Name → version, what is wrong with it.
RELEASES = {
    "good": ("50.1.0", ""),
    "start": ("50.2.0", "start"),
    "driver": ("50.3.0", "driver"),
    "forged": ("50.4.0", ""),
    "lower": ("40.0.0", ""),
    "killed": ("50.5.0", ""),
    "cut": ("50.6.0", ""),
    "late": ("50.7.0", ""),
    "latest": ("70.0.0", ""),
}


@pytest.fixture(scope="module")
def container(project, tmp_path_factory):
    """One payload of this tree, packages and releases made of it; booted, played, cut and switched off once."""
    why = missing()
    if why:
        pytest.skip(f"SKIPPED LOUDLY: no update was tried on a booted systemd: {why}")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(project / "installer/build"))
        payload, deb = importlib.import_module("payload"), importlib.import_module("deb")
        from tests.nspawn.releases import Press, renumbered

        beside = ("updates.py", "probe.py")
        one = Container(tmp_path_factory.mktemp("updates"), "inside_updates", beside, life_s=LIFE_S)
        folder = payload.build(deb.PLATFORM, one.folder / "payload", version=payload.project_version())
        packages = {"old": folder}
        for name, version in PACKAGES.items():
            packages[name] = renumbered(folder, one.folder / name, version)
        press = Press(folder, one.shared / "releases")
        told = {
            "packages": {
                name: {"version": _version(made), "file": deb.build(made, one.shared, "-Znone").name}
                for name, made in packages.items()
            },
            "releases": {
                name: press.release(version, fault, is_forged=name == "forged")
                for name, (version, fault) in RELEASES.items()
            },
            "root": press.root,
            "steps": STEPS,
        }
    (one.shared / "packages.json").write_text(json.dumps(told), "utf-8")
    one.run()
    return one


def _version(folder):
    return json.loads((folder / "release.json").read_text("utf-8"))["version"]


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
