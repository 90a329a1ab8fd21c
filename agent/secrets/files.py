"""A file only its owner may read: written whole or not at all, and refused when others could have read or made it."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path

from drivers.vocabulary.errors import SettingsError

__all__ = ["SecretError", "read_private", "write_private"]

#: O_NOFOLLOW: a link laid in our way could lead to a file of somebody else's choosing.
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0)
_BINARY = getattr(os, "O_BINARY", 0)


class SecretError(SettingsError):
    """A secret cannot be read or kept; the message names the file and the next step, never the secret."""


def read_private(path: Path, *, bytes_max: int) -> bytes:
    """The bytes of a private file, one more than `bytes_max` when it is larger.

    On POSIX it must belong to us, to the owner of its folder or to root, and nobody else may have any right to it.
    Windows knows no modes: there the installer gives the folder to the service's account and the administrators.

    Raises:
        FileNotFoundError: there is none.
        SecretError: it cannot be read, or others could have read or made it.
    """
    try:
        handle = os.open(path, os.O_RDONLY | _NO_LINKS | _BINARY)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SecretError(f"cannot read {path}: {error.strerror}; run as the user the service runs as") from None
    with os.fdopen(handle, "rb") as file:
        if sys.platform != "win32":
            _require_private(path, os.fstat(file.fileno()))
        try:
            return file.read(bytes_max + 1)
        except OSError as error:
            raise SecretError(f"cannot read {path}: {error.strerror}; check the disk") from None


def write_private(path: Path, data: bytes) -> None:
    """Write a private file so that a power cut leaves the old one or the new one.

    Its folder is made when it is not there. Root writes it for the owner of the folder: the service must read it.

    Raises:
        SecretError: the folder cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Of a run that was killed; O_EXCL then makes sure that the file is ours and new.
        draft.unlink(missing_ok=True)
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINKS | _BINARY, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                _give_to_owner_of(path.parent, file.fileno())
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            # fsync before the rename, and of the folder after it: else the new name may point to nothing.
            draft.replace(path)
            _sync_folder(path.parent)
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise SecretError(f"cannot write {path}: {error.strerror}; check the folder's permissions") from None


if sys.platform == "win32":

    def _require_private(path: Path, found: os.stat_result) -> None:
        """The access list of the folder decides, which the installer sets."""

    def _give_to_owner_of(folder: Path, handle: int) -> None:
        """New files belong to whom the folder's access list says."""

    def _sync_folder(folder: Path) -> None:
        """A folder cannot be opened there; NTFS journals the rename."""

else:

    def _require_private(path: Path, found: os.stat_result) -> None:
        if not stat.S_ISREG(found.st_mode):
            raise SecretError(f"{path} is not a plain file; move it away and enrol the till again")
        mode = stat.S_IMODE(found.st_mode)
        if mode & 0o077:
            raise SecretError(f"{path} may be read by others (mode {mode:04o}); run `chmod 600 {path}`")
        if found.st_uid not in {os.geteuid(), 0, path.parent.stat().st_uid}:
            raise SecretError(f"{path} belongs to user {found.st_uid}, not to us; run `chown {os.geteuid()} {path}`")

    def _give_to_owner_of(folder: Path, handle: int) -> None:
        if os.geteuid() == 0:
            owner = folder.stat()
            os.fchown(handle, owner.st_uid, owner.st_gid)

    def _sync_folder(folder: Path) -> None:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
