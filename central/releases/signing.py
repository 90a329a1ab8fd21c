"""The desk where releases are signed: key files, certificates, manifests of archives; needs no centre and no network.

A *root* key stays in a safe and vouches for a *signing key* for a season; that one signs each release. Whoever loses a
signing key revokes it and makes another; whoever loses the root must visit every till.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from agent.signatures import make_keys, private_text_of, public_text, public_text_of
from central.errors import CentralStartError
from drivers.vocabulary import codec
from drivers.vocabulary.release import (
    Certificate,
    CertifiedKey,
    Manifest,
    Payload,
    SignedRelease,
    certify,
    fingerprint_of,
    sign_release,
)

__all__ = ["make_root", "make_signing_key", "public_of", "read_archive", "sign_archives", "write_new"]

FACTS: Final = "release.json"  # in every archive, made by the build
FACTS_BYTES_MAX: Final = 16 << 20  # it lists every file
CERTIFICATE_DAYS_MAX: Final = 800
_SLACK: Final = timedelta(hours=1)  # two desks do not agree on the minute


def make_root(name: Path) -> str:
    """Write NAME.key and NAME.pub; the fingerprint.

    Raises:
        SignatureError: a file exists already or cannot be written.
    """
    make_keys(name.with_name(f"{name.name}.key"), name.with_name(f"{name.name}.pub"))
    return fingerprint_of(public_of(name.with_name(f"{name.name}.pub")))


def make_signing_key(root: Path, name: Path, *, days: int, now: datetime) -> str:
    """Write NAME.key, NAME.pub and NAME.certificate.json, vouched for by a root key; the fingerprint.

    Raises:
        CentralStartError: the days cannot be, or the certificate cannot be written.
        SignatureError: the root cannot be read, or a file exists already.
    """
    if not 1 <= days <= CERTIFICATE_DAYS_MAX:
        raise CentralStartError(f"a signing key counts for 1 to {CERTIFICATE_DAYS_MAX} days, not {days}")
    private = private_text_of(root)
    make_keys(name.with_name(f"{name.name}.key"), name.with_name(f"{name.name}.pub"))
    public = public_of(name.with_name(f"{name.name}.pub"))
    stated = CertifiedKey(key=public, valid_from=now - _SLACK, valid_until=now + timedelta(days=days))
    write_new(name.with_name(f"{name.name}.certificate.json"), codec.encode(certify(private, stated)))
    return fingerprint_of(public)


def public_of(path: Path) -> str:
    """The public key of a file, in base64; raises SignatureError."""
    return public_text_of(path)


def sign_archives(
    key: Path,
    archives: Sequence[Path],
    *,
    now: datetime,
    channel: str = "stable",
    oldest_from: str = "",
    notes: str = "",
) -> SignedRelease:
    """Sign the manifest of archives of one version, one for each platform.

    Args:
        key: private key of `make_signing_key`; its certificate lies beside it.
        archives: as the build made them; version, platform and tables are read from inside.
        now: becomes `created`.
        channel: which tills it is for.
        oldest_from: the oldest version that may go to it in one step.
        notes: for people.

    Raises:
        CentralStartError: an archive cannot be read, or they do not belong together.
        SignatureError: the key cannot be read.
        ReleaseRefused: the certificate is not this key's or not of this time.
    """
    if not archives:
        raise CentralStartError("a release needs at least one archive: dist/tillpoint-VERSION-PLATFORM.zip")
    private = private_text_of(key)
    version, platforms = "", dict[str, Payload]()
    for path in archives:
        of, platform, payload = read_archive(path)
        if version and of != version:
            raise CentralStartError(f"{path} is of version {of}, the others are of {version}")
        if platform in platforms:
            raise CentralStartError(f"{path} is a second archive for {platform}; one release has one")
        version, platforms[platform] = of, payload
    try:
        made = {"version": version, "created": now, "platforms": platforms}
        more = {"channel": channel, "oldest_from": oldest_from, "notes": notes}
        manifest = codec.convert(codec.to_builtins({**made, **more}), Manifest)
    except codec.WireError as error:
        raise CentralStartError(f"this is no release: {error}") from None
    return sign_release(private, _certificate_beside(key, private), manifest)


def read_archive(path: Path) -> tuple[str, str, Payload]:
    """(version, platform, what the manifest says of it) of an archive.

    Raises:
        CentralStartError: it cannot be read, or the build did not make it.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        with zipfile.ZipFile(path) as archive:
            found = archive.getinfo(FACTS)
            if found.file_size > FACTS_BYTES_MAX:
                raise CentralStartError(f"{path}: its {FACTS} is too large")
            facts: dict[str, Any] = json.loads(archive.read(found))
            unpacked = sum(one.file_size for one in archive.infolist())
        payload = {
            "sha256": digest,
            "size": path.stat().st_size,
            "schema": facts["schema"],
            "readable_from": facts.get("readable_from", facts["schema"]),
            "unpacked": unpacked,
        }
        return str(facts["version"]), str(facts["platform"]), codec.convert(payload, Payload)
    except OSError as error:
        raise CentralStartError(f"cannot read {path}: {error.strerror or error}") from None
    except (zipfile.BadZipFile, codec.WireError, LookupError, TypeError, ValueError) as error:
        raise CentralStartError(f"{path} is no archive of the build ({error}); make it with dev.py build") from None


def write_new(path: Path, data: bytes) -> None:
    """Write a file that is not there yet.

    Raises:
        CentralStartError: it is there, or cannot be written.
    """
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError:
        raise CentralStartError(f"{path} exists; name another file or take it away") from None
    except OSError as error:
        raise CentralStartError(f"cannot write {path}: {error.strerror or error}") from None


def _certificate_beside(key: Path, private: str) -> Certificate:
    path = key.with_name(f"{key.name.removesuffix('.key')}.certificate.json")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CentralStartError(
            f"the certificate of key {fingerprint_of(public_text(private))} is not beside it at {path}: "
            f"{error.strerror or error}"
        ) from None
    try:
        return codec.decode(data, Certificate)
    except codec.WireError as error:
        raise CentralStartError(f"{path} is no certificate: {error}") from None
