"""Ed25519 signatures of files: keys as PEM, a detached signature beside the file; knows nothing of what is signed.

What is signed is the purpose, a zero byte and the file's exact bytes: a signature for one purpose is none for another.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from drivers.vocabulary import codec
from drivers.vocabulary.errors import TillpointError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

__all__ = ["PROGRAMME", "Signature", "SignatureError", "make_keys", "public_key_of", "sign", "verify"]

PROGRAMME: Final = b"tillpoint programme 1"  # the purpose of a programme's signature
KEY_BYTES_MAX: Final = 16 * 1024  # a PEM of Ed25519 is under 200 bytes; anything large is another file


class SignatureError(TillpointError):
    """A key or a signature that is not what it should be; the message names the file and the next step."""


class Signature(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signature as it stands in a file of its own.

    Attributes:
        algorithm: "ed25519".
        key: fingerprint of the public key, so that a wrong key is told from a changed file.
        signature: 64 bytes in base64.
    """

    algorithm: str
    key: str
    signature: str


def make_keys(private: Path, public: Path) -> str:
    """Write a new pair as PEM files, the private one readable by its owner only; returns the fingerprint.

    Raises:
        SignatureError: a file exists already (a key is never overwritten) or cannot be written.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    open_half = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for path, data, mode in ((private, secret, 0o600), (public, open_half, 0o644)):
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
                file.write(data)
        except FileExistsError:
            raise SignatureError(f"{path} exists; a key is never overwritten, name another file") from None
        except OSError as error:
            raise SignatureError(f"cannot write {path}: {error.strerror or error}") from None
    return _fingerprint(key.public_key())


def sign(data: bytes, purpose: bytes, key_file: Path) -> Signature:
    """Sign the bytes with the private key of a PEM file; raises SignatureError."""
    key = _private_key(key_file)
    made = base64.b64encode(key.sign(purpose + b"\0" + data)).decode("ascii")
    return Signature(algorithm="ed25519", key=_fingerprint(key.public_key()), signature=made)


def verify(data: bytes, purpose: bytes, signature: bytes, key_file: Path) -> str:
    """Check a signature file's bytes; returns the key's fingerprint, raises SignatureError saying what is wrong."""
    from cryptography.exceptions import InvalidSignature

    key = public_key_of(key_file)
    try:
        read = codec.decode(signature, Signature)
    except codec.WireError as error:
        raise SignatureError(f"not a signature file: {error}") from None
    if read.algorithm != "ed25519":
        raise SignatureError(f"the signature is {read.algorithm[:20]!r}; only ed25519 is known")
    if read.key != _fingerprint(key):
        raise SignatureError(f"signed with another key ({read.key[:16]}, not {_fingerprint(key)}); name that key")
    try:
        key.verify(base64.b64decode(read.signature, validate=True), purpose + b"\0" + data)
    except (InvalidSignature, binascii.Error, ValueError):
        raise SignatureError("the signature does not fit: the file was changed after it was signed") from None
    return read.key


def public_key_of(key_file: Path) -> Ed25519PublicKey:
    """The Ed25519 public key of a PEM file; raises SignatureError."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    data = _key_bytes(key_file)
    if b"PRIVATE KEY" in data:
        raise SignatureError(f"{key_file} is a private key; verifying needs the public one, and only that")
    try:
        key = load_pem_public_key(data)
    except Exception:  # noqa: BLE001 - the library names no closed set of errors for a file that is no key
        raise SignatureError(f"{key_file} is not a public key in PEM") from None
    if not isinstance(key, Ed25519PublicKey):
        raise SignatureError(f"{key_file} is a key of another kind; Ed25519 is needed")
    return key


def _private_key(key_file: Path) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(_key_bytes(key_file), password=None)
    except SignatureError:
        raise
    except Exception:  # noqa: BLE001 - as above
        raise SignatureError(f"{key_file} is not a private key in PEM without a password") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise SignatureError(f"{key_file} is a key of another kind; Ed25519 is needed")
    return key


def _key_bytes(key_file: Path) -> bytes:
    try:
        with key_file.open("rb") as file:
            return file.read(KEY_BYTES_MAX)
    except OSError as error:
        raise SignatureError(f"cannot read {key_file}: {error.strerror or error}") from None


def _fingerprint(key: Ed25519PublicKey) -> str:
    """The first 16 hex digits of the SHA-256 of the raw public key."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]
