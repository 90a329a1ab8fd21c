"""Whether Windows' part is played by Wine: what Wine lacks is skipped there by name, and runs on Windows itself."""

from __future__ import annotations

import sys
from typing import Final

__all__ = ["IS_WINE"]


def _is_wine() -> bool:
    if sys.platform != "win32":
        return False
    import ctypes

    return hasattr(ctypes.windll.ntdll, "wine_get_version")


IS_WINE: Final = _is_wine()
