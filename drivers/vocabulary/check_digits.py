"""Check digits of product and card numbers, and which numbers look like a bank card; arithmetic only."""

from __future__ import annotations

import re
from typing import Final

__all__ = [
    "ean8_ok",
    "ean13_ok",
    "gtin_ok",
    "holds_bank_number",
    "is_bank_digits",
    "is_bank_number",
    "luhn_ok",
    "upca_ok",
]

_DASHES: Final = str.maketrans("", "", " -")
_LONG_NUMBERS: Final = re.compile(r"(?<![0-9])[0-9]{13,19}(?![0-9])")


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def gtin_ok(text: str) -> bool:
    """Whether the last digit of a GTIN of any length is right (GS1 General Specifications §7.9.1).

    Counted from the right without the check digit, weights are 3, 1, 3, 1 …
    """
    if not _is_digits(text) or len(text) < 2:
        return False
    digits = [int(character) for character in reversed(text)]
    weighted = sum(digit * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return weighted % 10 == 0


def ean13_ok(text: str) -> bool:
    """Whether `text` is an EAN-13 with the right check digit."""
    return len(text) == 13 and gtin_ok(text)


def ean8_ok(text: str) -> bool:
    """Whether `text` is an EAN-8 with the right check digit."""
    return len(text) == 8 and gtin_ok(text)


def upca_ok(text: str) -> bool:
    """Whether `text` is a UPC-A with the right check digit."""
    return len(text) == 12 and gtin_ok(text)


def luhn_ok(text: str) -> bool:
    """Whether the last digit is right by ISO/IEC 7812-1 annex B (Luhn)."""
    if not _is_digits(text) or len(text) < 2:
        return False
    total = 0
    for place, character in enumerate(reversed(text)):
        digit = int(character) * (1 + place % 2)
        total += digit - 9 if digit > 9 else digit
    return total % 10 == 0


#: First digits (from, to) and lengths of the payment systems met at tills (ISO/IEC 7812 issuer numbers).
_BANK_RANGES: Final[tuple[tuple[str, str, range], ...]] = (
    ("2200", "2204", range(16, 20)),  # Mir
    ("2221", "2720", range(16, 17)),  # Mastercard, second range
    ("34", "34", range(15, 16)),  # American Express
    ("37", "37", range(15, 16)),
    ("300", "305", range(14, 20)),  # Diners Club
    ("36", "36", range(14, 20)),
    ("38", "39", range(14, 20)),
    ("3528", "3589", range(16, 20)),  # JCB
    ("4", "4", range(13, 20)),  # Visa
    ("50", "50", range(13, 20)),  # Maestro
    ("51", "55", range(16, 17)),  # Mastercard
    ("56", "58", range(13, 20)),  # Maestro
    ("6011", "6011", range(16, 20)),  # Discover
    ("62", "62", range(16, 20)),  # UnionPay
    ("639", "639", range(13, 20)),  # Maestro
    ("644", "649", range(16, 20)),  # Discover
    ("65", "65", range(16, 20)),
    ("6759", "6763", range(13, 20)),  # Maestro
    ("8600", "8600", range(16, 17)),  # Uzcard
    ("9112", "9112", range(16, 17)),  # Belkart
    ("9417", "9417", range(16, 17)),  # Elcart
    ("9860", "9860", range(16, 17)),  # Humo
)


def is_bank_number(text: str) -> bool:
    """Whether `text` looks like the number of a bank card: 13 to 19 digits, an issuer's range, a right Luhn digit."""
    if not _is_digits(text) or not 13 <= len(text) <= 19:
        return False
    in_range = any(
        len(text) in lengths and first <= text[: len(first)] <= last for first, last, lengths in _BANK_RANGES
    )
    return in_range and luhn_ok(text)


def is_bank_digits(text: str) -> bool:
    """The same, but for 13 digits that are a right EAN: a product; banks have not issued that length for decades."""
    return is_bank_number(text) and not ean13_ok(text)


def holds_bank_number(code: str) -> bool:
    """Whether a scanned or swiped code is a bank card: alone, in groups, or on any track of a magnetic stripe."""
    if is_bank_digits(code.translate(_DASHES)):
        return True
    if code.startswith((";", "%", "+")) or "=" in code or "^" in code:
        return any(is_bank_digits(run) for run in _LONG_NUMBERS.findall(code))
    return False
