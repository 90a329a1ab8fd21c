"""Receipts of the plug-in as receipts of ours that add up; pure.

Before payment a position's amount is the till's own. In a closed receipt loyalty discounts are off it, and what points
paid is one sum beside; it lowers the lines in proportion, as on a fiscal receipt that knows no such tender.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from drivers.tills.amounts import money_of, quantity_of, spread
from drivers.tills.contract import DoorContext
from drivers.tills.set_retail.plugin_wire import Closed, Payment, Position
from drivers.tills.set_retail.plugin_wire import Receipt as Told
from drivers.vocabulary.money import Money, line_total
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt, Tender, TenderKind

__all__ = ["basket", "closed", "uid_of"]

CHANGE: Final = "CashChangePaymentEntity"
_KINDS: Final = {
    "CashPaymentEntity": TenderKind.CASH,
    "BankCardPaymentEntity": TenderKind.CARD,
    "ExternalBankTerminalPaymentEntity": TenderKind.CARD,
    "GiftCardPaymentEntity": TenderKind.CERTIFICATE,
}


def uid_of(uid: str) -> str:
    """How a receipt of the plug-in is called everywhere."""
    return f"set:{uid}"


def basket(told: Told, context: DoorContext) -> Receipt:
    """The sale so far, at the till's own prices; raises ValueError for what is no receipt."""
    return _receipt(told, context, _totals(told, context), kind=DocumentKind.SALE)


def closed(told: Closed, context: DoorContext, *, kind: DocumentKind, now: datetime) -> Receipt:
    """The sale or the return as it was closed; raises ValueError for what is no receipt."""
    totals = _totals(told.receipt, context)
    for one in told.discounts:
        if not 1 <= one.position <= len(totals):
            raise ValueError(f"a discount on position {one.position}, which the receipt has not")
        totals[one.position - 1] -= money_of(one.amount, context.currency).minor
    if min(totals) < 0:
        raise ValueError("discounts are more than their position")
    by_points = money_of(told.points, context.currency).minor
    if not 0 <= by_points <= sum(totals):
        raise ValueError(f"points of {told.points} are more than the receipt")
    lines = [total - off for total, off in zip(totals, spread(by_points, totals), strict=True)]
    return _receipt(
        told.receipt,
        context,
        lines,
        kind=kind,
        payments=told.payments,
        at=told.receipt.at or now,
        base=uid_of(told.base) if told.base and kind is DocumentKind.RETURN else None,
    )


def _totals(told: Told, context: DoorContext) -> list[int]:
    """What the till asks for each position."""
    totals = []
    for one in told.positions:
        gross = line_total(money_of(one.price, context.currency), quantity_of(one.quantity))
        totals.append(gross.minor if one.amount is None else money_of(one.amount, context.currency).minor)
    return totals


def _receipt(
    told: Told,
    context: DoorContext,
    totals: Sequence[int],
    *,
    kind: DocumentKind,
    payments: Sequence[Payment] = (),
    at: datetime | None = None,
    base: str | None = None,
) -> Receipt:
    lines = tuple(
        _line(number, one, total, context)
        for number, (one, total) in enumerate(zip(told.positions, totals, strict=True), 1)
    )
    tenders, change = _tenders(payments, context, sum(totals))
    moment = at if at is None or at.tzinfo is not None else at.replace(tzinfo=context.zone)
    return Receipt(
        uid=uid_of(told.uid),
        kind=kind,
        total=Money(sum(totals), context.currency),
        lines=lines,
        tenders=tenders,
        change=change,
        closed_at=moment,
        shop=told.shop,
        till=told.cash,
        cashier=told.cashier,
        shift=told.shift,
        number=told.number,
        base_uid=base,
        coupons=told.coupons,
    )


def _tenders(payments: Sequence[Payment], context: DoorContext, total: int) -> tuple[tuple[Tender, ...], Money | None]:
    """How it was paid; () when what is told does not make the total: the lines are what counts."""
    amounts = [(one.typeClass, abs(money_of(one.amount, context.currency).minor)) for one in payments]
    change = sum(minor for name, minor in amounts if name == CHANGE)
    paid = [(name, minor) for name, minor in amounts if name != CHANGE]
    if not paid or sum(minor for _, minor in paid) - change != total:
        return (), None
    tenders = tuple(
        Tender(kind=_KINDS.get(name, TenderKind.OTHER), amount=Money(minor, context.currency), name=name[:400])
        for name, minor in paid
    )
    return tenders, Money(change, context.currency) if change else None


def _line(number: int, one: Position, total: int, context: DoorContext) -> Line:
    price, quantity = money_of(one.price, context.currency), quantity_of(one.quantity)
    gross = line_total(price, quantity)
    off = gross.minor - total
    floor = money_of(one.minimum, context.currency) if one.minimum else None
    return Line(
        number=number,
        name=one.name or one.code or one.barcode,
        product_id=one.code,
        barcode=one.barcode,
        quantity=quantity,
        price=price,
        total=gross.with_minor(total),
        discount=gross.with_minor(off) if off > 0 else None,
        price_floor=floor,
    )
