"""One <purchase> of Set Retail 10 as a receipt: positions, payments and discounts that add up, or why not; pure.

The amount in the header is not reliable: what was paid less the change is the total. A discount with position 0 is the
whole receipt's and not in its positions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Final
from xml.etree import ElementTree as ET

from drivers.tills.report_lines import places_of, quantity_steps, units
from drivers.tills.reports import ReportContext
from drivers.vocabulary.events import Document
from drivers.vocabulary.money import Money, Quantity, line_total
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt, Tender, TenderKind

__all__ = ["assemble", "sold_at"]

LAYOUT: Final = "set purchases"
_CHANGE: Final = "CashChangePaymentEntity"
_KINDS: Final = {
    "CashPaymentEntity": TenderKind.CASH,
    "BankCardPaymentEntity": TenderKind.CARD,
    "ExternalBankTerminalPaymentEntity": TenderKind.CARD,
    "BonusCardPaymentEntity": TenderKind.POINTS,
    "GiftCardPaymentEntity": TenderKind.CERTIFICATE,
    "ConsumerCreditPaymentEntity": TenderKind.CREDIT,
}
_NOT_UID: Final = re.compile(r"[^A-Za-z0-9._:-]")
_WHOLE_RECEIPT: Final = "0"


def sold_at(purchase: ET.Element, zone: tzinfo) -> datetime | None:
    """When it was closed; a time without a zone is the shop's."""
    try:
        at = datetime.fromisoformat(purchase.get("saletime", ""))
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=zone)


def assemble(purchase: ET.Element, context: ReportContext, tenders: Mapping[str, str]) -> Document:
    """The document; its receipt is None, with problems, when it does not add up."""
    kind = DocumentKind.RETURN if purchase.get("operationType") == "false" else DocumentKind.SALE
    problems: list[str] = []
    receipt = None
    try:
        receipt = _receipt(purchase, kind, context, tenders, problems=problems)
    except ValueError as error:
        problems.append(str(error))
    name = f"purchase {purchase.get('number')} of shift {purchase.get('shift')} at cash {purchase.get('cash')}"
    cards = (card.text or "" for card in purchase.iterfind("discountCards/discountCard"))
    return Document(
        kind=kind,
        raw=ET.tostring(purchase) if receipt is None else b"",
        text=(),
        receipt=receipt,
        problems=tuple(f"{name}: {problem}" for problem in problems) if receipt is None else (),
        layout=LAYOUT,
        codes=tuple(dict.fromkeys(card.strip() for card in cards if 3 < len(card.strip()) <= 200)),
    )


def _receipt(
    purchase: ET.Element,
    kind: DocumentKind,
    context: ReportContext,
    names: Mapping[str, str],
    *,
    problems: list[str],
) -> Receipt | None:
    currency, places = context.currency, places_of(context.currency)
    at = sold_at(purchase, context.zone)
    if at is None:
        problems.append(f"sold at {purchase.get('saletime', '')[:40]!r}, which is no time")
        return None
    positions = sorted(purchase.iterfind("positions/position"), key=lambda one: int(one.get("order") or "0"))
    lines = tuple(_line(place, one, currency, places) for place, one in enumerate(positions, 1))
    paid, change = _paid(purchase, places, names)
    stated = abs(units(purchase.get("amount", ""), places))
    total = sum(amount for _, amount in paid) - change if paid else stated
    adjustment = total - sum(line.total.minor for line in lines)
    if adjustment and adjustment != -_off_whole(purchase, places):
        made = Money(total - adjustment, currency)
        problems.append(f"its positions make {made}, {Money(total, currency)} was paid")
        return None
    parts = (purchase.get(name, "") for name in ("shop", "cash", "shift", "number"))
    uid = _NOT_UID.sub(".", f"set-{'-'.join(parts)}-{at:%Y%m%d%H%M%S}")[:80]
    return Receipt(
        uid=uid,
        kind=kind,
        total=Money(total, currency),
        lines=lines,
        tenders=tuple(Tender(kind=kind_of, amount=Money(amount, currency)) for kind_of, amount in paid),
        change=Money(change, currency) if change else None,
        adjustment=Money(adjustment, currency) if adjustment else None,
        closed_at=at,
        shop=purchase.get("shop", "")[:400],
        till=purchase.get("cash", "")[:400],
        cashier=(purchase.get("tabNumber") or purchase.get("userTabNumber") or "")[:400],
        shift=int(purchase.get("shift", "0")),
        number=purchase.get("number", "")[:400],
    )


def _line(place: int, position: ET.Element, currency: str, places: int) -> Line:
    """One position: `cost` before discounts, `amount` what is owed for it."""
    price = Money(abs(units(position.get("cost", ""), places)), currency)
    quantity = Quantity(abs(quantity_steps(position.get("count", ""))))
    total = Money(abs(units(position.get("amount", ""), places)), currency)
    off = line_total(price, quantity).minor - total.minor
    code, barcode = position.get("goodsCode", "")[:400], position.get("barCode", "")[:400]
    return Line(
        number=place,
        name=barcode or code,
        quantity=quantity,
        price=price,
        total=total,
        discount=Money(off, currency) if off > 0 else None,
        product_id=code,
        barcode=barcode,
    )


def _paid(purchase: ET.Element, places: int, names: Mapping[str, str]) -> tuple[list[tuple[TenderKind, int]], int]:
    """(payments, change)."""
    paid: list[tuple[TenderKind, int]] = []
    change = 0
    for payment in purchase.iterfind("payments/payment"):
        kind, amount = payment.get("typeClass", ""), abs(units(payment.get("amount", ""), places))
        if kind == _CHANGE:
            change += amount
            continue
        said = names.get(kind)
        paid.append((TenderKind(said) if said is not None else _KINDS.get(kind, TenderKind.OTHER), amount))
    return paid, change


def _off_whole(purchase: ET.Element, places: int) -> int:
    discounts = purchase.iterfind("discounts/discount")
    return sum(
        abs(units(one.get("amount", ""), places)) for one in discounts if one.get("positionOrder") == _WHOLE_RECEIPT
    )
