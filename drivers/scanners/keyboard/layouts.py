"""Which character a key means: tables by the layout a scanner is programmed for, whatever the computer is set to.

Key codes are Linux's (uapi/linux/input-event-codes.h); up to 88 they are the scan codes of an AT keyboard. Each row is
what the key gives alone, with Shift and with AltGr; "" is nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

__all__ = ["KEYPAD", "LAYOUTS", "Key", "Layout", "LayoutName", "keys_of"]

Layout = Mapping[int, tuple[str, str, str]]


class Key:
    """Keys that do something else than give a character."""

    BACKSPACE: Final = 14
    TAB: Final = 15
    ENTER: Final = 28
    LEFT_CTRL: Final = 29
    LEFT_SHIFT: Final = 42
    RIGHT_SHIFT: Final = 54
    LEFT_ALT: Final = 56
    CAPS_LOCK: Final = 58
    F8: Final = 66
    KEYPAD_ENTER: Final = 96
    RIGHT_CTRL: Final = 97
    RIGHT_ALT: Final = 100


class LayoutName(Enum):
    """The keyboard country a scanner is programmed for."""

    US = "us"
    DE = "de"
    FR = "fr"
    RU = "ru"


#: Keypad digits and signs give the same with and without Num Lock: a scanner means digits.
KEYPAD: Final[Mapping[int, str]] = {
    71: "7",
    72: "8",
    73: "9",
    74: "-",
    75: "4",
    76: "5",
    77: "6",
    78: "+",
    79: "1",
    80: "2",
    81: "3",
    82: "0",
    83: ".",
    55: "*",
    98: "/",
}

# The places of the keys, row by row: the digits' row, and the three rows of letters.
_DIGITS: Final = tuple(range(2, 14))
_UPPER: Final = tuple(range(16, 28))
_HOME: Final = (*range(30, 41), 43)
_LOWER: Final = tuple(range(44, 54))
_GRAVE: Final = 41
_SPACE: Final = 57
_EXTRA: Final = 86  # the key between left Shift and Z of a European keyboard


def _rows(*rows: tuple[tuple[int, ...], str, str]) -> dict[int, tuple[str, str, str]]:
    """Keys in order, what they give alone and with Shift; a character that is missing is a blank."""
    found: dict[int, tuple[str, str, str]] = {_SPACE: (" ", " ", "")}
    for codes, plain, shifted in rows:
        if not len(codes) == len(plain) == len(shifted):
            raise ValueError(f"a row of {len(codes)} keys and {len(plain)} and {len(shifted)} characters")
        for code, one, other in zip(codes, plain, shifted, strict=True):
            found[code] = (one.strip(), other.strip(), "")
    return found


def _with_alt_gr(layout: dict[int, tuple[str, str, str]], third: Mapping[int, str]) -> Layout:
    return {code: (one, other, third.get(code, "")) for code, (one, other, _) in layout.items()}


_US: Final = _rows(
    (_DIGITS, "1234567890-=", "!@#$%^&*()_+"),
    (_UPPER, "qwertyuiop[]", "QWERTYUIOP{}"),
    (_HOME, "asdfghjkl;'\\", 'ASDFGHJKL:"|'),
    (_LOWER, "zxcvbnm,./", "ZXCVBNM<>?"),
    ((_GRAVE, _EXTRA), "`\\", "~|"),
)

_DE: Final = _rows(
    (_DIGITS, "1234567890ß´", '!"§$%&/()=?`'),
    (_UPPER, "qwertzuiopü+", "QWERTZUIOPÜ*"),
    (_HOME, "asdfghjklöä#", "ASDFGHJKLÖÄ'"),
    (_LOWER, "yxcvbnm,.-", "YXCVBNM;:_"),
    ((_GRAVE, _EXTRA), "^<", "°>"),
)

_FR: Final = _rows(
    (_DIGITS, "&é\"'(-è_çà)=", "1234567890°+"),
    (_UPPER, "azertyuiop^$", "AZERTYUIOP¨£"),
    (_HOME, "qsdfghjklmù*", "QSDFGHJKLM%µ"),
    (_LOWER, "wxcvbn,;:!", "WXCVBN?./§"),
    ((_GRAVE, _EXTRA), "²<", " >"),
)

_RU: Final = _rows(
    (_DIGITS, "1234567890-=", '!"№;%:?*()_+'),
    (_UPPER, "йцукенгшщзхъ", "ЙЦУКЕНГШЩЗХЪ"),
    (_HOME, "фывапролджэ\\", "ФЫВАПРОЛДЖЭ/"),
    (_LOWER, "ячсмитьбю.", "ЯЧСМИТЬБЮ,"),
    ((_GRAVE, _EXTRA), "ё\\", "Ё/"),
)

LAYOUTS: Final[Mapping[LayoutName, Layout]] = {
    LayoutName.US: _US,
    LayoutName.DE: _with_alt_gr(
        _DE, {3: "²", 4: "³", 8: "{", 9: "[", 10: "]", 11: "}", 12: "\\", 16: "@", 27: "~", 86: "|"}
    ),
    LayoutName.FR: _with_alt_gr(
        _FR, {3: "~", 4: "#", 5: "{", 6: "[", 7: "|", 8: "`", 9: "\\", 10: "^", 11: "@", 12: "]", 13: "}"}
    ),
    LayoutName.RU: _RU,
}


def keys_of(layout: Layout) -> dict[str, tuple[int, tuple[int, ...]]]:
    """Character → (key, what is held with it): how a scanner types; the plainest way where there are several."""
    found: dict[str, tuple[int, tuple[int, ...]]] = {}
    held: tuple[tuple[int, ...], ...] = ((), (Key.LEFT_SHIFT,), (Key.RIGHT_ALT,))
    for level, modifiers in enumerate(held):
        for code, characters in layout.items():
            if characters[level]:
                found.setdefault(characters[level], (code, modifiers))
    return found
