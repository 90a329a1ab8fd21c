"""A small Debian that systemd boots in a container: fetched once by debootstrap, kept beside the emulated machine's kernel.

`python3 dev.py test --all` runs this as a script; the tests only read what lies there.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

__all__ = ["BASE", "missing"]

CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tillpoint-machine"
BASE: Final = CACHE / "bookworm"
FETCH_S: Final = 900.0
MIRROR: Final = "http://deb.debian.org/debian"
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
    if not BASE.is_dir() and not _lacking() and os.geteuid() == 0:
        CACHE.mkdir(parents=True, exist_ok=True)
        part = CACHE / "bookworm.part"
        shutil.rmtree(part, ignore_errors=True)
        words = ["debootstrap", "--variant=minbase", f"--include={INSIDE}", "bookworm", str(part), MIRROR]
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
    if not BASE.is_dir():
        return "no Debian was fetched; run `python3 dev.py test --all` with a network"
    return ""


def _lacking() -> list[str]:
    return [package for program, package in PROGRAMS.items() if shutil.which(program) is None]


if __name__ == "__main__":
    sys.exit(main())
