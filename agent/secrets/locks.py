"""How secrets are locked on this machine: DPAPI, a systemd credential, or the file's own mode.

| lock | where | who can open it |
|---|---|---|
| dpapi | Windows | whoever runs on this machine and may read the file; a copied disk alone does not open |
| credential | a service with ``LoadCredentialEncrypted=tillpoint.key`` | likewise, if that is sealed to a TPM |
| mode | elsewhere | whoever may read the file: it lies there as it is, mode 0600 |
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from agent.secrets.files import SecretError

__all__ = ["CREDENTIAL", "CredentialLock", "Lock", "ModeLock", "lock_named", "lock_of_this_machine"]

CREDENTIAL: Final = "tillpoint.key"  # the name of the systemd credential
CREDENTIAL_BYTES_MIN: Final = 32
CREDENTIAL_BYTES_MAX: Final = 4_096
_NONCE_BYTES: Final = 12
_INFO: Final = b"tillpoint secrets 1"


class Lock(Protocol):
    """A way to keep secrets in a file."""

    @property
    def name(self) -> str:
        """As it stands in the file: how to open it again."""
        ...

    def close(self, plain: bytes) -> bytes:
        """Lock."""
        ...

    def open(self, locked: bytes) -> bytes:
        """Unlock.

        Raises:
            SecretError: it does not open here.
        """
        ...


@dataclass(frozen=True, slots=True)
class ModeLock:
    """No lock of its own: the mode of the file is all there is."""

    name: str = "mode"

    def close(self, plain: bytes) -> bytes:
        """As it is."""
        return plain

    def open(self, locked: bytes) -> bytes:
        """As it is."""
        return locked


@dataclass(frozen=True, slots=True)
class CredentialLock:
    """ChaCha20-Poly1305 under a key that systemd hands to the service alone (systemd.exec, "Credentials")."""

    secret: bytes = field(repr=False)
    name: str = "credential"

    def close(self, plain: bytes) -> bytes:
        """Nonce ‖ cipher text and tag."""
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

        nonce = os.urandom(_NONCE_BYTES)
        return nonce + ChaCha20Poly1305(self._key()).encrypt(nonce, plain, _INFO)

    def open(self, locked: bytes) -> bytes:
        """The other way."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

        try:
            return ChaCha20Poly1305(self._key()).decrypt(locked[:_NONCE_BYTES], locked[_NONCE_BYTES:], _INFO)
        except (InvalidTag, ValueError):
            raise SecretError(
                f"the credential {CREDENTIAL} is not the one the secrets were locked with; "
                "restore it, or enrol the till again"
            ) from None

    def _key(self) -> bytes:
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return HKDF(algorithm=SHA256(), length=32, salt=None, info=_INFO).derive(self.secret)


def lock_of_this_machine(environ: Mapping[str, str] | None = None) -> Lock:
    """The best lock there is here.

    Raises:
        SecretError: a credential is there and cannot be used.
    """
    if sys.platform == "win32":
        from agent.secrets.dpapi import DpapiLock

        return DpapiLock()
    return _credential(os.environ if environ is None else environ) or ModeLock()


def lock_named(name: str, environ: Mapping[str, str] | None = None) -> Lock:
    """The lock a file was locked with.

    Raises:
        SecretError: it cannot be opened here; the message says where it can.
    """
    if name == "mode":
        return ModeLock()
    if name == "credential":
        found = _credential(os.environ if environ is None else environ)
        if found is None:
            raise SecretError(
                f"locked with the systemd credential {CREDENTIAL}, which this process was not given; "
                "run it inside the service (`systemd-run -p LoadCredentialEncrypted=…`), or enrol the till again"
            )
        return found
    if name == "dpapi":
        if sys.platform == "win32":
            from agent.secrets.dpapi import DpapiLock

            return DpapiLock()
        raise SecretError("locked by Windows on another machine (DPAPI); enrol the till again on this one")
    raise SecretError(f"locked in a way this Tillpoint does not know ({name[:20]!r}); install the newer one")


def _credential(environ: Mapping[str, str]) -> CredentialLock | None:
    folder = environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder:
        return None
    path = Path(folder) / CREDENTIAL
    try:
        # Its folder is the service's alone; the mode may say 0440 where an access list opens it to the user.
        with path.open("rb") as file:
            secret = file.read(CREDENTIAL_BYTES_MAX + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SecretError(f"cannot read the credential {path}: {error.strerror}; check the service's unit") from None
    if not CREDENTIAL_BYTES_MIN <= len(secret) <= CREDENTIAL_BYTES_MAX:
        raise SecretError(
            f"the credential {CREDENTIAL} has {len(secret)} bytes; give it {CREDENTIAL_BYTES_MIN} random bytes or more"
        )
    return CredentialLock(secret)
