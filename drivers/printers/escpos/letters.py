"""Letters to a code page's bytes: what stands in for a letter that a page lacks, and how many would be lost."""

from __future__ import annotations

import unicodedata
from typing import Final

from .text import TWO_BYTE_CODEC

# Tried in this order when the page in use cannot print the lines.
CODECS: Final = ("cp866", "cp1251", "cp874", "cp437", "cp858", "cp1252", "cp852", "cp1250")
# What tills print instead of a character that the code page lacks.
_SUBSTITUTES: Final = {
    "₽": "руб", "฿": "B", "€": "EUR", "«": '"', "»": '"', "“": '"', "”": '"', "„": '"', "–": "-", "—": "-", "−": "-",
    "…": "...", "•": "*", "×": "x", "’": "'", "‘": "'", "ё": "е", "Ё": "Е", "№": "N", "\u00a0": " ", "\u202f": " ",
    "\u2009": " ", "≡": "=",
}  # fmt: skip
# Control and format characters, line and paragraph ends, halves of characters.
_UNPRINTABLE: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})


def printable(line: str) -> str:
    """Normal form, with every control character turned into a blank: no name on a slip can be a command."""
    line = unicodedata.normalize("NFC", line).expandtabs(4)
    return "".join(" " if unicodedata.category(character) in _UNPRINTABLE else character for character in line).rstrip()


def substitute(text: str, codec: str) -> str:
    """The text with stand-ins for what the page lacks, where there are any."""
    return "".join(
        character if character.isascii() or can_encode(character, codec) else _SUBSTITUTES.get(character, character)
        for character in text
    )


def can_encode(text: str, codec: str) -> bool:
    """Whether the page has all of it."""
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def encode(text: str, codec: str) -> bytes:
    """The text as bytes; an accent the page lacks is better lost than the letter under it."""
    if codec == TWO_BYTE_CODEC:
        return text.encode(codec, errors="replace")
    return b"".join(
        character.encode(codec, errors="ignore") or _bare(character).encode(codec, errors="replace")
        for character in text
    )


def cost(text: str, codec: str) -> int:
    """How many characters would be lost."""
    return sum(not can_encode(character, codec) for character in substitute(text, codec))


def has_marks(text: str) -> bool:
    """Whether marks stand above or below letters, as in Thai: few printers place them."""
    return any(unicodedata.category(character) in ("Mn", "Me") for character in text)


def _bare(character: str) -> str:
    return unicodedata.normalize("NFD", character)[0]
