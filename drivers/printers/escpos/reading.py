"""Lines of a document to readings: what each line is under one layout; it adds nothing up.

Two zones: above the total stand items, below it tenders. A product called "Карта памяти" is no tender, because it
stands above.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, time
from enum import Enum
from typing import Final

from drivers.vocabulary.money import Quantity
from drivers.vocabulary.receipt import DocumentKind, TenderKind

from .layouts import Layout, spoken

NAME_SIZE_MAX: Final = 400  # Line.name of the vocabulary
LINE_SIZE_MAX: Final = 256  # paper has 64 columns at most; the rest of a longer line is not read
# "ВОЗВРАТ ПО ЧЕКУ 12" is a heading, "обмен и возврат в течение 14 дней" is the law.
_RETURN_WORDS_MAX: Final = 4


class Role(Enum):
    """What a line is."""

    BLANK = "blank"
    NAME = "name"
    ITEM = "item"
    SUBTOTAL = "subtotal"
    TOTAL = "total"
    DISCOUNT_LINE = "discount of a line"
    DISCOUNT_RECEIPT = "discount of the receipt"
    SURCHARGE = "surcharge"
    ROUNDING = "rounding"
    TAX = "tax"
    TENDER = "tender"
    RECEIVED = "received"
    CHANGE = "change"
    KIND = "kind of document"
    FIELD = "field"
    IGNORED = "ignored"
    UNKNOWN = "not understood"


_ROLE_OF_KEYWORD: Final = {
    "subtotal": Role.SUBTOTAL,
    "total": Role.TOTAL,
    "discount_receipt": Role.DISCOUNT_RECEIPT,
    "discount_line": Role.DISCOUNT_LINE,
    "surcharge": Role.SURCHARGE,
    "rounding": Role.ROUNDING,
    "tax": Role.TAX,
    "received": Role.RECEIVED,
    "change": Role.CHANGE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One line understood.

    Attributes:
        index: which line of the document, from 0.
        minor: the amount in minor units with its printed sign, None when the line has none.
        signed: whether a minus or a plus was printed.
    """

    index: int
    text: str
    role: Role
    minor: int | None = None
    signed: bool = False
    name: str = ""
    quantity: Quantity | None = None
    price_minor: int | None = None
    is_counted: bool = False
    tender: TenderKind | None = None
    kind: DocumentKind | None = None


@dataclass(slots=True)
class Sheet:
    """All readings of one document under one layout, and the fields found in it."""

    layout: Layout
    readings: list[Reading] = field(default_factory=list)
    kind: DocumentKind | None = None
    kind_stated: DocumentKind | None = None  # by a line of its own, the surest sign
    number: str = ""
    shift: int | None = None
    cashier: str = ""
    day: date | None = None
    clock: time | None = None

    def of(self, *roles: Role) -> list[Reading]:
        """The readings of these roles, in order."""
        return [reading for reading in self.readings if reading.role in roles]


def read_sheet(lines: Sequence[str], layout: Layout) -> Sheet:
    """Say of every line what it is."""
    reader = _Reader([plain_digits(line[:LINE_SIZE_MAX]) for line in lines], layout)
    for index in range(len(lines)):
        reader.read(index)
    return reader.sheet


def plain_digits(line: str) -> str:
    """The line with Thai, Arabic and other digits written as 0 to 9."""
    if line.isascii():
        return line
    return "".join(
        str(unicodedata.digit(character)) if character.isdecimal() and not character.isascii() else character
        for character in line
    )


def minor_of(text: str, decimals: int) -> tuple[int, bool]:
    """Amount as printed → minor units with its sign, and whether a sign was printed.

    The pattern has made sure that there is a fraction of exactly `decimals` digits, or none (whole amounts).
    """
    negative = text.startswith(("-", "−", "–")) or text.endswith("-")
    digits = re.sub(r"\D", "", text)
    has_fraction = bool(decimals) and re.search(rf"[.,]\d{{{decimals}}}-?$", text) is not None
    minor = int(digits) if has_fraction else int(digits) * 10**decimals
    return (-minor if negative else minor), negative or text.startswith("+")


class _Reader:
    def __init__(self, lines: Sequence[str], layout: Layout) -> None:
        self.sheet = Sheet(layout)
        self._lines = lines
        self._layout = layout
        self._names: list[int] = []  # lines above that may be the name of the next item
        self._seen_item = False
        self._seen_subtotal = False
        self._seen_total = False
        self._seen_tender = False
        self._ruled = False
        self._line_is_field = False
        self._awaits: Reading | None = None  # a total or tender whose amount is on the next line

    def read(self, index: int) -> None:
        line = self._lines[index]
        reading = self._read_one(index, line, spoken(line).strip())
        if reading.role is Role.BLANK:
            self._ruled = True
        self._note(reading)

    def _read_one(self, index: int, line: str, said: str) -> Reading:
        if not any(character.isalnum() for character in said):
            return Reading(index=index, text=line, role=Role.BLANK)
        awaited = self._amount_below(index, line, said)
        if awaited is not None:
            return awaited
        self._line_is_field = self._fields(said, index)
        return (
            self._keyword(index, line, said)
            or self._stated_kind(index, line, said)
            or self._ignored(index, line, said)
            or (None if self._seen_total else self._item(index, line))
            or self._told_kind(index, line, said)
            or self._rest(index, line)
        )

    def _stated_kind(self, index: int, line: str, said: str) -> Reading | None:
        kind = self._kind(said, whole_line=True)
        if kind is None:
            return None
        self.sheet.kind_stated = self.sheet.kind_stated or kind
        return Reading(index=index, text=line, role=Role.KIND, kind=kind)

    def _told_kind(self, index: int, line: str, said: str) -> Reading | None:
        kind = self._kind(said, whole_line=False)
        return Reading(index=index, text=line, role=Role.KIND, kind=kind) if kind is not None else None

    def _ignored(self, index: int, line: str, said: str) -> Reading | None:
        is_ignored = self._layout.ignored is not None and self._layout.ignored.match(said) is not None
        return Reading(index=index, text=line, role=Role.IGNORED) if is_ignored else None

    def _rest(self, index: int, line: str) -> Reading:
        if self._line_is_field:
            return Reading(index=index, text=line, role=Role.FIELD)
        return Reading(index=index, text=line, role=Role.UNKNOWN if self._seen_total else Role.NAME)

    def _note(self, reading: Reading) -> None:
        self.sheet.readings.append(reading)
        role = reading.role
        if role is Role.NAME:
            self._names.append(reading.index)
        else:
            self._names.clear()
        if role is Role.ITEM:
            self._seen_item, self._seen_subtotal = True, False
        elif role is Role.SUBTOTAL:
            self._seen_subtotal = self._seen_item
        elif role is Role.TOTAL and (reading.minor is not None or reading is self._awaits):
            self._seen_total = self._seen_item
        elif role is Role.TENDER:
            self._seen_tender = True
        elif role is Role.KIND and self.sheet.kind is None:
            self.sheet.kind = reading.kind

    # ── Words ───────────────────────────────────────────────────────────────────────────────────

    def _amount_below(self, index: int, line: str, said: str) -> Reading | None:
        awaits, self._awaits = self._awaits, None
        if awaits is None:
            return None
        match = self._layout.amount_alone.fullmatch(said)
        if match is None:
            return None
        minor, signed = minor_of(match["amount"], self._layout.decimals)
        return Reading(
            index=index, text=line, role=awaits.role, tender=awaits.tender, minor=minor, signed=signed
        )  # fmt: skip

    def _keyword(self, index: int, line: str, said: str) -> Reading | None:
        for name, pattern in self._layout.keywords.items():
            match = pattern.fullmatch(said)
            if match is not None:
                return self._with_amount(index, line, _ROLE_OF_KEYWORD[name], match)
        if self._seen_total:
            for kind, pattern in self._layout.tenders.items():
                match = pattern.fullmatch(said)
                if match is not None:
                    return self._with_amount(index, line, Role.TENDER, match, tender=kind)
        return None

    def _with_amount(
        self, index: int, line: str, role: Role, match: re.Match[str], *, tender: TenderKind | None = None
    ) -> Reading:
        if match["amount"] is None:
            reading = Reading(index=index, text=line, role=role, tender=tender)
            if role in (Role.TOTAL, Role.TENDER, Role.CHANGE, Role.SUBTOTAL):
                self._awaits = reading
            return reading
        minor, signed = minor_of(match["amount"], self._layout.decimals)
        return Reading(index=index, text=line, role=role, tender=tender, minor=minor, signed=signed)

    def _kind(self, said: str, *, whole_line: bool) -> DocumentKind | None:
        for kind, patterns in self._layout.kinds.items():
            if whole_line:
                found = patterns.line is not None and patterns.line.fullmatch(said) is not None
            else:
                found = patterns.anywhere is not None and patterns.anywhere.search(said) is not None
                is_heading = kind is not DocumentKind.RETURN or len(said.split()) <= _RETURN_WORDS_MAX
                if not found and not self._seen_item and is_heading:
                    found = patterns.header is not None and patterns.header.search(said) is not None
            if found:
                return kind
        return None

    # ── Items ───────────────────────────────────────────────────────────────────────────────────

    def _item(self, index: int, line: str) -> Reading | None:
        for shape in self._layout.items:
            match = shape.pattern.fullmatch(line)
            if match is None:
                continue
            name = match["name"] if shape.has_name else self._name_above()
            if not name or (match.groupdict().get("price") is None and _COUNTED.fullmatch(name)):
                continue  # "2 x 45.00" is no name: this line belongs to a name above, under another layout
            reading = self._item_reading(index, line, name, match.groupdict())
            if self._seen_subtotal and reading.price_minor is None and not reading.is_counted:
                continue  # "Local tax 1.30" under a subtotal: a charge without a word for it, and never a product
            return reading
        return None

    def _item_reading(self, index: int, line: str, name: str, groups: dict[str, str | None]) -> Reading:
        decimals = self._layout.decimals
        minor, signed = minor_of(groups["sum"] or "", decimals)
        quantity = Quantity.ONE
        if groups.get("quantity"):
            quantity = Quantity.parse((groups["quantity"] or "").replace(",", "."))
        elif groups.get("count"):
            quantity = Quantity(int(groups["count"] or "") * 1_000_000)
        price = groups.get("price")
        return Reading(
            index=index,
            text=line,
            role=Role.ITEM,
            name=self._without_number(name.strip())[:NAME_SIZE_MAX],
            quantity=quantity,
            price_minor=minor_of(price, decimals)[0] if price else None,
            is_counted=bool(groups.get("count")),
            minor=minor,
            signed=signed,
        )

    def _name_above(self) -> str:
        # Above the first item stands the shop's name and address; only a ruler tells where they end.
        limit = self._layout.name_lines_max if self._seen_item or self._ruled else 1
        return " ".join(self._lines[index].strip() for index in self._names[-limit:])

    def _without_number(self, name: str) -> str:
        """``3. Молоко`` as the third item loses its number."""
        match = re.match(r"(\d{1,3})[.)]\s+(?=\S)", name)
        place = 1 + len(self.sheet.of(Role.ITEM))
        return name[match.end() :] if match is not None and int(match[1]) == place else name

    # ── Fields ──────────────────────────────────────────────────────────────────────────────────

    def _fields(self, said: str, index: int) -> bool:
        """Take number, shift, cashier and moment from a line; whether it holds any of them."""
        has_moment = self._moment(said)
        if self._layout.has_field.search(said) is None:
            return has_moment
        sheet = self.sheet
        for pattern in self._layout.fields:
            match = pattern.search(said)
            if match is None:
                continue
            found = match.groupdict()
            if found.get("number") and not sheet.number:
                sheet.number = found["number"].strip("-/")
            elif found.get("shift") and sheet.shift is None:
                sheet.shift = int(found["shift"])
            elif found.get("cashier") and not sheet.cashier:
                # The cashier's name as printed, not as compared: ё stays ё.
                printed = self._lines[index].strip()
                place = match.start("cashier")
                sheet.cashier = (printed if len(printed) == len(said) else said)[place : match.end("cashier")].strip()
        return True

    def _moment(self, said: str) -> bool:
        """Take date and time; whether both stand on this line."""
        sheet = self.sheet
        day, clock = find_date(said, self._layout), find_time(said)
        if day is None and clock is None:
            return False
        labelled = self._layout.dated is not None and self._layout.dated.search(said) is not None
        if day is not None and sheet.day is None and (clock is not None or labelled):
            sheet.day, sheet.clock = day, clock
        elif clock is not None and sheet.day is not None and sheet.clock is None and labelled:
            sheet.clock = clock
        return day is not None and clock is not None


_COUNTED: Final = re.compile(r"\s*[\d., ]+\s*\w{0,4}\.?\s*[xXхХ×*@]\s*[\d., ]+\s*")
_DATE: Final = re.compile(r"(?<![\d.,/-])(\d{1,4})([./-])(\d{1,2})\2(\d{2,4})(?![\d/-])")
_TIME: Final = re.compile(r"(?<![\d:])(\d{1,2}):(\d{2})(?::(\d{2}))?(?![\d:])\s?([AaPp][Mm])?")
_BUDDHIST_OFFSET: Final = 543
_BUDDHIST_YEAR_MIN: Final = 2400  # no till counts other years that high


def find_date(text: str, layout: Layout) -> date | None:
    """The first date of a line in the layout's order, or None."""
    for match in _DATE.finditer(text):
        first, last = match[1], match[4]
        if len(first) == 4:
            year, month, day = int(first), int(match[3]), int(last)
        elif layout.date_order == "mdy":
            month, day, year = int(first), int(match[3]), int(last)
        elif layout.date_order == "ymd":
            year, month, day = int(first), int(match[3]), int(last)
        else:
            day, month, year = int(first), int(match[3]), int(last)
        if year < 100:
            year += 2500 if layout.buddhist_years else 2000
        if year > _BUDDHIST_YEAR_MIN:
            year -= _BUDDHIST_OFFSET
        try:
            return date(year, month, day)
        except ValueError:
            continue
    return None


def find_time(text: str) -> time | None:
    """The first time of day of a line, or None."""
    for match in _TIME.finditer(text):
        hour = int(match[1])
        if match[4]:
            hour = hour % 12 + (12 if match[4].lower() == "pm" else 0)
        try:
            return time(hour, int(match[2]), int(match[3] or 0))
        except ValueError:
            continue
    return None
