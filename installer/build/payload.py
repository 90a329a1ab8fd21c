"""Builds a version folder and its archive for one platform: `payload.py --platform linux-x86_64-cp311`.

The folder holds `start.py`, `app/` (Tillpoint and what it imports, compiled), `release.json`, `LICENSES/`, `SBOM.json`;
the runtime that Windows needs beside them is runtime.py's. The same commit gives the same bytes: every time in it is
the commit's (or SOURCE_DATE_EPOCH), files are sorted, hashes are seeded. Needs the packages of requirements.lock.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import zipfile
from pathlib import Path
from typing import Any, Final

import sbom
import stripping
import wheels
from telling import at
from wheels import PLATFORMS, BuildFailed, Pin, Platform

__all__ = ["archive", "build", "build_epoch", "main", "project_version", "size", "without_commands", "write_release"]

HERE: Final = Path(__file__).resolve().parent
PROJECT: Final = HERE.parents[1]
#: Tillpoint's own packages that a till runs; the centre and the simulation stay out.
OURS: Final = ("agent", "drivers", "offline_queue")
#: A zip cannot tell earlier times.
_OLDEST_ZIP_S: Final = 315532800 + 86400
RELEASE: Final = "release.json"


def main(argv: list[str] | None = None) -> int:
    """Build the folder and its archive; print where they are and how large."""
    parser = argparse.ArgumentParser(prog="payload.py", description=__doc__.splitlines()[0])
    parser.add_argument("--platform", choices=sorted(PLATFORMS), default="linux-x86_64-cp311")
    parser.add_argument("--release", metavar="VERSION", help="instead of pyproject's version (for trying an upgrade)")
    parser.add_argument(
        "--folder", type=Path, help="where the version folder goes; build/payload/PLATFORM/VERSION if not told"
    )
    parser.add_argument("--wheels", type=Path, help="keeps the wheels fetched; build/wheels/PLATFORM if not told")
    parser.add_argument("--dist", type=Path, default=PROJECT / "dist", help="where the archive goes")
    parser.add_argument("--no-archive", action="store_true", help="only the folder")
    args = parser.parse_args(argv)
    version = args.release or project_version()
    folder = args.folder or PROJECT / "build/payload" / args.platform / version
    try:
        build(args.platform, folder, version=version, wheels_folder=args.wheels)
        print(f"{folder}: {size(folder) / 1e6:.1f} MB")
        if not args.no_archive:
            made = archive(folder, args.dist / f"tillpoint-{version}-{args.platform}.zip")
            print(f"{made}: {made.stat().st_size / 1e6:.1f} MB")
    except BuildFailed as error:
        print(f"payload.py: {error}", file=sys.stderr)
        return 1
    return 0


def build(platform_name: str, folder: Path, *, version: str = "", wheels_folder: Path | None = None) -> Path:
    """Make the version folder anew; BuildFailed says what is missing."""
    platform = PLATFORMS[platform_name]
    if sys.version_info[:2] != (3, 11):
        raise BuildFailed(
            f"a payload is compiled for Python 3.11; this is {sys.version.split()[0]}: run it with python3.11"
        )
    version = version or project_version()
    pins = wheels.run_closure(
        wheels.pins_of_lock((PROJECT / "requirements.lock").read_text("utf-8")), PROJECT, platform
    )
    at(f"fetching {len(pins)} packages for {platform.name}, every hash checked")
    found = wheels.fetch(pins, platform, wheels_folder or PROJECT / "build/wheels" / platform.name)
    if folder.exists():
        shutil.rmtree(folder)
    app = folder / "app"
    app.mkdir(parents=True)
    shutil.copyfile(HERE / "start.py", folder / "start.py")
    for path in found.values():
        wheels.unpack(path, app)
    _own_packages(app, version)
    without = sbom.collect_licences(app, folder / "LICENSES")
    if without:
        raise BuildFailed(f"no licence text in {', '.join(without)}; put it into {HERE / 'licences'}/NAME.txt")
    at("leaving out what no till runs, and compiling")
    stripping.strip(app)
    _bill(folder, pins, found, platform, version)
    _compile(folder)
    write_release(folder, version=version, platform=platform_name)
    return folder


def project_version() -> str:
    """What pyproject.toml says."""
    return str(tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]["version"])


def build_epoch() -> int:
    """The time that everything built is given: SOURCE_DATE_EPOCH, or the commit's; seconds since 1970.

    Without git, and outside a checkout, it is the oldest that a zip can tell.
    """
    if told := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(told)
    if shutil.which("git") is None:
        return _OLDEST_ZIP_S
    done = subprocess.run(  # noqa: S603 - our own words
        ["git", "-C", str(PROJECT), "log", "-1", "--format=%ct"],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return int(done.stdout) if done.returncode == 0 and done.stdout.strip() else _OLDEST_ZIP_S


# ── What is ours ────────────────────────────────────────────────────────────────────────────────


def _own_packages(app: Path, version: str) -> None:
    """Tillpoint's wheel, made by hatchling from the tree; of it what a till runs, under the version asked for."""
    with tempfile.TemporaryDirectory() as beside:
        words = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", beside]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(build_epoch())}
        done = subprocess.run(  # noqa: S603 - our own words
            words, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise BuildFailed(f"hatchling could not build Tillpoint's wheel: {done.stderr.strip()[-300:]}")
        whole = Path(beside, "all")
        wheels.unpack(next(Path(beside).glob("*.whl")), whole)
        for name in OURS:
            shutil.copytree(whole / name, app / name)
        info = next(whole.glob("tillpoint-*.dist-info"))
        shutil.copytree(info, app / f"tillpoint-{version}.dist-info")
    metadata = app / f"tillpoint-{version}.dist-info/METADATA"
    metadata.write_text(
        re.sub(r"(?m)^Version: .*$", f"Version: {version}", metadata.read_text("utf-8"), count=1), "utf-8"
    )
    entries = metadata.with_name("entry_points.txt")
    entries.write_text(without_commands(entries.read_text("utf-8")), "utf-8")


def without_commands(entry_points: str) -> str:
    """The entry points but those whose packages stay out (the commands of the centre and of the simulation)."""
    kept = [
        line
        for line in entry_points.splitlines()
        if "=" not in line or line.partition("=")[2].strip().partition(".")[0] in OURS
    ]
    return re.sub(r"(?m)^\[[^\]]+\]\n+(?=\[|\Z)", "", "\n".join(kept).strip() + "\n")


def _compile(folder: Path) -> None:
    """Byte code beside each source, in an interpreter of its own with a fixed seed (compiling.py)."""
    done = subprocess.run(  # noqa: S603 - our own words
        [
            sys.executable,
            "-P",  # not -I: it would not look at the seed either
            "-s",
            "-S",
            "-W",
            "ignore",
            str(Path(__file__).with_name("compiling.py")),
            str(folder / "app"),
        ],
        env={"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BuildFailed(f"cannot compile: {done.stderr.strip()[-300:]}")


def _bill(folder: Path, pins: list[Pin], found: dict[str, Path], platform: Platform, version: str) -> None:
    app = folder / "app"
    rows = []
    for pin in pins:
        info = next(one for one in app.glob("*.dist-info") if _plain(one.name.partition("-")[0]) == _plain(pin.name))
        with zipfile.ZipFile(found[pin.name]) as wheel:
            inside = [app / name for name in wheel.namelist() if (app / name).is_file()]
        digest = hashlib.sha256(found[pin.name].read_bytes()).hexdigest()
        rows.append(sbom.component(info, wheel_sha256=digest, native=sbom.native_files(folder, inside)))
    needs = {pin.name: sorted(one.name for one in pins if pin.name in one.wanted_by) for pin in pins}
    told = sbom.document(version=version, platform=platform.name, epoch=build_epoch(), components=rows, needs=needs)
    (folder / "SBOM.json").write_text(json.dumps(told, indent=1, sort_keys=True) + "\n", "utf-8")


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# ── What a release says of itself ───────────────────────────────────────────────────────────────


def write_release(folder: Path, *, version: str, platform: str) -> None:
    """`release.json`, last of all: facts, and the sha256 of every other file. Call it again after adding files."""
    sys.path.insert(0, str(PROJECT))
    from offline_queue.migrations import REPLICA, TILL

    files = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).as_posix() != RELEASE
    }
    told: dict[str, Any] = {
        "version": version,
        "platform": platform,
        "python": "3.11",
        "built": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(build_epoch())),
        "schema": TILL.version,
        "readable_from": TILL.readable_from,
        "replica_schema": REPLICA.version,
        "files": files,
    }
    (folder / RELEASE).write_text(json.dumps(told, indent=1) + "\n", "utf-8")


def archive(folder: Path, target: Path) -> Path:
    """The folder as a zip whose bytes depend on its contents and the build's time alone."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(target.name + ".new")
    when = time.gmtime(max(build_epoch(), _OLDEST_ZIP_S))[:6]
    with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as made:
        for path in sorted(folder.rglob("*"), key=lambda one: one.relative_to(folder).as_posix()):
            if path.is_file():
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), (when[0], *when[1:]))
                entry.create_system = 3  # Unix, wherever it is made
                entry.external_attr = 0o100644 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                made.writestr(entry, path.read_bytes())
    beside.replace(target)
    return target


def size(folder: Path) -> int:
    """Bytes of all files in it."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    sys.exit(main())
