"""Bytes of a report, in any pieces and in any of a POS's encodings, to lines of text and numbers; a codec."""

from __future__ import annotations

import codecs
from datetime import datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Final

from drivers.vocabulary.money import Money, divide_half_up

__all__ = ["Lines", "last_number", "moment", "places_of", "quantity_steps", "units"]

LINE_CHARS_MAX: Final = 65_536  # a transaction has a few hundred characters; longer is some other file
_BOMS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_SNIFFED_BYTES: Final = 4
_NUMBER_CHARS_MAX: Final = 40
_QUANTITY_PLACES: Final = 6


class Lines:
    """Splits one file.

    "auto" takes what is valid UTF-8 for UTF-8 and anything else for Windows-1251, which hardly ever is valid UTF-8
    where it has a Russian word; UTF-16 shows itself by its mark, or by its zeros.

    Attributes:
        number: of the last line given out, from 1.
        problem: why the rest cannot be read, or "".
    """

    def __init__(self, encoding: str, label: str) -> None:
        self.number = 0
        self.problem = ""
        self._label = label
        self._encoding = encoding
        self._text = ""
        self._rest = b""
        self._began = False
        self._wide: codecs.IncrementalDecoder | None = None

    @property
    def held(self) -> int:
        """Bytes of a line that is not ended."""
        return len(self._rest) + len(self._text) * 2 if self._began else len(self._rest)

    def feed(self, data: bytes) -> list[str]:
        """The lines that end in these bytes, without their ends."""
        if self.problem:
            return []
        self._rest += data
        if not self._began and not self._begin():
            return []
        lines = self._wide_lines() if self._wide is not None else self._byte_lines()
        self.number += len(lines)
        if not self.problem and max(len(self._rest), len(self._text)) > LINE_CHARS_MAX:
            self.problem = f"{self._label}, line {self.number + 1}: too long for a transaction; this is some other file"
        return lines

    def last(self) -> str:
        """The line that has no end, "" when there is none; it stays."""
        if self.problem or self._wide is not None:
            return self._text
        return self._decoded(self._rest) if self._rest and self._began else ""

    def drop_last(self) -> None:
        """The line without an end was taken."""
        self.number += 1
        self._rest, self._text = b"", ""

    def _begin(self) -> bool:
        if len(self._rest) < _SNIFFED_BYTES:
            return False
        self._began = True
        found = self._encoding
        for mark, name in _BOMS:
            if self._rest.startswith(mark):
                self._rest = self._rest[len(mark) :]
                found = name if self._encoding in {"auto", "utf-16"} or name == "utf-8" else found
        if found in {"auto", "utf-16"} and 0 in self._rest[:2]:
            found = "utf-16-be" if self._rest[0] == 0 else "utf-16-le"
        if found.startswith("utf-16"):
            self._wide = codecs.getincrementaldecoder("utf-16-le" if found == "utf-16" else found)("strict")
        self._encoding = found
        return True

    def _wide_lines(self) -> list[str]:
        assert self._wide is not None
        data, self._rest = self._rest, b""
        try:
            self._text += self._wide.decode(data)
        except UnicodeDecodeError:
            self._refuse()
            return []
        *lines, self._text = self._text.split("\n")
        return [line.rstrip("\r") for line in lines]

    def _byte_lines(self) -> list[str]:
        whole, end, rest = self._rest.rpartition(b"\n")
        if not end:
            return []
        self._rest = rest
        encoding = "utf-8" if self._encoding == "auto" else self._encoding
        try:
            text = whole.decode(encoding, "strict" if encoding == "utf-8" else "replace")
        except UnicodeDecodeError:
            return self._one_by_one(whole.split(b"\n"))
        return [line.rstrip("\r") for line in text.split("\n")]

    def _one_by_one(self, lines: list[bytes]) -> list[str]:
        """A block in which a line is not UTF-8."""
        good: list[str] = []
        for line in lines:
            text = self._decoded(line)
            if self.problem:
                self.number += len(good)
                self._refuse()
                self.number -= len(good)
                break
            good.append(text.rstrip("\r"))
        return good

    def _decoded(self, line: bytes) -> str:
        encoding = "utf-8" if self._encoding == "auto" else self._encoding
        try:
            return line.decode(encoding, "strict" if encoding == "utf-8" else "replace")
        except UnicodeDecodeError:
            if self._encoding == "auto":
                return line.decode("cp1251", "replace")
            self._refuse()
            return ""

    def _refuse(self) -> None:
        self.problem = (
            f"{self._label}, line {self.number + 1}: this is not {self._encoding}; set reports.encoding to the POS's,"
            ' or to "auto"; the file is left as it is'
        )


# ── Numbers ─────────────────────────────────────────────────────────────────────────────────────


def places_of(currency: str) -> int:
    """How many decimal places a currency has."""
    return len(Money(0, currency).amount.partition(".")[2])


def units(text: str, places: int) -> int:
    """A decimal of whole units to minor units, halves away from zero; "" is 0; a comma is a point.

    Raises:
        ValueError: it is no number.
    """
    text = text.strip().replace(",", ".")
    if not text:
        return 0
    whole, _, fraction = text.partition(".")
    if len(fraction) <= places and len(text) <= _NUMBER_CHARS_MAX and (whole.removeprefix("-") + fraction).isdecimal():
        return int((whole or "0") + fraction.ljust(places, "0"))
    try:
        number = Decimal(text.replace("_", "?"))
        if not number.is_finite() or len(text) > _NUMBER_CHARS_MAX or number.adjusted() > _NUMBER_CHARS_MAX:
            raise ValueError(f"not a number: {text[:_NUMBER_CHARS_MAX]!r}")
        numerator, denominator = number.as_integer_ratio()
    except (InvalidOperation, OverflowError):
        raise ValueError(f"not a number: {text[:_NUMBER_CHARS_MAX]!r}") from None
    return divide_half_up(numerator * 10**places, denominator)


def quantity_steps(text: str) -> int:
    """A quantity in millionths; raises ValueError."""
    return units(text, _QUANTITY_PLACES)


def last_number(report: bytes) -> int:
    """The number of the last transaction of a report; 0 when there is none."""
    for line in reversed(report.splitlines()):
        number, found, _ = line.partition(b";")
        if found and number.isdigit():
            return int(number)
    return 0


def moment(day: str, time: str, zone: tzinfo) -> datetime | None:
    """``dd.mm.yyyy`` or ``dd.mm.yy`` and ``h:mm:ss`` of a zone; None for what is none."""
    try:
        date_parts = [int(part) for part in day.split(".")]
        time_parts = [int(part) for part in time.split(":")]
        dom, month, year = date_parts
        hour, minute, second = (*time_parts, 0)[:3]
        return datetime(year if year > 99 else 2000 + year, month, dom, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None
