"""Positions and payments of the Priority API as receipts that add up; what is not documented is decided by the money.

Before payment a position's `totalAmount` is what the POS asks for it. In a closed document versions differ: the loyalty
discount may be off `totalAmount` already or stand beside it as `discardedAmount`, and a payment by points that is not
fiscal may lower the lines or not. So the payments decide: the reading under which they add up is the right one. A
payment that is not on the fiscal receipt lowers the lines, as on paper; one that is, is a tender. Without payments, or
with more cash than either reading asks for, the prices decide.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Final

from drivers.tills.amounts import money_of, quantity_of, spread
from drivers.tills.priority.wire import DocumentRequest, Payment, Position, WireError, plain_uid
from drivers.vocabulary.money import Money, line_total
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt, Tender, TenderKind

__all__ = ["Place", "basket", "bonus_of", "closed", "indexes", "stated_time", "uid_of"]

NON_FISCAL: Final = "nonFiscal"
BONUS: Final = "bonus"
_TENDERS: Final = {"cash": TenderKind.CASH, "creditCard": TenderKind.CARD, BONUS: TenderKind.POINTS}
_NAME_MAX: Final = 400
_COUPONS_MAX: Final = 20
_UID: Final = re.compile(r"[a-z0-9._:-]{1,80}", re.ASCII)
_NOT_IN_UID: Final = re.compile(r"[^A-Za-z0-9._-]+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What amounts and times without a currency or a zone are in."""

    currency: str
    zone: tzinfo


def basket(request: DocumentRequest, place: Place) -> Receipt:
    """The sale so far, at the POS's own prices; raises ValueError for what is no receipt."""
    positions = _positions(request)
    totals = [_minor(one.total_amount, place) for one in positions]
    return _receipt(request, positions, totals, place, kind=DocumentKind.SALE)


def closed(request: DocumentRequest, place: Place, *, kind: DocumentKind, now: datetime) -> Receipt:
    """The sale or the return as it was closed; raises ValueError for what is no receipt."""
    positions = _positions(request)
    payments = [one for one in request.payments or () if one.amount]
    totals = [abs(_minor(one.total_amount, place)) for one in positions]
    fiscal = [one for one in payments if one.mode != NON_FISCAL]
    money = sum(abs(_minor(one.amount, place)) for one in fiscal)
    beside = sum(abs(_minor(one.amount, place)) for one in payments if one.mode == NON_FISCAL)
    change = 0
    discarded = _discarded(request, positions, totals, place)
    priced = _read_by_prices(positions, totals, discarded, place)
    if payments:
        cash = sum(abs(_minor(one.amount, place)) for one in fiscal if one.type == "cash")
        totals = _read_by_money(totals, discarded, priced, money, beside)
        over = money - sum(totals)
        change = over if 0 < over <= cash else 0
    else:
        totals = priced
    tenders = tuple(
        Tender(
            kind=_TENDERS.get(one.type, TenderKind.OTHER), amount=Money(abs(_minor(one.amount, place)), place.currency)
        )
        for one in fiscal
    )
    if payments and not tenders:  # all of it with points beside the fiscal receipt: nothing, and that in money
        tenders = (Tender(kind=TenderKind.CASH, amount=Money(0, place.currency)),)
    return _receipt(
        request,
        positions,
        totals,
        place,
        kind=kind,
        tenders=tenders,
        money=money - change if payments else None,
        change=change,
        closed_at=stated_time(request, place) or now,
    )


def _read_by_money(
    totals: Sequence[int], discarded: Sequence[int], priced: Sequence[int], money: int, beside: int
) -> list[int]:
    """The line totals under the reading that the payments confirm.

    They confirm none: by the prices when more was given than any reading asks for (there is change), else as stated,
    less what was not paid.
    """
    net = [total - off for total, off in zip(totals, discarded, strict=True)]
    for lines in (list(totals), net):
        if sum(lines) == money + beside:
            return _less(lines, beside)
        if sum(lines) == money:
            return lines
    if money + beside > sum(totals):
        return _less(list(priced), beside)
    return _less(list(totals), max(beside, sum(totals) - money))


def _read_by_prices(
    positions: Sequence[Position], totals: Sequence[int], discarded: Sequence[int], place: Place
) -> list[int]:
    """What stands beside a total that still is price × quantity is not off it yet."""
    gross = [_gross(one, place) for one in positions]
    return [
        total - off if total >= whole - 1 else total for total, off, whole in zip(totals, discarded, gross, strict=True)
    ]


def _gross(one: Position, place: Place) -> int:
    return line_total(money_of(abs(one.price), place.currency), quantity_of(abs(one.quantity))).minor


def _less(totals: list[int], off: int) -> list[int]:
    """The totals with `off` taken off them in proportion; no line falls below nothing."""
    shares = spread(min(off, sum(totals)), totals)
    return [total - share for total, share in zip(totals, shares, strict=True)]


def _discarded(
    request: DocumentRequest, positions: Sequence[Position], totals: Sequence[int], place: Place
) -> list[int]:
    """What stands beside the totals, the document's own share spread over its lines."""
    own = [
        min(total, abs(_minor(one.discarded_amount or Decimal(0), place)))
        for one, total in zip(positions, totals, strict=True)
    ]
    whole = abs(_minor(request.discarded_amount or Decimal(0), place))
    left = [total - off for total, off in zip(totals, own, strict=True)]
    shares = spread(min(whole, sum(left)), left)
    return [off + share for off, share in zip(own, shares, strict=True)]


def _receipt(
    request: DocumentRequest,
    positions: Sequence[Position],
    totals: Sequence[int],
    place: Place,
    *,
    kind: DocumentKind,
    tenders: tuple[Tender, ...] = (),
    money: int | None = None,
    change: int = 0,
    closed_at: datetime | None = None,
) -> Receipt:
    lines = tuple(
        _line(number, one, total, place) for number, (one, total) in enumerate(zip(positions, totals, strict=True), 1)
    )
    made = sum(line.total.minor for line in lines)
    total = money if money is not None else sum(totals)
    return Receipt(
        uid=uid_of(request),
        kind=kind,
        total=Money(total, place.currency),
        lines=lines,
        tenders=tenders,
        change=Money(change, place.currency) if change else None,
        adjustment=Money(total - made, place.currency) if total != made else None,
        closed_at=closed_at,
        shop=_text(request.business_unit),
        till=_text(request.work_place),
        cashier=_cashier(request),
        shift=request.shift,
        number=_text(request.number),
        base_uid=_base_of(request) if kind is DocumentKind.RETURN else None,
        coupons=_coupons(request),
    )


def _line(number: int, one: Position, total: int, place: Place) -> Line:
    """A line; what it costs above quantity × price, rounding aside, is put on the whole receipt."""
    price, quantity = money_of(abs(one.price), place.currency), quantity_of(abs(one.quantity))
    gross = line_total(price, quantity).minor
    floor = one.minimum_price
    return Line(
        number=number,
        name=one.text[:_NAME_MAX],
        product_id=_text(one.id),
        quantity=quantity,
        price=price,
        total=Money(total if total - gross <= 1 else gross, place.currency),
        discount=Money(gross - total, place.currency) if total < gross else None,
        price_floor=money_of(floor, place.currency) if floor is not None and floor > 0 else None,
    )


def _positions(request: DocumentRequest) -> list[Position]:
    """The lines that sell something; a cancelled one may stay with quantity 0."""
    positions = [one for one in request.positions or () if one.quantity]
    if not positions:
        raise WireError("a document without positions - at `$.positions`")
    return positions


def indexes(request: DocumentRequest) -> list[int]:
    """By line of the receipt, the position's own index."""
    return [one.index for one in _positions(request)]


def bonus_of(payments: Sequence[Payment] | None, place: Place) -> Money:
    """What was paid with points."""
    return Money(sum(abs(_minor(one.amount, place)) for one in payments or () if one.type == BONUS), place.currency)


def uid_of(request: DocumentRequest) -> str:
    """The name of the receipt; without a usable uid what names it at this POS: shop, till, shift and number."""
    uid = plain_uid(request.uid or "")
    if _UID.fullmatch(uid):
        return uid
    if request.number is None:
        raise WireError("a document needs its uid - at `$.uid`")
    parts = (request.business_unit, request.work_place, request.shift, request.number)
    return ":".join(["priority", *(_NOT_IN_UID.sub("_", _text(part))[:18] for part in parts)])


def _base_of(request: DocumentRequest) -> str | None:
    """The sale that a return takes back; what cannot be the name of one names none, and the return counts by itself."""
    uid = plain_uid(request.reference_uid or "")
    return uid if _UID.fullmatch(uid) else None


def stated_time(request: DocumentRequest, place: Place) -> datetime | None:
    """When it happened as the POS says; None when it does not say so in a way that is understood."""
    try:
        at = datetime.fromisoformat(request.date_time)
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=place.zone)


def _coupons(request: DocumentRequest) -> tuple[str, ...]:
    """The codes of the receipt and of its lines, each once."""
    codes = [*(request.coupons or ()), *(code for one in request.positions or () for code in one.coupons or ())]
    return tuple(dict.fromkeys(code.strip()[:_NAME_MAX] for code in codes if code.strip()))[:_COUPONS_MAX]


def _cashier(request: DocumentRequest) -> str:
    who = request.cashier
    return "" if who is None else _text(who.name or who.text or who.code)


def _text(value: str | int | None) -> str:
    return "" if value is None else str(value)[:_NAME_MAX]


def _minor(amount: Decimal, place: Place) -> int:
    return money_of(amount, place.currency).minor
