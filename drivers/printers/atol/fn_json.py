"""A fiscal document as getFnDocument gives it → a `Document`: its raw tags, else their JSON; pure."""

from __future__ import annotations

import base64
import binascii
from datetime import tzinfo
from typing import Any, Final
from urllib.parse import parse_qsl

from drivers.ffd import tlv
from drivers.ffd.documents import read_document
from drivers.ffd.lines import fiscal_uid, make_line
from drivers.ffd.tlv import Tag
from drivers.json_amounts import minor_of, quantity_of, text_of, whole_of, write_json
from drivers.vocabulary.errors import RemoteProtocolError
from drivers.vocabulary.events import Document
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt, Tender, TenderKind

from .receipts import moment_of
from .tasks import Task

#: ``fiscalDocumentType`` → the number of the document (FFD).
TYPES: Final = {
    "registration": 1, "openShift": 2, "receipt": 3, "bso": 4, "closeShift": 5, "closeArchive": 6,
    "changeRegistrationParameters": 11, "ofdExchangeStatus": 21, "receiptCorrection": 31, "bsoCorrection": 41,
}  # fmt: skip
_KINDS: Final = {1: DocumentKind.SALE, 2: DocumentKind.RETURN}
_TENDERS: Final = {
    "1031": TenderKind.CASH, "1081": TenderKind.CARD, "1215": TenderKind.PREPAID, "1216": TenderKind.CREDIT,
    "1217": TenderKind.OTHER,
}  # fmt: skip
_LINES_MAX: Final = 2_000


def read_fn_document(result: Task, *, number: int, currency: str, zone: tzinfo) -> Document:
    """The result of a task getFnDocument; what is wrong with it is a problem in the value, not an exception."""
    document = result.get("documentTLV")
    tags: Task = document if isinstance(document, dict) else {}
    kind = TYPES.get(text_of(tags.get("fiscalDocumentType")), 0)
    content = _raw(result.get("rawData"))
    if kind in (3, 4) and tags.get("short") is True:
        problem = f"document {number}: its lines are kept for about 30 days and are gone"
        return Document(kind=DocumentKind.OTHER, raw=content or write_json(tags), text=(), problems=(problem,))
    if content and kind:
        return read_document(kind, content, currency=currency, zone=zone)
    if kind not in (3, 4):
        what = tlv.DOCUMENTS.get(kind, "a document of another kind")
        return Document(kind=DocumentKind.REPORT, raw=write_json(tags), text=(), problems=(f"{what}: not a receipt",))
    return _read_tags(tags, number=number, currency=currency, zone=zone)


def _raw(value: Any) -> bytes:
    """The tags in bytes, b"" when they did not come or make no sense."""
    try:
        content = base64.b64decode(text_of(value), validate=True)
        tlv.decode(content)
    except (binascii.Error, ValueError, RemoteProtocolError):
        return b""
    return content


def _read_tags(tags: Task, *, number: int, currency: str, zone: tzinfo) -> Document:
    raw = write_json(tags)
    operation = whole_of(tags.get("1054"))
    if operation not in _KINDS:
        problem = f"a purchase from the customer (operation {operation}): nothing was sold"
        return Document(kind=DocumentKind.OTHER, raw=raw, text=(), problems=(problem,))
    kind = _KINDS[operation]
    try:
        receipt = _receipt(kind, tags, currency, zone)
    except ValueError as error:
        return Document(kind=kind, raw=raw, text=(), problems=(f"document {number} cannot be read: {error}",))
    return Document(kind=kind, raw=raw, text=(), receipt=receipt, layout="ffd")


def _receipt(kind: DocumentKind, tags: Task, currency: str, zone: tzinfo) -> Receipt:
    items = tags.get(str(int(Tag.ITEM)))
    rows = items if isinstance(items, list) else [items] if isinstance(items, dict) else []
    if len(rows) > _LINES_MAX:
        raise ValueError(f"{len(rows)} positions")
    lines = tuple(_line(place, row, currency) for place, row in enumerate(rows, start=1) if isinstance(row, dict))
    total = minor_of(tags.get("1020"), "1020")
    tenders = {tag: minor_of(tags[tag], tag) for tag in _TENDERS if tags.get(tag) is not None}
    adjustment = total - sum(line.total.minor for line in lines)
    document = whole_of(tags.get("1040"))
    return Receipt(
        uid=_uid(tags),
        kind=kind,
        total=Money(total, currency),
        lines=lines,
        tenders=tuple(
            Tender(kind=_TENDERS[tag], amount=Money(minor, currency)) for tag, minor in tenders.items() if minor
        ),
        adjustment=Money(adjustment, currency) if adjustment else None,
        closed_at=moment_of(tags.get("1012"), zone),
        cashier=text_of(tags.get("1021"))[:400],
        shift=whole_of(tags.get("1038")) or None,
        number=str(document) if document else "",
    )


def _line(number: int, row: Task, currency: str) -> Line:
    where = f"position {number}"
    return make_line(
        number,
        text_of(row.get("1030")),
        quantity_of(row.get("1023", 1), where),
        Money(minor_of(row.get("1079"), where), currency),
        Money(minor_of(row.get("1043"), where), currency),
    )


def _uid(tags: Task) -> str:
    """Memory, document and sign out of the QR code, which has them as printed; else out of the tags."""
    code = dict(parse_qsl(text_of(tags.get("qr"))))
    memory = code.get("fn") or str(tags.get("1041", "")).strip()
    document = whole_of(code.get("i")) or whole_of(tags.get("1040"))
    sign = whole_of(code.get("fp")) or whole_of(tags.get("1077"))
    if not memory.isdigit() or not document or not sign:
        raise ValueError("fiscal memory, document number or fiscal sign is missing")
    return fiscal_uid(memory, document, sign)
