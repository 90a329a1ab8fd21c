"""A release as it travels: what it is, who signed it, and whether that counts; pure, keys and the time are arguments.

Two levels, so that the key that matters lies in a safe: a *root* key signs the certificate of a *signing key* for a
season, the signing key signs each manifest. Keys are Ed25519 (RFC 8032), public ones as 32 bytes in base64. What is
signed is a purpose, a zero byte and the exact bytes; the bytes travel as they were signed, in base64, so nobody has to
write them the same way again.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Annotated, Final, TypeVar

from msgspec import Meta, Struct

from drivers.vocabulary import codec
from drivers.vocabulary.errors import TillpointError
from drivers.vocabulary.receipt import AwareTime
from drivers.vocabulary.signed import PublicKey, Signature

__all__ = [
    "ENVELOPE_BYTES_MAX",
    "RELEASE",
    "RELEASE_KEY",
    "Certificate",
    "CertifiedKey",
    "Manifest",
    "Payload",
    "ReleaseRefused",
    "SignedRelease",
    "Verified",
    "Version",
    "certify",
    "fingerprint_of",
    "open_release",
    "payload_for",
    "platform_of",
    "sign_release",
    "version_order",
]

RELEASE: Final = b"tillpoint release 1"  # the purpose of a manifest's signature
RELEASE_KEY: Final = b"tillpoint release key 1"  # that of a signing key's certificate
ENVELOPE_BYTES_MAX: Final = 65_536  # a manifest is a page; anything large is no manifest
ARCHIVE_BYTES_MAX: Final = 1 << 30  # ten times what a version of today takes

T = TypeVar("T")

_VERSION: Final = r"^[0-9]{1,6}(\.[0-9]{1,6}){1,3}((a|b|rc)[0-9]{1,4})?$(?!\n)"

#: A version as Tillpoint counts them: numbers with dots, and a, b or rc before the final one (`1.4.0rc2`).
Version = Annotated[str, Meta(pattern=_VERSION, description="a version, such as 1.4.0 or 1.4.0rc2")]


class Payload(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a release brings for one platform.

    Attributes:
        sha256: of the archive, 64 hex digits; also its address at the centre.
        size: of the archive, in bytes.
        unpacked: of the unpacked tree, in bytes; 0 when nobody counted.
        schema: the tables of `till.db` that this version makes.
        readable_from: the oldest schema whose versions go on with these tables (decision 022); a till whose version is
            older than that does not take this release, because it could not go back.
    """

    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Meta(ge=1, le=ARCHIVE_BYTES_MAX)]
    schema: Annotated[int, Meta(ge=1, le=10_000)]
    readable_from: Annotated[int, Meta(ge=1, le=10_000)]
    unpacked: Annotated[int, Meta(ge=0, le=4 * ARCHIVE_BYTES_MAX)] = 0


class Manifest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a release is.

    Attributes:
        created: when it was signed.
        channel: "stable", "beta" …; a till takes those of its own channel.
        platforms: name (`linux-x86_64-cp311`, `win-amd64`) → what it brings.
        oldest_from: the oldest version that may go to this one in one step; "" for any.
        notes: for people, a line or two.
    """

    version: Version
    created: AwareTime
    platforms: Annotated[dict[Annotated[str, Meta(max_length=60)], Payload], Meta(max_length=20)]
    channel: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,19}$")] = "stable"
    oldest_from: Annotated[str, Meta(pattern=f"^$|{_VERSION}")] = ""
    notes: Annotated[str, Meta(max_length=4_000)] = ""


class CertifiedKey(Struct, frozen=True, kw_only=True):
    """What a root key says of a signing key: whose it is not, only that it counts, and when."""

    key: PublicKey
    valid_from: AwareTime
    valid_until: AwareTime


class Certificate(Struct, frozen=True, kw_only=True):
    """A signing key with a root key's signature.

    Attributes:
        statement: canonical JSON of a `CertifiedKey`, in base64.
        signature: over the statement, with the purpose `RELEASE_KEY`.
    """

    statement: Annotated[str, Meta(max_length=2_000)]
    signature: Signature


class SignedRelease(Struct, frozen=True, kw_only=True):
    """A release as it travels; the file `<version>.release.json`.

    Attributes:
        manifest: canonical JSON of a `Manifest`, in base64.
        certificate: of the key that signed it.
        signature: over the manifest, with the purpose `RELEASE`.
    """

    manifest: Annotated[str, Meta(max_length=ENVELOPE_BYTES_MAX)]
    certificate: Certificate
    signature: Signature


class Verified(Struct, frozen=True, kw_only=True):
    """A release whose signatures are good: what it says, and the fingerprints of who says so."""

    manifest: Manifest
    root: str
    key: str
    valid_until: datetime


class ReleaseRefused(TillpointError):  # noqa: N818 - what becomes of it, named as people say it
    """A release that is not taken.

    Attributes:
        code: a stable word: `unreadable`, `root_unknown`, `certificate_wrong`, `key_revoked`, `key_not_yet`,
            `key_expired`, `signature_wrong`; the till's own reasons join them (`agent/updating`).
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


# ── Versions and platforms ──────────────────────────────────────────────────────────────────────


@functools.lru_cache(maxsize=1_000)
def version_order(version: str) -> tuple[tuple[int, ...], int, int]:
    """What versions are sorted by: `1.4.0rc2` is before `1.4.0`, and `1.4` is `1.4.0`.

    Raises:
        ValueError: the text is no version.
    """
    if not re.match(_VERSION, version):
        raise ValueError(f"{version[:40]!r} is not a version such as 1.4.0 or 1.4.0rc2")
    numbers, kind, count = re.match(r"([0-9.]+)(a|b|rc)?([0-9]*)$", version).groups()  # type: ignore[union-attr]
    parts = [int(one) for one in numbers.split(".")]
    parts += [0] * (4 - len(parts))
    return tuple(parts), {"a": 0, "b": 1, "rc": 2, None: 3}[kind], int(count or 0)


def platform_of(*, system: str, machine: str, python: tuple[int, int]) -> str:
    """The name of a platform in a manifest, from `sys.platform`, `platform.machine()` and the Python's version."""
    if system == "win32":
        return "win-amd64"
    word = {"AMD64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
    return f"{system}-{word}-cp{python[0]}{python[1]}"


# ── Signing: at a desk without a network ────────────────────────────────────────────────────────


def certify(root: str, key: CertifiedKey) -> Certificate:
    """A root key (private, in base64) vouches for a signing key."""
    statement = codec.encode(key)
    return Certificate(statement=_text(statement), signature=_sign(root, RELEASE_KEY, statement))


def sign_release(private: str, certificate: Certificate, manifest: Manifest) -> SignedRelease:
    """A signing key (private, in base64) signs a manifest.

    Raises:
        ReleaseRefused: the certificate is another key's, or the manifest was made outside its time: no till would
            take it.
    """
    stated = _stated(certificate)
    if stated.key != _public_text(private):
        raise ReleaseRefused("certificate_wrong", "the certificate is another key's; give the one of this key")
    _require_in_time(stated, manifest.created)
    data = codec.encode(manifest)
    return SignedRelease(manifest=_text(data), certificate=certificate, signature=_sign(private, RELEASE, data))


# ── Checking: at the till, and once more by whoever installs it ─────────────────────────────────


def open_release(data: bytes, *, roots: Iterable[str], now: datetime, revoked: Collection[str] = ()) -> Verified:
    """Read a signed release and see that it counts.

    Args:
        data: JSON of a `SignedRelease`.
        roots: public root keys in base64.
        now: not earlier than the truth; a clock that is behind makes no key good again (`agent/updating/now.py`), and
            one behind a key's first day is no reason to refuse what that key has signed.
        revoked: fingerprints of keys that count no more, whatever their certificate says.

    Raises:
        ReleaseRefused: it does not count; the sentence says why and what to do.
    """
    if len(data) > ENVELOPE_BYTES_MAX:
        raise ReleaseRefused("unreadable", f"{len(data)} bytes are no signed release; the largest has 65536")
    signed = _read(data, SignedRelease, "it is not a signed release")
    known = {fingerprint_of(one): one for one in roots}
    root = signed.certificate.signature.key
    if root not in known:
        ours = ", ".join(sorted(known)) or "none; set updates.root_keys"
        raise ReleaseRefused(
            "root_unknown",
            f"root key {root[:16]} vouches for its signing key, and this till does not trust it (trusted: {ours})",
        )
    statement = _bytes(signed.certificate.statement)
    if not _fits(known[root], RELEASE_KEY, statement, signed.certificate.signature):
        raise ReleaseRefused("certificate_wrong", f"root key {root} did not sign this certificate; it is not genuine")
    stated = _stated(signed.certificate)
    key = fingerprint_of(stated.key)
    for one, what in ((root, "root key"), (key, "signing key")):
        if one in revoked:
            raise ReleaseRefused("key_revoked", f"{what} {one} was revoked; ask for a release signed with another key")
    manifest_bytes = _bytes(signed.manifest)
    if signed.signature.key != key or not _fits(stated.key, RELEASE, manifest_bytes, signed.signature):
        raise ReleaseRefused("signature_wrong", f"signing key {key} did not sign this manifest: it was changed since")
    manifest = _read(manifest_bytes, Manifest, "its manifest cannot be read")
    _require_in_time(stated, manifest.created)
    if now > stated.valid_until:
        raise ReleaseRefused(
            "key_expired",
            f"signing key {key} counted until {stated.valid_until:%Y-%m-%d} and it is {now:%Y-%m-%d} here: "
            "check this till's clock, or ask for the release signed anew",
        )
    return Verified(manifest=manifest, root=root, key=key, valid_until=stated.valid_until)


def fingerprint_of(public: str) -> str:
    """How people name a public key: the first 16 hex digits of its SHA-256; "" when the text is no key."""
    try:
        return hashlib.sha256(base64.b64decode(public, validate=True)).hexdigest()[:16]
    except (binascii.Error, ValueError):
        return ""


def payload_for(manifest: Manifest, platform: str) -> Payload:
    """What the release brings for a platform; raises ReleaseRefused when it has nothing for it."""
    platforms: Mapping[str, Payload] = manifest.platforms
    if platform not in platforms:
        has = ", ".join(sorted(platforms)) or "none"
        raise ReleaseRefused("platform", f"release {manifest.version} has nothing for {platform} (it has: {has})")
    return platforms[platform]


def _require_in_time(stated: CertifiedKey, created: datetime) -> None:
    key = fingerprint_of(stated.key)
    signed = f"and this was signed on {created:%Y-%m-%d}"
    if created < stated.valid_from:
        raise ReleaseRefused("key_not_yet", f"signing key {key} counts from {stated.valid_from:%Y-%m-%d}, {signed}")
    if created > stated.valid_until:
        raise ReleaseRefused("key_expired", f"signing key {key} counted until {stated.valid_until:%Y-%m-%d}, {signed}")


def _stated(certificate: Certificate) -> CertifiedKey:
    return _read(_bytes(certificate.statement), CertifiedKey, "its certificate cannot be read")


def _read(data: bytes, wanted: type[T], sentence: str) -> T:
    try:
        return codec.decode(data, wanted)
    except codec.WireError as error:
        raise ReleaseRefused("unreadable", f"{sentence}: {error}") from None


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ReleaseRefused("unreadable", "it is damaged: a part of it is not base64") from None


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _sign(private: str, purpose: bytes, data: bytes) -> Signature:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(private, validate=True))
    made = _text(key.sign(purpose + b"\0" + data))
    return Signature(algorithm="ed25519", key=fingerprint_of(_public_text(private)), signature=made)


def _public_text(private: str) -> str:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(private, validate=True))
    return _text(key.public_key().public_bytes_raw())


def _fits(public: str, purpose: bytes, data: bytes, signature: Signature) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if signature.algorithm != "ed25519":
        return False
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public, validate=True))
        key.verify(base64.b64decode(signature.signature, validate=True), purpose + b"\0" + data)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
