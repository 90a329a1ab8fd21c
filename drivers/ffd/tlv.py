"""TLV of Russian fiscal documents (FFD 1.05 to 1.2): bytes ↔ a tree of tags, and the values in it; pure.

``[tag:2] [length:2] [value]``, little-endian; an STLV's value is a list of TLV. Types and tags: order of the Federal
Tax Service ЕД-7-20/662@, annex 2. Unknown tags are kept as bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Final

from drivers.vocabulary.errors import LocalProtocolError, RemoteProtocolError
from drivers.vocabulary.money import Quantity

__all__ = [
    "DOCUMENTS", "DOCUMENT_SIZE_MAX", "STRUCTURES", "TEXT_CODEC", "Item", "Tag", "decode", "encode", "first", "fvln",
    "moment_of", "number_of", "quantity_of", "sign_of", "text_of", "unix_time", "vln",
]  # fmt: skip

TEXT_CODEC: Final = "cp866"
DEPTH_MAX: Final = 5  # 1059 in a document, 1223 in it: three; a limit keeps rubbish from digging
DOCUMENT_SIZE_MAX: Final = 65_535
_HEAD_SIZE: Final = 4
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Tag(IntEnum):
    """The tags a receipt is rebuilt from."""

    KKT_REGISTRATION = 1037
    MOMENT = 1012
    USER_INN = 1018
    TOTAL = 1020
    CASHIER = 1021
    QUANTITY = 1023
    NAME = 1030
    CASH = 1031
    SHIFT = 1038
    DOCUMENT = 1040
    MEMORY = 1041
    RECEIPT = 1042
    SUM = 1043
    USER = 1048
    OPERATION = 1054
    TAX_SYSTEM = 1055
    ITEM = 1059
    SIGN = 1077
    PRICE = 1079
    ELECTRONIC = 1081
    EXTRA = 1084
    EXTRA_NAME = 1085
    EXTRA_VALUE = 1086
    VAT_RATE = 1199
    VERSION = 1209
    SUBJECT = 1212
    METHOD = 1214
    PREPAID = 1215
    CREDIT = 1216
    COUNTER = 1217
    MARKING_CODE = 2000
    MEASURE = 2108


#: Tags whose value is a list of tags.
STRUCTURES: Final = frozenset({1059, 1084, 1163, 1223, 1224, 1256, 1260, 1261, 1270, 1290, 1291, 65001, 65002, 65011,
                               65012})  # fmt: skip
#: Whole documents: the tag around them, and in FF0A and FF3A the type.
DOCUMENTS: Final = {
    1: "registration", 2: "shift opened", 3: "receipt", 4: "BSO", 5: "shift closed", 6: "memory closed",
    11: "registration changed", 21: "settlement report", 31: "correction", 41: "BSO correction",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Item:
    """One tag: raw bytes, or the tags inside a structure."""

    tag: int
    value: bytes = b""
    inner: tuple[Item, ...] = ()

    def first(self, tag: int) -> Item | None:
        """The first such tag inside."""
        return first(self.inner, tag)


def first(items: Iterable[Item], tag: int) -> Item | None:
    """The first of these with this tag, or None."""
    return next((item for item in items if item.tag == tag), None)


def decode(data: bytes, *, depth: int = 0) -> tuple[Item, ...]:
    """Read a list of tags; truncated bytes raise RemoteProtocolError."""
    if depth > DEPTH_MAX:
        raise RemoteProtocolError(f"tags inside tags more than {DEPTH_MAX} deep")
    return tuple(_items(data, depth))


def _items(data: bytes, depth: int) -> Iterator[Item]:
    at = 0
    while at < len(data):
        if len(data) - at < _HEAD_SIZE:
            raise RemoteProtocolError(f"{len(data) - at} bytes left where a tag should begin")
        # [tag:2] [length:2] [value:length]
        tag = int.from_bytes(data[at : at + 2], "little")
        size = int.from_bytes(data[at + 2 : at + 4], "little")
        value = data[at + _HEAD_SIZE : at + _HEAD_SIZE + size]
        if len(value) < size:
            raise RemoteProtocolError(f"tag {tag} wants {size} bytes, {len(value)} are left")
        if tag in STRUCTURES:
            yield Item(tag, inner=decode(value, depth=depth + 1))
        else:
            yield Item(tag, value)
        at += _HEAD_SIZE + size


def encode(items: Sequence[Item]) -> bytes:
    """Write a list of tags; raises LocalProtocolError for a value that is too long."""
    parts = []
    for item in items:
        value = encode(item.inner) if item.tag in STRUCTURES else item.value
        if len(value) > DOCUMENT_SIZE_MAX:
            raise LocalProtocolError(f"tag {item.tag} carries {len(value)} bytes, more than {DOCUMENT_SIZE_MAX}")
        parts.append(item.tag.to_bytes(2, "little") + len(value).to_bytes(2, "little") + value)
    return b"".join(parts)


# ── Values ──────────────────────────────────────────────────────────────────────────────────────


def number_of(value: bytes) -> int:
    """VLN, byte or UInt; a length of 0 is 0: devices send that in receipts of 0.00."""
    return int.from_bytes(value, "little")


def vln(number: int) -> bytes:
    """As many bytes as needed, at least one."""
    return number.to_bytes(max(1, (number.bit_length() + 7) // 8), "little")


def quantity_of(value: bytes) -> Quantity:
    """FVLN: one byte of decimals, then VLN. Raises RemoteProtocolError for more than 6 places that matter."""
    if not value:
        return Quantity(0)
    places, number = value[0], number_of(value[1:])
    if places > 18:
        raise RemoteProtocolError(f"a quantity with {places} decimal places")
    steps, rest = divmod(number * 10**Quantity.places, 10**places)
    if rest:
        raise RemoteProtocolError(f"a quantity of {number} with {places} decimal places is finer than a millionth")
    return Quantity(steps)


def fvln(quantity: Quantity) -> bytes:
    """A quantity with 6 decimals, as real devices write it."""
    return bytes([Quantity.places]) + vln(quantity.steps)


def text_of(value: bytes) -> str:
    """CP866; texts of a fixed length are padded with spaces."""
    return value.decode(TEXT_CODEC, "replace").rstrip(" \0")


def moment_of(value: bytes) -> datetime:
    """UnixTime is the wall clock of the place, counted as if it were UTC; returned without a zone."""
    return (_EPOCH + timedelta(seconds=number_of(value[:4]))).replace(tzinfo=None)


def unix_time(moment: datetime) -> bytes:
    """The wall clock of a moment, its zone left aside."""
    return int((moment.replace(tzinfo=UTC) - _EPOCH).total_seconds()).to_bytes(4, "little")


def sign_of(value: bytes) -> int:
    """The fiscal sign as printed: bytes 2 to 5 of tag 1077, big-endian, alone in a little-endian world."""
    return int.from_bytes(value[2:6], "big")
