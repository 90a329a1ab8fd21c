"""GS1 element strings: what a marking code, a shipping label or a weighed pack says of itself; pure.

GS1 General Specifications §7.8: elements of a predefined length follow one another, others end with FNC1, which a
scanner sends as GS (0x1D). A code whose separators were lost on a keyboard cannot be taken apart for certain; what
stands before the first open element still can.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NamedTuple

from drivers.vocabulary.check_digits import gtin_ok

__all__ = ["ELEMENTS_MAX", "GS", "Elements", "read_elements"]

GS: Final = "\x1d"
ELEMENTS_MAX: Final = 20  # a label of a pallet has a dozen
#: First two digits of the identifier → its length and what follows, where GS1 has fixed both (figure 7.8.5-2).
_FIXED: Final = {
    "00": 20, "01": 16, "02": 16, "03": 16, "04": 18,
    **dict.fromkeys(("11", "12", "13", "14", "15", "16", "17", "18", "19"), 8),
    "20": 4,
    **dict.fromkeys(("31", "32", "33", "34", "35", "36"), 10),
    "41": 16,
}  # fmt: skip
_LENGTH_4: Final = ("31", "32", "33", "34", "35", "36", "39", "43", "70", "72", "80", "81", "82")
_LENGTH_3: Final = ("23", "24", "25", "40", "41", "42", "71")
_VALUE_MAX: Final = 90  # the longest value of an element (AI 8110, 91-99)


class Elements(NamedTuple):
    """What was read.

    Attributes:
        values: identifier → value, in order.
        is_whole: whether all of it was understood.
    """

    values: dict[str, str]
    is_whole: bool

    @property
    def gtin(self) -> str:
        """The product's number with a right check digit, or ""."""
        found = self.values.get("01", self.values.get("02", ""))
        return found if gtin_ok(found) else ""

    @property
    def serial(self) -> str:
        """The serial number, or ""."""
        return self.values.get("21", "")

    @property
    def weight_kg(self) -> Decimal | None:
        """The net weight (AI 310n), or None."""
        for identifier, value in self.values.items():
            if identifier.startswith("310") and value.isdigit():
                return Decimal(value).scaleb(-int(identifier[3]))
        return None


def read_elements(code: str) -> Elements:
    """Take a code apart; never raises. A code in brackets, as people write it, is read too."""
    if code.startswith("("):
        return _bracketed(code)
    values: dict[str, str] = {}
    place = 1 if code.startswith(GS) else 0
    while place < len(code) and len(values) < ELEMENTS_MAX:
        pair = code[place : place + 2]
        if not (pair.isascii() and pair.isdigit()) or len(pair) < 2:
            return Elements(values, is_whole=False)
        end = place + _FIXED[pair] if pair in _FIXED else code.find(GS, place)
        if end < 0:
            end = len(code)
        width = _identifier_length(pair)
        identifier, value = code[place : place + width], code[place + width : end]
        if end > len(code) or not value or GS in value or len(value) > _VALUE_MAX or not identifier.isdigit():
            return Elements(values, is_whole=False)
        values[identifier] = value
        place = end + 1 if code.startswith(GS, end) else end
    return Elements(values, is_whole=place >= len(code) and bool(values))


def _bracketed(code: str) -> Elements:
    values: dict[str, str] = {}
    for part in code[1:].split("(")[:ELEMENTS_MAX]:
        identifier, bracket, value = part.partition(")")
        if not bracket or not value or not (identifier.isascii() and identifier.isdigit()):
            return Elements(values, is_whole=False)
        values[identifier] = value.rstrip(GS)
    return Elements(values, is_whole=bool(values))


def _identifier_length(pair: str) -> int:
    if pair in _LENGTH_4:
        return 4
    return 3 if pair in _LENGTH_3 else 2
