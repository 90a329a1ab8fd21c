"""A closed fiscal document as TLV to a `Document` of our vocabulary; pure.

Prices in it are after all discounts: the format has no discount. Receipts (3) and BSO (4) of a sale or its return have
a loyalty effect; purchases from customers, corrections and reports have none.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import Final

from drivers.vocabulary.errors import RemoteProtocolError
from drivers.vocabulary.events import Document
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt, Tender, TenderKind

from . import tlv
from .lines import fiscal_uid, make_line
from .tlv import Tag

__all__ = ["RECEIPT_TYPES", "read_document"]

RECEIPT_TYPES: Final = frozenset({3, 4})
KINDS: Final = {1: DocumentKind.SALE, 2: DocumentKind.RETURN}
_TENDERS: Final = {
    Tag.CASH: TenderKind.CASH,
    Tag.ELECTRONIC: TenderKind.CARD,
    Tag.PREPAID: TenderKind.PREPAID,
    Tag.CREDIT: TenderKind.CREDIT,
    Tag.COUNTER: TenderKind.OTHER,
}


def read_document(kind: int, content: bytes, *, currency: str, zone: tzinfo) -> Document:
    """A whole document; what is wrong with it is a problem in the value, not an exception."""
    what = tlv.DOCUMENTS.get(kind, f"document of type {kind}")
    if kind not in RECEIPT_TYPES:
        return Document(kind=DocumentKind.REPORT, raw=content, text=(), problems=(f"{what}: not a receipt",))
    try:
        items = tlv.decode(content)
        # Some registers give the document inside its own tag, others only what is in it.
        if len(items) == 1 and items[0].tag == kind:
            items = tlv.decode(items[0].value)
        operation = _number(items, Tag.OPERATION)
        if operation not in KINDS:
            problem = f"a purchase from the customer (operation {operation}): nothing was sold"
            return Document(kind=DocumentKind.OTHER, raw=content, text=(), problems=(problem,))
        receipt = _receipt(KINDS[operation], items, currency, zone)
    except (RemoteProtocolError, ValueError) as error:
        return Document(kind=unread_kind(kind), raw=content, text=(), problems=(f"{what} cannot be read: {error}",))
    return Document(kind=receipt.kind, raw=content, text=(), receipt=receipt, layout="ffd")


def unread_kind(kind: int) -> DocumentKind:
    """What a document is called that cannot be read: a receipt stays one, so that a person looks at it."""
    return DocumentKind.SALE if kind in RECEIPT_TYPES else DocumentKind.OTHER


def _receipt(kind: DocumentKind, items: Sequence[tlv.Item], currency: str, zone: tzinfo) -> Receipt:
    lines = [_line(number, item, currency) for number, item in enumerate(_all(items, Tag.ITEM), start=1)]
    total = _number(items, Tag.TOTAL)
    adjustment = total - sum(line.total.minor for line in lines)
    moment = tlv.first(items, Tag.MOMENT)
    number, sign = _number(items, Tag.DOCUMENT), tlv.first(items, Tag.SIGN)
    if not number or sign is None:
        raise RemoteProtocolError("document number or fiscal sign is missing")
    tenders = tuple(
        Tender(kind=tender, amount=Money(_number(items, tag), currency))
        for tag, tender in _TENDERS.items()
        if _number(items, tag)
    )
    return Receipt(
        uid=fiscal_uid(_text(items, Tag.MEMORY), number, tlv.sign_of(sign.value)),
        kind=kind,
        total=Money(total, currency),
        lines=tuple(lines),
        tenders=tenders,
        adjustment=Money(adjustment, currency) if adjustment else None,
        closed_at=tlv.moment_of(moment.value).replace(tzinfo=zone) if moment is not None else None,
        cashier=_text(items, Tag.CASHIER),
        shift=_number(items, Tag.SHIFT) or None,
        number=str(number),
    )


def _line(number: int, item: tlv.Item, currency: str) -> Line:
    inner = item.inner
    quantity = tlv.first(inner, Tag.QUANTITY)
    return make_line(
        number,
        _text(inner, Tag.NAME),
        tlv.quantity_of(quantity.value if quantity is not None else b""),
        Money(_number(inner, Tag.PRICE), currency),
        Money(_number(inner, Tag.SUM), currency),
    )


def _all(items: Sequence[tlv.Item], tag: int) -> list[tlv.Item]:
    return [item for item in items if item.tag == tag]


def _number(items: Sequence[tlv.Item], tag: int) -> int:
    found = tlv.first(items, tag)
    return tlv.number_of(found.value) if found is not None else 0


def _text(items: Sequence[tlv.Item], tag: int) -> str:
    found = tlv.first(items, tag)
    return tlv.text_of(found.value) if found is not None else ""
