"""The first half of an update: from the inbox to a version folder that was rehearsed; the running till is not touched.

What the agent's account wrote is believed by its signature alone, after it was copied to where only we write.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from agent.updating import trial
from agent.updating.places import Places
from agent.updating.records import Prepared, Record, read_file
from agent.updating.shelf import Shelf, VersionFolder, is_lower
from agent.updating.trust import Trust, not_before_now
from agent.updating.unpack import facts_of, require_whole, unpack
from drivers.vocabulary.release import ENVELOPE_BYTES_MAX, Manifest, Payload, ReleaseRefused, payload_for, version_order
from offline_queue.copies import size_bytes

__all__ = ["Preparing", "may_follow"]

REHEARSAL_S: Final = 300.0  # an agent starts in a second; a weak till that sells meanwhile takes its time
UNPACKED_MAX: Final = 1 << 30  # where the manifest does not say
UNPACKED_TIMES: Final = 6  # an archive of code unpacks to three times its size
CHUNK_BYTES: Final = 1 << 20


def may_follow(manifest: Manifest, payload: Payload, *, running: VersionFolder | None, record: Record) -> None:
    """See that a version may come after the one that runs; raises ReleaseRefused with the reason.

    Never a lower one: a signed release is good for ever, and its mistakes with it. What runs must be able to go on
    with the tables of the new version, or there would be no way back.
    """
    floor = max(
        (one for one in (running.version if running is not None else "", record.good) if one),
        key=version_order,
        default="",
    )
    if is_lower(manifest.version, floor):
        raise ReleaseRefused(
            "lower",
            f"release {manifest.version} is older than {floor}, which has run here; `tillpoint update pin` goes back",
        )
    if record.pinned and manifest.version != record.pinned:
        raise ReleaseRefused("pinned", f"this till is pinned to {record.pinned}; `tillpoint update unpin` ends that")
    if manifest.version in record.not_again:
        raise ReleaseRefused(
            "not_again", f"{manifest.version} is not tried again: {record.not_again[manifest.version]}"
        )
    if running is not None and manifest.oldest_from and is_lower(running.version, manifest.oldest_from):
        raise ReleaseRefused(
            "step",
            f"release {manifest.version} wants {manifest.oldest_from} before it, and {running.version} runs here",
        )
    if running is not None and payload.readable_from > facts_of(running.path).schema:
        raise ReleaseRefused(
            "no_way_back",
            f"{running.version} could not go on with the tables of {manifest.version}; another one comes in between",
        )


class Preparing:
    """Makes versions ready.

    Args:
        config: the settings file, for the rehearsal.
        now: the clock.
        at: told of each act before it is done.
    """

    def __init__(
        self,
        places: Places,
        trust: Trust,
        *,
        config: Path,
        platform: str,
        now: Callable[[], datetime],
        at: Callable[[str], None],
        run: Callable[..., dict[str, Any]] = trial.run_json,
    ) -> None:
        self._places = places
        self._shelf = Shelf(places)
        self._trust = trust
        self._config = config
        self._platform = platform
        self._now = now
        self._at = at
        self._run = run

    def prepare(self, version: str, record: Record, source: Path) -> tuple[Prepared, datetime]:
        """Verify, unpack and rehearse what lies in a folder under this version; also when it was signed.

        Raises:
            ReleaseRefused: it is not taken; the till goes on as it is.
            OSError: the disk failed.
        """
        self._places.work.mkdir(mode=0o755, parents=True, exist_ok=True)
        manifest, payload = self._verify(version, record, source)
        self._at("copy archive")
        archive = self._take_archive(payload, source, version)
        new = self._places.work / f"new-{version}"
        try:
            shutil.rmtree(new, ignore_errors=True)
            self._at("unpack")
            unpack(
                archive,
                new,
                bytes_max=payload.unpacked or min(UNPACKED_MAX, UNPACKED_TIMES * payload.size + UNPACKED_MAX // 16),
            )
            self._require_same(new, manifest, payload)
            self._at("place")
            self._shelf.hold()
            folder = self._shelf.place(new, version)
        finally:
            shutil.rmtree(new, ignore_errors=True)
            archive.unlink(missing_ok=True)
        self._at("rehearse")
        try:
            self.rehearse(folder)
        except ReleaseRefused:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        ready = Prepared(
            version=version,
            folder=str(folder),
            schema=payload.schema,
            readable_from=payload.readable_from,
            at=self._now(),
        )
        return ready, manifest.created

    def rehearse(self, folder: Path) -> None:
        """Let the version start on a copy of the till's files, then let the one that runs start on what it left.

        Raises:
            ReleaseRefused: one of them cannot; the sentence says which, and its words.
        """
        running = self._shelf.current()
        source = running.path if running is not None else folder
        copy = self._places.work / "rehearsal"
        rights = trial.rights_of(self._places.state)
        shutil.rmtree(copy, ignore_errors=True)
        try:
            copy.mkdir(mode=0o700)
            trial.give_to(copy, rights)
            database = self._places.state / "till.db"
            self._shelf.require_room(2 * size_bytes(database))

            def run(version: Path, *words: str) -> dict[str, Any]:
                config = ("--config", str(self._config))
                return self._run(version, ("update", *words, *config), rights=rights, timeout_s=REHEARSAL_S)

            run(source, "data", "copy", "--to", str(copy))
            before: list[str] = []
            if running is not None:
                before = run(running.path, "rehearse", "--state", str(copy)).get("troubles", [])
            told = run(folder, "rehearse", "--state", str(copy))
            if told.get("version") != folder.name:
                raise ReleaseRefused("rehearsal", f"{folder.name} says that it is version {told.get('version')}")
            troubles = told.get("troubles", [])
            if len(troubles) > len(before):
                new = next((one for one in troubles if one not in before), troubles[0])
                raise ReleaseRefused("rehearsal", f"version {folder.name} failed in the rehearsal: {new}")
            if running is not None:
                self._way_back(run, running, copy, before, folder)
        finally:
            shutil.rmtree(copy, ignore_errors=True)

    @staticmethod
    def _way_back(
        run: Callable[..., dict[str, Any]], running: VersionFolder, copy: Path, before: list[str], folder: Path
    ) -> None:
        try:
            after = run(running.path, "rehearse", "--state", str(copy)).get("troubles", [])
        except ReleaseRefused as refused:
            raise ReleaseRefused("no_way_back", f"after version {folder.name} no way leads back: {refused}") from None
        if len(after) > len(before):
            raise ReleaseRefused("no_way_back", f"after version {folder.name} no way leads back: {after[-1]}")

    # ── The release ─────────────────────────────────────────────────────────────────────────────

    def _verify(self, version: str, record: Record, source: Path) -> tuple[Manifest, Payload]:
        self._at("verify")
        version_order(version)
        data = read_file(source / f"{version}.release.json", bytes_max=ENVELOPE_BYTES_MAX)
        running = self._shelf.current()
        built = None
        if running is not None:
            with contextlib.suppress(ReleaseRefused):
                built = facts_of(running.path).built
        verified = self._trust.open(data, now=not_before_now(self._now(), built, record.newest))
        manifest = verified.manifest
        if manifest.version != version:
            raise ReleaseRefused("signature_wrong", f"the release says {manifest.version}, its name {version}")
        payload = payload_for(manifest, self._platform)
        may_follow(manifest, payload, running=running, record=record)
        return manifest, payload

    def _take_archive(self, payload: Payload, folder: Path, version: str) -> Path:
        """Copy the archive to where only we write, and see that it is the one that was signed."""
        self._shelf.require_room(payload.size + (payload.unpacked or 3 * payload.size))
        target = self._places.work / "archive.zip"
        digest = hashlib.sha256()
        left = payload.size
        names = (f"{payload.sha256}.zip", f"tillpoint-{version}-{self._platform}.zip")
        source = next((folder / one for one in names if (folder / one).exists()), folder / names[0])
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        try:
            handle = os.open(source, flags)
        except OSError as error:
            raise ReleaseRefused("missing", f"cannot read {source}: {error.strerror}; it is fetched again") from None
        with os.fdopen(handle, "rb") as given, target.open("wb") as kept:
            while left >= 0 and (chunk := given.read(min(CHUNK_BYTES, left + 1))):
                digest.update(chunk)
                left -= len(chunk)
                kept.write(chunk)
        if left != 0 or digest.hexdigest() != payload.sha256:
            target.unlink(missing_ok=True)
            raise ReleaseRefused(
                "archive", "the archive is not the one that was signed (cut short, or changed); it is fetched again"
            )
        return target

    @staticmethod
    def _require_same(folder: Path, manifest: Manifest, payload: Payload) -> None:
        facts = require_whole(folder)
        for what, inside, signed in (
            ("version", facts.version, manifest.version),
            ("schema", str(facts.schema), str(payload.schema)),
        ):
            if inside != signed:
                raise ReleaseRefused("not_whole", f"the archive's {what} is {inside}, the release says {signed}")
        if not (folder / "start.py").is_file():
            raise ReleaseRefused("not_whole", "the archive has no start.py")
