"""Codes typed through a Russian keyboard layout, brought back to the letters the scanner meant; pure.

A scanner that types means keys of a US keyboard. A computer that is set to Russian makes Cyrillic of them: CARD-17
arrives as СФКВ-17. The digits of the main row stay; signs above them change, and so do brackets, dots and commas.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["as_typed_on_us"]

_RUSSIAN: Final = "йцукенгшщзхъфывапролджэячсмитьбю.ЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ,ёЁ№"
_US: Final = "qwertyuiop[]asdfghjkl;'zxcvbnm,./QWERTYUIOP{}ASDFGHJKL:\"ZXCVBNM<>?`~#"
_CYRILLIC: Final = re.compile("[Ѐ-ӿ]")
_TABLE: Final = str.maketrans(_RUSSIAN, _US)


def as_typed_on_us(code: str) -> str:
    """The same keys on a US keyboard; the code itself when no letter of it is Cyrillic."""
    if code.isascii() or not _CYRILLIC.search(code):
        return code
    # On a Russian layout a colon is Shift+6 and a semicolon Shift+4: they were "^" and "$"; "Ж" is the colon.
    return code.translate(_TABLE)
