"""The ground of the tests under Wine: a prefix, a Windows CPython with the tests' packages, a copy of the checkout.

Everything lies in one cache folder and is made again when what it is made from has changed. Wine plays Windows' part
here; the Python in it is the one of python.org. What Wine cannot show is listed in docs/windows.md.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path, PureWindowsPath
from typing import Any, Final

__all__ = ["CACHE", "CHECKOUT", "Ground", "missing"]

CHECKOUT: Final = Path(__file__).resolve().parents[2]
CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tillpoint-wine"
WINE: Final = Path("/usr/lib/wine/wine64")
WINESERVER: Final = Path("/usr/lib/wine/wineserver64")
#: Program → the Debian package it comes with.
PROGRAMS: Final = {str(WINE): "wine64", "wine": "wine", "x86_64-w64-mingw32-gcc": "gcc-mingw-w64-x86-64"}
COPIED: Final = (
    "agent", "central", "drivers", "offline_queue", "simulation", "tests", "docs", "installer",
    "config.example.toml", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "dev.py",
)  # fmt: skip
#: Of the tests' packages, those that no test under Wine asks for: browsers, PostgreSQL, checks that only read.
NOT_NEEDED: Final = frozenset({
    "ast-serialize", "axe-playwright-python", "editables", "greenlet", "grimp", "hatchling", "import-linter", "librt",
    "markdown-it-py", "mdurl", "mypy", "mypy-extensions", "pip", "playwright", "psycopg", "psycopg-binary", "rich",
    "ruff", "setuptools", "tomlkit", "trove-classifiers", "types-pyserial", "types-python-xlib", "types-pywin32",
})  # fmt: skip
#: Published as sources only; they are plain Python, and taken from the environment that runs this.
SOURCES_ONLY: Final = ("pyshtrih", "unilog")
#: Wine 8 lacks the library that Rust's random numbers come from; ours asks Wine's own generator. For tests only.
RANDOM: Final = """#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);
BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T length) { return SystemFunction036(data, (ULONG)length); }
BOOL WINAPI DllMainCRTStartup(HINSTANCE library, DWORD reason, LPVOID reserved)
{ (void)library; (void)reason; (void)reserved; return TRUE; }
"""


def missing() -> str:
    """Why nothing can run under Wine here, with the next step; "" when it can."""
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        return "Wine's tests need Linux on x86-64"
    lacking = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if lacking:
        return f"apt-get install --no-install-recommends {' '.join(lacking)}"
    if sys.version_info[:2] != (3, 11):
        return "the standard library for Windows' Python is taken from this one, which must be 3.11"
    return ""


class Ground:
    """A Wine prefix with Python in it.

    Args:
        folder: where it lies; the shared one when not told.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = CACHE if folder is None else folder
        self.prefix = self.folder / "prefix"
        self.drive = self.prefix / "drive_c"
        self.python = self.drive / "python"
        self.checkout = self.drive / "checkout"

    # ── Making ──────────────────────────────────────────────────────────────────────────────────

    def make(self) -> None:
        """Prefix, Python, packages, copy of the checkout; what is there and up to date stays."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.drive / "windows" / "system32" / "kernel32.dll").exists():
            self.boot()
        if self._is_stale():
            shutil.rmtree(self.python, ignore_errors=True)
            self._make_random()
            self._make_python()
            (self.python / "made-from").write_text(self._made_from(), "ascii")
        self._copy_checkout()

    def make_like(self, other: Ground) -> None:
        """The same in another prefix: two of them run beside each other, each with a registry and temporary files."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.drive / "windows" / "system32" / "kernel32.dll").exists():
            self.boot()
        random = "windows/system32/bcryptprimitives.dll"
        shutil.copy(other.drive / random, self.drive / random)
        if self._is_stale():
            shutil.rmtree(self.python, ignore_errors=True)
            shutil.copytree(other.python, self.python)
        self._copy_checkout()

    def boot(self) -> None:
        """Make the prefix: registry and system folders."""
        self.run([WINE, "wineboot", "-i"], timeout_s=180)
        self.run([WINESERVER, "-w"], timeout_s=60)

    def _made_from(self) -> str:
        build = CHECKOUT / "installer" / "build"
        parts = [CHECKOUT / "requirements-dev.lock", Path(__file__), build / "runtime.py", build / "programs.py"]
        told = b"".join(path.read_bytes() for path in parts)
        return hashlib.sha256(told + sys.version.encode()).hexdigest()

    def _is_stale(self) -> bool:
        try:
            return (self.python / "made-from").read_text("ascii") != self._made_from()
        except OSError:
            return True

    def _make_random(self) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            source = Path(scratch) / "random.c"
            source.write_text(RANDOM, "ascii")
            subprocess.run(
                ["x86_64-w64-mingw32-gcc", "-shared", "-nostdlib", "-O2", "-s", "-o",
                 self.drive / "windows" / "system32" / "bcryptprimitives.dll", source,
                 "-Wl,--entry=DllMainCRTStartup", "-ladvapi32"],
                check=True, timeout=60,
            )  # fmt: skip

    def _make_python(self) -> None:
        """The runtime of the installers, with what tests need in it, and the lock's packages for Windows."""
        packages = self.python / "Lib" / "site-packages"
        packages.mkdir(parents=True)
        self._build("runtime.py", "--into", self.python, "--whole")
        sys.path.insert(0, str(CHECKOUT / "installer" / "build"))
        try:
            import wheels
        finally:
            sys.path.pop(0)
        platform = wheels.PLATFORMS["win-amd64"]
        pins = wheels.pins_of_lock((CHECKOUT / "requirements-dev.lock").read_text("utf-8"))
        left_out = NOT_NEEDED | set(SOURCES_ONLY)
        wanted = [pin for name, pin in pins.items() if name not in left_out and pin.is_for(platform)]
        for wheel in wheels.fetch(wanted, platform, self.folder / "wheels").values():
            wheels.unpack(wheel, packages)
        for name in SOURCES_ONLY:
            for file in importlib.metadata.files(name) or ():
                if ".." not in file.parts and "__pycache__" not in file.parts:
                    (packages / file).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(file.locate(), packages / file)
        self._declare_tillpoint(packages)
        (packages / "checkout.pth").write_text("C:\\checkout\n", "ascii")
        # As a developer's Python: not isolated, so that tests may start it with a path of their own.
        (self.python / "python311._pth").unlink()

    def _declare_tillpoint(self, packages: Path) -> None:
        """Drivers and commands are found by entry points, which the package's metadata names."""
        told: dict[str, Any] = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
        folder = packages / f"tillpoint-{told['version']}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: tillpoint\nVersion: {told['version']}\n", "utf-8"
        )
        rows = []
        for group, entries in told["entry-points"].items():
            rows += [f"[{group}]", *(f"{name} = {target}" for name, target in entries.items())]
        (folder / "entry_points.txt").write_text("\n".join([*rows, ""]), "utf-8")

    def _build(self, script: str, *words: str | Path) -> None:
        subprocess.run(
            [sys.executable, CHECKOUT / "installer" / "build" / script, *words],
            check=True,
            timeout=600,
            capture_output=True,
        )

    def _copy_checkout(self) -> None:
        """A copy, so that Windows' Python writes nothing into the checkout; without what lies about in it."""
        shutil.rmtree(self.checkout, ignore_errors=True)
        self.checkout.mkdir(parents=True)
        for name in COPIED:
            source = CHECKOUT / name
            if source.is_dir():
                shutil.copytree(source, self.checkout / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
            elif source.exists():
                shutil.copy(source, self.checkout / name)

    # ── Using ───────────────────────────────────────────────────────────────────────────────────

    @property
    def environment(self) -> dict[str, str]:
        """What Wine is told: which prefix, no chatter, no windows, none of our own Python's settings."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST", "DISPLAY"))
        }
        return kept | {
            "WINEPREFIX": str(self.prefix),
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "mscoree=;mshtml=;winemenubuilder.exe=",
            "TZ": "UTC",
            "PYTHONPYCACHEPREFIX": "C:\\pyc",
        }

    def run(
        self,
        command: Sequence[str | Path],
        *,
        timeout_s: float,
        more: Mapping[str, str] | None = None,
        given: bytes = b"",
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end. What it says goes through a pipe: Windows' Python does not start with a file as its output."""
        done = subprocess.run(
            [str(word) for word in command],
            env=self.environment | dict(more or {}),
            cwd=self.checkout if self.checkout.is_dir() else None,
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            check=False,
        )
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode("utf-8", "replace"), "")

    def run_python(self, *words: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        """Windows' Python with the tests' packages."""
        return self.run([WINE, self.python / "python.exe", *words], timeout_s=timeout_s)

    def start(self, command: Sequence[str | Path], more: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start and come back; the caller ends it."""
        return subprocess.Popen(
            [str(word) for word in command],
            env=self.environment | dict(more or {}),
            cwd=self.checkout,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def windows_path(self, path: Path) -> str:
        """How a program under Wine calls a file of ours."""
        try:
            return str(PureWindowsPath("C:\\", *path.relative_to(self.drive).parts))
        except ValueError:
            return str(PureWindowsPath("Z:\\", *path.parts[1:]))

    def end(self) -> None:
        """End what still runs in this prefix, services first; others' prefixes are not touched."""
        subprocess.run([WINESERVER, "-k"], env=self.environment, check=False, timeout=60)

    def facts(self) -> dict[str, Any]:
        """Where Python came from and how large it is."""
        told: dict[str, Any] = json.loads((self.python / "runtime.json").read_text("utf-8"))
        return told
