"""Check digits of product and card numbers, and which numbers look like a bank card; arithmetic only."""

from __future__ import annotations

from typing import Final

__all__ = ["ean8_ok", "ean13_ok", "gtin_ok", "is_bank_number", "luhn_ok", "upca_ok"]


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
