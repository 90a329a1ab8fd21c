"""A WooCommerce shop with our snippet: the price asked at the checkout page, then order webhooks."""

from __future__ import annotations

from collections.abc import Generator
from decimal import Decimal
from typing import Any

from drivers.tills.contract import HttpReply, HttpRequest, Outcome, Story, TwinContext
from drivers.tills.web_twin import Placed, WebTwin
from drivers.tills.woocommerce.wire import BASKET, sign

__all__ = ["WooTwin"]

_STATUS = {"open": "pending", "paid": "processing", "cancelled": "cancelled", "refunded": "refunded"}


class WooTwin:
    """Plays a story as the shop does."""

    def __init__(self, settings: object, context: TwinContext) -> None:
        del settings
        self._context = context

    def play(self, story: Story) -> Generator[HttpRequest, HttpReply, Outcome]:
        """See `drivers.tills.web_twin`."""
        twin = WebTwin(currency=self._context.currency, body=self._order, signed=self._headers)
        return (yield from twin.play(story))

    def _headers(self, story: Story, body: bytes, delivery: str) -> dict[str, str]:
        del story
        return {
            "content-type": "application/json",
            "x-wc-webhook-topic": "order.updated",
            "x-wc-webhook-delivery-id": delivery,
            "x-wc-webhook-signature": sign(body, self._context.key),
        }

    def _order(self, placed: Placed) -> dict[str, Any]:
        story = placed.story
        return {
            "id": story.number,
            "number": str(story.number),
            "status": _STATUS[placed.state],
            "currency": placed.currency,
            "total": f"{placed.total:.2f}",
            "date_created_gmt": f"{story.at:%Y-%m-%dT%H:%M:%S}",
            "customer_id": 0,
            "billing": {"first_name": "Anna", "last_name": "P", "phone": story.customer},
            "line_items": [
                {
                    "id": place,
                    "name": name,
                    "sku": code,
                    "quantity": quantity,
                    "subtotal": f"{(price * quantity).quantize(Decimal('0.01'))}",
                    "subtotal_tax": "0.00",
                    "total": f"{total:.2f}",
                    "total_tax": "0.00",
                }
                for place, (code, name, quantity, price, total) in enumerate(placed.items, start=1)
            ],
            "shipping_lines": [],
            "coupon_lines": [{"code": one} for one in story.coupons],
            "refunds": [{"id": story.number + 500_000, "total": f"-{placed.repaid:.2f}"}] if placed.repaid else [],
            "meta_data": [{"key": BASKET, "value": placed.token}],
        }
