"""One run of the updater after another: what is taken, what is not, and that the till runs a version after each."""

from __future__ import annotations

import hashlib
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from update_rig import (
    CERTIFICATE,
    NOON,
    OTHER_KEY,
    ROOT_KEY,
    SIGNING_KEY,
    Machine,
    archive_of,
    files_of,
    refuse,
)

from agent.signatures import public_text
from agent.updating import shelf as shelf_module
from agent.updating.places import has_work
from drivers.vocabulary.release import CertifiedKey, ReleaseRefused, certify
from drivers.vocabulary.updates import TryOutcome, UpdateState
from offline_queue.errors import StoreBusy
from offline_queue.files import WriterLock

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="modes and links of POSIX")


def test_a_good_update(machine: Machine) -> None:
    """The new version runs, the old one stays for the way back, the inbox was not needed twice."""
    machine.bring("1.1.0")

    status = machine.apply()

    assert ("1.1.0", "1.1.0") == (machine.agent.running, status.running)
    assert status.last is not None
    assert TryOutcome.HEALTHY is status.last.outcome
    assert ("1.1.0", "1.0.0") == (machine.record.good, machine.record.previous)
    assert ["1.0.0", "1.1.0"] == [one.version for one in shelf_module.Shelf(machine.places).folders()]
    assert not machine.places.journal.exists()
    assert "1.1.0" == machine.places.good.read_text("utf-8").strip()[-5:]


def test_made_ready_first_and_changed_over_later(machine: Machine) -> None:
    """Without the word that the till is quiet nothing is touched but the shelf."""
    machine.bring("1.1.0", switch=False)

    status = machine.apply()

    assert (UpdateState.STAGED, "1.1.0", "1.0.0") == (status.state, status.prepared, machine.agent.running)
    assert 1 == machine.agent.starts
    assert not has_work(machine.places)
    machine.wish("1.1.0")
    machine.apply()
    assert "1.1.0" == machine.agent.running


def test_what_an_installer_of_windows_brought_goes_on_while_the_first_update_is_made_ready(machine: Machine) -> None:
    """It lies in the same folder and no pointer names it: the newest would be started, and the one that runs removed."""
    machine.places.current.unlink()
    machine.bring("1.1.0", switch=False)

    status = machine.apply()

    assert ("1.0.0", "1.1.0") == (status.running, status.prepared)
    assert ["1.0.0 data copy", "1.0.0 rehearse --state", "1.1.0 rehearse --state"] == machine.asked[:3]
    machine.agent.stop()
    machine.agent.boot()  # the till is switched on again before the shop has closed
    assert ("1.0.0", "1.0.0") == (machine.agent.running, machine.pointed)
    machine.ills["1.1.0"] = "start"
    machine.wish("1.1.0")
    machine.apply()
    assert ("1.0.0", "1.0.0") == (machine.agent.running, machine.pointed)


def test_a_folder_that_cannot_be_moved_away_is_no_version_at_least(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows a program may still run from it: what cannot go stays, and nothing starts it any more."""
    folder = machine.install("0.8.0")
    shelf = shelf_module.Shelf(machine.places)

    def refuse_rename(*_: Any) -> None:
        raise PermissionError(13, "in use")

    monkeypatch.setattr(shelf_module.shutil, "rmtree", lambda *_, **__: None)
    monkeypatch.setattr(Path, "rename", refuse_rename)

    assert ["0.8.0"] == shelf.prune({"1.0.0"})

    assert folder.exists()
    assert ["1.0.0"] == [one.version for one in shelf.folders()]


def test_rehearsed_on_a_copy_and_the_way_back_too(machine: Machine) -> None:
    """Old on the copy, new on the copy, and old once more on what the new one left."""
    machine.bring("1.1.0", switch=False)
    machine.apply()

    assert [
        "1.0.0 data copy",
        "1.0.0 rehearse --state",
        "1.1.0 rehearse --state",
        "1.0.0 rehearse --state",
    ] == machine.asked
    assert not (machine.places.work / "rehearsal").exists()


@pytest.mark.parametrize(
    ("ill", "words"),
    [
        ("start", "has not answered within 60 s"),
        ("loop", "starts again and again"),
        ("silent", "has not answered within 60 s: timed out"),
        ("driver", "device printer was open before and fails: no such symbol"),
        ("device", "device scanner was open before and is not any more"),
        ("store", "cannot use the database"),
        ("part", "a part of version 1.1.0 did not start: a part is broken"),
        ("version", "has not answered within 60 s: version 0.9.9 runs instead"),
    ],
)
def test_a_version_that_is_not_well_goes_back(machine: Machine, ill: str, words: str) -> None:
    """The old one runs again, the reason is told, the log is kept, and it is not tried again by itself."""
    machine.ills["1.1.0"] = ill
    machine.bring("1.1.0")

    status = machine.apply()

    assert ("1.0.0", "1.0.0") == (machine.agent.running, machine.pointed)
    assert status.last is not None
    assert TryOutcome.ROLLED_BACK is status.last.outcome
    assert words in status.last.reason
    assert UpdateState.ROLLED_BACK is status.state
    assert "Traceback" in (machine.places.work / "logs" / "1.1.0.log").read_text("utf-8")
    starts = machine.agent.starts
    machine.bring("1.1.0")
    again = machine.apply()
    assert starts == machine.agent.starts
    assert again.last == status.last
    assert "1.0.0" == machine.agent.running


def test_an_old_version_that_cannot_use_the_database_gets_its_copy(machine: Machine) -> None:
    """The one case for it; whether anything was written since is asked of the copy's own room."""
    machine.ills["1.1.0"] = "start"
    machine.bring("1.1.0")

    def at(act: str) -> None:
        if act == "start again":
            machine.ills["1.0.0"] = "store"

    machine.at = at
    machine.apply()

    assert "1.0.0 data restore" in machine.asked
    assert "1.0.0" == machine.agent.running
    assert not list(machine.places.work.glob("copy-*"))


def test_the_copy_is_left_alone_where_the_old_version_is_well(machine: Machine) -> None:
    """What the new one sold is in the file."""
    machine.ills["1.1.0"] = "part"
    machine.bring("1.1.0")
    machine.apply()

    assert ["1.0.0 data keep"] == [one for one in machine.asked if "keep" in one or "restore" in one]


def test_a_device_that_was_off_before_is_no_fault(machine: Machine) -> None:
    """Only what was open is awaited."""
    machine.ills["1.0.0"] = machine.ills["1.1.0"] = "device"
    machine.bring("1.1.0")

    assert "1.1.0" == machine.apply().running


# ── What is not taken ───────────────────────────────────────────────────────────────────────────

LATER = CertifiedKey(
    key=public_text(SIGNING_KEY),
    valid_from=datetime(2027, 1, 1, tzinfo=UTC),
    valid_until=datetime(2028, 1, 1, tzinfo=UTC),
)


#: As long as the signed one and as good a zip: the time of its first file is another one.
TOUCHED = archive_of(files_of("1.1.0"))
TOUCHED = TOUCHED[:10] + bytes([TOUCHED[10] ^ 1]) + TOUCHED[11:]


@pytest.mark.parametrize(
    ("brought", "words"),
    [
        ({"key": OTHER_KEY}, "did not sign this manifest"),
        ({"certificate": certify(OTHER_KEY, replace(LATER))}, "this till does not trust it"),
        ({"certificate": certify(ROOT_KEY, LATER)}, "counts from 2027-01-01, and this was signed on 2026-06-01"),
        (
            {"certificate": replace(CERTIFICATE, statement=certify(ROOT_KEY, LATER).statement)},
            "did not sign this certificate",
        ),
        ({"oldest_from": "1.0.1"}, "wants 1.0.1 before it"),
        ({"payload": {"schema": 9, "readable_from": 9}}, "1.0.0 could not go on with the tables"),
        ({"payload": {"schema": 2}}, "the archive's schema is 1, the release says 2"),
        ({"files": files_of("1.2.0")}, "the archive's version is 1.2.0"),
        ({"archive": b""}, "not the one that was signed"),
        ({"archive": archive_of(files_of("1.1.0"))[:-40]}, "not the one that was signed"),
        ({"archive": archive_of(files_of("1.1.0")) + b"x"}, "not the one that was signed"),
        ({"archive": TOUCHED}, "not the one that was signed"),
        ({"files": {**files_of("1.1.0"), "more.py": b""}}, "has more.py, which its list does not"),
        ({"files": {n: d for n, d in files_of("1.1.0").items() if n != "SBOM.json"}}, "lacks SBOM.json"),
        ({"files": {**files_of("1.1.0"), "start.py": b"evil"}}, "is not as it was built"),
    ],
)
def test_a_release_that_is_not_taken(machine: Machine, brought: dict[str, Any], words: str) -> None:
    """The till sells on as it is; the reason is a sentence; nothing stays on the shelf."""
    machine.bring("1.1.0", **brought)

    status = machine.apply()

    assert status.last is not None
    assert words in status.last.reason
    assert ("1.0.0", 1) == (machine.agent.running, machine.agent.starts)
    assert not (machine.versions / "1.1.0").exists()
    assert not list(machine.places.work.glob("new-*"))


def test_a_lower_version_is_not_taken(machine: Machine) -> None:
    """A signed release is good for ever, and its mistakes with it."""
    machine.bring("0.9.0")

    status = machine.apply()

    assert status.last is not None
    assert "release 0.9.0 is older than 1.0.0" in status.last.reason
    assert "1.0.0" == machine.agent.running


def test_not_lower_than_the_last_good_one_either(machine: Machine) -> None:
    """Somebody laid the pointer back to an old folder: what lies between was good here and counts."""
    machine.install("0.5.0")
    machine.bring("1.1.0")
    machine.apply()
    shelf_module.Shelf(machine.places).point(machine.places.current, machine.versions / "0.5.0")
    machine.bring("0.6.0")

    status = machine.apply()

    assert status.last is not None
    assert "older than 1.1.0" in status.last.reason


def test_a_clock_that_is_behind_makes_no_key_good_again(machine: Machine) -> None:
    """It is at least the time when the version that runs was built."""
    machine.install("1.0.0", built="2027-02-01T00:00:00Z")
    machine.now = datetime(2015, 1, 1, tzinfo=UTC)
    machine.bring("1.1.0")

    status = machine.apply()

    assert status.last is not None
    assert "counted until 2027-01-01 and it is 2027-02-01 here" in status.last.reason


def test_a_clock_that_is_behind_costs_no_good_update(machine: Machine) -> None:
    """A dead battery: 2015."""
    machine.now = datetime(2015, 1, 1, tzinfo=UTC)
    machine.bring("1.1.0")

    assert "1.1.0" == machine.apply().running


def test_what_was_verified_once_moves_the_time(machine: Machine) -> None:
    """A release signed in December was seen: from then on it is December, whatever the clock says."""
    machine.bring("1.1.0", created=datetime(2026, 12, 1, tzinfo=UTC), switch=False)
    machine.apply()

    assert datetime(2026, 12, 1, tzinfo=UTC) == machine.record.newest


def test_a_clock_that_is_ahead_is_named(machine: Machine) -> None:
    """It refuses, and the sentence says what to look at."""
    machine.now = datetime(2099, 1, 1, tzinfo=UTC)
    machine.bring("1.1.0")

    status = machine.apply()

    assert status.last is not None
    assert "check this till's clock" in status.last.reason
    machine.now = NOON
    machine.bring("1.1.0")
    assert "1.1.0" == machine.apply().running


def test_a_revoked_key(machine: Machine) -> None:
    """Whatever its certificate says."""
    fingerprint = hashlib.sha256(__import__("base64").b64decode(public_text(SIGNING_KEY))).hexdigest()[:16]
    updates = replace(machine.settings.updates, revoked_keys=(fingerprint,))
    machine.settings = replace(machine.settings, updates=updates)
    machine.bring("1.1.0")

    status = machine.apply()

    assert status.last is not None
    assert f"signing key {fingerprint} was revoked" in status.last.reason


@POSIX
def test_settings_that_others_may_write(machine: Machine) -> None:
    """They name the keys that are trusted."""
    machine.config.chmod(0o666)
    machine.bring("1.1.0")

    status = machine.apply()

    assert status.last is not None
    assert "give it to root, mode 0644" in status.last.reason


@POSIX
def test_a_release_by_a_link(machine: Machine, tmp_path: Path) -> None:
    """The agent's account leads us nowhere: a link in the inbox is not followed."""
    machine.bring("1.1.0")
    release = machine.places.inbox / "1.1.0.release.json"
    release.rename(tmp_path / "elsewhere.json")
    release.symlink_to(tmp_path / "elsewhere.json")

    status = machine.apply()

    assert status.last is not None
    assert "cannot read" in status.last.reason


def test_no_room(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen before anything is written; tried again when there is room."""
    machine.bring("1.1.0")
    monkeypatch.setattr(shelf_module.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1 << 20}))

    status = machine.apply()

    assert status.last is not None
    assert "free some room" in status.last.reason
    monkeypatch.undo()
    machine.wish("1.1.0")
    assert "1.1.0" == machine.apply().running


@pytest.mark.parametrize("where", ["1.1.0", "1.0.0"])
def test_a_rehearsal_that_fails(machine: Machine, where: str) -> None:
    """The new version on the copy, or the old one on what the new one left: the till is not touched."""
    if where == "1.0.0":
        turns = iter([{"version": "1.0.0", "troubles": []}])
        machine.rehearsals["1.0.0"] = lambda: next(turns, None) or refuse("tables 2, this one knows 1")()
    else:
        machine.rehearsals["1.1.0"] = refuse("ImportError: no module named part")
    machine.bring("1.1.0")

    status = machine.apply()

    assert status.last is not None
    assert TryOutcome.FAILED is status.last.outcome
    assert ("no way leads back" if where == "1.0.0" else "ImportError") in status.last.reason
    assert ("1.0.0", 1) == (machine.agent.running, machine.agent.starts)
    assert "1.1.0" in machine.record.not_again


def test_a_trouble_that_was_there_before_is_no_fault(machine: Machine) -> None:
    """A device whose settings are wrong is wrong in both versions."""
    for version in ("1.0.0", "1.1.0"):
        machine.rehearsals[version] = lambda version=version: {"version": version, "troubles": ["device 'x': no port"]}
    machine.bring("1.1.0")

    assert "1.1.0" == machine.apply().running


# ── The moment ──────────────────────────────────────────────────────────────────────────────────


def test_never_with_a_customer_on_the_panel(machine: Machine) -> None:
    """The updater looks itself, right before it stops the service."""
    machine.screen = "found"
    machine.bring("1.1.0")

    status = machine.apply()

    assert ("1.0.0", "not now: a customer is on the panel") == (machine.agent.running, status.waiting)
    machine.screen = "idle"
    machine.wish("1.1.0")
    assert "1.1.0" == machine.apply().running


def test_an_old_wish_is_none(machine: Machine) -> None:
    """The till was quiet an hour ago; now somebody may stand there."""
    machine.bring("1.1.0")
    machine.now += timedelta(hours=1)

    assert "asked again" in machine.apply().waiting
    assert "1.0.0" == machine.agent.running


def test_an_agent_that_does_not_answer_is_not_replaced_by_itself(machine: Machine) -> None:
    """Nobody could tell afterwards which devices were open before; by hand it may be."""
    machine.ills["1.0.0"] = "silent"
    machine.bring("1.1.0")

    assert "the agent does not answer" in machine.apply().waiting
    assert "1.0.0" == machine.agent.running
    assert "1.1.0" == machine.updater.go_to("1.1.0").running


def test_two_updaters_at_once(machine: Machine) -> None:
    """The second ends at once."""
    machine.places.work.mkdir()
    lock = WriterLock.acquire(machine.places.work / "updater")
    try:
        with pytest.raises(StoreBusy):
            machine.apply()
    finally:
        lock.release()


def test_a_service_that_does_not_stop(machine: Machine) -> None:
    """Nothing is switched under a running agent."""
    machine.agent.refuses_stop = True
    machine.bring("1.1.0")

    status = machine.apply()

    assert ("1.0.0", "1.0.0") == (machine.agent.running, machine.pointed)
    assert status.last is not None
    assert "does not end" in status.last.reason


def test_switched_off(machine: Machine) -> None:
    """`updates.install = "off"`: a wish is none."""
    machine.settings = replace(machine.settings, updates=replace(machine.settings.updates, install="off"))
    machine.bring("1.1.0")

    assert "1.0.0" == machine.apply().running
    assert not (machine.versions / "1.1.0").exists()


# ── By hand ─────────────────────────────────────────────────────────────────────────────────────


def test_back_by_hand(machine: Machine) -> None:
    """The version before runs again, and the one that was left does not come by itself."""
    machine.bring("1.1.0")
    machine.apply()

    status = machine.updater.back()

    assert ("1.0.0", "1.0.0") == (machine.agent.running, status.running)
    machine.bring("1.1.0")
    assert "1.0.0" == machine.apply().running
    machine.updater.forgive()
    machine.bring("1.1.0")
    assert "1.1.0" == machine.apply().running


def test_back_where_there_is_nothing(machine: Machine) -> None:
    """A sentence."""
    with pytest.raises(ReleaseRefused, match="no version to go back to"):
        machine.updater.back()


def test_pinned(machine: Machine) -> None:
    """No other version comes until it is unpinned."""
    machine.updater.pin("1.0.0")
    machine.bring("1.1.0")
    status = machine.apply()

    assert (UpdateState.PINNED, "1.0.0") == (status.state, status.running)
    machine.updater.pin("")
    machine.bring("1.1.0")
    assert "1.1.0" == machine.apply().running


def test_pinned_to_a_lower_version_on_the_shelf(machine: Machine) -> None:
    """By hand it may be lower; it is watched all the same."""
    machine.bring("1.1.0")
    machine.apply()

    status = machine.updater.go_to("1.0.0", pinned=True)

    assert ("1.0.0", "1.0.0") == (status.running, status.pinned)
    with pytest.raises(ReleaseRefused, match=r"version 7\.0\.0 is not on this till"):
        machine.updater.go_to("7.0.0")


def test_out_of_a_folder(machine: Machine, tmp_path: Path) -> None:
    """A stick: the same signatures, no centre."""
    machine.bring("1.1.0")
    machine.places.wish.unlink()
    stick = tmp_path / "stick"
    machine.places.inbox.rename(stick)

    assert "1.1.0" == machine.updater.carried(stick).running
    with pytest.raises(ReleaseRefused, match="0 files"):
        machine.updater.carried(tmp_path)


def test_a_shelf_is_tidied(machine: Machine) -> None:
    """What runs, the good one before, and nothing else; a packaged version is the package's."""
    for number in range(1, 5):
        machine.bring(f"1.{number}.0")
        machine.apply()

    assert ["1.3.0", "1.4.0"] == [one.version for one in shelf_module.Shelf(machine.places).folders()]


def test_tampered_with_after_it_was_made_ready(machine: Machine) -> None:
    """Looked at again right before the switch: a disk forgets, too."""
    machine.bring("1.1.0", switch=False)
    machine.apply()
    (machine.versions / "1.1.0" / "start.py").write_text("# 1.1.x", "utf-8")
    machine.wish("1.1.0")

    status = machine.apply()

    assert status.last is not None
    assert "is not as it was built" in status.last.reason
    assert "1.0.0" == machine.agent.running
