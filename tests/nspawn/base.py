"""A small Debian that systemd boots in a container: fetched once by debootstrap, kept beside the emulated machine's kernel.

It comes from where this machine's own apt takes Debian.
`python3 dev.py test --all` runs this as a script; the tests only read what lies there.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = ["BASE", "missing", "own_archive"]

CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tillpoint-machine"
BASE: Final = CACHE / "bookworm"
FETCH_S: Final = 900.0
APT: Final = Path("/etc/apt")
#: Suites of Debian's main archive; any of them lies beside the one that is fetched.
SUITES: Final = frozenset(
    {"bookworm", "oldoldstable", "oldstable", "stable", "testing", "unstable", "sid"} | {"bullseye", "trixie", "forky"}
)
#: What debootstrap can fetch from.
SCHEMES: Final = ("http://", "https://", "file:")
#: What a till has before Tillpoint comes; the package's own Depends are all among them.
INSIDE: Final = "systemd,systemd-sysv,dbus,udev,kmod,python3.11,debconf,libgcc-s1,libusb-1.0-0,init-system-helpers"

#: Program → the Debian package it comes with.
PROGRAMS: Final = {
    "debootstrap": "debootstrap",
    "systemd-nspawn": "systemd-container",
    "dpkg-deb": "dpkg",
    "readelf": "binutils",
}


def main() -> int:
    """Fetch it unless it is there; what is lacking is one sentence, and the tests will say it again."""
    archive = own_archive()
    if not BASE.is_dir() and not _lacking() and os.geteuid() == 0 and archive:
        CACHE.mkdir(parents=True, exist_ok=True)
        part = CACHE / "bookworm.part"
        shutil.rmtree(part, ignore_errors=True)
        words = ["debootstrap", "--variant=minbase", f"--include={INSIDE}", "bookworm", str(part), archive]
        try:
            done = subprocess.run(words, stdout=subprocess.DEVNULL, check=False, timeout=FETCH_S)
            if done.returncode == 0:
                part.rename(BASE)
        except subprocess.TimeoutExpired:
            print(f"debootstrap did not end within {FETCH_S:.0f} s")
    why = missing()
    if why:
        print(f"NOT READY: the container with systemd; {why}")
    return 0


def missing() -> str:
    """Why no container can be booted here, with the next step; "" when one can."""
    if platform.machine() not in {"x86_64", "AMD64"} or sys.platform != "linux":
        return "it needs Linux on x86-64"
    if os.geteuid() != 0:
        return "it needs root: systemd-nspawn mounts and boots"
    if _lacking():
        return f"apt-get install --no-install-recommends {' '.join(_lacking())}"
    if not BASE.is_dir() and not own_archive():
        return "no Debian archive (http, https or file) with `main` is in /etc/apt/sources.list or sources.list.d"
    if not BASE.is_dir():
        return "no Debian was fetched; run `python3 dev.py test --all` with a network"
    return ""


def own_archive(apt: Path = APT) -> str:
    """Where this machine's apt takes Debian's main archive from: the first such URI of its lists; "" when it has none."""
    lists = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]
    for path in lists:
        if path.suffix not in {".list", ".sources"} or not path.is_file():
            continue
        read = _stanzas if path.suffix == ".sources" else _lines
        for uris, suites, components in read(path.read_text("utf-8", "replace")):
            found = next((uri for uri in uris if uri.startswith(SCHEMES)), "")
            if found and SUITES & set(suites) and "main" in components:
                return found
    return ""


def _lines(text: str) -> Iterator[tuple[list[str], list[str], list[str]]]:
    """Of the one-line form: `deb [options] URI suite components`."""
    for line in text.splitlines():
        words = re.sub(r"\[[^]]*\]", " ", line.partition("#")[0]).split()
        if words[:1] == ["deb"] and len(words) > 3:
            yield words[1:2], words[2:3], words[3:]


def _stanzas(text: str) -> Iterator[tuple[list[str], list[str], list[str]]]:
    """Of the deb822 form; fields may go on in lines that begin with a space, and hold comments."""
    text = re.sub(r"(?m)^#.*\n", "", text)
    for stanza in re.split(r"\n\s*\n", text):
        found = re.findall(r"(?m)^([A-Za-z-]+):((?:.*(?:\n[ \t].*)*))", stanza)
        fields = {name.lower(): value.split() for name, value in found}
        if "deb" in fields.get("types", []) and fields.get("enabled", ["yes"]) != ["no"]:
            yield fields.get("uris", []), fields.get("suites", []), fields.get("components", [])


def _lacking() -> list[str]:
    return [package for program, package in PROGRAMS.items() if shutil.which(program) is None]


if __name__ == "__main__":
    sys.exit(main())
