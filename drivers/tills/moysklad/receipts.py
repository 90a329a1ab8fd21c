"""Positions of МойСклад to a receipt and back: a line that no price divides goes back as two rows; does no I/O."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from msgspec.structs import replace

from drivers.tills.amounts import decimal_of, money_of, quantity_of
from drivers.tills.moysklad.wire import Position, Sale
from drivers.vocabulary.checkout import LineQuote
from drivers.vocabulary.decision import UnitGroup
from drivers.vocabulary.money import Money, Quantity, line_total
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt, Tender, TenderKind

__all__ = [
    "document_uid",
    "lines_before",
    "lines_of",
    "moment_of",
    "receipt_of",
    "rows_of",
    "tenders_of",
    "undiscounted",
]

_MOMENT: Final = "%Y-%m-%d %H:%M:%S"


def document_uid(prefix: str, identity: str, *, store: str, name: str, moment: str) -> str:
    """The permanent name of a document: its id, or what it is known by when the app has no id for it yet."""
    if identity:
        return f"{prefix}:{identity}"[:80]
    told = hashlib.sha256(f"{store}\x1f{name}\x1f{moment[:19]}".encode()).hexdigest()[:32]
    return f"{prefix}:n-{told}"


def moment_of(text: str, zone: tzinfo) -> datetime | None:
    """A moment as both APIs write it, in the shop's zone; None for none."""
    try:
        return datetime.strptime(text[:19], _MOMENT).replace(tzinfo=zone)
    except ValueError:
        return None


def lines_of(positions: Sequence[Position], currency: str) -> tuple[Line, ...]:
    """The rows as lines; neighbours of the same goods at the same price are the two parts of one line.

    Raises:
        ValueError: a row that does not add up.
    """
    parts: list[list[Position]] = []
    for one in positions:
        if parts and one.discounted_price is not None and _same(parts[-1][0], one):
            parts[-1].append(one)
        else:
            parts.append([one])
    return tuple(_line(number, rows, currency) for number, rows in enumerate(parts, start=1))


def lines_before(positions: Sequence[Position], currency: str) -> tuple[Line, ...]:
    """Each row as a line at its price before any discount; raises ValueError."""
    rows = [replace(one, discounted_price=None) for one in positions]
    return tuple(_line(number, [one], currency) for number, one in enumerate(rows, start=1))


def undiscounted(line: Line) -> Line:
    """The line at its price before any discount."""
    return replace(line, discount=None, total=line_total(line.price, line.quantity))


def _same(one: Position, other: Position) -> bool:
    def what(row: Position) -> tuple[str, str, Decimal]:
        return row.assortment.name, row.pack.id if row.pack is not None else "", row.price

    return what(one) == what(other)


def _line(number: int, rows: Sequence[Position], currency: str) -> Line:
    first = rows[0]
    price = money_of(first.price, currency)
    quantity = Quantity(sum(quantity_of(one.quantity).steps for one in rows))
    total = Money(sum(_total(one, currency).minor for one in rows), currency)
    gross = line_total(price, quantity)
    if total > gross:
        # Dearer than its price: a surcharge of the cashier's is a price.
        price = money_of(first.discounted_price or first.price, currency)
        gross = line_total(price, quantity)
    off = gross - total
    return Line(
        number=number,
        name="",
        quantity=quantity,
        price=price,
        total=total,
        discount=off if off.minor > 0 else None,
        product_id=first.assortment.name,
        barcode=(first.pack.barcode or "") if first.pack is not None else "",
    )


def _total(row: Position, currency: str) -> Money:
    each = row.discounted_price if row.discounted_price is not None else row.price
    return line_total(money_of(each, currency), quantity_of(row.quantity))


def receipt_of(
    uid: str,
    kind: DocumentKind,
    lines: tuple[Line, ...],
    *,
    currency: str,
    closed_at: datetime | None = None,
    store: str = "",
    number: str = "",
    base_uid: str | None = None,
    tenders: tuple[Tender, ...] = (),
) -> Receipt:
    """A document of these lines."""
    return Receipt(
        uid=uid,
        kind=kind,
        lines=lines,
        total=Money(sum(line.total.minor for line in lines), currency),
        tenders=tenders,
        closed_at=closed_at,
        shop=store,
        number=number,
        base_uid=base_uid,
        channel="moysklad",
    )


def tenders_of(sale: Sale, total: Money) -> tuple[Tender, ...]:
    """How it was paid; nothing when the sums told are not the total (documents of the vendor's own do not add up)."""
    currency = total.currency
    told = [
        (TenderKind.CASH, money_of(sale.cash_sum, currency)),
        (TenderKind.CARD, money_of(sale.no_cash_sum, currency)),
        *((TenderKind.CERTIFICATE, Money(int(card.payment_sum), currency)) for card in sale.gift_cards),
    ]
    if sum(amount.minor for _, amount in told) != total.minor or any(amount.minor < 0 for _, amount in told):
        return ()
    return tuple(Tender(kind=kind, amount=amount) for kind, amount in told if amount)


def rows_of(told: Mapping[str, Any], line: Line, quote: LineQuote) -> Iterable[dict[str, Any]]:
    """The row of a request once or twice, with its discount; `told` is the row as it came, which is sent back."""
    groups = quote.groups or (UnitGroup(quantity=line.quantity, price=_each(line, quote.total), total=quote.total),)
    serials = list(told.get("sn") or ())
    for place, group in enumerate(groups):
        row: dict[str, Any] = {name: told[name] for name in ("assortment", "pack") if name in told}
        row |= {
            "quantity": Decimal(str(group.quantity)),
            "price": decimal_of(line.price),
            "discountPercent": _percent(line.price, group.price),
            "discountedPrice": decimal_of(group.price),
        }
        if serials:
            # As many serial numbers as pieces; what is left over goes with the last part.
            count = len(serials) if place == len(groups) - 1 else group.quantity.steps // 1_000_000
            row["sn"], serials = serials[:count], serials[count:]
        yield row


def _each(line: Line, total: Money) -> Money:
    """The price of one unit of a line that no whole price divides: the nearest."""
    if line.total == total and line.discount is None:
        return line.price
    each = Decimal(total.minor) * 1_000_000 / line.quantity.steps
    return total.with_minor(int(each.quantize(Decimal(1), ROUND_HALF_UP)))


def _percent(price: Money, discounted: Money) -> Decimal:
    if not price.minor:
        return Decimal(0)
    return (Decimal(100) * (price.minor - discounted.minor) / price.minor).quantize(Decimal("0.01"), ROUND_HALF_UP)
