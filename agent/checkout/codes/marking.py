"""Marking codes of goods (Chestny Znak and its like): recognised, so that none is ever taken for a customer; pure."""

from __future__ import annotations

import re
from typing import Final

from agent.checkout.codes.gs1 import GS, read_elements
from drivers.vocabulary.check_digits import gtin_ok

__all__ = ["is_marking", "marked_product"]

#: GS1 element strings with a product's and a serial number; packs of tobacco; Russian excise stamps.
_GS1: Final = re.compile(r"\x1d?(?:\(01\)|01)(?P<gtin>[0-9]{14})(?:\(21\)|21).+", re.DOTALL)
_TOBACCO: Final = re.compile(r"(?P<gtin>[0-9]{14})[!-z]{7}(?:[!-z]{4}){1,2}")
_EXCISE: Final = re.compile(r"[0-9]{2}[0-9A-Z]{66}|[0-9A-Z]{150}")
_SYMBOLOGIES: Final = frozenset({"]d2", "]C1", "]Q3", "]J1", "]e0"})


def is_marking(code: str, symbology: str) -> bool:
    """Whether a code marks one piece of goods, with or without its separators and its symbology."""
    gs1 = _GS1.fullmatch(code)
    if gs1 is not None:
        return gtin_ok(gs1["gtin"])
    if symbology in _SYMBOLOGIES or GS in code:
        return True
    tobacco = _TOBACCO.fullmatch(code)
    if tobacco is not None and not code.isdigit():
        return gtin_ok(tobacco["gtin"])
    return _EXCISE.fullmatch(code) is not None


def marked_product(code: str) -> str:
    """The number of the product a marking code stands on, for a message; "" when it does not say."""
    found = read_elements(code).gtin
    if found:
        return found
    match = _GS1.fullmatch(code) or _TOBACCO.fullmatch(code)
    return match["gtin"] if match is not None else ""
