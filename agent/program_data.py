"""Where Windows keeps what belongs to the machine and to no user (%ProgramData%); asked of the registry.

Not of the environment: anybody may set a variable before calling a program, and not every start of a service sets it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

__all__ = ["program_data"]

USUAL: Final = r"C:\ProgramData"
_KEY: Final = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList"

if sys.platform == "win32":

    def program_data() -> Path:
        """The folder."""
        import winreg

        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, _KEY) as key:
                told, _ = winreg.QueryValueEx(key, "ProgramData")
            return Path(winreg.ExpandEnvironmentStrings(str(told)))
        except OSError:
            return Path(USUAL)

else:

    def program_data() -> Path:
        """There is none elsewhere; what a Windows without a word of its own would have."""
        return Path(os.environ.get("PROGRAMDATA", USUAL))
