"""WooCommerce's webhooks: the signature over the raw bytes, and an order of REST API v3; does no I/O.

woocommerce.com/document/webhooks: ``X-WC-Webhook-Signature`` is the base64 of HMAC-SHA-256 of the body under the
webhook's secret. Amounts are text without tax, the tax beside them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from drivers.tills.web_orders import Order, OrderLine, OrderState, Repayment, number

__all__ = ["BASKET", "JOIN", "delivery_of", "is_ping", "is_signed", "order_of", "sign"]

#: Meta data that our snippet writes into the order.
BASKET: Final = "_tillpoint_basket"
JOIN: Final = "_tillpoint_join"
_GONE: Final = {"cancelled": OrderState.CANCELLED, "failed": OrderState.CANCELLED, "refunded": OrderState.REFUNDED}


def sign(body: bytes, secret: str) -> str:
    """The signature of a body."""
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()


def is_signed(body: bytes, secret: str, shown: str) -> bool:
    """Whether the shop itself sent these bytes."""
    return hmac.compare_digest(sign(body, secret).encode(), shown.strip().encode())


def is_ping(body: bytes) -> bool:
    """A new webhook asks once, unsigned, whether anybody is there."""
    return body.startswith(b"webhook_id=") and len(body) < 40


def delivery_of(headers: dict[str, str], body: bytes) -> str:
    """The name of a delivery; a sender without one is known by its bytes."""
    told = headers.get("x-wc-webhook-delivery-id", "").strip()[:100]
    return told or f"sha256:{hashlib.sha256(body).hexdigest()}"


def order_of(told: Any, paid: frozenset[str]) -> Order:
    """An order; raises ValueError naming what is missing."""
    if not isinstance(told, dict) or "id" not in told or "status" not in told:
        raise ValueError("this is no order: id or status is missing")
    status = str(told["status"])
    billing = told.get("billing") or {}
    meta = {str(one.get("key")): one.get("value") for one in _rows(told, "meta_data")}
    return Order(
        id=str(told["id"]),
        number=str(told.get("number") or told["id"])[:40],
        state=OrderState.PAID if status in paid else _GONE.get(status, OrderState.OPEN),
        total=number(told.get("total")),
        currency=str(told.get("currency", "")),
        lines=tuple(_lines(told)),
        at=_moment(told.get("date_paid_gmt") or told.get("date_created_gmt")),
        basket=str(meta.get(BASKET) or "")[:80],
        joins=str(meta.get(JOIN) or "") in ("1", "yes", "true", "True"),
        coupons=tuple(str(one.get("code", ""))[:400] for one in _rows(told, "coupon_lines"))[:20],
        phone=str(billing.get("phone") or "").strip(),
        name=" ".join(str(billing.get(one) or "").strip() for one in ("first_name", "last_name")).strip(),
        person=f"wc:{told['customer_id']}" if told.get("customer_id") else "",
        repayments=tuple(
            Repayment(id=str(one["id"]), amount=abs(number(one.get("total")))) for one in _rows(told, "refunds")
        ),
    )


def _lines(told: dict[str, Any]) -> list[OrderLine]:
    lines = []
    for one in _rows(told, "line_items"):
        quantity = number(one.get("quantity"))
        if quantity <= 0:
            continue
        gross = number(one.get("subtotal")) + number(one.get("subtotal_tax"))
        lines.append(
            OrderLine(
                code=str(one.get("sku") or one.get("variation_id") or one.get("product_id") or "")[:400],
                name=str(one.get("name") or ""),
                quantity=quantity,
                price=gross / quantity,
                total=number(one.get("total")) + number(one.get("total_tax")),
            )
        )
    for one in _rows(told, "shipping_lines"):
        cost = number(one.get("total")) + number(one.get("total_tax"))
        if cost > 0:
            name = str(one.get("method_title") or "")
            lines.append(OrderLine(code="", name=name, quantity=Decimal(1), price=cost, total=cost, is_service=True))
    return lines


def _rows(told: dict[str, Any], name: str) -> list[dict[str, Any]]:
    rows = told.get(name) or []
    if not isinstance(rows, list) or not all(isinstance(one, dict) for one in rows) or len(rows) > 2_000:
        raise ValueError(f"{name} is no list of objects")
    return rows


def _moment(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text)).replace(tzinfo=UTC) if text else None
    except ValueError:
        return None
