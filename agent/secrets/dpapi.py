"""DPAPI, the lock of Windows: the machine's own key, so that the service and an administrator's command both open it.

The thin seam to pywin32: two calls and nothing else, so that all that decides is tested on every system.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from agent.secrets.files import SecretError

__all__ = ["DpapiLock"]

# dpapi.h: the key belongs to the machine and not to one user; never ask anybody, there is no desktop.
CRYPTPROTECT_UI_FORBIDDEN: Final = 0x1
CRYPTPROTECT_LOCAL_MACHINE: Final = 0x4
#: Mixed into the key: another program's call that does not know it gets nothing by mistake. It is no secret.
ENTROPY: Final = b"tillpoint identity 1"
_FLAGS: Final = CRYPTPROTECT_LOCAL_MACHINE | CRYPTPROTECT_UI_FORBIDDEN


def _win32crypt() -> Any:
    import win32crypt

    return win32crypt


@dataclass(frozen=True, slots=True)
class DpapiLock:
    """CryptProtectData with the machine's key.

    Attributes:
        library: gives the module with the two calls, pywin32's `win32crypt`.
    """

    library: Callable[[], Any] = _win32crypt
    name: str = "dpapi"

    def close(self, plain: bytes) -> bytes:
        """Lock.

        Raises:
            SecretError: Windows would not.
        """
        try:
            locked: bytes = self.library().CryptProtectData(plain, "Tillpoint", ENTROPY, None, None, _FLAGS)
        except Exception as error:  # noqa: BLE001 - pywintypes.error, which exists on Windows only
            raise SecretError(f"Windows cannot lock the secrets (DPAPI): {_words(error)}") from None
        return locked

    def open(self, locked: bytes) -> bytes:
        """Unlock.

        Raises:
            SecretError: it was locked on another machine, or changed.
        """
        try:
            _, plain = self.library().CryptUnprotectData(locked, ENTROPY, None, None, _FLAGS)
        except Exception as error:  # noqa: BLE001 - likewise
            raise SecretError(
                f"Windows cannot open the secrets (DPAPI): {_words(error)}; "
                "they were locked on another machine or changed: enrol the till again"
            ) from None
        return bytes(plain)


def _words(error: Exception) -> str:
    """What pywin32's error says: (code, function, sentence)."""
    return str(error.args[2]).rstrip(".") if len(error.args) > 2 else type(error).__name__
