"""A till with version folders on a real disk, whose agent, service manager and time are small doubles of our own.

Every act on the disk can be the last one: Python's audit events come before each, and from the cut on nothing more
reaches the disk, as when the power goes.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shutil
import sys
import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from agent.settings import Settings, TillSettings, UpdatesSettings
from agent.signatures import new_private_key, public_text
from agent.updating.manager import ManagerError
from agent.updating.records import Record, Status, Wish, keep, read
from agent.updating.shelf import Shelf
from agent.updating.updater import Updater
from agent.updating.watch import Look
from drivers.vocabulary import codec
from drivers.vocabulary.release import (
    CertifiedKey,
    Manifest,
    Payload,
    ReleaseRefused,
    certify,
    sign_release,
)

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
PLATFORM = "linux-x86_64-cp311"
ROOT_KEY, SIGNING_KEY, OTHER_KEY = new_private_key(), new_private_key(), new_private_key()
CERTIFICATE = certify(
    ROOT_KEY,
    CertifiedKey(
        key=public_text(SIGNING_KEY),
        valid_from=datetime(2026, 1, 1, tzinfo=UTC),
        valid_until=datetime(2027, 1, 1, tzinfo=UTC),
    ),
)


def files_of(version: str, **more: Any) -> dict[str, bytes]:
    """What a version folder has; `more` goes over its release.json."""
    files = {"start.py": f"# {version}\n".encode(), "app/agent/part.py": b"PART = 1\n" * 50, "SBOM.json": b"{}"}
    facts = {
        "version": version,
        "platform": PLATFORM,
        "built": "2026-05-01T00:00:00Z",
        "schema": 1,
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }
    return {**files, "release.json": json.dumps({**facts, **more}).encode()}


def archive_of(files: dict[str, bytes]) -> bytes:
    """A zip of them."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


class Cut(BaseException):
    """The power goes."""


class Scissors:
    """Counts the acts on the disk below a folder, and cuts before the n-th: from then on every one fails."""

    def __init__(self) -> None:
        self.below = ""
        self.cut_at: int | None = None
        self.count = 0
        self.last = ""
        sys.addaudithook(self._hear)

    def _hear(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.below or event not in {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}:
            return
        path = args[0]
        if not isinstance(path, str | Path) or not str(path).startswith(self.below):
            return
        if event == "open" and not (isinstance(args[2], int) and args[2] & 0o3):  # not for writing
            return
        try:
            self.act(f"{event} {str(path)[len(self.below) :]}")
        except Cut:
            if event == "open" and args[2] & os.O_TRUNC and self.count == self.cut_at and Path(path).exists():
                below, self.below = self.below, ""
                os.truncate(path, 0)  # the file was opened, and nothing was written into it any more
                self.below = below
            raise

    def act(self, name: str) -> None:
        """One act; also those of the service manager."""
        if not self.below:
            return
        self.count += 1
        if self.cut_at is not None and self.count >= self.cut_at:
            if self.count == self.cut_at:
                self.last = name
            raise Cut(name)


SCISSORS = Scissors()


class FakeAgent:
    """The service manager and the agent in one: what runs is what the pointer names, once it was started."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.running: str | None = None
        self.pid = 100
        self.starts = 0
        self.refuses_stop = False
        self.written_by: list[str] = []

    def stop(self) -> None:
        SCISSORS.act("stop")
        if self.refuses_stop:
            raise ManagerError("it does not end")
        self.running = None

    def start(self) -> None:
        SCISSORS.act("start")
        if self.running is None:
            self.boot()

    def boot(self) -> None:
        """The launcher."""
        found = Shelf(self._machine.places).current()
        self.running = found.version if found is not None else None
        self.pid += 1
        self.starts += 1

    def is_running(self) -> bool:
        return self.running is not None

    def log_since(self, moment: datetime) -> str:
        return f"Traceback … of {self.running}"

    def look(self) -> Look:
        """What the local API would say."""
        how = self._machine.ills.get(self.running or "", "")
        if self.running is None or how == "start":
            return Look(state="stopped", why="it has not said that it runs")
        if how == "loop":
            self.pid += 1
            return Look(state="stopped", pid=self.pid, version=self.running)
        if how == "silent":
            return Look(state="silent", pid=self.pid, why="timed out")
        devices = [
            {"name": "printer", "state": "failed" if how == "driver" else "on", "detail": "no such symbol"},
            {"name": "scanner", "state": "off" if how == "device" else "on", "detail": ""},
        ]
        notice = "cannot open till.db: written by a newer Tillpoint" if how == "store" else ""
        status = {"screen": self._machine.screen, "devices": devices, "notice": notice}
        troubles = ("a part is broken",) if how == "part" else ()
        version = "0.9.9" if how == "version" else self.running
        return Look(state="running", pid=self.pid, version=version, troubles=troubles, status=status)


class Machine:
    """A till's folders, its agent, its time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.versions, self.state = folder / "versions", folder / "state"
        self.versions.mkdir()
        self.state.mkdir()
        self.config = folder / "config.toml"
        self.config.write_text("", "utf-8")
        self.now = NOON
        self.clock_s = 0.0
        self.ills: dict[str, str] = {}
        self.rehearsals: dict[str, Callable[[], dict[str, Any]]] = {}
        self.screen = "idle"
        self.asked: list[str] = []
        self.acts: list[str] = []
        self.at: Callable[[str], object] = self.acts.append
        self.settings = Settings(
            till=TillSettings(state_folder=str(self.state)),
            updates=UpdatesSettings(versions_folder=str(self.versions), root_keys=(public_text(ROOT_KEY),), watch_s=60),
        )
        self.agent = FakeAgent(self)
        self.updater = self.make_updater()
        self.places = self.updater.places
        self.install("1.0.0")
        Shelf(self.places).point(self.places.current, self.versions / "1.0.0")
        self.agent.boot()

    def _told(self, act: str) -> None:
        self.at(act)

    def make_updater(self) -> Updater:
        """As the service manager starts it."""

        def sleep(seconds: float) -> None:
            self.clock_s += seconds

        return Updater(
            self.settings,
            self.config,
            manager=self.agent,
            look=self.agent.look,
            now=lambda: self.now + timedelta(seconds=self.clock_s),
            at=self._told,
            platform=PLATFORM,
            run=self.run,
            sleep=sleep,
            monotonic=lambda: self.clock_s,
            look_s=5.0,
        )

    def run(self, folder: Path, words: Sequence[str], **more: Any) -> dict[str, Any]:
        """What the version would print, had it been started."""
        self.asked.append(f"{folder.name} {' '.join(words[1:3])}")
        if words[1] == "rehearse":
            told = self.rehearsals.get(folder.name, lambda: {"version": folder.name, "troubles": []})
            return told()
        return {"kept": True, "put_back": True}

    def install(self, version: str, **more: Any) -> Path:
        """A version folder as the package or an earlier update brought it."""
        folder = self.versions / version
        for name, data in files_of(version, **more).items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
        return folder

    def bring(
        self,
        version: str,
        *,
        files: dict[str, bytes] | None = None,
        archive: bytes | None = None,
        key: str = SIGNING_KEY,
        certificate: Any = CERTIFICATE,
        switch: bool = True,
        payload: dict[str, Any] | None = None,
        **manifest: Any,
    ) -> None:
        """What the agent lays into the inbox."""
        inbox = self.places.inbox
        inbox.mkdir(exist_ok=True)
        whole = archive_of(files if files is not None else files_of(version))
        digest = hashlib.sha256(whole).hexdigest()
        facts = {"sha256": digest, "size": len(whole), "schema": 1, "readable_from": 1, **(payload or {})}
        made = Manifest(
            version=version, created=manifest.pop("created", NOON), platforms={PLATFORM: Payload(**facts)}, **manifest
        )
        signed = sign_release(SIGNING_KEY, CERTIFICATE, made)
        if key != SIGNING_KEY or certificate is not CERTIFICATE:
            signed = replace(signed, certificate=certificate, signature=resigned(key, signed.manifest))
        (inbox / f"{version}.release.json").write_bytes(codec.encode(signed))
        (inbox / f"{digest}.zip").write_bytes(whole if archive is None else archive)
        self.wish(version, switch=switch)

    def wish(self, version: str, *, switch: bool = True) -> None:
        """The agent says that the till is quiet."""
        at = self.now + timedelta(seconds=self.clock_s)
        keep(self.places.wish, Wish(version=version, at=at, switch=switch))

    def apply(self) -> Status:
        """One run of a fresh updater."""
        return self.make_updater().apply()

    @property
    def record(self) -> Record:
        """What the updater remembers."""
        return read(self.places.record, Record) or Record()

    @property
    def pointed(self) -> str:
        """The version that the pointer names."""
        found = Shelf(self.places).current()
        return found.version if found is not None else ""


def resigned(key: str, manifest: str) -> Any:
    """The signature of another key over the same manifest."""
    from agent.signatures import sign_with
    from drivers.vocabulary.release import RELEASE

    return sign_with(base64.b64decode(manifest), RELEASE, key)


def refuse(sentence: str) -> Callable[[], dict[str, Any]]:
    """A version that fails in its rehearsal."""

    def fail() -> dict[str, Any]:
        raise ReleaseRefused("rehearsal", sentence)

    return fail


def fresh(folder: Path) -> Machine:
    """A machine of its own below a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return Machine(folder)
