"""Columns and words of a slip: a fixed-width printer, marks that take no column, plural forms; no printer codes."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from importlib import resources
from typing import Final

__all__ = ["column_width", "fit", "group_digits", "languages", "lay_out", "pair", "plural", "words"]

ELLIPSIS: Final = ".."  # two dots: every code page has them, "…" is missing from most


def column_width(text: str) -> int:
    """How many columns the text takes: Thai vowels and tone marks stand above or below and take none."""
    return sum(0 if unicodedata.category(character) in {"Mn", "Me", "Cf"} else 1 for character in text)


def fit(text: str, columns: int) -> str:
    """The text, cut to the columns with dots; numbers are never passed here."""
    if column_width(text) <= columns:
        return text
    kept = ""
    for character in text:
        if column_width(kept + character) > columns - len(ELLIPSIS):
            break
        kept += character
    return kept.rstrip() + ELLIPSIS


def pair(left: str, right: str, columns: int) -> str:
    """A label at the left, a number at the right edge; the label gives way."""
    room = columns - column_width(right) - 1
    left = fit(left, room)
    return left + " " * (columns - column_width(left) - column_width(right)) + right


def lay_out(lines: Iterable[str], columns: int) -> tuple[str, ...]:
    """Lines for a printer of so many columns; in a line with a tab, what follows it goes to the right edge."""
    laid = []
    for line in lines:
        left, tab, right = line.partition("\t")
        laid.append(pair(left, right, columns) if tab else fit(left, columns))
    return tuple(laid)


def group_digits(number: int, language: str) -> str:
    """1240 → "1 240" in Russian, "1,240" elsewhere; the space is a plain one, printers know no other."""
    return f"{number:,}".replace(",", " " if language == "ru" else ",")


def plural(number: int, language: str) -> str:
    """Which form a noun takes: Russian one/few/many, English one/other, Thai other (CLDR rules for whole numbers)."""
    if language == "ru":
        tens, ones = abs(number) % 100, abs(number) % 10
        if ones == 1 and tens != 11:
            return "one"
        return "few" if 2 <= ones <= 4 and not 12 <= tens <= 14 else "many"
    if language == "en":
        return "one" if abs(number) == 1 else "other"
    return "other"


@lru_cache(maxsize=8)
def words(language: str) -> dict[str, str]:
    """The catalogue of a language; English where there is none."""
    folder = resources.files("agent.slips") / "words"
    name = f"{language}.json" if language in languages() else "en.json"
    catalogue: dict[str, str] = json.loads((folder / name).read_text("utf-8"))
    return catalogue


@lru_cache(maxsize=1)
def languages() -> frozenset[str]:
    """Every language that has a catalogue: one more file is one more language."""
    folder = resources.files("agent.slips") / "words"
    return frozenset(entry.name.removesuffix(".json") for entry in folder.iterdir() if entry.name.endswith(".json"))
