"""A 1C-Bitrix site with our handler: the price asked at the order page, then its sale events."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from drivers.tills.bitrix.wire import DELIVERY, SIGNATURE, TIMESTAMP, sign
from drivers.tills.contract import HttpReply, HttpRequest, Outcome, Story, TwinContext
from drivers.tills.web_twin import Placed, WebTwin

__all__ = ["BitrixTwin"]


class BitrixTwin:
    """Plays a story as the site does."""

    def __init__(self, settings: object, context: TwinContext) -> None:
        del settings
        self._context = context

    def play(self, story: Story) -> Generator[HttpRequest, HttpReply, Outcome]:
        """See `drivers.tills.web_twin`."""
        twin = WebTwin(currency=self._context.currency, body=self._order, signed=self._headers)
        return (yield from twin.play(story))

    def _headers(self, story: Story, body: bytes, delivery: str) -> dict[str, str]:
        timestamp = str(int(story.at.timestamp()))
        return {
            "content-type": "application/json",
            TIMESTAMP: timestamp,
            DELIVERY: delivery,
            SIGNATURE: sign(body, self._context.key, timestamp),
        }

    def _order(self, placed: Placed) -> dict[str, Any]:
        story = placed.story
        return {
            "ID": story.number,
            "ACCOUNT_NUMBER": str(story.number),
            "PRICE": f"{placed.total:.2f}",
            "CURRENCY": placed.currency,
            "PAYED": "Y" if placed.state in {"paid", "refunded"} else "N",
            "CANCELED": "Y" if placed.state == "cancelled" else "N",
            "DATE_INSERT": f"{story.at.astimezone(self._context.zone):%Y-%m-%d %H:%M:%S}",
            "PHONE": story.customer,
            "COUPONS": list(story.coupons),
            "TILLPOINT_BASKET": placed.token,
            "BASKET": [
                {
                    "PRODUCT_ID": code,
                    "NAME": name,
                    "QUANTITY": str(quantity),
                    "BASE_PRICE": str(price),
                    "PRICE": str(total / quantity),
                }
                for code, name, quantity, price, total in placed.items
            ],
            "REFUNDS": [{"ID": f"{story.number}-1", "SUM": f"{placed.repaid:.2f}"}] if placed.repaid else [],
        }
