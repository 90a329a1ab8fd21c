"""Closed documents read out of the fiscal memory, in order, each once, from where the last reading stopped.

FF01 says the last number; FF3A asks for one document, FF3B gives it in blocks until "no data". The reading is bounded,
its length is compared with what FF3A announced, and it is always drained: a register left half-read stays in the mode
"data output" and sells nothing. A block may be lost with its answer, so after a lost answer the document begins anew.
Documents whose content is no longer kept (about 30 days) are told by their summary (FF0A), without lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from drivers.ffd import tlv
from drivers.ffd.documents import KINDS, RECEIPT_TYPES, read_document, unread_kind
from drivers.vocabulary.errors import DeviceRefused, ProtocolError
from drivers.vocabulary.events import Document
from drivers.vocabulary.receipt import DocumentKind

from .documents import read_summary
from .session import AnswerLost, Ask, insist
from .status import ERRORS, Mode

BLOCKS_MAX: Final = 10_000  # a receipt has 32 768 bytes at the most, and a tag at least 4
TRIES_MAX: Final = 3
_NO_DATA: Final = frozenset({0x08, 0x34})
_NOT_NOW: Final = frozenset({0x50, 0x58, 0x72, 0x73})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """One document.

    Attributes:
        number: where to go on from: `pull(after=number)`.
        last: the last document there is; number / last is the progress.
    """

    number: int
    last: int
    kind: int
    document: Document


def pull(ask: Ask, *, after: int, password: int, currency: str, zone: tzinfo) -> Iterator[Pulled]:
    """Documents with numbers above `after`, in order.

    Raises:
        DeviceRefused: the register cannot give documents now (printing interrupted, receipt open, mode).
        AnswerLost: the line broke; go on later with the number of the last document given.
        RemoteProtocolError: what came makes no sense.
    """
    last = insist(ask("memory_status", password=password)).number("last_document")
    if after >= last:
        return
    # Somebody may have stopped in the middle of a reading: what they left is taken and forgotten.
    mode = insist(ask("short_status", password=password)).number("mode") & 0x0F
    if mode == Mode.DATA_OUTPUT:
        drain(ask, password)
    for number in range(after + 1, last + 1):
        kind, document = pull_one(ask, number, password=password, currency=currency, zone=zone)
        yield Pulled(number=number, last=last, kind=kind, document=document)


def pull_one(ask: Ask, number: int, *, password: int, currency: str, zone: tzinfo) -> tuple[int, Document]:
    """The type of one document and what it says; raises as `pull`."""
    for attempt in range(TRIES_MAX):
        asked = ask("request_document", password=password, document=number)
        if asked.error in _NO_DATA:
            return _short(ask, number, password)
        insist(asked)
        try:
            content = drain(ask, password)
        except AnswerLost:
            if attempt + 1 == TRIES_MAX:
                raise
            # A block went with its answer, and the register counts it as given: empty it, then begin anew.
            drain(ask, password)
            continue
        kind, size = asked.number("type"), asked.number("size")
        # The announced length may count the tag around the document.
        if size and len(content) not in (size, size + 4, size - 4):
            if attempt + 1 < TRIES_MAX:
                continue
            problem = f"document {number}: {len(content)} of {size} bytes came; read it at the register"
            return kind, Document(kind=unread_kind(kind), raw=content, text=(), problems=(problem,))
        return kind, read_document(kind, content, currency=currency, zone=zone)
    raise AssertionError("unreachable: the last attempt returns or raises")


def drain(ask: Ask, password: int) -> bytes:
    """Read blocks until there is no more; afterwards the register sells again."""
    content = bytearray()
    for _ in range(BLOCKS_MAX):
        block = ask("read_document", password=password)
        if block.error in _NO_DATA:
            return bytes(content)
        insist(block)
        content += block.data("tlv")
        if len(content) > tlv.DOCUMENT_SIZE_MAX:
            break
    raise DeviceRefused(
        f"the register gives a document without an end ({len(content)} bytes); switch it off and on",
        code="E306",
        maker_code="FF3Bh",
    )


def _short(ask: Ask, number: int, password: int) -> tuple[int, Document]:
    """What is kept of a document for years: type, time, sum."""
    found = ask("find_document", password=password, document=number)
    if found.error:
        meaning = ERRORS.get(found.error, ("unknown error",))[0]
        problem = f"document {number} is not in the fiscal memory: {meaning} ({found.error:02X}h)"
        return 0, Document(kind=DocumentKind.OTHER, raw=b"", text=(), problems=(problem,))
    kind, data = found.number("type"), found.data("data")
    if kind not in RECEIPT_TYPES:
        what = tlv.DOCUMENTS.get(kind, f"document of type {kind}")
        return kind, Document(kind=DocumentKind.REPORT, raw=data, text=(), problems=(f"{what}: not a receipt",))
    said = unread_kind(kind)
    try:
        summary = read_summary(data)
        said = KINDS.get(summary.operation, DocumentKind.OTHER)
        problem = (
            f"document {number} of {summary.moment:%Y-%m-%d %H:%M}, {summary.total / 100:.2f}: its lines are kept for"
            " about 30 days and are gone"
        )
    except ProtocolError as error:
        problem = f"document {number}: {error}"
    return kind, Document(kind=said, raw=data, text=(), problems=(problem,))
