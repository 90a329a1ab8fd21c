"""Ed25519 signatures: keys as PEM files or in base64, signatures beside what is signed; knows nothing of what that is.

What is signed is the purpose, a zero byte and the file's exact bytes: a signature for one purpose is none for another.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from drivers.vocabulary import codec
from drivers.vocabulary.errors import TillpointError
from drivers.vocabulary.signed import KeyRing, Signature

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

__all__ = [
    "KEY_RING",
    "PROGRAMME",
    "Signature",
    "SignatureError",
    "check_any",
    "fingerprint",
    "make_keys",
    "new_private_key",
    "private_text_of",
    "public_key_of",
    "public_text",
    "public_text_of",
    "ring_bytes",
    "sign",
    "sign_with",
    "verify",
]

PROGRAMME: Final = b"tillpoint programme 1"  # the purpose of a programme's signature
KEY_RING: Final = b"tillpoint programme keys 1"  # that of the keys a till trusts from now on
KEY_BYTES_MAX: Final = 16 * 1024  # a PEM of Ed25519 is under 200 bytes; anything large is another file


class SignatureError(TillpointError):
    """A key or a signature that is not what it should be; the message names the file and the next step."""


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
    key = public_key_of(key_file)
    try:
        read = codec.decode(signature, Signature)
    except codec.WireError as error:
        raise SignatureError(f"not a signature file: {error}") from None
    if read.algorithm != "ed25519":
        raise SignatureError(f"the signature is {read.algorithm[:20]!r}; only ed25519 is known")
    if read.key != _fingerprint(key):
        raise SignatureError(f"signed with another key ({read.key[:16]}, not {_fingerprint(key)}); name that key")
    if not _fits(data, purpose, read, key):
        raise SignatureError("the signature does not fit: the file was changed after it was signed")
    return read.key


# ── Keys as text ────────────────────────────────────────────────────────────────────────────────


def new_private_key() -> str:
    """A new private key: 32 bytes in base64; a secret."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode("ascii")


def public_text(private: str) -> str:
    """The public half of a private key in base64, in base64."""
    return _text(_private_of(private).public_key())


def public_text_of(key_file: Path) -> str:
    """The public key of a PEM file in base64, as settings want it; raises SignatureError."""
    return _text(public_key_of(key_file))


def private_text_of(key_file: Path) -> str:
    """The private key of a PEM file in base64, a secret; raises SignatureError."""
    return base64.b64encode(_private_key(key_file).private_bytes_raw()).decode("ascii")


def fingerprint(public: str) -> str:
    """The name of a public key: 16 hex digits; raises SignatureError when the text is no key."""
    return _fingerprint(_public_of(public))


def sign_with(data: bytes, purpose: bytes, private: str) -> Signature:
    """Sign with a private key in base64."""
    key = _private_of(private)
    made = base64.b64encode(key.sign(purpose + b"\0" + data)).decode("ascii")
    return Signature(algorithm="ed25519", key=_fingerprint(key.public_key()), signature=made)


def ring_bytes(ring: KeyRing) -> bytes:
    """What is signed of a key ring."""
    return codec.encode(ring)


def check_any(data: bytes, purpose: bytes, signatures: Iterable[Signature], trusted: Iterable[str]) -> str:
    """Check that one of the signatures is good and by a trusted key; returns that key's fingerprint.

    Raises:
        SignatureError: there is no signature, none is by a trusted key, or the one that claims to be does not fit.
    """
    keys = {fingerprint(one): _public_of(one) for one in trusted}
    offered = [one for one in signatures if one.algorithm == "ed25519"]
    if not offered:
        raise SignatureError("it is not signed")
    known = [one for one in offered if one.key in keys]
    if not known:
        theirs = ", ".join(sorted({one.key[:16] for one in offered}))
        raise SignatureError(f"it is signed with a key this till does not trust ({theirs})")
    for one in known:
        if _fits(data, purpose, one, keys[one.key]):
            return one.key
    raise SignatureError("the signature does not fit: it was changed after it was signed")


def _fits(data: bytes, purpose: bytes, signature: Signature, key: Ed25519PublicKey) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(base64.b64decode(signature.signature, validate=True), purpose + b"\0" + data)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _private_of(text: str) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(text, validate=True))


def _public_of(text: str) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise SignatureError(f"{text[:44]!r} is not a public key in base64; copy it whole") from None


def _text(key: Ed25519PublicKey) -> str:
    return base64.b64encode(key.public_bytes_raw()).decode("ascii")


# ── Keys as files ───────────────────────────────────────────────────────────────────────────────


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
