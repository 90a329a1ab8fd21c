"""A signed release: two levels of keys, their time, and versions in their order."""

from __future__ import annotations

import base64
import itertools
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from agent.signatures import fingerprint, new_private_key, public_text
from drivers.vocabulary import codec
from drivers.vocabulary.release import (
    RELEASE_KEY,
    CertifiedKey,
    Manifest,
    Payload,
    ReleaseRefused,
    SignedRelease,
    certify,
    fingerprint_of,
    open_release,
    payload_for,
    platform_of,
    sign_release,
    version_order,
)

ROOT, SIGNING = new_private_key(), new_private_key()
ROOTS = (public_text(ROOT),)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
KEY = CertifiedKey(key=public_text(SIGNING), valid_from=BEGIN, valid_until=BEGIN + timedelta(days=365))
CERTIFICATE = certify(ROOT, KEY)
PAYLOAD = Payload(sha256="ab" * 32, size=1_000, schema=2, readable_from=1)
MANIFEST = Manifest(version="1.2.0", created=BEGIN + timedelta(days=30), platforms={"win-amd64": PAYLOAD})
NOW = BEGIN + timedelta(days=40)
SIGNED = sign_release(SIGNING, CERTIFICATE, MANIFEST)


def test_a_release_travels_and_counts() -> None:
    """What was signed is what is read, and by whom."""
    verified = open_release(codec.encode(SIGNED), roots=ROOTS, now=NOW)

    assert MANIFEST == verified.manifest
    assert (fingerprint(public_text(ROOT)), fingerprint(public_text(SIGNING))) == (verified.root, verified.key)
    assert PAYLOAD == payload_for(verified.manifest, "win-amd64")
    with pytest.raises(ReleaseRefused, match=r"nothing for linux .it has: win-amd64."):
        payload_for(verified.manifest, "linux")


def test_every_bit_counts() -> None:
    """No bit of the manifest, the certificate or the signatures can be another one."""
    whole = codec.encode(SIGNED)
    for part in (
        SIGNED.manifest,
        SIGNED.certificate.statement,
        SIGNED.signature.signature,
        SIGNED.certificate.signature.signature,
    ):
        raw = base64.b64decode(part)
        for at in range(0, len(raw), 5):
            spoilt = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
            changed = whole.replace(part.encode(), base64.b64encode(spoilt))
            with pytest.raises(ReleaseRefused) as refused:
                open_release(changed, roots=ROOTS, now=NOW)
            assert refused.value.code in {"signature_wrong", "certificate_wrong"}


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b"[1]", b"x" * 70_000, b'{"manifest": 5}'])
def test_no_release_at_all(data: bytes) -> None:
    """A sentence."""
    with pytest.raises(ReleaseRefused) as refused:
        open_release(data, roots=ROOTS, now=NOW)
    assert "unreadable" == refused.value.code


def test_a_signature_for_another_purpose_is_none() -> None:
    """A root key signs certificates; it cannot be made to sign a manifest."""
    other = replace(SIGNED, signature=replace(SIGNED.certificate.signature, key=SIGNED.signature.key))

    with pytest.raises(ReleaseRefused, match="did not sign this manifest"):
        open_release(codec.encode(other), roots=ROOTS, now=NOW)
    assert RELEASE_KEY.startswith(b"tillpoint release key")


def test_trusting_nobody() -> None:
    """As shipped: the sentence names the setting."""
    with pytest.raises(ReleaseRefused, match=r"set updates\.root_keys"):
        open_release(codec.encode(SIGNED), roots=(), now=NOW)


@pytest.mark.parametrize(
    ("now", "code"), [(KEY.valid_until, ""), (KEY.valid_until + timedelta(seconds=1), "key_expired"), (BEGIN - timedelta(days=4_000), "")]
)  # fmt: skip
def test_the_time_of_the_till(now: datetime, code: str) -> None:
    """Behind the key's first day is no reason; after its last one is."""
    try:
        open_release(codec.encode(SIGNED), roots=ROOTS, now=now)
        found = ""
    except ReleaseRefused as refused:
        found = refused.code
    assert code == found


def test_signing_outside_the_time_of_the_key() -> None:
    """Said at the desk, not at ten thousand tills."""
    for created in (BEGIN - timedelta(days=1), KEY.valid_until + timedelta(days=1)):
        with pytest.raises(ReleaseRefused, match="and this was signed on"):
            sign_release(SIGNING, CERTIFICATE, replace(MANIFEST, created=created))
    with pytest.raises(ReleaseRefused, match="another key's"):
        sign_release(new_private_key(), CERTIFICATE, MANIFEST)


def test_revoked() -> None:
    """Either level."""
    for public in (public_text(ROOT), public_text(SIGNING)):
        with pytest.raises(ReleaseRefused, match="was revoked"):
            open_release(codec.encode(SIGNED), roots=ROOTS, now=NOW, revoked={fingerprint_of(public)})


def test_versions_in_their_order() -> None:
    """Release candidates come before what they are candidates for; numbers are numbers."""
    ordered = ["0.9", "0.10.0a1", "0.10.0b2", "0.10.0rc1", "0.10.0rc2", "0.10.0", "0.10.0.1", "1.0.0"]

    assert ordered == sorted(set(ordered), key=version_order)
    assert version_order("1.4") == version_order("1.4.0")
    for one, other in itertools.pairwise(ordered):
        assert version_order(one) < version_order(other)


@pytest.mark.parametrize("text", ["", "1", "v1.0", "1.0-1", "1.0.0.0.0", "../1.0", "1.0\n", "1.0 ", "1.0.dev1"])
def test_what_is_no_version(text: str) -> None:
    """It becomes the name of a folder, so nothing else may pass."""
    with pytest.raises(ValueError, match="is not a version"):
        version_order(text)


def test_platforms() -> None:
    """As the build names them."""
    assert "win-amd64" == platform_of(system="win32", machine="AMD64", python=(3, 11))
    assert "linux-x86_64-cp311" == platform_of(system="linux", machine="x86_64", python=(3, 11))
    assert "linux-aarch64-cp311" == platform_of(system="linux", machine="aarch64", python=(3, 11))
    assert isinstance(codec.decode(codec.encode(SIGNED), SignedRelease), SignedRelease)
