"""The settings file on the disk: read only when its owner may be trusted, written whole, never over somebody's words.

Whoever may write the folder of a service's settings could lay a file there before the first set-up: what it says counts
only when root, an administrator or we ourselves own it (on Windows the installer's access list sees to that).
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from drivers.vocabulary.errors import SettingsError

__all__ = ["backup_beside", "blank_secrets", "draft_of", "read_settings", "require_writable", "write_settings"]

BYTES_MAX: Final = 1_048_576
MODE: Final = 0o644  # there is no secret in it, and the service's user must read it


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
        _write(copy, path.read_bytes())
    except OSError as error:
        raise SettingsError(f"cannot write {copy}: {error.strerror}; run as administrator") from None
    return copy


def write_settings(path: Path, text: str) -> None:
    """Write the file so that a power cut, or Ctrl-C, leaves the old one or the new one; raises SettingsError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, text.encode())
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


def _write(path: Path, data: bytes) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(MODE)
        draft.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    if sys.platform != "win32":
        handle = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
