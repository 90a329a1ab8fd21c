"""The versions that lie side by side, and the pointer that says which one runs."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent.updating.places import Places
from drivers.vocabulary.release import ReleaseRefused, version_order
from offline_queue.files import replace_durably, sync_folder

__all__ = ["Shelf", "VersionFolder", "is_lower"]

POINTER_BYTES_MAX: Final = 4_096
ROOM_LEFT_BYTES: Final = 200 << 20  # what sales go on with while a version is made ready


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionFolder:
    """One version on this machine."""

    version: str
    path: Path
    is_packaged: bool


class Shelf:
    """Looks at the versions and moves the pointer; only root (SYSTEM) can do the latter."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def folders(self) -> list[VersionFolder]:
        """Every version that can be started, the oldest first."""
        found = []
        for folder, is_packaged in ((self._places.packaged, True), (self._places.versions, False)):
            found += [
                VersionFolder(version=one.name, path=one, is_packaged=is_packaged)
                for one in _subfolders(folder)
                if _is_version(one.name) and (one / "start.py").is_file()
            ]
        return sorted(found, key=lambda one: (version_order(one.version), one.is_packaged))

    def find(self, version: str) -> VersionFolder | None:
        """A version by its name."""
        return next((one for one in self.folders() if one.version == version), None)

    def current(self) -> VersionFolder | None:
        """What the launcher starts: what the pointer names, else the newest packaged version."""
        named = self.named(self._places.current)
        if named is not None:
            return named
        packaged = [one for one in self.folders() if one.is_packaged or self._places.packaged is None]
        return packaged[-1] if packaged else None

    def named(self, pointer: Path) -> VersionFolder | None:
        """The version folder that a pointer names; None when it names none."""
        try:
            with pointer.open("r", encoding="utf-8") as file:
                path = Path(file.read(POINTER_BYTES_MAX).strip())
        except (OSError, UnicodeDecodeError):
            return None
        if not path.is_absolute() or not (path / "start.py").is_file() or not _is_version(path.name):
            return None
        is_packaged = self._places.packaged is not None and path.parent == self._places.packaged
        return VersionFolder(version=path.name, path=path, is_packaged=is_packaged)

    def point(self, pointer: Path, folder: Path) -> None:
        """Let a pointer name a version folder: after a power cut it names the old or the new one."""
        draft = pointer.with_name(pointer.name + ".new")
        with draft.open("w", encoding="utf-8", newline="\n") as file:
            file.write(f"{folder}\n")
            file.flush()
            os.fsync(file.fileno())
        replace_durably(draft, pointer)

    def hold(self) -> None:
        """Name what runs where nothing names it yet, before another version is laid beside it or takes its place.

        Without a pointer a launcher takes the newest folder, and where all lie in one (Windows) that would be the one
        just laid down. The updater starts from `good`; without it, it would have to start from what is being tried.
        """
        running = self.current()
        if running is None:
            return
        if self._places.packaged is None and self.named(self._places.current) is None:
            self.point(self._places.current, running.path)
        if self.named(self._places.good) is None:
            self.point(self._places.good, running.path)

    def names(self, pointer: Path, folder: str) -> bool:
        """Whether a pointer names this folder, be it whole or not."""
        try:
            with pointer.open("r", encoding="utf-8", errors="replace") as file:
                return file.read(POINTER_BYTES_MAX).strip() == folder
        except OSError:
            return False

    def place(self, unpacked: Path, version: str) -> Path:
        """Put an unpacked, whole version on the shelf; returns its folder."""
        target = self._places.versions / version
        if target.exists():
            self._remove(target)
        unpacked.rename(target)
        sync_folder(target.parent)
        return target

    def prune(self, keep: Collection[str]) -> list[str]:
        """Remove the versions that updates brought and nobody needs; returns which. Never one that runs or may."""
        current = self.current()
        needed = {*keep, *([current.version] if current is not None else [])}
        good = self.named(self._places.good)
        if good is not None:
            needed.add(good.version)
        gone = []
        for one in self.folders():
            if not one.is_packaged and one.version not in needed:
                self._remove(one.path)
                gone.append(one.version)
        return gone

    def require_room(self, wanted_bytes: int) -> None:
        """Raise ReleaseRefused unless so many bytes fit and sales still have room."""
        free = shutil.disk_usage(self._places.versions).free
        if free < wanted_bytes + ROOM_LEFT_BYTES:
            need = (wanted_bytes + ROOM_LEFT_BYTES) >> 20
            raise ReleaseRefused(
                "no_room",
                f"{free >> 20} MB are free where {self._places.versions} lies, {need} MB are needed: free some room",
            )

    def _remove(self, folder: Path) -> None:
        """Not a version any more in one step, whatever happens while its files go."""
        if _is_version(folder.name):
            doomed = self._places.work / f"old-{folder.name}"
            shutil.rmtree(doomed, ignore_errors=True)
            self._places.work.mkdir(mode=0o755, parents=True, exist_ok=True)
            try:
                folder.rename(doomed)
                folder = doomed
            except OSError:
                # Windows, and a program still runs from it: without its start it is no version either.
                with contextlib.suppress(FileNotFoundError):
                    (folder / "start.py").unlink()
        shutil.rmtree(folder, ignore_errors=True)


def is_lower(version: str, than: str) -> bool:
    """Whether a version is before another one; "" is before all."""
    if not than:
        return False
    try:
        return version_order(version) < version_order(than)
    except ValueError as error:
        raise ReleaseRefused("version", str(error)) from None


def _subfolders(folder: Path | None) -> Iterator[Path]:
    if folder is None:
        return
    with contextlib.suppress(OSError):
        yield from (one for one in folder.iterdir() if one.is_dir() and not one.is_symlink())


def _is_version(name: str) -> bool:
    try:
        version_order(name)
    except ValueError:
        return False
    return True
