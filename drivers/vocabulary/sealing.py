"""Personal data sealed to the centre's public key: whoever sealed it cannot read it back. Pure; randomness comes in.

Version 1, in the manner of RFC 9180's base mode: a fresh X25519 key for each seal (RFC 7748), HKDF-SHA-256 over the
shared secret with both public keys in the salt (RFC 5869), ChaCha20-Poly1305 (RFC 8439) with a nonce of zeros, which is
sound because the key serves one message. The context is authenticated: a box moved elsewhere does not open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Meta, Struct

from drivers.vocabulary.errors import TillpointError
from drivers.vocabulary.proof import fingerprint

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

__all__ = ["RANDOM_BYTES", "SealError", "Sealed", "open_sealed", "seal", "sealing_public_key"]

RANDOM_BYTES: Final = 32
BOX_BYTES_MAX: Final = 4_096  # a name and a phone have a hundred; what is larger is no contact
_INFO: Final = b"tillpoint sealed 1"
_NONCE: Final = bytes(12)


class SealError(TillpointError):
    """A box that does not open: another key, another place, or changed on the way."""


class Sealed(Struct, frozen=True, kw_only=True):
    """A sealed box as it travels.

    Attributes:
        version: how it is made; 1.
        key: fingerprint of the public key it is sealed to.
        ephemeral: the X25519 public key made for this box, hex.
        box: cipher text and tag.
    """

    version: int = 1
    key: Annotated[str, Meta(pattern=r"^[0-9a-f]{16}$")]
    ephemeral: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    box: Annotated[bytes, Meta(max_length=BOX_BYTES_MAX)]


def sealing_public_key(private: bytes) -> str:
    """The public half, hex, of a private key of 32 bytes."""
    return _private(private).public_key().public_bytes_raw().hex()


def seal(data: bytes, *, public: str, context: bytes, random: bytes) -> Sealed:
    """Seal `data` to a public key.

    Args:
        data: what nobody on the way may read.
        public: the receiver's key, hex.
        context: where the box belongs; it opens only there.
        random: RANDOM_BYTES of the system's randomness, never used again.

    Raises:
        SealError: the key cannot be used.
    """
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    ephemeral = _private(random)
    own = ephemeral.public_key().public_bytes_raw()
    receiver = bytes.fromhex(public)
    key = _key(ephemeral, _public(receiver), own + receiver)
    box = ChaCha20Poly1305(key).encrypt(_NONCE, data, context)
    return Sealed(key=fingerprint(public), ephemeral=own.hex(), box=box)


def open_sealed(sealed: Sealed, *, private: bytes, context: bytes) -> bytes:
    """What is in a box.

    Raises:
        SealError: another version or key, another context, or a box that was changed.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    if sealed.version != 1:
        raise SealError(
            f"a sealed box of version {sealed.version}; this Tillpoint opens version 1, install a newer one"
        )
    receiver = _private(private)
    own = receiver.public_key().public_bytes_raw()
    if sealed.key != fingerprint(own.hex()):
        raise SealError(f"sealed to another key ({sealed.key}) than this centre's ({fingerprint(own.hex())})")
    other = bytes.fromhex(sealed.ephemeral)
    key = _key(receiver, _public(other), other + own)
    try:
        return ChaCha20Poly1305(key).decrypt(_NONCE, sealed.box, context)
    except InvalidTag:
        raise SealError("a sealed box that was changed, or that belongs to another envelope") from None


def _key(private: X25519PrivateKey, public: X25519PublicKey, salt: bytes) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    try:
        shared = private.exchange(public)
    except ValueError:  # a point of small order: the secret would be no secret (RFC 7748 §6.1)
        raise SealError("a public key that cannot be used") from None
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=_INFO).derive(shared)


def _private(data: bytes) -> X25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    return X25519PrivateKey.from_private_bytes(data)


def _public(data: bytes) -> X25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

    try:
        return X25519PublicKey.from_public_bytes(data)
    except ValueError:
        raise SealError("a public key that cannot be used") from None
