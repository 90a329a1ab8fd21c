"""Printed bytes to text: code pages, UTF-8, two-byte characters, national sets; decided once per document.

One line is too little to tell cp866 from cp1251 or from UTF-8; a whole receipt is enough. So a document's bytes are
kept as runs and decoded when it ends.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final, NamedTuple

from .models import NATIONAL_SETS, Profile


class Run(NamedTuple):
    """Bytes printed under one selection.

    Attributes:
        page: the number of the last ESC t, None when none was sent since ESC @.
        national: the number of the last ESC R.
        two_byte: whether FS & was on.
    """

    data: bytes
    page: int | None
    national: int
    two_byte: bool


class Decoded(NamedTuple):
    """The lines as text, and which codec each page number turned out to be ("utf-8" for all, if it is)."""

    lines: tuple[str, ...]
    codecs: dict[int | None, str]


TWO_BYTE_CODEC: Final = "gb18030"
# Ordered: on equal scores the earlier one wins.
_GUESSES: Final = ("cp866", "cp1251", "cp874", "gb18030", "cp437", "cp1252")
# Scores stay the same after so many bytes; a document full of text would only take longer.
_SAMPLE_SIZE_MAX: Final = 8_192
# What a page selected by its number is worth per byte against the look of the text.
_PRIOR: Final = 0.3

_FREQUENT: Final = frozenset("оеаинтсрвлкмдпу")
_RUSSIAN: Final = frozenset("абвгдеёжзийклмнопрстуфхцчшщъыьэюя")
_THAI_FREQUENT: Final = frozenset("านรอกเงมยลวดทสตะปบค่้ีิัำ")
_THAI_LEADING: Final = frozenset("เแโใไ")
_THAI_ABOVE: Final = frozenset("ัิีึืฺุู็่้๊๋์ํ")


def decode_document(lines: Sequence[Sequence[Run]], profile: Profile) -> Decoded:
    """Decode all lines of one document; never raises, what cannot be read becomes U+FFFD."""
    codecs = _choose(lines, profile)
    return Decoded(tuple("".join(_decode(run, codecs) for run in line) for line in lines), codecs)


def _decode(run: Run, codecs: dict[int | None, str]) -> str:
    codec = TWO_BYTE_CODEC if run.two_byte else codecs[run.page]
    text = run.data.decode(codec, errors="replace")
    return text.translate(NATIONAL_SETS[run.national]) if 0 < run.national < len(NATIONAL_SETS) else text


def _choose(lines: Sequence[Sequence[Run]], profile: Profile) -> dict[int | None, str]:
    samples: dict[int | None, bytearray] = {}
    for line in lines:
        for run in line:
            sample = samples.setdefault(run.page, bytearray())
            if not run.two_byte and len(sample) < _SAMPLE_SIZE_MAX:
                sample += run.data + b"\n"
    if samples and _is_utf8(b"".join(samples.values())):
        return dict.fromkeys(samples, "utf-8")
    chosen: dict[int | None, str] = {}
    for page, sample in samples.items():
        stated = profile.pages.get(page) if page is not None else None
        if stated is not None and not profile.guesses:
            chosen[page] = stated
        else:
            chosen[page] = guess_codec(bytes(sample), stated)
    return chosen


def _is_utf8(data: bytes) -> bool:
    """Strictly valid, with at least one character of more than one byte, all of scripts receipts are printed in."""
    if data.isascii():
        return False
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return all(_is_plausible(character) for character in text if character > "\x7f")


def _is_plausible(character: str) -> bool:
    # Latin, Greek, Cyrillic · Hebrew, Arabic · Thai, Lao · punctuation to geometric shapes · CJK, kana, Hangul · forms
    code = ord(character)
    return (
        0xA0 <= code <= 0x52F
        or 0x590 <= code <= 0x6FF
        or 0xE00 <= code <= 0xEFF
        or 0x1E00 <= code <= 0x1EFF
        or 0x2000 <= code <= 0x27BF
        or 0x3000 <= code <= 0x30FF
        or 0x4E00 <= code <= 0x9FFF
        or 0xAC00 <= code <= 0xD7A3
        or 0xFF00 <= code <= 0xFFEF
    )


def guess_codec(sample: bytes, stated: str | None = None) -> str:
    """The codec under which the sample looks most like a language; `stated` has a head start and wins a draw."""
    if sample.isascii():
        return stated or "cp437"
    candidates = _GUESSES if stated is None else (stated, *(name for name in _GUESSES if name != stated))
    high = sum(byte > 0x7F for byte in sample)
    best, best_score = candidates[0], float("-inf")
    for codec in candidates:
        score = _score(sample.decode(codec, errors="replace")) + (_PRIOR * high if codec == stated else 0)
        if score > best_score:
            best, best_score = codec, score
    return best


def _score(text: str) -> float:
    score = 0.0
    previous = " "
    for character in text:
        if character > "\x7f":
            score += _score_one(character, previous)
        if previous in _THAI_LEADING and not "ก" <= character <= "ฮ":
            score -= 3  # a leading vowel stands before a consonant, or this is not Thai
        previous = character
    return score


def _score_one(character: str, previous: str) -> float:
    """What one character above ASCII says for or against the reading, given the one before it."""
    lower = character.lower()
    if lower in _RUSSIAN:
        turned = character != lower and previous.islower()  # аБ inside a word
        mixed = previous.isascii() and previous.isalpha()  # rи inside a word
        return -2.0 if turned or mixed else (2.0 if lower in _FREQUENT else 1.0)
    if "ก" <= character <= "๛":
        after_thai = "ก" <= previous <= "๛"
        if not after_thai and (character in _THAI_ABOVE or character in "ะาำๅๆ"):
            return -3.0
        return 2.2 if character in _THAI_FREQUENT else 0.8
    if "\u4e00" <= character <= "\u9fff":
        return _score_chinese(character)
    return _score_rest(character, previous)


def _score_rest(character: str, previous: str) -> float:
    if "\u2500" <= character <= "\u259f":
        return 0.0  # rulers and frames
    if character in "№€£«»°":
        return 0.5
    if character.isalpha() and unicodedata.name(character, "").startswith("LATIN"):
        return 0.5 if previous.isalpha() and previous.isascii() else 0.0
    return -4.0 if character == "\ufffd" or unicodedata.category(character) == "Cc" else -1.0


def _score_chinese(character: str) -> float:
    # GB 2312 level 1 (lead B0..D7) holds the 3,755 characters in daily use; the rest is rare on a receipt.
    code = character.encode(TWO_BYTE_CODEC)
    return 3.2 if len(code) == 2 and 0xB0 <= code[0] <= 0xD7 and code[1] >= 0xA1 else -1.0


def width_of(text: str) -> int:
    """Columns the text takes on paper: marks above and below take none, East Asian wide characters two."""
    if text.isascii():
        return len(text)
    return sum(_width(character) for character in text)


def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def clip(text: str, columns: int) -> str:
    """As much of the text as fits, marks kept with their letter."""
    if width_of(text) <= columns:
        return text
    taken = 0
    for index, character in enumerate(text):
        taken += _width(character)
        if taken > columns:
            return text[:index]
    return text
