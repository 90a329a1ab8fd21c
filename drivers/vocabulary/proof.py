"""Which till it was: Ed25519 statements over a batch of envelopes and over a new key; pure, keys come as arguments.

A statement begins with its purpose, so that a signature for one is none for another. Keys and signatures travel as
lower-case hex; a private key is the 32 bytes of its seed (RFC 8032 §5.1.5).
"""

from __future__ import annotations

__all__ = [
    "batch_statement",
    "enrol_statement",
    "fingerprint",
    "is_signed",
    "key_statement",
    "leave_statement",
    "public_key",
    "sign",
]

_BATCH = b"tillpoint batch 1\0"
_KEY = b"tillpoint till key 1\0"
_ENROL = b"tillpoint enrol 1\0"
_LEAVE = b"tillpoint leave 1\0"


def batch_statement(*, till: str, epoch: int, first: int, last: int, head: str) -> bytes:
    """What a till says of a batch: which run of its chain it is, and the hash of its last envelope.

    The head stands for every envelope before it, because each hash is taken over the one before.
    """
    return _BATCH + "\n".join((till, str(epoch), str(first), str(last), head)).encode()


def key_statement(*, till: str, public: str) -> bytes:
    """What a till says of a new public key: signed with it, that it is held; with the old one, that it may follow."""
    return _KEY + f"{till}\n{public}".encode()


def enrol_statement(*, machine: str, public: str) -> bytes:
    """What a machine says that enrols with a store's secret: signed with the key it names, that it is held."""
    return _ENROL + f"{machine}\n{public}".encode()


def leave_statement(*, till: str, epoch: int, last: int, unsent: int) -> bytes:
    """What a till says that will not come back: how far its chain goes, and how much of it was never sent."""
    return _LEAVE + f"{till}\n{epoch}\n{last}\n{unsent}".encode()


def public_key(seed: str) -> str:
    """The public half of a private key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed)).public_key().public_bytes_raw().hex()


def sign(seed: str, statement: bytes) -> str:
    """The signature of a statement, 128 hex digits."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed)).sign(statement).hex()


def is_signed(public: str, statement: bytes, signature: str) -> bool:
    """Whether the holder of `public` signed just this; False also for what is no key or no signature."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signature), statement)
    except (InvalidSignature, ValueError):
        return False
    return True


def fingerprint(public: str) -> str:
    """The first 16 hex digits of the SHA-256 of a raw public key: how people name it; "" for none."""
    import hashlib

    return hashlib.sha256(bytes.fromhex(public)).hexdigest()[:16] if public else ""
