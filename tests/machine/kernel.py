"""What the emulated machine boots: Debian's own kernel, and a first file system of busybox and a handful of modules.

`python3 dev.py test --all` runs this as a script, which fetches the kernel's package once; the tests only read what lies
there. The package is unpacked beside the system, never installed into it.
"""

from __future__ import annotations

import gzip
import lzma
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

__all__ = ["INSTALLED_PROGRAM", "missing", "newest_kernel", "pack", "pack_first_files"]

CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tillpoint-machine"
FETCH_S: Final = 300.0

#: Program → the Debian package it comes with.
PROGRAMS: Final = {"qemu-system-x86_64": "qemu-system-x86", "busybox": "busybox-static", "udevadm": "udev"}

#: What the machine needs of its kernel; what these need themselves is read out of them.
MODULES: Final = (
    "virtio_pci", "9pnet_virtio", "9p", "overlay",  # the host's files, read only, under a layer of memory
    "dummy_hcd", "libcomposite", "usb_f_printer", "usb_f_hid", "usb_f_acm",  # devices, and the bus to plug them into
    "usblp", "cdc-acm", "usbhid", "hid-generic", "evdev",  # what a till's kernel does with them
)  # fmt: skip
_PARAMETERS: Final = {"dummy_hcd.ko": "num=4"}  # as many plugs

_BEGIN: Final = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mkdir -p /proc /sys /dev /host /memory /till
mount -t proc none /proc; mount -t sysfs none /sys; mount -t devtmpfs none /dev
while read module; do insmod /modules/$module; done </modules/order
mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=512000,cache=loose host /host
mount -t tmpfs none /memory; mkdir /memory/upper /memory/work
mount -t overlay -o lowerdir=/host,upperdir=/memory/upper,workdir=/memory/work none /till
"""

#: A system of its own with systemd as its first process; the checkout lies in /story.
INSTALLED_PROGRAM: Final = (
    _BEGIN
    + """mount -t 9p -o trans=virtio,version=9p2000.L,ro,msize=512000,cache=loose checkout /till/story
umount /proc /sys; mount --move /dev /till/dev
exec switch_root /till /lib/systemd/systemd
"""
)

FIRST_PROGRAM: Final = (
    _BEGIN
    + """for place in proc sys dev; do mount --move /$place /till/$place; done
mkdir -p /till/dev/pts; mount -t devpts -o ptmxmode=666,gid=5,mode=620 none /till/dev/pts
mount -t tmpfs none /till/run; mount -t tmpfs -o mode=1777 none /till/tmp
ifconfig lo 127.0.0.1 up
{path_fixes}
cd '{folder}' 2>/dev/null; chroot /till /bin/sh -c "cd '{folder}' && exec '{python}' -m tests.machine.inside" </dev/null
echo "MACHINE ended with $?"
sync; poweroff -f
"""
)


def main() -> int:
    """Fetch the kernel unless it is there; what is lacking is one sentence, and the tests will say it again."""
    if newest_kernel() is None:
        _fetch()
    why = missing()
    if why:
        print(f"NOT READY: the emulated machine; {why}")
    return 0


def missing() -> str:
    """Why no machine can be booted here, with the next step; "" when one can."""
    if platform.machine() not in {"x86_64", "AMD64"} or sys.platform != "linux":
        return "it needs Linux on x86-64"
    lacking = [package for program, package in PROGRAMS.items() if _program(program) is None]
    if lacking:
        return f"apt-get install --no-install-recommends {' '.join(lacking)}"
    if newest_kernel() is None:
        return "no Debian kernel was fetched; run `python3 dev.py test --all` on a Debian with its package lists"
    return ""


def newest_kernel() -> Path | None:
    """The unpacked package (``boot/vmlinuz-…``, ``lib/modules/…``), or None."""
    found = sorted(CACHE.glob("*/boot/vmlinuz-*"), key=lambda path: path.stat().st_mtime)
    return found[-1].parents[1] if found else None


def pack_first_files(kernel: Path, python: str, folder: Path, where: Path) -> tuple[Path, Path]:
    """Write the first file system.

    Args:
        kernel: as `newest_kernel` gives it.
        python: the interpreter that runs inside, as the host names it.
        folder: the checkout, as the host names it.
        where: the folder to write to.

    Returns:
        (kernel image, archive).
    """
    return pack(kernel, FIRST_PROGRAM.format(path_fixes=_walkable(python, folder), folder=folder, python=python), where)


def pack(kernel: Path, first: str, where: Path) -> tuple[Path, Path]:
    """The same with a first program of its own."""
    modules = _with_needed(next((kernel / "lib/modules").iterdir()))
    files: list[tuple[str, int, bytes]] = [("bin", 0o040755, b""), ("modules", 0o040755, b"")]
    files.append(("bin/busybox", 0o100755, Path(str(_program("busybox"))).read_bytes()))
    files += [(f"modules/{name}", 0o100644, data) for name, data in modules.items()]
    order = "".join(f"{name} {_PARAMETERS.get(name, '')}\n" for name in modules)
    files.append(("modules/order", 0o100644, order.encode()))
    files.append(("init", 0o100755, first.encode()))
    archive = where / "first.cpio.gz"
    archive.write_bytes(gzip.compress(_cpio(files), 1))
    return next((kernel / "boot").glob("vmlinuz-*")), archive


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/bin:/bin")


def _walkable(python: str, folder: Path) -> str:
    """Commands that let the service's user walk to interpreter and checkout; they change the memory's layer alone."""
    places = {parent for path in (Path(python), Path(python).resolve(), folder / "x") for parent in path.parents}
    return "\n".join(f"chmod a+rx '/till{place}'" for place in sorted(places) if place != Path("/"))


def _package() -> str | None:
    """The newest kernel that the package lists name."""
    depends = subprocess.run(["apt-cache", "depends", "linux-image-amd64"], capture_output=True, text=True, check=False)
    match = re.search(r"Depends: (linux-image-\S+)", depends.stdout)
    return match[1] if match is not None else None


def _fetch() -> None:
    """Debian's newest kernel package, unpacked into the cache; whatever goes wrong is left to `missing`."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return
    named = _package()
    if named is None and os.geteuid() == 0:
        subprocess.run(["apt-get", "-qq", "update"], check=False, timeout=FETCH_S)
        named = _package()
    if named is None:
        return
    print(f"fetching {named} for the emulated machine …", flush=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as beside:
        words = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", named]
        done = subprocess.run(words, cwd=beside, check=False, timeout=FETCH_S)
        packages = list(Path(beside).glob("*.deb"))
        if done.returncode or not packages:
            return
        subprocess.run(["dpkg-deb", "-x", packages[0], f"{beside}/kernel"], check=True, timeout=FETCH_S)
        target = CACHE / named
        if not target.exists():
            Path(beside, "kernel").rename(target)


# ── Modules ─────────────────────────────────────────────────────────────────────────────────────


def _with_needed(folder: Path) -> dict[str, bytes]:
    """The modules, each behind those it needs; names of files → contents, unpacked."""
    files = {_plain(path.name): path for path in folder.rglob("*.ko*")}
    found: dict[str, bytes] = {}

    def add(name: str) -> None:
        path = files.get(_plain(name))
        if path is None or f"{_plain(name)}.ko" in found:
            return  # built in, or there
        data = path.read_bytes()
        data = lzma.decompress(data) if path.suffix == ".xz" else data
        for needed in _needs(data):
            add(needed)
        found[f"{_plain(name)}.ko"] = data

    for name in MODULES:
        add(name)
    return found


def _plain(name: str) -> str:
    """The kernel takes a minus and an underscore in a module's name for the same."""
    return name.partition(".ko")[0].replace("-", "_")


def _needs(data: bytes) -> list[str]:
    """What ``depends=`` of the module's own notes says (section .modinfo, strings ended by a zero)."""
    match = re.search(rb"\0depends=([^\0]*)\0", data)
    return [one for one in match[1].decode().split(",") if one] if match is not None else []


# ── The archive ─────────────────────────────────────────────────────────────────────────────────


def _cpio(files: list[tuple[str, int, bytes]]) -> bytes:
    """An archive in the kernel's own format (Documentation/driver-api/early-userspace/buffer-format: "newc")."""
    packed = bytearray()
    for number, (name, mode, data) in enumerate([*files, ("TRAILER!!!", 0, b"")], 1):
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        packed += b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        packed += b"\0" * (-len(packed) % 4)
        packed += data
        packed += b"\0" * (-len(packed) % 4)
    return bytes(packed)


if __name__ == "__main__":
    sys.exit(main())
