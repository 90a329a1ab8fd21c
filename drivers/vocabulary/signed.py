"""A programme as it travels signed, and the keys a till trusts; values only, who signs and who checks is elsewhere.

Keys are Ed25519 (RFC 8032), public ones as 32 bytes in base64. What is signed is a purpose, a zero byte and the exact
bytes: of the programme, or of the key ring's canonical JSON. Several signatures may stand side by side, so that two
keys are good at once while one takes over from the other.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct

__all__ = ["KEYS_MAX", "KeyRing", "PublicKey", "Signature", "SignedProgramme"]

KEYS_MAX: Final = 4  # one in use, one taking over; more is a mistake
SIGNATURES_MAX: Final = 8  # the centre's keys and as many of people

#: A public Ed25519 key: 32 bytes in base64.
PublicKey = Annotated[str, Meta(pattern=r"^[A-Za-z0-9+/]{43}=$", description="a public Ed25519 key in base64")]


class Signature(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signature as it stands in a file of its own.

    Attributes:
        algorithm: "ed25519".
        key: fingerprint of the public key, so that a wrong key is told from a changed file.
        signature: 64 bytes in base64.
    """

    algorithm: Annotated[str, Meta(max_length=40)]
    key: Annotated[str, Meta(max_length=64)]
    signature: Annotated[str, Meta(max_length=200)]


class KeyRing(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The keys whose programmes a till takes; `serial` grows with each change, so that an old ring is told from a new.

    An empty ring is of a centre that signs nothing.
    """

    serial: Annotated[int, Meta(ge=0)] = 0
    keys: Annotated[tuple[PublicKey, ...], Meta(max_length=KEYS_MAX)] = ()


class SignedProgramme(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The document "programme", key "signed".

    Attributes:
        programme: the programme as its author wrote it, TOML or JSON; its UTF-8 bytes are what is signed.
        signatures: by any of the keys; one good one is enough.
        ring: the keys to trust from now on.
        ring_signatures: over the ring, by keys of the ring before it.
    """

    programme: str
    signatures: Annotated[tuple[Signature, ...], Meta(max_length=SIGNATURES_MAX)] = ()
    ring: KeyRing = KeyRing()
    ring_signatures: Annotated[tuple[Signature, ...], Meta(max_length=SIGNATURES_MAX)] = ()
