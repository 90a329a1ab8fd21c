"""The `.exe`: `installer/windows/tillpoint.nsi` compiled by makensis; what it does is said there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from telling import at
from wheels import BuildFailed

__all__ = ["build", "numbers"]

SCRIPT: Final = Path(__file__).resolve().parents[1] / "windows" / "tillpoint.nsi"
BUILD_S: Final = 1200.0


def build(folder: Path, launchers: Path, clear: Path, target: Path, *, version: str, is_quick: bool = False) -> Path:
    """Make the installer of a version folder.

    Args:
        folder: the version folder, with runtime and release.json.
        launchers: where tillpoint.exe and tillpointw.exe lie.
        clear: tillpoint-clear.exe.
        target: the file to make.
        version: of Tillpoint.
        is_quick: pack loosely, for trying: seconds instead of minutes, half as large again.

    Raises:
        BuildFailed: makensis is missing or refused.
    """
    if shutil.which("makensis") is None:
        raise BuildFailed("makensis is missing; apt-get install --no-install-recommends nsis")
    target.parent.mkdir(parents=True, exist_ok=True)
    told = {
        "VERSION": version,
        "NUMBERS": numbers(version),
        "OUT": target.resolve(),
        "PAYLOAD": folder.resolve(),
        "LAUNCHERS": launchers.resolve(),
        "CLEAR": clear.resolve(),
    }
    words = ["makensis", "-V2", "-WX", "-NOCD", *(f"-D{name}={value}" for name, value in told.items())]
    words += ["-DQUICK"] if is_quick else []
    at("packing the setup program loosely" if is_quick else "packing the setup program, which takes a minute or two")
    done = subprocess.run([*words, str(SCRIPT)], capture_output=True, text=True, check=False, timeout=BUILD_S)  # noqa: S603
    if done.returncode:
        raise BuildFailed(f"makensis failed: {' '.join((done.stdout + done.stderr).split())[-600:]}")
    return target


def numbers(version: str) -> str:
    """Four numbers for the file's properties: ``1.2.0rc1`` is ``1.2.0.0``."""
    found = re.findall(r"\d+", re.split(r"[a-z]", version)[0])
    return ".".join([*found[:4], "0", "0", "0", "0"][:4])
