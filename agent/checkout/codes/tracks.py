"""The tracks of a magnetic card, taken apart: readers send one, two or three of them in one go; pure.

ISO/IEC 7813 and ISO/IEC 4909. Each track has its own first character and ends with a question mark; a check character
may follow. Track 3 begins as track 2 does, or with a plus sign, as most readers send it.

    %B4000…^NAME^YYMM…?  ;4000…=YYMM…?  +…?
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["is_swiped", "tracks"]

_TRACK: Final = re.compile(r"[%;+][^%;+?]*\?")
_FIRST: Final = ("%", ";", "+")


def is_swiped(code: str) -> bool:
    """Whether a code comes from a magnetic stripe; a phone in E.164 begins with a plus sign too, and has no end."""
    return code.startswith(_FIRST) and "?" in code


def tracks(code: str) -> tuple[str, ...]:
    """Each track of a swipe, sentinels included; the code itself when it is none."""
    if not is_swiped(code):
        return (code,)
    found = tuple(match.group() for match in _TRACK.finditer(code))
    return found or (code,)
