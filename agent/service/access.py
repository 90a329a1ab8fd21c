"""Owners and access lists of files on Windows, by pywin32: four calls and nothing that decides."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

__all__ = ["WindowsAccess"]

if sys.platform == "win32":
    import pywintypes
    import win32security as _win32security

    win32security: Any = _win32security

    class WindowsAccess:
        """As `data_folder.Access` wants it; what Windows refuses is an OSError with the file's name."""

        def owner_of(self, path: Path) -> str:
            """SID of the owner."""
            found = self._asked(path, win32security.OWNER_SECURITY_INFORMATION)
            return str(win32security.ConvertSidToStringSid(found.GetSecurityDescriptorOwner()))

        def is_link(self, path: Path) -> bool:
            """A symbolic link or a junction: both are reparse points."""
            try:
                return bool(os.lstat(path).st_reparse_tag)
            except OSError:
                return False

        def is_protected(self, path: Path) -> bool:
            """Whether nothing is inherited from above."""
            control, _ = self._asked(path, win32security.DACL_SECURITY_INFORMATION).GetSecurityDescriptorControl()
            return bool(control & win32security.SE_DACL_PROTECTED)

        def protect(self, path: Path, text: str) -> None:
            """Set owner and access list; Windows hands the list on to what lies below."""
            wanted = win32security.ConvertStringSecurityDescriptorToSecurityDescriptor(
                text, win32security.SDDL_REVISION_1
            )
            what = (
                win32security.OWNER_SECURITY_INFORMATION
                | win32security.DACL_SECURITY_INFORMATION
                | win32security.PROTECTED_DACL_SECURITY_INFORMATION
            )
            try:
                win32security.SetNamedSecurityInfo(
                    str(path),
                    win32security.SE_FILE_OBJECT,
                    what,
                    wanted.GetSecurityDescriptorOwner(),
                    None,
                    wanted.GetSecurityDescriptorDacl(),
                    None,
                )
            except pywintypes.error as error:
                raise _as_os_error(error, path) from None

        def _asked(self, path: Path, what: int) -> Any:
            try:
                return win32security.GetNamedSecurityInfo(str(path), win32security.SE_FILE_OBJECT, what)
            except pywintypes.error as error:
                raise _as_os_error(error, path) from None

    def _as_os_error(error: Any, path: Path) -> OSError:
        return OSError(0, str(error.strerror), str(path), int(error.winerror))
