"""A slip of our own for the customer: what stands on it, for a printer of any make; it knows no printer's bytes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["PartKind", "Slip", "SlipPart"]


class PartKind(Enum):
    """What a part of a slip is."""

    TEXT = "text"
    TITLE = "title"
    BARCODE = "barcode"
    QR = "qr"


@dataclass(frozen=True, slots=True)
class SlipPart:
    """One part: a line of text laid out for the printer's columns, or what a code says."""

    kind: PartKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """One slip.

    Attributes:
        name: which receipt it belongs to, for logs and messages; never printed.
        parts: from top to bottom.
    """

    name: str
    parts: tuple[SlipPart, ...]
