"""Which machine this is: the id its system gave it at its installation, so that a copy is told from its original."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Final

__all__ = ["machine_id"]

#: The second is where systems without systemd keep it (D-Bus specification, "UUIDs").
_FILES: Final = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_PURPOSE: Final = b"tillpoint machine\0"  # the id itself is the system's secret (machine-id(5)): only a hash leaves it


def machine_id() -> str:
    """64 hex digits that stay on this machine and differ on another; "" when the system does not say."""
    told = _told()
    return hashlib.sha256(_PURPOSE + told.encode()).hexdigest() if told else ""


if sys.platform == "win32":

    def _told() -> str:
        """Made by Windows Setup, and anew by sysprep /generalize."""
        import winreg

        try:
            # The 64-bit view: a 32-bit process would read another key.
            access = winreg.KEY_READ | winreg.KEY_WOW64_64KEY
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SOFTWARE\Microsoft\Cryptography", 0, access) as key:
                return str(winreg.QueryValueEx(key, "MachineGuid")[0]).strip().lower()
        except OSError:
            return ""

else:

    def _told() -> str:
        for path in _FILES:
            try:
                told = path.read_text("ascii").strip()
            except (OSError, UnicodeDecodeError):
                continue
            if told and told != "uninitialized":
                return told
        return ""
