"""A closed document of Artix's cash server, out of its rows: lines, tenders and totals that add up, or why not; pure.

Tables and columns are those that public exchange programmes read: `document` (its total `sume`, `sumcash`,
`sumnoncash`, `sumother`), `goodsitem` (`opcode` 50 sells, 58 takes back; `sumb` before and `sume` after discounts),
`moneyitem` (`valcode`, `sume`). Amounts are decimals of whole units.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from drivers.tills.amounts import money_of, quantity_of
from drivers.tills.artix.settings import CashServer
from drivers.tills.reports import ReportContext
from drivers.vocabulary.events import Document
from drivers.vocabulary.money import Money, line_total
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt, Tender, TenderKind

__all__ = ["SELLS", "TAKES_BACK", "assemble", "kind_of", "uid_of"]

Row = Mapping[str, Any]

LAYOUT: Final = "artix cash server"
SELLS: Final = 50
TAKES_BACK: Final = 58
CASH_CODE: Final = "1"
_ROUNDING_MAX: Final = 100  # minor units: a receipt is rounded to a whole unit at most
_NAME: Final = re.compile(r"[a-z0-9._:-]{8,80}", re.ASCII)


def kind_of(document: Row, settings: CashServer) -> DocumentKind:
    """What a document is; only sales and returns count."""
    if document["doctype"] in settings.sale_types:
        return DocumentKind.SALE
    return DocumentKind.RETURN if document["doctype"] in settings.return_types else DocumentKind.OTHER


def uid_of(document: Row) -> str:
    """The receipt's permanent name."""
    return f"artix:{document['cashcode']}:{document['workshiftid']}:{document['documentid']}"


def assemble(
    document: Row,
    goods: Sequence[Row],
    payments: Sequence[Row],
    base: Row | None,
    *,
    settings: CashServer,
    context: ReportContext,
) -> Document:
    """The document these rows are; its receipt is None, with problems, when it does not add up.

    Args:
        document: its row, with `shiftnum` of its shift.
        goods: its positions in their order.
        payments: its payments.
        base: on a return, the row of the sale it names, with `shiftnum`.
        settings: which payments are what.
        context: zone and currency.
    """
    kind = kind_of(document, settings)
    if kind is DocumentKind.OTHER:
        return Document(kind=kind, raw=b"", text=(), layout=LAYOUT)
    receipt: Receipt | None = None
    problems: tuple[str, ...] = ()
    try:
        receipt = _receipt(document, goods, payments, kind=kind, settings=settings, context=context)
    except ValueError as error:
        problems = (f"document {document['documentid']} of till {document['cashcode']}: {error}",)
    return Document(
        kind=kind,
        raw=b"",
        text=(),
        receipt=receipt,
        problems=problems,
        layout=LAYOUT,
        codes=tuple(dict.fromkeys(str(one["discnumber"]) for one in payments if one.get("discnumber"))),
        also=_also(document),
        base=(base["shiftnum"], _text(base["checknum"])) if base is not None else None,
    )


def _receipt(
    document: Row,
    goods: Sequence[Row],
    payments: Sequence[Row],
    *,
    kind: DocumentKind,
    settings: CashServer,
    context: ReportContext,
) -> Receipt:
    currency = context.currency
    wanted = SELLS if kind is DocumentKind.SALE else TAKES_BACK
    rows = [one for one in goods if one["opcode"] == wanted and one["cquant"]]
    if not rows:
        raise ValueError(f"no position has the operation code {wanted}")
    lines = tuple(_line(number, one, currency) for number, one in enumerate(rows, 1))
    made = sum(line.total.minor for line in lines)
    total = abs(_minor(document["sume"], currency))
    if abs(total - made) > _ROUNDING_MAX:
        raise ValueError(f"positions make {Money(made, currency)}, the document says {Money(total, currency)}")
    tenders, change = _tenders(document, payments, total, settings, currency)
    return Receipt(
        uid=uid_of(document),
        kind=kind,
        total=Money(total, currency),
        lines=lines,
        tenders=tenders,
        change=Money(change, currency) if change else None,
        adjustment=Money(total - made, currency) if total != made else None,
        closed_at=closed_at(document, context),
        till=_text(document["cashcode"]),
        cashier=_text(document["scode"]),
        shift=document["shiftnum"],
        number=_text(document["checknum"]),
    )


def closed_at(document: Row, context: ReportContext) -> datetime | None:
    """When it was closed, by the till's clock."""
    at: datetime | None = document["time_end"] or document["time_beg"]
    return at.replace(tzinfo=context.zone) if at is not None else None


def _line(number: int, row: Row, currency: str) -> Line:
    price = money_of(abs(row["price"]), currency)
    quantity = quantity_of(abs(row["cquant"]))
    total = abs(_minor(row["sume"], currency))
    gross = line_total(price, quantity).minor
    if total > gross + 1:
        raise ValueError(f"position {number} costs more than its quantity x price")
    floor = row.get("minprice")
    return Line(
        number=number,
        name=_text(row["name"]),
        product_id=_text(row["code"]),
        barcode=_text(row["bcode"]),
        quantity=quantity,
        price=price,
        total=Money(total, currency),
        discount=Money(gross - total, currency) if gross > total else None,
        price_floor=money_of(floor, currency) if floor else None,
    )


def _tenders(
    document: Row, payments: Sequence[Row], total: int, settings: CashServer, currency: str
) -> tuple[tuple[Tender, ...], int]:
    """(payments, change): as the payments say when they make the total, else as the document's own sums do."""
    told = [
        Tender(kind=_kind(_text(one["valcode"]), settings), amount=Money(amount, currency))
        for one in payments
        if (amount := abs(_minor(one["sume"], currency)))
    ]
    paid = sum(one.amount.minor for one in told)
    cash = sum(one.amount.minor for one in told if one.kind is TenderKind.CASH)
    if told and 0 <= paid - total <= cash:
        return tuple(told), paid - total
    sums = (
        (TenderKind.CASH, document["sumcash"]),
        (TenderKind.CARD, document["sumnoncash"]),
        (TenderKind.OTHER, document["sumother"]),
    )
    own = [
        Tender(kind=kind, amount=Money(amount, currency))
        for kind, value in sums
        if value and (amount := abs(_minor(value, currency)))
    ]
    return (tuple(own) if sum(one.amount.minor for one in own) == total else ()), 0


def _kind(code: str, settings: CashServer) -> TenderKind:
    known = settings.tenders.get(code)
    if known is not None:
        return TenderKind(known)
    return TenderKind.CASH if code == CASH_CODE else TenderKind.CARD


def _also(document: Row) -> tuple[str, ...]:
    """The till's own name of the receipt, by which it may have asked us."""
    name = _text(document["identifier"]).strip().removeprefix("{").removesuffix("}").lower()
    return (name,) if _NAME.fullmatch(name) else ()


def _minor(amount: Decimal | int | None, currency: str) -> int:
    return money_of(Decimal(amount or 0), currency).minor


def _text(value: object) -> str:
    return "" if value is None else str(value)[:400]
