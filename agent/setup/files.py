"""The settings file on the disk: read only when its owner may be trusted, written whole, never over somebody's words.

Whoever may write the folder of a service's settings could lay a file there before the first set-up: what it says counts
only when root, an administrator or we ourselves own it (on Windows the installer's access list sees to that).
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from drivers.vocabulary.errors import SettingsError
from offline_queue.files import replace_durably

__all__ = ["backup_beside", "blank_secrets", "draft_of", "read_settings", "require_writable", "write_settings"]

BYTES_MAX: Final = 1_048_576
GROUP: Final = "tillpoint"  # of the service's account; the package makes it
#: Of a file that was not there: what a set-up writes is no secret, and the service's account must read it.
MODE_ALONE: Final = 0o644
MODE_OF_GROUP: Final = 0o640  # a password may be typed into it later


def read_settings(path: Path) -> str:
    """The text, "" when there is none.

    Raises:
        SettingsError: it cannot be read, is no text, or belongs to somebody who may not say what this till does.
    """
    try:
        with path.open("rb") as file:
            if sys.platform != "win32":
                owner = os.fstat(file.fileno()).st_uid
                if owner not in {0, os.geteuid()}:
                    raise SettingsError(
                        f"{path} belongs to user {owner}: somebody else wrote it; move it away, or chown it to root"
                    )
            data = file.read(BYTES_MAX + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}; run as administrator") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not UTF-8; save it as UTF-8") from None


def require_writable(path: Path) -> None:
    """Say before the first question, and not after the last, that the file cannot be written; raises SettingsError."""
    folder = path.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        raise SettingsError(f"cannot write {path}: run as administrator (sudo tillpoint setup), or pass --config")


def draft_of(path: Path) -> Path:
    """Where wishes go that may not replace the file."""
    return path.with_name(path.name + ".new")


def backup_beside(path: Path, now: datetime) -> Path:
    """Copy the file as it is beside itself, with the date in its name; raises SettingsError."""
    copy = path.with_name(f"{path.name}.{now:%Y-%m-%dT%H%M%S}")
    try:
        _write(copy, path.read_bytes(), like=path)
    except OSError as error:
        raise SettingsError(f"cannot write {copy}: {error.strerror}; run as administrator") from None
    return copy


def write_settings(path: Path, text: str, *, like: Path | None = None) -> None:
    """Write the file so that a power cut, or Ctrl-C, leaves the old one or the new one; raises SettingsError.

    Whoever may read the file that is there (`like` for another one) may read the new one, and nobody else: it may hold
    passwords of till systems.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, text.encode(), like=path if like is None else like)
    except OSError as error:
        raise SettingsError(f"cannot write {path}: {error.strerror}; run as administrator") from None


def blank_secrets(path: Path, secrets: Iterable[str]) -> str:
    """Take these words out of an answer file; why not when that cannot be done, else ""."""
    try:
        text = path.read_text("utf-8")
        blank = text
        for secret in filter(None, secrets):
            blank = blank.replace(secret, "")
        if blank != text:
            # In place and not by a new file: the old bytes must not stay on the disk under another name.
            with path.open("r+", encoding="utf-8", newline="") as file:
                file.write(blank + " " * max(0, len(text.encode()) - len(blank.encode())))
                file.flush()
                os.fsync(file.fileno())
                file.seek(0)
                file.truncate(len(blank.encode()))
    except (OSError, UnicodeDecodeError) as error:
        return f"the code or secret still stands in {path} ({error}); remove it yourself"
    return ""


def _write(path: Path, data: bytes, *, like: Path) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            _give_rights(handle, like)
            file.write(data)
            file.flush()
            os.fsync(handle)
        replace_durably(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


if sys.platform == "win32":

    def _give_rights(handle: int, like: Path) -> None:
        """The folder's access list is inherited."""
        del handle, like

else:

    def _give_rights(handle: int, like: Path) -> None:
        """Owner, group and mode of the file that is there; those of a package's settings file otherwise."""
        try:
            known = like.stat()
            owner, group, mode = known.st_uid, known.st_gid, stat.S_IMODE(known.st_mode)
        except FileNotFoundError:
            owner, group = -1, _group_of_service() if os.geteuid() == 0 else -1
            mode = MODE_ALONE if group == -1 else MODE_OF_GROUP
        with contextlib.suppress(PermissionError):  # a group we are not in: fewer may read it then, not more
            os.fchown(handle, owner, group)
        os.fchmod(handle, mode)

    def _group_of_service() -> int:
        import grp

        try:
            return grp.getgrnam(GROUP).gr_gid
        except KeyError:
            return -1
