"""Receipts of Эвотор's cloud: webhooks (``/api/v2/receipts``) and documents, as receipts; does no I/O.

developer.evotor.ru. Amounts are roubles. A webhook says nothing of the customer and of the base of a return, but for
what our app on the terminal has put into `extras`; a document says both.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from drivers.tills.amounts import money_of, quantity_of
from drivers.vocabulary.money import Money, line_total
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt, Tender, TenderKind

__all__ = ["EXTRA", "Found", "document_of", "loads", "uid_of", "webhook_of"]

EXTRA: Final = "tillpoint"  # the field of `extras` that our app writes
_KINDS: Final = {"SELL": DocumentKind.SALE, "PAYBACK": DocumentKind.RETURN}
_TENDERS: Final = {
    "PAY_CASH": TenderKind.CASH, "PAY_CASHBACK": TenderKind.CASH, "PAY_CARD": TenderKind.CARD,
    "CASH": TenderKind.CASH, "CARD": TenderKind.CARD, "ELECTRON": TenderKind.CARD,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A receipt, and whose it is: a phone or a card, "" for nobody."""

    receipt: Receipt
    code: str = ""


def uid_of(identity: str) -> str:
    """The permanent name of a receipt; the app on the terminal uses it too, so that no receipt counts twice."""
    return f"ev:{identity.lower()}"[:80]


def loads(body: bytes) -> Any:
    """JSON with its numbers exact; raises ValueError for anything else."""
    try:
        return json.loads(body, parse_float=Decimal, parse_constant=_no_number)
    except (UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"the body is no JSON in UTF-8: {str(error)[:120]}") from None


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")


def webhook_of(told: Any, currency: str) -> Found | None:
    """The receipt of a webhook; None for what is no sale and no return. Raises ValueError."""
    data = told.get("data") if isinstance(told, dict) else None
    if not isinstance(data, dict) or not data.get("id"):
        raise ValueError("this is no receipt: data.id is missing")
    kind = _KINDS.get(str(data.get("type")))
    if kind is None or data.get("infoCheck") is True:
        return None
    lines = tuple(
        _line(place, one, ("id", "sumPrice", "discount"), currency)
        for place, one in enumerate(_rows(data, "items"), start=1)
    )
    total = money_of(_number(data.get("totalAmount")), currency)
    extra = _extra(data.get("extras"))
    tender = _TENDERS.get(str(data.get("paymentSource")), TenderKind.OTHER)
    return Found(
        receipt=_receipt(
            data["id"],
            kind,
            lines,
            total,
            at=_moment(data.get("dateTime")),
            shop=str(data.get("storeId") or ""),
            till=str(data.get("deviceId") or ""),
            tenders=(Tender(kind=tender, amount=total),) if total else (),
            base=str(extra.get("base") or ""),
        ),
        code=str(extra.get("code") or "")[:200],
    )


def document_of(told: Any, currency: str) -> Found | None:
    """The receipt of a cloud document, in either of its forms; None for what is no sale. Raises ValueError."""
    told = told if isinstance(told, dict) else {"type": "SELL"}
    identity = told.get("id") or told.get("uuid")
    kind = _KINDS.get(str(told.get("type")))
    if kind is None:
        return None
    if not identity:
        raise ValueError("this is no document: id is missing")
    if isinstance(told.get("body"), dict):
        return _of_body(str(identity), kind, told, told["body"], currency)
    return _of_transactions(str(identity), kind, told, _rows(told, "transactions"), currency)


def _of_body(identity: str, kind: DocumentKind, told: dict[str, Any], body: dict[str, Any], currency: str) -> Found:
    rows = _rows(body, "positions")
    lines = tuple(
        _line(place, one, ("product_id", "result_sum", ""), currency) for place, one in enumerate(rows, start=1)
    )
    total = money_of(_number(body.get("result_sum")), currency)
    extra = _extra(told.get("extras"))
    paid = tuple(
        Tender(
            kind=_TENDERS.get(str(one.get("type")), TenderKind.OTHER), amount=money_of(_number(one["sum"]), currency)
        )
        for one in _rows(body, "payments")
        if one.get("sum")
    )
    return Found(
        receipt=_receipt(
            identity,
            kind,
            lines,
            total,
            at=_moment(told.get("close_date")),
            shop=str(told.get("store_id") or ""),
            till=str(told.get("device_id") or ""),
            number=str(told.get("number") or ""),
            tenders=paid,
            base=str(body.get("base_document_id") or extra.get("base") or ""),
        ),
        code=str(extra.get("code") or body.get("customer_phone") or "")[:200],
    )


def _of_transactions(
    identity: str, kind: DocumentKind, told: dict[str, Any], rows: Sequence[dict[str, Any]], currency: str
) -> Found:
    goods = [one for one in rows if one.get("type") == "REGISTER_POSITION"]
    closing = next((one for one in rows if one.get("type") == "DOCUMENT_CLOSE"), {})
    coupons = tuple(str(one["couponNumber"])[:400] for one in rows if one.get("couponNumber"))[:20]
    lines = tuple(
        _line(place, one, ("commodityUuid", "resultSum", ""), currency) for place, one in enumerate(goods, start=1)
    )
    told_total = told.get("closeResultSum")
    total = money_of(_number(told_total), currency) if told_total else _sum(lines, currency)
    extra = _extra(told.get("extras"))
    receipt = _receipt(
        identity,
        kind,
        lines,
        total,
        at=_moment(told.get("closeDate")),
        shop=str(told.get("storeUuid") or ""),
        till=str(told.get("deviceUuid") or ""),
        number=str(told.get("number") or ""),
        base=str(closing.get("baseDocumentUUID") or extra.get("base") or ""),
        coupons=coupons,
    )
    return Found(receipt=receipt, code=str(extra.get("code") or closing.get("clientPhone") or "")[:200])


def _line(place: int, one: dict[str, Any], names: tuple[str, str, str], currency: str) -> Line:
    """A position; `names` are those of its goods, its sum and its discount ("" where the sum is less it already)."""
    name, sum_name, off_name = names
    quantity, price = quantity_of(_number(one.get("quantity"))), money_of(_number(one.get("price")), currency)
    gross = line_total(price, quantity)
    told = one.get(sum_name)
    total = money_of(_number(told), currency) if told is not None else gross
    off = money_of(_number(one.get(off_name)), currency) if off_name else Money(0, currency)
    if off and total == gross:
        total -= off  # a webhook tells the discount beside the sum before it
    if total > gross:
        price = money_of(Decimal(total.minor) / 100 * 1_000_000 / quantity.steps, currency)
        gross = line_total(price, quantity)
    rest = gross - total
    return Line(
        number=place,
        name=str(one.get("name") or one.get("product_name") or one.get("commodityName") or "")[:400],
        quantity=quantity,
        price=price,
        total=total,
        discount=rest if rest.minor > 0 else None,
        product_id=str(one.get(name) or "")[:400],
        barcode=str(one.get("bar_code") or one.get("barcode") or "")[:400],
    )


def _receipt(
    identity: str,
    kind: DocumentKind,
    lines: tuple[Line, ...],
    total: Money,
    *,
    at: datetime | None,
    shop: str,
    till: str,
    number: str = "",
    tenders: tuple[Tender, ...] = (),
    base: str = "",
    coupons: tuple[str, ...] = (),
) -> Receipt:
    rest = total - _sum(lines, total.currency)
    paid = sum(one.amount.minor for one in tenders)
    return Receipt(
        uid=uid_of(identity),
        kind=kind,
        lines=lines,
        total=total,
        adjustment=rest or None,
        tenders=tenders if paid == total.minor else (),
        closed_at=at,
        shop=shop,
        till=till,
        number=number,
        base_uid=uid_of(base) if base else None,
        coupons=coupons,
        channel="evotor",
    )


def _sum(lines: Sequence[Line], currency: str) -> Money:
    return Money(sum(line.total.minor for line in lines), currency)


def _rows(told: dict[str, Any], name: str) -> list[dict[str, Any]]:
    rows = told.get(name) or []
    if not isinstance(rows, list) or not all(isinstance(one, dict) for one in rows) or len(rows) > 10_000:
        raise ValueError(f"{name} is no list of objects")
    return rows


def _extra(told: Any) -> dict[str, Any]:
    """What our app wrote: an object, or the text of one (older firmware keeps text only)."""
    found = told.get(EXTRA) if isinstance(told, dict) else None
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except ValueError:
            return {}
    return found if isinstance(found, dict) else {}


def _number(told: Any) -> Decimal:
    try:
        found = Decimal(str(told if told not in (None, "") else 0))
    except InvalidOperation:
        raise ValueError(f"not a number: {str(told)[:40]!r}") from None
    if not found.is_finite():
        raise ValueError(f"not a number: {str(told)[:40]!r}")
    return found


def _moment(text: Any) -> datetime | None:
    try:
        told = datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None
    return told if told is not None and told.tzinfo is not None else None
