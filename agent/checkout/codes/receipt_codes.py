"""Codes that name a receipt which is closed: the QR code on a Russian fiscal receipt, and our own claim code; pure.

    t=20150720T1638&s=9999.00&fn=9999078900004792&i=17&fp=1234567890&n=1

Order of the Federal Tax Service, requisite 1196: time, total, number of the fiscal memory, number and sign of the
document, kind (1 a sale, 2 its return, 3 a purchase, 4 its return). The keys may come in any order.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl

from msgspec import Struct

from drivers.vocabulary.claims import normal_claim

__all__ = ["FISCAL_LENGTH_MAX", "ReceiptCode", "read_receipt_code"]

FISCAL_LENGTH_MAX: Final = 200
_KEYS: Final = frozenset({"t", "s", "fn", "i", "fp", "n"})
_TIME: Final = re.compile(r"[0-9]{8}T[0-9]{4}(?:[0-9]{2})?")
_SUM: Final = re.compile(r"([0-9]{1,9})(?:[.,]([0-9]{1,2}))?")
_NUMBER: Final = re.compile(r"[0-9]{1,16}")
_CLAIM: Final = re.compile(r"[0-9A-Za-z]{6}-[0-9A-Za-z]{2}")
SALE: Final = 1


class ReceiptCode(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a code says of a receipt.

    Attributes:
        claim: our own code, in its one form; then the rest is empty.
        printed_at: the shop's local time, to the minute or to the second.
        total_minor: in kopecks.
        memory: number of the fiscal memory; `document` and `sign` name the receipt in it.
        kind: 1 is a sale.
    """

    claim: str = ""
    printed_at: datetime | None = None
    total_minor: int = 0
    memory: str = ""
    document: int = 0
    sign: int = 0
    kind: int = SALE

    @property
    def uid(self) -> str:
        """How drivers name such a fiscal receipt; "" for a claim."""
        return f"f-{self.memory}-{self.document}-{self.sign}" if self.memory else ""


def read_receipt_code(code: str) -> ReceiptCode | None:
    """What a code says; None for what names no receipt."""
    if _CLAIM.fullmatch(code):
        claim = normal_claim(code)
        return ReceiptCode(claim=claim) if claim is not None else None
    if len(code) > FISCAL_LENGTH_MAX or "fn=" not in code:
        return None
    pairs = parse_qsl(code, max_num_fields=len(_KEYS) + 4) if code.count("&") < len(_KEYS) + 4 else []
    said = dict(pairs)
    if len(said) != len(pairs) or not said.keys() >= _KEYS:
        return None
    when, total = _moment(said["t"]), _SUM.fullmatch(said["s"])
    numbers = [said[key] for key in ("fn", "i", "fp", "n")]
    if when is None or total is None or not all(number.isascii() and _NUMBER.fullmatch(number) for number in numbers):
        return None
    return ReceiptCode(
        printed_at=when,
        total_minor=int(total[1]) * 100 + int((total[2] or "0").ljust(2, "0")),
        memory=said["fn"],
        document=int(said["i"]),
        sign=int(said["fp"]),
        kind=int(said["n"]),
    )


def _moment(text: str) -> datetime | None:
    if not text.isascii() or not _TIME.fullmatch(text):
        return None
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%S" if len(text) > 13 else "%Y%m%dT%H%M")  # noqa: DTZ007 - local
    except ValueError:
        return None
