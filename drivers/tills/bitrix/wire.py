r"""What our handler of 1C-Bitrix's sale events sends: the signature over time and raw bytes, and an order; does no I/O.

Bitrix itself sends no orders: a few lines in the site's init.php do (the room's README has them). Fields have the names
of Bitrix\Sale\Order and its basket.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

from drivers.tills.web_orders import Order, OrderLine, OrderState, Repayment, number

__all__ = ["DELIVERY", "SIGNATURE", "TIMESTAMP", "order_of", "sign"]

SIGNATURE = "x-tillpoint-signature"
TIMESTAMP = "x-tillpoint-timestamp"
DELIVERY = "x-tillpoint-delivery"


def sign(body: bytes, secret: str, timestamp: str) -> str:
    """``v1=`` and the hex of HMAC-SHA-256 over the timestamp, a dot and the body."""
    return "v1=" + hmac.digest(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hex()


def order_of(told: Any, zone: tzinfo) -> Order:
    """An order; raises ValueError naming what is missing."""
    if not isinstance(told, dict) or "ID" not in told:
        raise ValueError("this is no order: ID is missing")
    basket = told.get("BASKET") or []
    if not isinstance(basket, list) or not all(isinstance(one, dict) for one in basket) or len(basket) > 2_000:
        raise ValueError("BASKET is no list of objects")
    repaid = tuple(
        Repayment(id=str(one["ID"]), amount=abs(number(one.get("SUM")))) for one in told.get("REFUNDS") or []
    )
    return Order(
        id=str(told["ID"]),
        number=str(told.get("ACCOUNT_NUMBER") or told["ID"])[:40],
        state=_state(told),
        total=number(told.get("PRICE")),
        currency=str(told.get("CURRENCY", "")),
        lines=(*(_line(one) for one in basket if number(one.get("QUANTITY")) > 0), *_delivery(told)),
        at=_moment(told.get("DATE_PAYED") or told.get("DATE_INSERT"), zone),
        basket=str(told.get("TILLPOINT_BASKET") or "")[:80],
        joins=told.get("TILLPOINT_JOIN") == "Y",
        coupons=tuple(str(one)[:400] for one in told.get("COUPONS") or [])[:20],
        phone=str(told.get("PHONE") or "").strip(),
        name=str(told.get("FIO") or "").strip(),
        person=f"bx:{told['USER_ID']}" if told.get("USER_ID") else "",
        repayments=repaid,
    )


def _state(told: dict[str, Any]) -> str:
    if told.get("CANCELED") == "Y":
        return OrderState.CANCELLED
    return OrderState.PAID if told.get("PAYED") == "Y" else OrderState.OPEN


def _line(one: dict[str, Any]) -> OrderLine:
    quantity, price = number(one.get("QUANTITY")), number(one.get("PRICE"))
    return OrderLine(
        code=str(one.get("PRODUCT_XML_ID") or one.get("PRODUCT_ID") or "")[:400],
        name=str(one.get("NAME") or ""),
        quantity=quantity,
        price=number(one.get("BASE_PRICE")) or price,
        total=price * quantity,
    )


def _delivery(told: dict[str, Any]) -> tuple[OrderLine, ...]:
    cost = number(told.get("PRICE_DELIVERY"))
    if cost <= 0:
        return ()
    return (OrderLine(code="", name="", quantity=Decimal(1), price=cost, total=cost, is_service=True),)


def _moment(text: Any, zone: tzinfo) -> datetime | None:
    try:
        told = datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None
    return told if told is None or told.tzinfo is not None else told.replace(tzinfo=zone)
