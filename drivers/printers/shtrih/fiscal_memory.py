"""The twin's fiscal memory: numbered documents as TLV, their signs, and one document at a time read out of it."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from drivers.ffd import tlv
from drivers.ffd.tlv import Tag

NUMBER: Final = "9999078900005555"  # a number of the test range; no real memory has it
NO_DATA: Final = 0x08


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One closed document.

    Attributes:
        kind: its type, and the tag around it.
        operation: 1 sale, 2 return of a sale, 3 and 4 purchases; 0 for what is no receipt.
        total: kopecks.
        content: the tags inside; b"" when only the totals are kept (after 30 days).
    """

    number: int
    kind: int
    moment: datetime
    sign: int
    operation: int
    total: int
    shift: int
    content: bytes

    @property
    def summary(self) -> bytes:
        """What FF0A says after type and ticket."""
        head = stamp(self.moment) + self.number.to_bytes(4, "little") + self.sign.to_bytes(4, "little")
        if self.kind in (2, 5):
            return head + self.shift.to_bytes(2, "little")
        return head + bytes([self.operation]) + self.total.to_bytes(5, "little")


def stamp(moment: datetime) -> bytes:
    """DATE_TIME of the commands for the fiscal memory: YY MM DD hh mm."""
    return bytes([moment.year % 100, moment.month, moment.day, moment.hour, moment.minute])


class FiscalMemory:
    """Documents by number; see the module."""

    def __init__(self) -> None:
        self.documents: dict[int, Stored] = {}
        self._reading = b""
        self._is_reading = False

    @property
    def last(self) -> int:
        """Number of the last document, 0 in a new memory."""
        return max(self.documents, default=0)

    @property
    def is_reading(self) -> bool:
        """True from FF3A until the answer "no data" to FF3B: the register is in the mode "data output"."""
        return self._is_reading

    def store(
        self,
        kind: int,
        items: Sequence[tlv.Item],
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
        sign = zlib.crc32(tlv.encode(body))
        content = tlv.encode([*body, tlv.Item(Tag.SIGN, b"\x31\x04" + sign.to_bytes(4, "big"))])
        stored = Stored(
            number=number, kind=kind, moment=moment, sign=sign, operation=operation, total=total, shift=shift,
            content=content,
        )  # fmt: skip
        self.documents[number] = stored
        return stored

    def request(self, number: int) -> Stored | None:
        """FF3A: what is read next."""
        stored = self.documents.get(number)
        if stored is None or not stored.content:
            return None
        self._reading, self._is_reading = stored.content, True
        return stored

    def read(self, block_size_max: int) -> bytes | None:
        """FF3B: the next block, None when there is no more."""
        if not self._reading:
            self._is_reading = False
            return None
        if block_size_max:
            block = self._reading[:block_size_max]
        else:
            block = self._reading[: 4 + int.from_bytes(self._reading[2:4], "little")]
        self._reading = self._reading[len(block) :]
        return block
