"""Numbers, money and the plural forms of nouns as each language writes them; knows no programme and decides nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

__all__ = ["FORMS", "LANGUAGES", "money_text", "number_text", "plural"]

LANGUAGES: Final = ("en", "ru", "th")

#: How many forms a noun has: English one, other; Russian one, few (and fractions), many; Thai always the same.
FORMS: Final = {"en": 2, "ru": 3, "th": 1}

_NUMBER: Final = re.compile(r"(-?)(\d+)(?:\.(\d+))?", re.ASCII)
_MONEY: Final = re.compile(r"(-?\d+(?:\.\d+)?) ([A-Z]{3})", re.ASCII)
_SPACE: Final = "\N{NO-BREAK SPACE}"  # a number is never broken between two lines

#: Language → (between thousands, before the fraction).
_MARKS: Final = {"en": (",", "."), "ru": (_SPACE, ","), "th": (",", ".")}
#: What a currency is called where it is at home; elsewhere its three letters say it.
_CURRENCIES: Final = {("ru", "RUB"): "₽", ("th", "THB"): "บาท"}


def plural(language: str, number: str, forms: Sequence[str], *, genitive: bool = False) -> str:
    """The form of a noun that stands after this number, by the plural rules of CLDR.

    Args:
        language: one of LANGUAGES; another is read as English.
        number: as written, "21" or "1.5": a number with a fraction has a form of its own.
        forms: as many as FORMS says; of fewer the last one is taken.
        genitive: after a Russian "до" or "не больше": 1 бонуса, 21 бонуса, all others бонусов.
    """
    whole, _, fraction = number.lstrip("-").partition(".")
    place = _FORM_OF[language](whole, fraction) if language in _FORM_OF else _english(whole, fraction)
    if genitive and language == "ru" and not fraction:
        place = 1 if place == 0 else 2
    return forms[min(place, len(forms) - 1)]


def _english(whole: str, fraction: str) -> int:
    return 0 if whole == "1" and not fraction else 1


def _russian(whole: str, fraction: str) -> int:
    if fraction:
        return 1
    if whole[-1:] == "1" and whole[-2:] != "11":
        return 0
    return 1 if whole[-1:] in ("2", "3", "4") and whole[-2:-1] != "1" else 2


def _thai(_whole: str, _fraction: str) -> int:
    return 0


_FORM_OF: Final = {"en": _english, "ru": _russian, "th": _thai}


def number_text(written: str, language: str) -> str:
    """A number such as 1500.5 as the language writes it: 1,500.5 or 1 500,5; what is no number stays as it is."""
    match = _NUMBER.fullmatch(written)
    if match is None:
        return written
    sign, whole, fraction = match.groups()
    thousands, point = _MARKS.get(language, _MARKS["en"])
    grouped = ""
    while len(whole) > 3:
        whole, group = whole[:-3], whole[-3:]
        grouped = f"{thousands}{group}{grouped}"
    return f"{sign}{whole}{grouped}{point + fraction if fraction else ''}"


def money_text(written: str, language: str) -> str:
    """Money such as "1500.00 RUB" as the language writes it, 1 500,00 ₽ in Russian; what is none stays as it is."""
    match = _MONEY.fullmatch(written)
    if match is None:
        return written
    currency = _CURRENCIES.get((language, match[2]), match[2])
    return f"{number_text(match[1], language)}{_SPACE}{currency}"
