"""Columns and words of a slip: a fixed-width printer, marks that take no column, plural forms; no printer codes."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import date, datetime, tzinfo
from functools import lru_cache
from importlib import resources
from typing import Final

from drivers.vocabulary.money import Money

__all__ = [
    "BARCODE",
    "QR",
    "WRAPPED",
    "clip",
    "column_width",
    "date_text",
    "day_text",
    "fit",
    "form",
    "group_digits",
    "languages",
    "lay_out",
    "mask_code",
    "money_text",
    "money_with_sign",
    "pair",
    "plural",
    "points_text",
    "words",
    "wrap",
]

_FOLDER: Final = resources.files("agent.slips") / "words"
ELLIPSIS: Final = ".."  # two dots: every code page has them, "…" is missing from most
WRAPPED: Final = "\v"  # before a line that goes on below instead of losing its end: a code, a sentence
BARCODE: Final = "\fb"  # before a code for a printer that draws it; a text stream leaves the line out
QR: Final = "\fq"  # likewise
LINES_OF_ONE_MAX: Final = 8  # of a wrapped line; a code of 200 characters fits 32 columns, a novel does not

#: What stands after an amount; a currency that is not here is named by its letters.
_SIGNS: Final = {"RUB": "₽", "THB": "฿", "EUR": "€", "USD": "$", "KZT": "₸", "BYN": "Br"}

_HELD: Final = "\N{NO-BREAK SPACE}"  # while wrapping; printers know the plain blank only
_THOUSANDS: Final = re.compile(r"(?<=\d) (?=\d{3}(?!\d))")


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


def clip(text: str, columns: int) -> str:
    """The text without what does not fit; no dots, a name loses fewer letters so."""
    while column_width(text) > columns:
        text = text[:-1]
    return text.rstrip()


def wrap(text: str, columns: int) -> list[str]:
    """The text in lines of at most so many columns, broken at blanks, a longer word (a code, Thai) anywhere.

    A mark above or below a letter stays with it, and a number is not broken between its thousands.
    """
    lines: list[str] = []
    line = ""
    for word in _THOUSANDS.sub(_HELD, text).split(" "):
        joined = f"{line} {word}" if line else word
        if column_width(joined) <= columns:
            line = joined
            continue
        if line:
            lines.append(line)
        pieces = _pieces(word, columns)
        lines += pieces[:-1]
        line = pieces[-1]
    return [one.replace(_HELD, " ").strip() for one in (*lines, line) if one.strip()]


def _pieces(word: str, columns: int) -> list[str]:
    pieces = [""]
    for character in word:
        if column_width(pieces[-1] + character) > columns:
            pieces.append("")
        pieces[-1] += character
    return pieces


def lay_out(lines: Iterable[str], columns: int) -> tuple[str, ...]:
    """Lines for a printer of so many columns.

    In a line with a tab, what follows it goes to the right edge; a line that begins with WRAPPED goes on below; codes
    are for printers that draw them, and left out here.
    """
    laid: list[str] = []
    for line in lines:
        if line.startswith((BARCODE, QR)):
            continue
        if line.startswith(WRAPPED):
            laid += wrap(line.removeprefix(WRAPPED), columns)[:LINES_OF_ONE_MAX]
            continue
        left, tab, right = line.partition("\t")
        laid.append(pair(left, right, columns) if tab else fit(left, columns))
    return tuple(laid)


def money_text(money: Money, language: str) -> str:
    """1240.50 → "1 240,50" in Russian, "1,240.50" elsewhere; the currency is known to who holds the receipt."""
    whole, _, fraction = money.amount.partition(".")
    mark = words(language)["_decimal"]
    sign = "-" if whole.startswith("-") else ""
    return sign + group_digits(int(whole.lstrip("-")), language) + (mark + fraction if fraction else "")


def money_with_sign(money: Money, language: str) -> str:
    """The same with its currency's sign, for a slip that lies alone; a printer puts letters for a sign it lacks."""
    return f"{money_text(money, language)} {_SIGNS.get(money.currency, money.currency)}"


def points_text(amount: int, exponent: int, language: str) -> str:
    """Points from their smallest parts: 1250 with exponent 2 → "12.50"."""
    if not exponent:
        return group_digits(amount, language)
    whole, fraction = divmod(abs(amount), 10**exponent)
    mark = words(language)["_decimal"]
    return f"{'-' if amount < 0 else ''}{group_digits(whole, language)}{mark}{fraction:0{exponent}d}"


def date_text(moment: datetime, zone: tzinfo, language: str) -> str:
    """The local day as the catalogue writes it; Thai years are Buddhist."""
    return day_text(moment.astimezone(zone).date(), language)


def day_text(day: date, language: str) -> str:
    """A day as the catalogue writes it."""
    template = words(language)["date"]
    return template.format(day=day.day, month=day.month, year=day.year, buddhist=day.year + 543)


def form(forms: str, number: int, language: str) -> str:
    """Which of the forms of a catalogue ("day|days", "день|дня|дней", "วัน") stands with this number."""
    each = forms.split("|")
    return each[min(_place(words(language)["_plural"], number), len(each) - 1)]


def mask_code(code: str) -> str:
    """A code that is money: its last four characters, enough to tell one certificate from another."""
    return "***" + code[-4:] if len(code) > 6 else "***"


def group_digits(number: int, language: str) -> str:
    """1240 → "1 240" in Russian, "1,240" in English; the space is a plain one, printers know no other."""
    return f"{number:,}".replace(",", words(language)["_group"])


def plural(number: int, language: str) -> str:
    """Which form a noun takes, in the words of CLDR: Russian one/few/many, English one/other, Thai other."""
    told = words(language)
    return told["_forms"].split()[_place(told["_plural"], number)]


def _place(rule: str, number: int) -> int:
    """The place of a form by the catalogue's own rule, which the compiler of expressions in gettext reads."""
    return _rule(rule)(abs(number))


@lru_cache(maxsize=8)
def _rule(rule: str) -> Callable[[int], int]:
    from gettext import c2py

    return c2py(rule)


@lru_cache(maxsize=8)
def words(language: str) -> dict[str, str]:
    """The catalogue of a language, English where it lacks a word; what begins with "_" says how it counts."""
    english = _read("en")
    return english | _read(language) if language in languages() else english


def _read(language: str) -> dict[str, str]:
    catalogue: dict[str, str] = json.loads((_FOLDER / f"{language}.json").read_text("utf-8"))
    return catalogue


@lru_cache(maxsize=1)
def languages() -> frozenset[str]:
    """Every language that has a catalogue: one more file is one more language."""
    return frozenset(entry.name.removesuffix(".json") for entry in _FOLDER.iterdir() if entry.name.endswith(".json"))
