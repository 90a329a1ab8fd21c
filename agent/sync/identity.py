"""The identity file: who this till is at the centre, and the secrets that prove it; whole, locked, for us alone.

The file says in the clear which till it is and how the rest is locked. The rest is the whole identity, in one piece, so
that epoch, token and keys always belong together.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from agent.secrets.files import SecretError, read_private, write_private
from agent.secrets.locks import Lock, lock_named, lock_of_this_machine
from agent.sync.errors import IdentityError, NotEnrolled
from drivers.vocabulary import codec
from drivers.vocabulary.signed import KeyRing

__all__ = ["FILE_NAME", "Identity", "load", "relock", "save"]

FILE_NAME: Final = "identity.json"
IDENTITY_BYTES_MAX: Final = 65_536  # an identity has about a thousand bytes; more is some other file

TenantKeyOrNone = Annotated[str, Meta(pattern=r"^(([0-9a-f]{2}){16,64})?$")]
TenantKey = Annotated[str, Meta(pattern=r"^([0-9a-f]{2}){16,64}$")]
Key32 = Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$")]


class Identity(Struct, frozen=True, kw_only=True):
    """Who this till is.

    Attributes:
        url: the centre's address, without a path behind the host it was given with.
        epoch: given by the centre; raised at each enrolment.
        token: the bearer token; a secret.
        tenant_key: hex key of the keyed hashes; a secret.
        programme_keys: whose programmes to take; empty in an identity of before programmes were signed.
        tenant_key_next: the key that follows, "" when none does; look-ups try both.
        tenant_generation: of the newest tenant key here; 0 when the centre never said.
        centre_key: the centre's X25519 key; personal data is sealed to it. "" before the centre said it.
        till_key: seed of this till's own Ed25519 key; a secret that never leaves. "" before it was registered.
        till_key_next: the one that follows, from the moment it is made until the centre has it.
    """

    url: Annotated[str, Meta(min_length=8, max_length=400)]
    till: Annotated[str, Meta(min_length=1, max_length=80)]
    shop: Annotated[str, Meta(max_length=80)]
    epoch: Annotated[int, Meta(ge=1)]
    token: Annotated[str, Meta(min_length=1, max_length=400)]
    tenant_key: TenantKey
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")]
    programme_keys: KeyRing = KeyRing()
    tenant_key_next: TenantKeyOrNone = ""
    tenant_generation: Annotated[int, Meta(ge=0)] = 0
    centre_key: Key32 = ""
    till_key: Key32 = ""
    till_key_next: Key32 = ""

    @property
    def tenant_keys(self) -> tuple[bytes, ...]:
        """Every key a customer may be found by, today's first."""
        return tuple(bytes.fromhex(key) for key in (self.tenant_key, self.tenant_key_next) if key)

    def __repr__(self) -> str:
        return f"Identity(till={self.till!r}, shop={self.shop!r}, epoch={self.epoch}, url={self.url!r})"


class _Stored(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file.

    Attributes:
        lock: how `locked` is locked (`agent.secrets.locks`).
        locked: an Identity as JSON, locked. With the lock "mode" it is only encoded: the mode of the file is the lock.
    """

    format: Literal[2]
    till: str
    shop: str
    url: str
    lock: str
    locked: bytes


def load(folder: Path) -> Identity:
    """The identity in a state folder, also as older versions wrote it.

    Raises:
        NotEnrolled: there is none.
        IdentityError: it cannot be read, is damaged, does not open here, or others could have read it.
    """
    return _load(folder)[0]


def save(folder: Path, identity: Identity, *, lock: Lock | None = None) -> Path:
    """Write the identity so that a power cut leaves the old one or the new one, and nobody else may read it.

    Raises:
        IdentityError: the folder cannot be written, or the system's lock cannot be used.
    """
    path = folder / FILE_NAME
    try:
        chosen = lock if lock is not None else lock_of_this_machine()
        stored = _Stored(
            format=2,
            till=identity.till,
            shop=identity.shop,
            url=identity.url,
            lock=chosen.name,
            locked=chosen.close(codec.encode(identity)),
        )
        write_private(path, codec.encode(stored))
    except SecretError as error:
        raise IdentityError(str(error)) from None
    return path


def relock(folder: Path) -> Identity:
    """Load, and write again when this machine has a better lock than the file: how older files are brought over.

    Raises:
        NotEnrolled, IdentityError: as `load`.
    """
    identity, locked_with = _load(folder)
    try:
        best = lock_of_this_machine()
    except SecretError as error:
        raise IdentityError(str(error)) from None
    if locked_with != best.name:
        save(folder, identity, lock=best)
    return identity


def _load(folder: Path) -> tuple[Identity, str]:
    """The identity, and the name of its lock; "" for the plain file of before."""
    path = folder / FILE_NAME
    try:
        data = read_private(path, bytes_max=IDENTITY_BYTES_MAX)
    except FileNotFoundError:
        raise NotEnrolled("not enrolled: run `tillpoint setup`, or `tillpoint enrol URL CODE`") from None
    except SecretError as error:
        raise IdentityError(str(error)) from None
    if len(data) > IDENTITY_BYTES_MAX:
        raise IdentityError(f"{path} has more than {IDENTITY_BYTES_MAX} bytes; enrol the till again")
    try:
        if b'"locked"' not in data:
            return codec.decode(data, Identity), ""
        stored = codec.decode(data, _Stored)
        return codec.decode(lock_named(stored.lock).open(stored.locked), Identity), stored.lock
    except SecretError as error:
        raise IdentityError(f"{path}: {error}") from None
    except codec.WireError as error:
        # The message names the path of the field, never its value: the file holds secrets.
        raise IdentityError(f"{path} is damaged ({error}); enrol the till again: `tillpoint enrol URL CODE`") from None
