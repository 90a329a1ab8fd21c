"""Which wheels a till needs on a platform, and how they get here: from `requirements.lock`, every hash checked by pip.

The lock holds more than a till needs (the centre, the build tools) and says by `# via` comments who wants what; the
closure of pyproject's own dependencies over those comments is what is shipped.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from packaging.markers import Marker
from packaging.utils import canonicalize_name

__all__ = [
    "NOT_NEEDED",
    "PLATFORMS",
    "BuildFailed",
    "Pin",
    "Platform",
    "fetch",
    "pins_of_lock",
    "run_closure",
    "unpack",
]

#: What the lock's packages ask for and a till never uses; name → why it is left out.
NOT_NEEDED: Final = {
    "pip": "sqlite-utils wants it for its command `install`; nothing may install packages on a till",
    "setuptools": "python-escpos wants it for older Pythons' pkg_resources",
    "argcomplete": "completes the command line of python-escpos' own command",
    "click-default-group": "the command line of sqlite-utils",
    "tabulate": "tables of sqlite-utils' command line",
    "pycparser": "cffi wants it to read C declarations; cryptography's are compiled in",
}


class BuildFailed(Exception):  # noqa: N818 - an outcome with a sentence, not an accident
    """The payload cannot be built; the sentence says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """Where a payload runs: pip's tags for it and what its markers see."""

    name: str
    tags: tuple[str, ...]
    markers: dict[str, str]


#: The manylinux tags go up to the glibc of Debian 12 (2.36), newest first.
PLATFORMS: Final = {
    "linux-x86_64-cp311": Platform(
        name="linux-x86_64-cp311",
        tags=(*(f"manylinux_2_{minor}_x86_64" for minor in range(36, 4, -1)), "manylinux2014_x86_64", "linux_x86_64"),
        markers={"sys_platform": "linux", "os_name": "posix", "platform_system": "Linux", "platform_machine": "x86_64"},
    ),
    "win-amd64": Platform(
        name="win-amd64",
        tags=("win_amd64",),
        markers={"sys_platform": "win32", "os_name": "nt", "platform_system": "Windows", "platform_machine": "AMD64"},
    ),
}
#: Both run CPython 3.11.
_PYTHON: Final = {
    "python_version": "3.11",
    "python_full_version": "3.11.0",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "extra": "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One row of the lock."""

    name: str
    version: str
    marker: str
    hashes: frozenset[str]
    wanted_by: frozenset[str]

    def is_for(self, platform: Platform) -> bool:
        """Whether its marker holds there."""
        return not self.marker or Marker(self.marker).evaluate({**_PYTHON, **platform.markers})


def pins_of_lock(text: str) -> dict[str, Pin]:
    """The rows of a lock file made by uv, by normalized name."""
    pins: dict[str, Pin] = {}
    for block in re.split(r"\n(?=[a-z0-9])", re.sub(r"(?m)^#.*\n", "", text)):
        head = re.match(r"([A-Za-z0-9._-]+)==(\S+)(?: ; (.*?))? *\\?\n", block)
        if head is None:
            continue
        via = re.findall(r"(?m)^    #(?: via)? +([A-Za-z0-9._-]+(?: \(pyproject\.toml[^)]*\))?)$", block)
        pins[canonicalize_name(head[1])] = Pin(
            name=canonicalize_name(head[1]),
            version=head[2],
            marker=(head[3] or "").strip(),
            hashes=frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", block)),
            wanted_by=frozenset(one for one in via if one != "via"),
        )
    return pins


def run_closure(pins: dict[str, Pin], project: Path, platform: Platform) -> list[Pin]:
    """What pyproject's dependencies (no extra, no group) need on the platform, sorted by name."""
    told = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    wanted: list[str] = [canonicalize_name(re.split(r"[<>=!~;\[ ]", one, maxsplit=1)[0]) for one in told]
    found: dict[str, Pin] = {}
    while wanted:
        name = wanted.pop()
        if name in found or name in NOT_NEEDED:
            continue
        if name not in pins:
            raise BuildFailed(f"{name} is not in requirements.lock; run `python3 dev.py lock`")
        if not pins[name].is_for(platform):
            continue
        found[name] = pins[name]
        wanted += [one.name for one in pins.values() if name in one.wanted_by]
    return sorted(found.values(), key=lambda pin: pin.name)


def fetch(pins: list[Pin], platform: Platform, folder: Path) -> dict[str, Path]:
    """The wheel of each pin in `folder`; what is there already with a hash of the lock is taken as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    have = _found(pins, folder)
    missing = [pin for pin in pins if pin.name not in have]
    if missing:
        _download(missing, platform, folder)
        have = _found(pins, folder)
    still = [pin.name for pin in pins if pin.name not in have]
    if still:
        raise BuildFailed(f"no wheel of {', '.join(still)} for {platform.name}; put it into {folder}")
    return have


def _found(pins: list[Pin], folder: Path) -> dict[str, Path]:
    """The wheels with a hash that the lock names; the others are not looked at."""
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("*.whl")):
        name = canonicalize_name(path.name.split("-")[0])
        pin = next((pin for pin in pins if pin.name == name), None)
        if pin is not None and hashlib.sha256(path.read_bytes()).hexdigest() in pin.hashes:
            found[name] = path
    return found


def _download(pins: list[Pin], platform: Platform, folder: Path) -> None:
    rows = [
        f"{pin.name}=={pin.version} {' '.join(f'--hash=sha256:{one}' for one in sorted(pin.hashes))}" for pin in pins
    ]
    listed = folder / "wanted.txt"
    listed.write_text("\n".join(rows) + "\n", "utf-8")
    words = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    words += ["--require-hashes", "--only-binary=:all:", "--python-version", "3.11", "--implementation", "cp"]
    words += [word for abi in ("cp311", "abi3", "none") for word in ("--abi", abi)]
    words += [word for tag in platform.tags for word in ("--platform", tag)]
    words += ["--dest", str(folder), "--requirement", str(listed)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    listed.unlink()
    if done.returncode:
        said = "\n".join(done.stderr.splitlines()[-5:])
        raise BuildFailed(
            f"pip could not fetch wheels for {platform.name}; without a network put them into {folder}. It said: {said}"
        )


def unpack(wheel: Path, app: Path) -> None:
    """Put a wheel's modules into `app`; its scripts, headers and data for elsewhere are left out (PEP 427)."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            parts = PurePosixPath(entry.filename).parts
            if parts[0].endswith(".data"):
                if len(parts) < 3 or parts[1] not in {"purelib", "platlib"}:
                    continue
                parts = parts[2:]
            if entry.is_dir() or ".." in parts:
                continue
            target = app.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(entry))
