"""The twin's fiscal memory: numbered documents as tags, their signs, and their JSON as the driver gives it."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from drivers.ffd import tlv
from drivers.ffd.tlv import Tag
from drivers.json_amounts import amount_of, number_of

from .fn_json import TYPES

NUMBER: Final = "9999078900007777"  # a number of the test range; no real memory has it
REGISTRATION: Final = "0000000001007777"
_TYPE_NAMES: Final = {number: name for name, number in TYPES.items()}
_MONEY: Final = frozenset({Tag.TOTAL, Tag.SUM, Tag.PRICE, Tag.CASH, Tag.ELECTRONIC, Tag.PREPAID, Tag.CREDIT,
                           Tag.COUNTER})  # fmt: skip
_TEXTS: Final = frozenset({Tag.NAME, Tag.CASHIER, Tag.MEMORY, Tag.USER, Tag.KKT_REGISTRATION})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One closed document.

    Attributes:
        kind: its number in FFD; 3 is a receipt.
        operation: 1 sale, 2 return of a sale, 3 and 4 purchases; 0 for what is no receipt.
        total: kopecks.
        content: the tags inside.
    """

    number: int
    kind: int
    moment: datetime
    sign: int
    operation: int
    total: int
    shift: int
    content: bytes


class FiscalMemory:
    """Documents by number; see the module."""

    def __init__(self) -> None:
        self.documents: dict[int, Stored] = {}
        self.short: set[int] = set()

    @property
    def last(self) -> int:
        """Number of the last document, 0 in a new memory."""
        return max(self.documents, default=0)

    @property
    def receipts(self) -> tuple[Stored, ...]:
        """Closed receipts, oldest first."""
        return tuple(stored for stored in self.documents.values() if stored.kind == 3)

    def store(
        self,
        kind: int,
        items: Sequence[tlv.Item] = (),
        *,
        moment: datetime,
        shift: int,
        operation: int = 0,
        total: int = 0,
    ) -> Stored:
        """Close a document."""
        number = self.last + 1
        body = (
            tlv.Item(Tag.DOCUMENT, number.to_bytes(4, "little")),
            tlv.Item(Tag.MOMENT, tlv.unix_time(moment)),
            tlv.Item(Tag.MEMORY, NUMBER.encode()),
            tlv.Item(Tag.SHIFT, shift.to_bytes(4, "little")),
            *items,
        )
        sign = zlib.crc32(tlv.encode(body)) or 1
        content = tlv.encode([*body, tlv.Item(Tag.SIGN, b"\x31\x04" + sign.to_bytes(4, "big"))])
        stored = Stored(
            number=number, kind=kind, moment=moment, sign=sign, operation=operation, total=total, shift=shift,
            content=content,
        )  # fmt: skip
        self.documents[number] = stored
        return stored

    def as_json(self, stored: Stored, *, with_raw: bool) -> dict[str, Any]:
        """What getFnDocument gives; after 30 days (`short`) without the positions."""
        is_short = stored.number in self.short
        tags: dict[str, Any] = {
            "fiscalDocumentType": _TYPE_NAMES.get(stored.kind, "receipt"),
            "short": is_short,
            "qr": _qr(stored),
        }
        items = [item for item in tlv.decode(stored.content) if not (is_short and item.tag == Tag.ITEM)]
        for item in items:
            if item.tag == Tag.ITEM:
                tags.setdefault(str(int(Tag.ITEM)), []).append(
                    {str(int(inner.tag)): _value(inner) for inner in item.inner}
                )
            else:
                tags[str(int(item.tag))] = _value(item)
        if not with_raw:
            return {"documentTLV": tags}
        return {"documentTLV": tags, "rawData": base64.b64encode(tlv.encode(items)).decode("ascii")}


def _value(item: tlv.Item) -> Any:
    if item.tag in _MONEY:
        return amount_of(tlv.number_of(item.value))
    if item.tag in _TEXTS:
        return tlv.text_of(item.value)
    if item.tag == Tag.QUANTITY:
        return number_of(tlv.quantity_of(item.value))
    if item.tag == Tag.MOMENT:
        return tlv.moment_of(item.value).isoformat()
    if item.tag == Tag.SIGN:
        return str(tlv.sign_of(item.value))
    return tlv.number_of(item.value)


def _qr(stored: Stored) -> str:
    whole, rest = divmod(stored.total, 100)
    return (
        f"t={stored.moment:%Y%m%dT%H%M}&s={whole}.{rest:02d}&fn={NUMBER}&i={stored.number}"
        f"&fp={stored.sign}&n={stored.operation}"
    )
