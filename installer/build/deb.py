"""Builds the Debian package from a version folder: `deb.py`; needs dpkg-deb and, for the folder, what payload.py needs.

Everything that is shipped as it is lies in `installer/linux/`. The same commit gives the same bytes.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from email.utils import formatdate
from pathlib import Path
from typing import Final

import manpage
import payload
from telling import at
from wheels import BuildFailed

__all__ = ["build", "control", "copyright_text", "debian_version", "help_files", "main", "native_needs", "units"]

HERE: Final = Path(__file__).resolve().parent
PROJECT: Final = HERE.parents[1]
LINUX: Final = PROJECT / "installer/linux"
PLATFORM: Final = "linux-x86_64-cp311"
MAINTAINER: Final = "Tillpoint maintainers <maintainers@tillpoint.org>"

#: What lies in installer/linux/ → where it goes; a pattern may match nothing (the updater's units, the panel's entry).
PLACES: Final = (
    ("tillpoint", "usr/bin", 0o755),
    ("*.service", "lib/systemd/system", 0o644),
    ("*.path", "lib/systemd/system", 0o644),
    ("*.timer", "lib/systemd/system", 0o644),
    ("*.rules", "lib/udev/rules.d", 0o644),
    ("config.toml", "usr/share/tillpoint", 0o644),
    ("*.desktop", "etc/xdg/autostart", 0o644),
)
#: The same, under another name.
RENAMED: Final = (
    ("tillpoint-modules.conf", "usr/lib/modules-load.d/tillpoint.conf"),
    ("tillpoint.sysusers", "usr/lib/sysusers.d/tillpoint.conf"),
)
FOLDERS: Final = (("etc/tillpoint", 0o755), ("etc/tillpoint/conf.d", 0o755), ("var/lib/tillpoint-versions", 0o755))
#: Libraries that compiled files may ask of the system → the package that has them.
LIBRARIES: Final = {
    "libc.so.6": "libc6 (>= 2.28)",
    "libm.so.6": "libc6 (>= 2.28)",
    "libdl.so.2": "libc6 (>= 2.28)",
    "libpthread.so.0": "libc6 (>= 2.28)",
    "librt.so.1": "libc6 (>= 2.28)",
    "ld-linux-x86-64.so.2": "libc6 (>= 2.28)",
    "libgcc_s.so.1": "libgcc-s1",
    "libstdc++.so.6": "libstdc++6",
    "libz.so.1": "zlib1g",
}


def main(argv: list[str] | None = None) -> int:
    """Build and say what it weighs."""
    parser = argparse.ArgumentParser(prog="deb.py", description=__doc__.splitlines()[0])
    parser.add_argument("--release", metavar="VERSION", help="instead of pyproject's version (for trying an upgrade)")
    parser.add_argument("--folder", type=Path, help="a version folder that is there already; made anew if not told")
    parser.add_argument("--dist", type=Path, default=PROJECT / "dist", help="where the package goes")
    args = parser.parse_args(argv)
    version = args.release or payload.project_version()
    os.environ.setdefault("SOURCE_DATE_EPOCH", str(payload.build_epoch()))
    try:
        folder = args.folder or payload.build(PLATFORM, PROJECT / "build/payload" / PLATFORM / version, version=version)
        made = build(folder, args.dist)
    except BuildFailed as error:
        print(f"deb.py: {error}", file=sys.stderr)
        return 1
    print(f"{made}: {made.stat().st_size / 1e6:.1f} MB, {payload.size(folder) / 1e6:.1f} MB installed")
    return 0


def build(folder: Path, dist: Path, compression: str = "-Zxz") -> Path:
    """The package of a version folder; its version is what the folder's release.json says.

    `compression` is dpkg-deb's option: "-Znone" for a try in a hurry.
    """
    if shutil.which("dpkg-deb") is None:
        raise BuildFailed("dpkg-deb is missing; apt-get install dpkg")
    version = str(json.loads((folder / payload.RELEASE).read_text("utf-8"))["version"])
    dist.mkdir(parents=True, exist_ok=True)
    target = dist / f"tillpoint_{debian_version(version)}_amd64.deb"
    with tempfile.TemporaryDirectory() as beside:
        root = Path(beside, "root")
        _tree(folder, root, version)
        _scripts(folder, root, version)
        at("packing the Debian package")
        words = ["dpkg-deb", "--root-owner-group", compression, "--threads-max=1", "--build", str(root), str(target)]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(payload.build_epoch())}
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise BuildFailed(f"dpkg-deb: {done.stderr.strip()}")
    return target


def debian_version(version: str) -> str:
    """Python's word for a release candidate in Debian's order: 1.2.0rc1 → 1.2.0~rc1, which is before 1.2.0."""
    return re.sub(r"(a|b|rc|\.dev)(\d)", r"~\1\2", version)


# ── What lies where ─────────────────────────────────────────────────────────────────────────────


def _tree(folder: Path, root: Path, version: str) -> None:
    """All files of the package."""
    shutil.copytree(folder, root / "usr/lib/tillpoint/versions" / version)
    for name, mode in FOLDERS:
        (root / name).mkdir(parents=True, exist_ok=True, mode=mode)
    for pattern, place, mode in PLACES:
        for path in sorted(LINUX.glob(pattern)):
            _put(root / place / path.name, path.read_bytes(), mode)
    for name, place in RENAMED:
        _put(root / place, (LINUX / name).read_bytes())
    papers = root / "usr/share/doc/tillpoint"
    _put(papers / "changelog.gz", _packed(_changelog(version)))
    _put(papers / "NEWS.md.gz", _packed((PROJECT / "CHANGELOG.md").read_bytes()))
    _put(papers / "copyright", copyright_text(folder).encode())
    _put(papers / "examples/config.example.toml", (PROJECT / "config.example.toml").read_bytes())
    for name in ("SBOM.json", "LICENSES"):
        (papers / name).symlink_to(f"../../../lib/tillpoint/versions/{version}/{name}")
    for place, data in help_files().items():
        _put(root / place, data)
    _put(root / "usr/share/lintian/overrides/tillpoint", (LINUX / "debian/lintian-overrides").read_bytes())
    for path in root.rglob("*"):
        if path.is_dir():
            path.chmod(0o755)
        elif not path.is_symlink() and path.parent != root / "usr/bin":
            path.chmod(0o644)


def _put(path: Path, data: bytes, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(mode)


def _packed(data: bytes) -> bytes:
    return gzip.compress(data, compresslevel=9, mtime=0)


def _changelog(version: str) -> bytes:
    when = formatdate(payload.build_epoch())
    head = f"tillpoint ({debian_version(version)}) stable; urgency=medium"
    return f"{head}\n\n  * What is new: NEWS.md.gz beside this file.\n\n -- {MAINTAINER}  {when}\n".encode()


@functools.cache
def help_files() -> dict[str, bytes]:
    """The manual page and what a shell completes, from the commands' own help; place → contents."""
    sys.path.insert(0, str(PROJECT))
    commands = list(manpage.parsers())
    return {
        "usr/share/man/man1/tillpoint.1.gz": _packed(manpage.page(commands).encode()),
        "usr/share/bash-completion/completions/tillpoint": manpage.completion(commands).encode(),
    }


def copyright_text(folder: Path) -> str:
    """debian/copyright: ours, and a paragraph for every package inside."""
    rows = []
    for one in json.loads((folder / "SBOM.json").read_text("utf-8"))["components"]:
        told = one.get("licenses", [{"license": {"name": "see its text"}}])[0]
        licence = told.get("expression") or next(iter(told["license"].values()))
        rows.append(f" {one['name']} {one['version']}: {licence}.")
    ours = (PROJECT / "LICENSE").read_text("utf-8").strip().splitlines()
    body = "\n".join(f" {line}" if line.strip() else " ." for line in ours)
    text = (LINUX / "debian/copyright.in").read_text("utf-8")
    return text.replace("@PACKAGES@", "\n".join(rows)).replace("@LICENSE@", body)


# ── What dpkg reads ─────────────────────────────────────────────────────────────────────────────


def units(*, enabled_only: bool = False) -> list[str]:
    """The names of our systemd units; those with an [Install] section are switched on by the package."""
    found = sorted(path for pattern in ("*.service", "*.path", "*.timer") for path in LINUX.glob(pattern))
    return [path.name for path in found if not enabled_only or "[Install]" in path.read_text("utf-8")]


def _scripts(folder: Path, root: Path, version: str) -> None:
    """`DEBIAN/`: control, maintainer scripts, the question, sums."""
    place = root / "DEBIAN"
    size_kb = sum(-(-path.lstat().st_size // 1024) for path in root.rglob("*") if not path.is_dir())
    _put(place / "control", control(version, size_kb, native_needs(folder)).encode())
    for name in ("postinst", "prerm", "postrm"):
        text = (LINUX / "debian" / name).read_text("utf-8").replace("@VERSION@", version)
        updater = [name for name in units() if name.startswith("tillpoint-update.")]
        for hole, names in (("ENABLED", units(enabled_only=True)), ("UNITS", units()), ("UPDATER", updater)):
            text = text.replace(f"@{hole}@", " ".join(names))
        _put(place / name, text.encode(), 0o755)
    _put(place / "templates", (LINUX / "debian/templates").read_bytes())
    files = [path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink()]
    shipped = [path for path in files if place not in path.parents]
    sums = [
        f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  {path.relative_to(root)}"
        for path in shipped
    ]
    _put(place / "md5sums", ("\n".join(sums) + "\n").encode())
    conffiles = [f"/{path.relative_to(root)}" for path in shipped if path.relative_to(root).parts[0] == "etc"]
    if conffiles:
        _put(place / "conffiles", ("\n".join(conffiles) + "\n").encode())


def control(version: str, size_kb: int, libraries: set[str]) -> str:
    """The control file."""
    depends = [
        "python3.11",
        *sorted(libraries),
        "libusb-1.0-0",  # loaded late, by name, for printers with an address usb:…
        "systemd | systemd-standalone-sysusers | systemd-sysusers",
        "init-system-helpers (>= 1.54~)",
        "debconf (>= 0.5) | debconf-2.0",
    ]
    rows = {
        "Package": "tillpoint",
        "Version": debian_version(version),
        "Architecture": "amd64",
        "Maintainer": MAINTAINER,
        "Installed-Size": str(size_kb),
        "Depends": ", ".join(depends),
        "Recommends": "fonts-dejavu-core, udev, kmod",
        "Section": "misc",
        "Priority": "optional",
        "Description": "loyalty at the till: discounts and points beside a cash register",
    }
    body = (
        " Tillpoint reads receipts and scanned codes beside a cash register, knows the\n"
        " customer, decides discounts and points without a line to the centre, and keeps\n"
        " every receipt until the central server has it.\n"
        " .\n"
        " This package is the service of a till. The central server is not in it.\n"
    )
    return "".join(f"{name}: {value}\n" for name, value in rows.items()) + body


def native_needs(folder: Path) -> set[str]:
    """Packages with the system libraries that compiled files in the folder ask for (ELF's DT_NEEDED)."""
    if shutil.which("readelf") is None:
        raise BuildFailed("readelf is missing; apt-get install binutils")
    found: set[str] = set()
    own = {path.name for path in folder.rglob("*.so*")}
    for path in sorted(folder.rglob("*.so*")):
        words = ["readelf", "--dynamic", str(path)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise BuildFailed(f"readelf cannot read {path}: {done.stderr.strip()[-200:]}; build the folder anew")
        for name in re.findall(r"\(NEEDED\).*\[(.+?)\]", done.stdout):
            if name in own:
                continue
            if name not in LIBRARIES:
                raise BuildFailed(
                    f"{path.name} asks for {name}; add its Debian package to LIBRARIES in {Path(__file__).name}"
                )
            found.add(LIBRARIES[name])
    return found


if __name__ == "__main__":
    sys.exit(main())
