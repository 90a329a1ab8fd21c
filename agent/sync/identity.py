"""The identity file: who this till is at the centre, and the secrets that prove it; written once by enrolment."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Final

from msgspec import Meta, Struct

from agent.sync.errors import IdentityError, NotEnrolled
from drivers.vocabulary import codec

__all__ = ["FILE_NAME", "Identity", "load", "save"]

FILE_NAME: Final = "identity.json"
IDENTITY_BYTES_MAX: Final = 65_536  # an identity has a few hundred bytes; more is some other file


class Identity(Struct, frozen=True, kw_only=True):
    """Who this till is.

    Attributes:
        url: the centre's address, without a path behind the host it was given with.
        epoch: given by the centre; raised at each enrolment.
        token: the bearer token; a secret.
        tenant_key: hex key of the keyed hashes; a secret.
    """

    url: Annotated[str, Meta(min_length=8, max_length=400)]
    till: Annotated[str, Meta(min_length=1, max_length=80)]
    shop: Annotated[str, Meta(max_length=80)]
    epoch: Annotated[int, Meta(ge=1)]
    token: Annotated[str, Meta(min_length=1, max_length=400)]
    tenant_key: Annotated[str, Meta(pattern=r"^([0-9a-f]{2}){16,64}$")]
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")]

    def __repr__(self) -> str:
        return f"Identity(till={self.till!r}, shop={self.shop!r}, epoch={self.epoch}, url={self.url!r})"


def load(folder: Path) -> Identity:
    """The identity in a state folder.

    Raises:
        NotEnrolled: there is none.
        IdentityError: it cannot be read.
    """
    path = folder / FILE_NAME
    try:
        with path.open("rb") as file:
            data = file.read(IDENTITY_BYTES_MAX + 1)
    except FileNotFoundError:
        raise NotEnrolled("not enrolled: run `tillpoint enrol URL CODE`") from None
    except OSError as error:
        raise IdentityError(f"cannot read {path}: {error.strerror}; run as the user the service runs as") from None
    try:
        if len(data) > IDENTITY_BYTES_MAX:
            raise IdentityError(f"{path} has more than {IDENTITY_BYTES_MAX} bytes; enrol the till again")
        return codec.decode(data, Identity)
    except codec.WireError as error:
        # The message names the path of the field, never its value: the file holds secrets.
        raise IdentityError(f"{path} is damaged ({error}); enrol the till again: `tillpoint enrol URL CODE`") from None


def save(folder: Path, identity: Identity) -> Path:
    """Write the identity so that a power cut leaves the old one or the new one, and nobody else may read it.

    Raises:
        IdentityError: the folder cannot be written.
    """
    path = folder / FILE_NAME
    draft = folder / f".{FILE_NAME}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Mode 0600 on POSIX. Windows knows no modes: there the installer gives the state folder to the service's
        # account and the administrators alone, and files inherit that.
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(codec.encode(identity))
                file.flush()
                os.fsync(file.fileno())
            # fsync before the rename, and of the folder after it: else the new name may point to nothing.
            draft.replace(path)
            _sync_folder(folder)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise IdentityError(f"cannot write {path}: {error.strerror}; check the folder's permissions") from None
    return path


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return  # a folder cannot be opened there; NTFS journals the rename
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
