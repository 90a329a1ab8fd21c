"""Real agents as processes, real version folders, real signatures: an update is made, fails, is cut, and the till sells on."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import real_rig
from real_rig import Processes, settings_and_places, updater_of, write_version, zip_folder
from update_rig import CERTIFICATE, OTHER_KEY, ROOT_KEY, SIGNING_KEY, resigned

from agent.settings import Settings, TillSettings
from agent.signatures import public_text
from agent.updating.looking import look_at
from agent.updating.records import Wish, keep
from agent.updating.rehearsal import copy_state, keep_database, put_database_back, rehearse
from agent.updating.shelf import Shelf
from agent.updating.unpack import require_whole
from drivers.vocabulary import codec
from drivers.vocabulary.release import Manifest, Payload, sign_release
from offline_queue.reader import OutboxReader
from offline_queue.store import TillStore

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="starts processes as Linux does")

PLATFORM = "linux-x86_64-cp311"


class RealTill:
    """A till with 1.0.0 running as a process, and a scanner on a pseudo-terminal."""

    def __init__(self, folder: Path, *, watch_s: int = 3) -> None:
        self.folder = folder
        self.state, self.versions = folder / "state", folder / "versions"
        for one in (self.state, self.versions):
            one.mkdir()
        self._master, slave = os.openpty()
        self._slave = slave
        (folder / "config.toml").write_text(
            f"""
[till]
state_folder = "{self.state}"
[doors]
port = 0
[log]
files = 0
[updates]
versions_folder = "{self.versions}"
root_keys = ["{public_text(ROOT_KEY)}"]
watch_s = {watch_s}
[[devices]]
name = "scanner"
driver = "serial_scanner"
port = "serial:{os.ttyname(slave)}?baud=9600"
""",
            "utf-8",
        )
        write_version(self.versions / "1.0.0", "1.0.0")
        self.service = Processes(folder)
        self.places = settings_and_places(folder)[1]
        Shelf(self.places).point(self.places.current, self.versions / "1.0.0")
        self.service.start()
        try:
            self.wait_until_up()
        except BaseException:
            self.close()
            raise

    def wait_until_up(self, version: str = "", scanner: str = "scanner") -> None:
        """The agent answers, with its scanner; as the version that the pointer names when none is told."""
        current = Shelf(self.places).current()
        assert current is not None
        version = version or current.version
        end_s = time.monotonic() + 20
        while time.monotonic() < end_s:
            seen = look_at(self.state)
            if seen.state == "running" and seen.version == version and (not scanner or scanner in seen.open_devices):
                return
            time.sleep(0.02)
        raise AssertionError(f"not up: {look_at(self.state)} {self.service.log_since(datetime.now(UTC))}")

    def bring(
        self, version: str, kind: str = "", *, key: str = SIGNING_KEY, spoil: Callable[[Path], None] | None = None
    ) -> None:
        """What the agent lays into the inbox."""
        made = self.folder / f"made-{version}"
        shutil.rmtree(made, ignore_errors=True)
        write_version(made, version, kind)
        archive = self.folder / "made.zip"
        zip_folder(made, archive)
        data = archive.read_bytes()
        payload = Payload(sha256=hashlib.sha256(data).hexdigest(), size=len(data), schema=1, readable_from=1)
        manifest = Manifest(version=version, created=datetime(2026, 6, 1, tzinfo=UTC), platforms={PLATFORM: payload})
        signed = sign_release(SIGNING_KEY, CERTIFICATE, manifest)
        if key != SIGNING_KEY:
            signed = type(signed)(
                manifest=signed.manifest, certificate=CERTIFICATE, signature=resigned(key, signed.manifest)
            )
        self.places.inbox.mkdir(exist_ok=True)
        (self.places.inbox / f"{version}.release.json").write_bytes(codec.encode(signed))
        target = self.places.inbox / f"{payload.sha256}.zip"
        target.write_bytes(data)
        if spoil is not None:
            spoil(target)
        self.wish(version)

    def wish(self, version: str) -> None:
        """The till is quiet."""
        keep(self.places.wish, Wish(version=version, at=datetime.now(UTC), switch=True))

    def apply(self, cut: int | None = None) -> dict[str, Any] | None:
        """The updater as a process of its own; None when it was cut."""
        words = [sys.executable, real_rig.__file__, str(self.folder), *([str(cut)] if cut is not None else [])]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode == real_rig.CUT_CODE:
            return None
        assert done.returncode == 0, done.stderr[-3_000:]
        told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return told

    @property
    def sells_with(self) -> str:
        """The version that answers, which is the one that the pointer names, whole."""
        seen = look_at(self.state)
        assert seen.state == "running", (seen, self.service.log_since(datetime.now(UTC)))
        current = Shelf(self.places).current()
        assert current is not None
        assert current.version == seen.version
        require_whole(current.path)
        return seen.version

    def close(self) -> None:
        self.service.stop()
        os.close(self._master)
        os.close(self._slave)


@pytest.fixture
def till(tmp_path: Path) -> Iterator[RealTill]:
    one = RealTill(tmp_path)
    yield one
    one.close()


def no_rehearsal(folder: Path, words: Any, **more: Any) -> dict[str, Any]:
    """The short version: rehearsals have their own test."""
    return {"version": folder.name, "troubles": []}


def test_a_switch_between_real_agents(till: RealTill) -> None:
    """Stop, switch, start, watch: the new process answers, and its scanner is open again."""
    till.bring("1.1.0")
    updater, _ = updater_of(till.folder, run=no_rehearsal)
    updater._switching._watch_s = 0.2

    status = updater.apply()

    assert status.last is not None
    assert ("healthy", "") == (status.last.outcome.value, status.last.reason)
    assert "1.1.0" == till.sells_with


# ── A rehearsal ─────────────────────────────────────────────────────────────────────────────────


def test_a_rehearsal_starts_the_agent_on_a_copy(tmp_path: Path) -> None:
    """The whole agent but devices and sync; the till's own files are not touched."""
    state, copy = tmp_path / "state", tmp_path / "copy"
    state.mkdir()
    copy.mkdir()
    with TillStore.open(state / "till.db", epoch=1, ballast_bytes=0):
        (state / "api.token").write_text("0123456789abcdef0123456789abcdef", "ascii")
        copy_state(state, copy)  # beside the agent that runs
        before = sorted(one.name for one in state.iterdir())

        told = rehearse(Settings(till=TillSettings(state_folder=str(state))), copy)

        assert before == sorted(one.name for one in state.iterdir())
    assert {"version", "schema", "troubles"} == told.keys()
    assert (copy / "till.db").exists()


def test_a_copy_goes_back_only_where_nothing_was_sold(tmp_path: Path) -> None:
    """Receipts of the new version are never lost to its rollback."""
    state, kept = tmp_path / "state", tmp_path / "kept"
    state.mkdir()
    kept.mkdir()
    path = state / "till.db"
    with TillStore.open(path, epoch=1, ballast_bytes=0) as store:
        write_one(store, 1)
    assert keep_database(state, kept)["kept"]

    assert put_database_back(kept, state) == {"put_back": True}
    with TillStore.open(path, epoch=1, ballast_bytes=0) as store:
        write_one(store, 2)
    assert put_database_back(kept, state) == {"put_back": False}
    with OutboxReader.open(path) as reader:
        assert 2 == len(reader.page())
    path.write_bytes(b"rubbish" * 1_000)
    assert put_database_back(kept, state) == {"put_back": False}


def write_one(store: TillStore, number: int) -> None:
    """One envelope."""
    with store.transaction() as transaction:
        transaction.append(
            id=f"00000000-0000-7000-8000-{number:012d}",
            kind="receipt",
            occurred_at=datetime(2026, 6, 1, tzinfo=UTC).isoformat(),
            boot_id="b",
            uptime_ms=1,
            programme_version=0,
            body=b"{}",
        )


# ── The whole of it; heavy ──────────────────────────────────────────────────────────────────────

CHANGED = [
    ("", "1.1.0", "healthy", ""),
    ("everywhere", "1.0.0", "failed", "no module named part"),
    ("start", "1.0.0", "rolled_back", "has not answered"),
    ("driver", "1.0.0", "rolled_back", "device scanner was open before"),
    ("slow", "1.0.0", "rolled_back", "has not answered"),
]


@pytest.mark.soak
@pytest.mark.parametrize(("kind", "ends", "outcome", "words"), CHANGED)
def test_an_update(till: RealTill, kind: str, ends: str, outcome: str, words: str) -> None:
    """Good, broken in the rehearsal, broken at the start, broken in a driver, hanging."""
    till.bring("1.1.0", kind)

    told = till.apply()

    assert told is not None
    assert (ends, outcome) == (told["running"], told["outcome"]), told
    assert words in told["reason"]
    till.wait_until_up(ends)
    assert ends == till.sells_with


def truncated(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-100])


@pytest.mark.soak
@pytest.mark.parametrize(
    ("version", "more", "words"),
    [
        ("1.1.0", {"key": OTHER_KEY}, "did not sign this manifest"),
        ("0.9.0", {}, "older than 1.0.0"),
        ("1.1.0", {"spoil": truncated}, "not the one that was signed"),
    ],
)
def test_an_update_that_is_not_taken(till: RealTill, version: str, more: dict[str, Any], words: str) -> None:
    """Wrong signature, lower version, truncated archive: the agent that runs is not even stopped."""
    pid = till.service.pid()
    till.bring(version, **more)

    told = till.apply()

    assert told is not None
    assert words in told["reason"]
    assert (pid, "1.0.0") == (till.service.pid(), till.sells_with)


@pytest.mark.soak
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounts a small disk, which root may")
def test_a_full_disk(tmp_path: Path) -> None:
    """The versions lie on a disk of 1 MB: the release is not taken, the till sells on."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], check=False)
    if mounted.returncode:
        pytest.skip("no right to mount here")
    try:
        till = RealTill(small)
        try:
            till.bring("1.1.0")
            told = till.apply()
            assert told is not None
            assert "free some room" in told["reason"]
            assert "1.0.0" == till.sells_with
        finally:
            till.close()
    finally:
        subprocess.run(["umount", small], check=False)


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["", "driver"])
def test_the_updater_is_killed_at_every_step(tmp_path: Path, kind: str, say: Callable[[str], None]) -> None:
    """SIGKILL before each act of a real update, and the agent with it every second time, as the mains would."""
    ends = "1.1.0" if not kind else "1.0.0"
    cuts = 0
    for cut in range(1, 100):
        folder = tmp_path / f"cut-{cut}"
        folder.mkdir()
        till = RealTill(folder)
        try:
            till.bring("1.1.0", kind)
            if till.apply(cut) is not None:
                break
            cuts += 1
            if cut % 2:
                till.service.kill()
                till.service.start()  # the machine boots: the launcher goes by the pointer
            else:
                till.service.start()
            is_new = till.places.current.read_text("utf-8").strip().endswith("1.1.0")
            till.wait_until_up(scanner="" if is_new and kind else "scanner")
            till.wish("1.1.0")
            told = till.apply()
            assert told is not None
            assert ends == told["running"], (cut, told)
            till.wait_until_up(ends)
            assert ends == till.sells_with, (cut, told)
            assert not till.places.journal.exists()
        finally:
            till.close()
    say(f"real update of a version that is {kind or 'good'}: killed at {cuts} points")
    assert cuts > 15
