"""Starts `tillpoint panel --stay` when somebody logs on: an autostart entry on Linux, the Run key on Windows.

The service itself never draws: on Windows it lives in a session without a desktop. Sources: freedesktop.org, Desktop
Application Autostart Specification 0.5; Microsoft, "Run and RunOnce Registry Keys".
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

from drivers.vocabulary.errors import TillpointError

__all__ = ["Registry", "install", "own_command", "remove"]

ENTRY: Final = "tillpoint-panel.desktop"
ALL_USERS: Final = Path("/etc/xdg/autostart")
RUN_KEY: Final = r"Software\Microsoft\Windows\CurrentVersion\Run"
VALUE: Final = "Tillpoint panel"
GROUP: Final = "tillpoint"
LAUNCHERS: Final = ("tillpointw.exe", "tillpoint.exe")  # the first opens no console

Run = Callable[[Sequence[str]], int]
"""Runs a program of the system; its exit code."""


class Registry(Protocol):
    """The Run key of everybody on this machine, or of this account (winreg)."""

    def set(self, name: str, text: str, *, for_all: bool) -> None:
        """Write a value; raises OSError."""
        ...

    def delete(self, name: str, *, for_all: bool) -> bool:
        """Take it out; whether it was there. Raises OSError."""
        ...


def own_command() -> list[str]:
    """How this Tillpoint is started: by the launcher of the package, else by this very Python."""
    if sys.platform == "win32":
        from agent.updating.places import own_folder

        own = own_folder()
        launchers = [own.parent.parent / name for name in LAUNCHERS] if own is not None else []
        launcher = next((one for one in launchers if one.is_file()), None)
        if launcher is not None:
            return [str(launcher)]
    else:
        found = shutil.which("tillpoint", path="/usr/bin:/usr/local/bin")
        if found is not None:
            return [found]
    return [sys.executable, "-m", "agent.cli"]


def install(
    *,
    user: str = "",
    for_all: bool,
    command: Sequence[str] | None = None,
    registry: Registry | None = None,
    folder: Path | None = None,
    run: Run | None = None,
) -> str:
    """Enter it; again is no harm. Returns a sentence about what was done.

    Args:
        user: the cashier's account: put into the group that may reach the panel (Linux).
        for_all: for everybody who logs on here, which wants an administrator; else for this account.
        command: how Tillpoint is started.
        registry: Windows's.
        folder: of autostart entries.
        run: runs a program of the system.

    Raises:
        TillpointError: it cannot be written.
    """
    words = [*(own_command() if command is None else command), "panel", "--stay"]
    if registry is not None or sys.platform == "win32":
        place = registry if registry is not None else _WindowsRegistry()
        try:
            place.set(VALUE, subprocess.list2cmdline(words), for_all=for_all)
        except OSError as error:
            raise TillpointError(f"cannot write the Run key: {error.strerror}; run this as administrator") from None
        return "the panel opens at the next logon"
    target = (folder or _entries(for_all=for_all)) / ENTRY
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_entry(words), "utf-8")
    except OSError as error:
        raise TillpointError(f"cannot write {target}: {error.strerror}; run this as root") from None
    added = _into_group(user, run or _run) if user else ""
    return f"{target} is written: the panel opens at the next logon{added}"


def remove(*, for_all: bool, registry: Registry | None = None, folder: Path | None = None) -> str:
    """Take it out; what is not there is no error. Raises TillpointError when it cannot be."""
    if registry is not None or sys.platform == "win32":
        place = registry if registry is not None else _WindowsRegistry()
        try:
            was_there = place.delete(VALUE, for_all=for_all)
        except OSError as error:
            raise TillpointError(f"cannot change the Run key: {error.strerror}; run this as administrator") from None
        return "the panel does not open at logon any more" if was_there else "there was nothing to remove"
    target = (folder or _entries(for_all=for_all)) / ENTRY
    try:
        target.unlink()
    except FileNotFoundError:
        return f"there was nothing to remove at {target}"
    except OSError as error:
        raise TillpointError(f"cannot remove {target}: {error.strerror}; run this as root") from None
    return f"{target} is gone: the panel does not open at logon any more"


def _entries(*, for_all: bool) -> Path:
    if for_all:
        return ALL_USERS
    own = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(own) if own else Path.home() / ".config") / "autostart"


def _entry(words: Sequence[str]) -> str:
    # Desktop Entry Specification 1.5: an argument with a reserved character stands in quotes, and % is doubled.
    quoted = " ".join(f'"{word}"' if set(word) & set(" \t\"'\\><~|&;$*?#()`") else word for word in words)
    return (
        "[Desktop Entry]\nType=Application\nName=Tillpoint panel\nName[ru]=Панель Tillpoint\nName[th]=หน้าจอ Tillpoint\n"
        f"Comment=The cashier's loyalty panel\nExec={quoted.replace('%', '%%')}\nTerminal=false\nNoDisplay=true\n"
        "X-GNOME-Autostart-enabled=true\nX-GNOME-Autostart-Delay=2\n"
    )


def _into_group(user: str, run: Run) -> str:
    if run(["usermod", "-a", "-G", GROUP, user]) != 0:
        raise TillpointError(
            f"the entry is written, but account {user!r} cannot be put into the group {GROUP}: "
            f"does it exist, and is this root? Then: usermod -a -G {GROUP} {user}"
        )
    return f"; {user} is in the group {GROUP}, from the next logon on"


def _run(words: Sequence[str]) -> int:
    try:
        return subprocess.run(list(words), check=False, capture_output=True, timeout=30).returncode  # noqa: S603 - our own words
    except (OSError, subprocess.TimeoutExpired):
        return 1


class _WindowsRegistry:
    """The real one."""

    def set(self, name: str, text: str, *, for_all: bool) -> None:
        if sys.platform == "win32":
            import winreg

            root = winreg.HKEY_LOCAL_MACHINE if for_all else winreg.HKEY_CURRENT_USER
            with winreg.CreateKeyEx(root, RUN_KEY, 0, winreg.KEY_SET_VALUE) as key:
                winreg.SetValueEx(key, name, 0, winreg.REG_SZ, text)

    def delete(self, name: str, *, for_all: bool) -> bool:
        if sys.platform == "win32":
            import winreg

            root = winreg.HKEY_LOCAL_MACHINE if for_all else winreg.HKEY_CURRENT_USER
            try:
                with winreg.OpenKey(root, RUN_KEY, 0, winreg.KEY_SET_VALUE) as key:
                    winreg.DeleteValue(key, name)
            except FileNotFoundError:
                return False
        return True
