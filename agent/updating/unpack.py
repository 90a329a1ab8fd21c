"""An archive to a version folder: nothing outside the folder, no links, no more than was said, every file as listed."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import Final

from msgspec import Struct

from drivers.vocabulary import codec
from drivers.vocabulary.receipt import AwareTime
from drivers.vocabulary.release import ReleaseRefused

__all__ = ["RELEASE_FILE", "ReleaseFacts", "facts_of", "require_whole", "unpack"]

RELEASE_FILE: Final = "release.json"
FILES_MAX: Final = 20_000  # a version has some four thousand
PATH_CHARS_MAX: Final = 200  # below a folder of Windows, whose paths end at 260
CHUNK_BYTES: Final = 1 << 20
FACTS_BYTES_MAX: Final = 8 << 20

#: Names that are devices on Windows, with any ending.
_DEVICES: Final = frozenset(
    {"con", "prn", "aux", "nul", *(f"{name}{number}" for name in ("com", "lpt") for number in range(10))}
)


#: What `zipfile` says of one that is none: also of a name in it that is no text.
_NO_ARCHIVE: Final = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    EOFError,
    NotImplementedError,
    RuntimeError,
    UnicodeDecodeError,
)


class ReleaseFacts(Struct, frozen=True, kw_only=True):
    """`release.json` of a version folder, made by the build."""

    version: str
    platform: str
    schema: int
    files: dict[str, str]
    readable_from: int = 1
    built: AwareTime | None = None


def unpack(archive: Path, into: Path, *, bytes_max: int) -> None:
    """Unpack a zip into a new folder and make it last.

    Args:
        archive: nobody else can write it.
        into: must not exist.
        bytes_max: more than that unpacked is a bomb.

    Raises:
        ReleaseRefused: it is no archive, or something in it does not belong into a version folder.
        OSError: the disk is full or failed; what was unpacked is for the caller to remove.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _checked(opened.infolist(), bytes_max)
            into.mkdir(mode=0o755, parents=True)
            left = bytes_max
            for name, member in members:
                left -= _unpack_one(opened, member, into / name, left)
    except _NO_ARCHIVE as error:
        raise ReleaseRefused("archive", f"{archive.name} is no whole archive: {error}") from None
    _sync(into)


def facts_of(folder: Path) -> ReleaseFacts:
    """What a version folder says of itself; raises ReleaseRefused when it does not."""
    try:
        with (folder / RELEASE_FILE).open("rb") as file:
            return codec.decode(file.read(FACTS_BYTES_MAX), ReleaseFacts)
    except (OSError, codec.WireError) as error:
        raise ReleaseRefused("not_whole", f"{folder} is no version folder: {error}") from None


def require_whole(folder: Path) -> ReleaseFacts:
    """See that every file of a version folder is there as it was built, and nothing else; raises ReleaseRefused."""
    facts = facts_of(folder)
    found = {one.relative_to(folder).as_posix() for one in _plain_files(folder)} - {RELEASE_FILE}
    if lacking := sorted(facts.files.keys() - found):
        raise ReleaseRefused("not_whole", f"{folder} lacks {lacking[0]} (and {len(lacking) - 1} more); fetch it again")
    if strange := sorted(found - facts.files.keys()):
        raise ReleaseRefused("not_whole", f"{folder} has {strange[0]}, which its list does not; fetch it again")
    for name, wanted in facts.files.items():
        if _digest(folder / name) != wanted:
            raise ReleaseRefused("not_whole", f"{folder / name} is not as it was built; fetch the version again")
    return facts


# ── Names ───────────────────────────────────────────────────────────────────────────────────────


def _checked(members: Iterable[zipfile.ZipInfo], bytes_max: int) -> list[tuple[str, zipfile.ZipInfo]]:
    """Every file with its name, once all of them are known to be harmless."""
    checked: list[tuple[str, zipfile.ZipInfo]] = []
    seen: set[str] = set()
    total = 0
    for member in members:
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
            raise ReleaseRefused("archive", f"{member.filename[:80]!r} in the archive is a link or a device")
        if member.is_dir():
            continue
        name = _harmless(member.filename)
        if name.casefold() in seen:
            raise ReleaseRefused("archive", f"{name!r} is in the archive twice")
        seen.add(name.casefold())
        total += member.file_size
        checked.append((name, member))
        if len(checked) > FILES_MAX or total > bytes_max:
            raise ReleaseRefused("archive", f"the archive unpacks to more than {bytes_max} bytes or {FILES_MAX} files")
    return checked


def _harmless(name: str) -> str:
    path = PurePosixPath(name)
    bad = (
        not name
        or len(name) > PATH_CHARS_MAX
        or path.is_absolute()
        or any(letter in name for letter in '\\:*?"<>|')
        or any(ord(letter) < 32 for letter in name)
        or any(part in {"", ".", ".."} or part[-1] in ". " for part in name.split("/"))
        or any(part.partition(".")[0].casefold() in _DEVICES for part in path.parts)
    )
    if bad:
        raise ReleaseRefused("archive", f"{name[:80]!r} in the archive leads out of its folder or is no file name")
    return name


# ── Bytes ───────────────────────────────────────────────────────────────────────────────────────


def _unpack_one(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, bytes_max: int) -> int:
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    is_program = (member.external_attr >> 16) & 0o111
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    written = 0
    handle = os.open(target, flags, 0o755 if is_program else 0o644)
    with os.fdopen(handle, "wb") as file, archive.open(member) as source:
        while chunk := source.read(CHUNK_BYTES):
            written += len(chunk)
            if written > bytes_max:  # the sizes in the archive's own list may lie
                raise ReleaseRefused("archive", f"the archive unpacks to more than was said, at {member.filename[:80]}")
            file.write(chunk)
        if sys.platform == "win32":
            file.flush()
            os.fsync(file.fileno())
    return written


def _sync(folder: Path) -> None:
    # One sync of the whole disk instead of four thousand: each of those would wait for the till's own commits.
    if sys.platform != "win32":
        os.sync()
    del folder


def _plain_files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for root, folders, names in os.walk(folder, onerror=_complain):
        for one in (*folders, *names):
            path = Path(root) / one
            if path.is_symlink():
                raise ReleaseRefused("not_whole", f"{path} is a link; fetch the version again")
        found += [Path(root) / one for one in names]
    return found


def _complain(error: OSError) -> None:
    raise ReleaseRefused("not_whole", f"cannot read {error.filename}: {error.strerror}")


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            feed: Callable[[], bytes] = lambda: file.read(CHUNK_BYTES)  # noqa: E731
            for chunk in iter(feed, b""):
                digest.update(chunk)
    except OSError as error:
        raise ReleaseRefused("not_whole", f"cannot read {path}: {error.strerror}") from None
    return digest.hexdigest()
