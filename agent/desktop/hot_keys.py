"""The name of a hot key in the settings, as the parts it is made of; knows no desktop."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from drivers.vocabulary.errors import SettingsError

__all__ = ["HOT_KEY_PATTERN", "HotKey", "parse"]

HOT_KEY_PATTERN: Final = r"^((Ctrl|Alt|Shift)\+){0,3}(F([1-9]|1[0-9]|2[0-4])|Pause|ScrollLock|Insert)$"


@dataclass(frozen=True, slots=True)
class HotKey:
    """A key with what is held down beside it; `key` is one of F1 … F24, Pause, ScrollLock, Insert."""

    key: str
    ctrl: bool = False
    alt: bool = False
    shift: bool = False


def parse(text: str) -> HotKey:
    """Read ``F12`` or ``Ctrl+Alt+F9``; raises SettingsError."""
    if re.fullmatch(HOT_KEY_PATTERN, text) is None:
        raise SettingsError(
            f"panel.hot_key: {text!r} is no key that can call the panel; write it like F12, Pause or Ctrl+F9"
        )
    *held, key = text.split("+")
    return HotKey(key=key, ctrl="Ctrl" in held, alt="Alt" in held, shift="Shift" in held)
