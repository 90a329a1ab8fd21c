"""Receipt layouts as data: words and item shapes from TOML, compiled to patterns; it reads no receipt and no file.

A layout says how one family of tills prints a line and which words stand before the total, the tenders, the kinds of
documents. Words are shared by language (``words-ru.toml``), so a new layout is usually three lines. README.md of this
folder shows one.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from drivers.vocabulary.errors import SettingsError
from drivers.vocabulary.receipt import DocumentKind, TenderKind

_T = TypeVar("_T", bound=Struct)

# A layout with more is a mistake, and each shape is tried on each line.
SHAPES_MAX: Final = 20
WORDS_MAX: Final = 200

Word = Annotated[str, Meta(min_length=1, max_length=80)]
Words = Annotated[tuple[Word, ...], Meta(max_length=WORDS_MAX)]


class KindWords(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a kind of document gives itself away.

    Attributes:
        line: phrases that are a whole line, wherever it stands (``ВОЗВРАТ ПРИХОДА №5``).
        header: phrases that tell it when they stand anywhere in a line above the first item.
        anywhere: phrases that tell it in any line that is not an item.
    """

    line: Words = ()
    header: Words = ()
    anywhere: Words = ()


class WordBook(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The words of one language; every list may be added to by a layout."""

    total: Words = ()
    subtotal: Words = ()
    discount_line: Words = ()
    discount_receipt: Words = ()
    surcharge: Words = ()
    rounding: Words = ()
    tax: Words = ()
    received: Words = ()
    change: Words = ()
    cash: Words = ()
    card: Words = ()
    points: Words = ()
    certificate: Words = ()
    prepaid: Words = ()
    credit: Words = ()
    other: Words = ()
    ignored: Words = ()
    units: Words = ()
    date: Words = ()
    time: Words = ()
    fields: Words = ()
    kinds: dict[DocumentKind, KindWords] = {}


Shape = Annotated[str, Meta(min_length=3, max_length=120)]


class LayoutFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One layout as written in TOML.

    Attributes:
        title: for people.
        items: shapes of an item; one without ``{name}`` takes its name from the line above.
        words: word books to use, by language.
        name_lines_max: how many lines above may belong to the name.
        whole_amounts: amounts may come without decimals.
        date_order: which number of 01.02.2026 is the day.
        buddhist_years: two-digit years count from 2500 (Thailand).
        taxes: "included" in the prices, "added" under the lines, or "either".
        own: words of this layout alone, added to the books.
    """

    title: str
    items: Annotated[tuple[Shape, ...], Meta(min_length=1, max_length=SHAPES_MAX)]
    words: tuple[Word, ...] = ()
    name_lines_max: Annotated[int, Meta(ge=1, le=5)] = 2
    whole_amounts: bool = False
    date_order: Literal["dmy", "mdy", "ymd"] = "dmy"
    buddhist_years: bool = False
    taxes: Literal["included", "added", "either"] = "included"
    own: WordBook = WordBook()


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemShape:
    """One compiled shape; `has_name` is False when the name stands on the line above."""

    text: str
    pattern: re.Pattern[str]
    has_name: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KindPatterns:
    """Compiled KindWords; None where there are no words."""

    line: re.Pattern[str] | None
    header: re.Pattern[str] | None
    anywhere: re.Pattern[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A layout ready to read with, for one currency.

    Attributes:
        keywords: role → pattern over a whole line: the word, then an amount in group "amount" or nothing.
        tenders: kind of tender → the same.
        has_field: matches a line that holds any of `fields`; most lines hold none.
        fields: patterns with a group "number", "shift" or "cashier", searched anywhere in a line.
        decimals: decimal places of the currency.
    """

    name: str
    title: str
    items: tuple[ItemShape, ...]
    keywords: dict[str, re.Pattern[str]]
    tenders: dict[TenderKind, re.Pattern[str]]
    ignored: re.Pattern[str] | None
    kinds: dict[DocumentKind, KindPatterns]
    has_field: re.Pattern[str]
    fields: tuple[re.Pattern[str], ...]
    dated: re.Pattern[str] | None
    amount_alone: re.Pattern[str]
    name_lines_max: int
    date_order: str
    buddhist_years: bool
    taxes: str
    decimals: int


# ── From TOML ───────────────────────────────────────────────────────────────────────────────────


def parse_words(text: str, where: str) -> WordBook:
    """Read a word book; raises SettingsError naming `where` and the key at fault."""
    return _convert(text, where, WordBook)


def parse_layout(text: str, where: str) -> LayoutFile:
    """Read a layout; raises SettingsError naming `where` and the key at fault."""
    return _convert(text, where, LayoutFile)


def _convert(text: str, where: str, wanted: type[_T]) -> _T:
    try:
        return msgspec.convert(tomllib.loads(text), wanted)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{where} is not TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise SettingsError(f"{where}: {error}; compare it with a layout that ships with the driver") from None


def merge(books: tuple[WordBook, ...]) -> WordBook:
    """One book with the words of all, in order."""
    lists = {
        name: tuple(dict.fromkeys(word for book in books for word in getattr(book, name)))
        for name in WordBook.__struct_fields__
        if name != "kinds"
    }
    kinds: dict[DocumentKind, KindWords] = {}
    for book in books:
        for kind, more in book.kinds.items():
            have = kinds.get(kind, KindWords())
            kinds[kind] = KindWords(
                line=have.line + more.line, header=have.header + more.header, anywhere=have.anywhere + more.anywhere
            )
    return WordBook(**lists, kinds=kinds)


# ── To patterns ─────────────────────────────────────────────────────────────────────────────────

# Multiplication as tills print it: Latin and Cyrillic x, the sign, an asterisk, "at".
_TIMES: Final = r"\s*[xXхХ×*@]\s*"
_EQUALS: Final = r"(?:\s*[=≡]\s*|\s+)"
_QUANTITY: Final = r"\d{1,6}(?:[.,]\d{1,6})?"
_CURRENCY: Final = r"(?:₽|руб\.?|р\.?|RUB|\$|US\$|USD|€|EUR|£|GBP|฿|THB|บาท|Br|BYN|₸|KZT)"
# One letter (and a digit) after the sum names the VAT rate; an asterisk marks a taxed line.
_VAT: Final = r"(?:\s*\*|\s+[A-ZА-Я*]\d?)?"
# Possessive throughout: a line of a thousand dashes must not cost a thousand tries.
_DECOR: Final = r"[\s*=#<>_+~.•-]*+"
# Leaders between a word and its amount; one hyphen right before the digits is a sign and stays.
_BETWEEN: Final = r"(?:[\s:.=≡*_]|-(?=[-\s]))*+"
# A number may follow a kind: "ВОЗВРАТ ПРИХОДА №5", "Z-ОТЧЕТ № 0012".
_KIND_TAIL: Final = r"(?:\s*(?:№|N|#|NO\.?|:)?\s*\d[\d/-]*)?"


def amount_pattern(decimals: int, *, whole: bool, name: str) -> str:
    """An amount with its sign and currency, as group `name`; thousands may be set apart by space, dot, comma or '."""
    fraction = rf"[.,]\d{{{decimals}}}" if decimals else ""
    if decimals and whole:
        fraction = f"(?:{fraction})?"
    # "5 1 234,50": a space sets thousands apart only where the column begins, or the 5 would join the price.
    spaced = r"(?:(?<=\s\s)|(?<=[=≡*xXхХ×:-])|(?<=[=≡*xXхХ×:-]\s)|(?<=^))\d{1,3}(?: \d{3}){1,3}"
    grouped = r"\d{1,3}(?:[.,']\d{3}){1,3}" if decimals else r"\d{1,3}(?:[.,' ]\d{3}){1,3}"
    number = rf"(?:{spaced}|{grouped}|\d{{1,12}}){fraction}"
    return rf"(?P<{name}>[-−–+]?\s?(?:{_CURRENCY}\s?)?(?<![\d.,]){number}(?![.,]?\d)-?)(?:\s?{_CURRENCY})?"


def _item_shape(text: str, words: WordBook, decimals: int, *, whole: bool, where: str) -> ItemShape:
    units = "|".join(re.escape(unit) for unit in sorted(words.units, key=len, reverse=True)) or r"(?!)"
    known = {
        "name": r"(?P<name>\S.*?)",
        "quantity": rf"(?P<quantity>{_QUANTITY})",
        "count": r"(?P<count>\d{1,4})",
        "price": amount_pattern(decimals, whole=whole, name="price"),
        "sum": amount_pattern(decimals, whole=whole, name="sum"),
        "x": _TIMES,
        "=": _EQUALS,
        "unit": rf"(?:\s*(?:{units})\.?)?",
        "vat": _VAT,
    }
    loose = {"x", "=", "unit", "vat"}  # these bring their own white space
    parts = re.split(r"(\{[^{}]*\})", text)
    pattern = ""
    for index, part in enumerate(parts):
        if part.startswith("{"):
            if part[1:-1] not in known:
                raise SettingsError(f"{where}: no {part} in item shapes; use {', '.join(sorted(known))}")
            pattern += known[part[1:-1]]
        elif part.strip():
            pattern += r"\s*" + re.escape(part.strip()) + r"\s*"
        elif part:
            before, after = parts[index - 1][1:-1], parts[index + 1][1:-1]
            pattern += "" if after in loose or before in loose - {"unit"} else r"\s+"
    if "{sum}" not in text:
        raise SettingsError(f"{where}: item shape {text!r} has no {{sum}}, so nothing could be checked")
    return ItemShape(text=text, pattern=re.compile(rf"\s*{pattern}\s*"), has_name="{name}" in text)


def _alternatives(words: tuple[str, ...]) -> str:
    ordered = sorted(words, key=lambda word: (-len(word), word))
    return "|".join(re.sub(r"(?:\\ |\s)+", r"\\s+", re.escape(spoken(word))) for word in ordered)


def _keyword(words: tuple[str, ...], amount: str) -> re.Pattern[str] | None:
    if not words:
        return None
    percent = r"(?:\(?\s*[-−]?\d{1,3}(?:[.,]\d{1,2})?\s*%\)?)?"
    return re.compile(
        rf"{_DECOR}(?:{_alternatives(words)}){_BETWEEN}{percent}{_BETWEEN}(?:(?<![.,\d]){amount}{_VAT})?{_DECOR}",
        re.IGNORECASE,
    )


def spoken(line: str) -> str:
    """The line as words are compared: ё as е, letters that were set apart (``И Т О Г``) closed up."""
    line = line.replace("ё", "е").replace("Ё", "Е")
    return re.sub(r"(?<!\S)(?:[^\W\d_] ){2,}[^\W\d_](?!\S)", lambda found: found.group().replace(" ", ""), line)


def _kind(words: KindWords) -> KindPatterns:
    def compiled(chosen: tuple[str, ...], frame: str) -> re.Pattern[str] | None:
        return re.compile(frame % _alternatives(chosen), re.IGNORECASE) if chosen else None

    anywhere = r"(?<!\w)(?:%s)(?!\w)"
    return KindPatterns(
        line=compiled(words.line, rf"{_DECOR}(?:%s){_KIND_TAIL}{_DECOR}"),
        header=compiled(words.header, anywhere),
        anywhere=compiled(words.anywhere, anywhere),
    )


_FIELD_PLACES: Final = {
    "number": r"(?P<number>\d[\d/-]{0,19})",
    "shift": r"(?P<shift>\d{1,9})",
    "cashier": r"(?P<cashier>[^\W\d].{0,60}?)(?=\s{2,}|$)",
}


def _field(text: str, where: str) -> re.Pattern[str]:
    pattern = ""
    for part in re.split(r"(\{[^{}]*\})", spoken(text)):
        if part.startswith("{"):
            if part[1:-1] not in _FIELD_PLACES:
                raise SettingsError(f"{where}: no {part} in fields; use {', '.join(sorted(_FIELD_PLACES))}")
            pattern += _FIELD_PLACES[part[1:-1]]
        else:
            pattern += r"\s*".join(re.escape(word) for word in part.split()) + r"\s*"
    return re.compile(rf"(?<!\w){pattern}", re.IGNORECASE)


def compile_layout(name: str, source: LayoutFile, books: dict[str, WordBook], decimals: int) -> Layout:
    """Make a layout ready for a currency of so many decimal places; raises SettingsError naming what is wrong."""
    where = f"layout {name}"
    unknown = [word for word in source.words if word not in books]
    if unknown:
        raise SettingsError(f"{where}: no words {unknown[0]!r}; use {', '.join(sorted(books))}")
    words = merge((*(books[language] for language in source.words), source.own))
    if not words.total:
        raise SettingsError(f"{where}: no words for the total; add words = ['ru'] or own.total = ['TOTAL']")
    amount = amount_pattern(decimals, whole=source.whole_amounts, name="amount")
    roles = {role: _keyword(getattr(words, role), amount) for role in KEYWORD_ROLES}
    tenders = {kind: _keyword(getattr(words, kind.value), amount) for kind in TenderKind}
    ignored = _alternatives(words.ignored)
    dated = _alternatives(words.date + words.time)
    fields = tuple(_field(text, where) for text in words.fields)
    unnamed = [re.sub(r"\(\?P<\w+>", "(?:", pattern.pattern) for pattern in fields]
    return Layout(
        name=name,
        title=source.title,
        items=tuple(
            _item_shape(text, words, decimals, whole=source.whole_amounts, where=where) for text in source.items
        ),
        keywords={role: pattern for role, pattern in roles.items() if pattern is not None},
        tenders={kind: pattern for kind, pattern in tenders.items() if pattern is not None},
        ignored=re.compile(rf"{_DECOR}(?:{ignored})(?!\w)", re.IGNORECASE) if ignored else None,
        kinds={kind: _kind(phrases) for kind, phrases in words.kinds.items()},
        has_field=re.compile("|".join(unnamed) or r"(?!)", re.IGNORECASE),
        fields=fields,
        dated=re.compile(rf"(?<!\w)(?:{dated})(?!\w)", re.IGNORECASE) if dated else None,
        amount_alone=re.compile(rf"{_BETWEEN}{amount}{_VAT}{_DECOR}"),
        name_lines_max=source.name_lines_max,
        date_order=source.date_order,
        buddhist_years=source.buddhist_years,
        taxes=source.taxes,
        decimals=decimals,
    )


# In the order they are tried: a longer phrase of another role must not be taken for a shorter one.
KEYWORD_ROLES: Final = (
    "subtotal",
    "total",
    "discount_receipt",
    "discount_line",
    "surcharge",
    "rounding",
    "tax",
    "received",
    "change",
)
