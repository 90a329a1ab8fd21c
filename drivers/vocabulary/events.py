"""What devices tell the agent, in the past tense; events go up and never wait."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from drivers.vocabulary.inside import WhatTillBelieves
from drivers.vocabulary.receipt import DocumentKind, Receipt

__all__ = ["BankCardRead", "CodeScanned", "DeviceState", "DeviceStateChanged", "Document", "DocumentPrinted", "Event"]


class DeviceState(Enum):
    """How a device is: closed, off (not there), on (bytes flow), failed (a fault of ours; tried again, rarely)."""

    CLOSED = "closed"
    OFF = "off"
    ON = "on"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeScanned:
    """A scanner or a card reader read a code; suffixes are removed, the AIM symbology id (``]E0``) is kept apart."""

    device: str
    code: str
    symbology: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BankCardRead:
    """A scanner or a card reader read a bank card; no digit of it is here, so none can be kept, shown or logged."""

    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What one document on a printer's stream was understood to be.

    Attributes:
        raw: every byte of it, from after the last cut up to this one.
        text: the text lines as printed.
        receipt: present only when lines, total and tenders add up.
        problems: why there is no receipt, in words for store IT; empty for a receipt.
        layout: name of the layout that understood it, or "".
        columns: how many characters a line of this printer has, 0 when that is not known.
        quoted: uid of the quote that was carried into this receipt while it was open, "" when none was.
        believed: what the till takes this receipt for, when a discount of ours made it another one.
        codes: cards and phones by which the document names its customer, the surest first; never written down.
        also: other names this receipt may be known by here (the fiscal document's, the till's own).
        base: on a return, (shift, number) of the sale it takes back, as far as it says so.
    """

    kind: DocumentKind
    raw: bytes
    text: tuple[str, ...]
    receipt: Receipt | None = None
    problems: tuple[str, ...] = ()
    layout: str = ""
    columns: int = 0
    quoted: str = ""
    believed: WhatTillBelieves | None = None
    codes: tuple[str, ...] = field(default=(), repr=False)
    also: tuple[str, ...] = ()
    base: tuple[int | None, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentPrinted:
    """A document ended on a printer's stream (cut, or silence after the last text)."""

    device: str
    document: Document


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStateChanged:
    """A device came, went or failed; `detail` is a sentence with the next step."""

    device: str
    state: DeviceState
    detail: str = ""


Event = BankCardRead | CodeScanned | DocumentPrinted | DeviceStateChanged
