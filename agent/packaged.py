"""A version that an installer of Windows has just laid down takes its place: tried, pointed to, and taken back again.

Called between "the files lie there" and "the service starts", by the new version's own interpreter; the service is
stopped. What it changes it notes first, so that an installation that fails leaves the machine as it was: the pointer,
the word which installer brought this, and the database from before, if nothing was sold since.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from agent.updating.places import Places, own_folder
from agent.updating.rehearsal import copy_state, keep_database, put_database_back
from agent.updating.shelf import Shelf
from agent.updating.trial import run_json
from agent.updating.unpack import require_whole
from drivers.vocabulary import codec
from drivers.vocabulary.errors import TillpointError
from drivers.vocabulary.release import version_order
from offline_queue.files import replace_durably

__all__ = ["PACKAGES", "PACKAGE_FILE", "PackagedError", "Taken", "take_back", "take_place"]

PACKAGES: Final = ("msi", "exe")
PACKAGE_FILE: Final = "package"  # beside the pointer: which installer brought what lies here
TEXT_BYTES_MAX: Final = 4_096
TRIAL_S: Final = 120.0

Trial = Callable[..., dict[str, Any]]
"""Runs one command of a version folder (`agent.updating.trial.run_json`); a test brings its own."""


class PackagedError(TillpointError):
    """The version cannot take its place; the sentence says why, and the installer takes everything back."""


class _Before(Struct, frozen=True, kw_only=True):
    """How it was: what the pointer and the package file said; None where there was none."""

    version: str
    current: str | None
    package: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What was done.

    Attributes:
        version: of the folder this ran from.
        runs: the version that the launcher starts from now on.
        removed: older versions that went.
    """

    version: str
    runs: str
    removed: tuple[str, ...]

    def in_words(self) -> str:
        """One sentence for the installer's log."""
        gone = f"; removed: {', '.join(self.removed)}" if self.removed else ""
        if self.runs == self.version:
            return f"{self.version} is in place{gone}"
        return f"{self.version} is in place beside {self.runs}, which is newer and runs on{gone}"


def take_place(
    package: str, *, state: Path, config: Path, folder: Path | None = None, trial: Trial = run_json
) -> Taken:
    """Let a version be the one that runs, unless an update has brought a newer one; the version before stays beside it.

    Args:
        package: which installer brought it, one of `PACKAGES`.
        state: the till's state folder, whose database is copied first.
        config: the settings file; one that is not there yet counts as an empty one.
        folder: the version folder; None is the one this process runs from.
        trial: how a command of the version is run.

    Raises:
        PackagedError: a file is missing or not as it was built, the version cannot start on a copy of the till's files,
            or a folder cannot be written.
    """
    own = _own(folder)
    places = _places(own, state)
    shelf = Shelf(places)
    try:
        version = require_whole(own).version
        _rehearse(own, places, config, trial)
        _keep_before(places, version)
        _review_pointer(shelf, places, version)
        _write(places.pointers / PACKAGE_FILE, f"{package}\n")
        older = [one.version for one in shelf.folders() if version_order(one.version) < version_order(version)]
        removed = shelf.prune([version, *older[-1:]])
    except TillpointError as error:
        raise PackagedError(str(error)) from None
    except OSError as error:
        raise PackagedError(f"cannot write in {places.pointers}: {error.strerror}; run as administrator") from None
    running = shelf.current()
    return Taken(version=version, runs=running.version if running else version, removed=tuple(removed))


def take_back(*, state: Path, folder: Path | None = None) -> bool:
    """Make it as it was before `take_place` of the same version; False when there is nothing to take back.

    Raises:
        PackagedError: the folder cannot be written.
    """
    own = _own(folder)
    places = _places(own, state)
    before = _read_before(places)
    if before is None or before.version != own.name:
        return False
    try:
        put_database_back(_copies(places), state)
        for path, text in ((places.current, before.current), (places.pointers / PACKAGE_FILE, before.package)):
            if text is None:
                path.unlink(missing_ok=True)
            else:
                _write(path, text)
        _note(places).unlink(missing_ok=True)
    except TillpointError as error:
        raise PackagedError(str(error)) from None
    except OSError as error:
        raise PackagedError(f"cannot write in {places.pointers}: {error.strerror}; run as administrator") from None
    return True


def _own(folder: Path | None) -> Path:
    own = folder if folder is not None else own_folder()
    if own is None:
        raise PackagedError("this is no installed version: only an installer calls this")
    return own


def _places(own: Path, state: Path) -> Places:
    """An installer of Windows has one folder for all versions, and the pointer beside it."""
    return Places(versions=own.parent, packaged=None, pointers=own.parent.parent, inbox=state / "updates", state=state)


def _review_pointer(shelf: Shelf, places: Places, version: str) -> None:
    """A pointer goes that names nothing or something older; a newer version was brought by an update and stays."""
    named = shelf.named(places.current)
    if named is None or version_order(named.version) < version_order(version):
        places.current.unlink(missing_ok=True)


def _rehearse(own: Path, places: Places, config: Path, trial: Trial) -> None:
    """Start the version once on a copy of the till's files, without devices and line; raises what `run_json` raises."""
    copy = places.work / "rehearsal"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir(mode=0o700, parents=True)
    try:
        if places.state.is_dir():
            copy_state(places.state, copy)
        if not config.is_file():
            config = copy / "empty.toml"
            config.write_bytes(b"")
        words = ("update", "rehearse", "--state", str(copy), "--config", str(config))
        trial(own, words, rights={}, timeout_s=TRIAL_S)
    finally:
        shutil.rmtree(copy, ignore_errors=True)


# ── How it was ──────────────────────────────────────────────────────────────────────────────────


def _keep_before(places: Places, version: str) -> None:
    """Note how it is, once: a repeated call after a cut must not note its own doing as what was there."""
    known = _read_before(places)
    if known is not None and known.version == version and _copies(places).exists():
        return
    shutil.rmtree(_copies(places), ignore_errors=True)
    _copies(places).mkdir(parents=True)
    keep_database(places.state, _copies(places))
    before = _Before(version=version, current=_text(places.current), package=_text(places.pointers / PACKAGE_FILE))
    _write(_note(places), codec.encode(before).decode())


def _read_before(places: Places) -> _Before | None:
    text = _text(_note(places))
    try:
        return None if text is None else codec.decode(text.encode(), _Before)
    except codec.WireError:
        return None


def _note(places: Places) -> Path:
    return places.work / "installer.json"


def _copies(places: Places) -> Path:
    return places.work / "installer"


def _text(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return file.read(TEXT_BYTES_MAX).decode("utf-8", "replace")
    except FileNotFoundError:
        return None


def _write(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.new")
    draft.write_bytes(text.encode())
    replace_durably(draft, path)
