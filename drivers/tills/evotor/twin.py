"""Эвотор's cloud as it tells of receipts after the payment: again and again, until it hears 200."""

from __future__ import annotations

import json
from collections.abc import Generator
from decimal import Decimal
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from drivers.tills.amounts import decimal_of
from drivers.tills.contract import AnswerLost, HttpReply, HttpRequest, Outcome, Story, StoryLine, TwinContext
from drivers.vocabulary.money import Money, Quantity, line_total

__all__ = ["EvotorTwin"]

TRIES: Final = 5


class EvotorTwin:
    """Plays a story: the terminal sells at its own prices, our app on it says whose the receipt is."""

    def __init__(self, settings: object, context: TwinContext) -> None:
        del settings
        self._context = context

    def play(self, story: Story) -> Generator[HttpRequest, HttpReply, Outcome]:
        """Sell, and perhaps take back."""
        nothing = Money(0, self._context.currency)
        seen = Outcome(discount=nothing, points_paid=nothing, paid=nothing)
        if story.abandon:
            return seen
        sale = str(uuid5(NAMESPACE_URL, story.uid))
        rows = [(line, line.quantity) for line in story.lines]
        seen.paid = yield from self._tell(story, sale, "SELL", rows, extra={"code": story.customer}, seen=seen)
        if story.refund:
            back = [(story.lines[place - 1], part) for place, part in story.refund]
            name = str(uuid5(NAMESPACE_URL, f"{story.uid}-back"))
            seen.refunded = yield from self._tell(story, name, "PAYBACK", back, extra={"base": sale}, seen=seen)
        return seen

    def _tell(
        self,
        story: Story,
        name: str,
        kind: str,
        rows: list[tuple[StoryLine, Quantity]],
        *,
        extra: dict[str, Any],
        seen: Outcome,
    ) -> Generator[HttpRequest, HttpReply, Money]:
        items, total = [], Money(0, self._context.currency)
        for line, quantity in rows:
            worth = line_total(line.price, quantity)
            total += worth
            items.append(
                {
                    "id": line.code,
                    "name": line.name,
                    "itemType": "NORMAL",
                    "measureName": "шт",
                    "quantity": float(str(quantity)),
                    "price": float(line.price.amount),
                    "costPrice": 0,
                    "sumPrice": float(worth.amount),
                    "discount": 0,
                }
            )
        data = {
            "id": name,
            "deviceId": f"20170222-{self._context.till}",
            "storeId": f"20170228-{self._context.shop}",
            "dateTime": f"{story.at:%Y-%m-%dT%H:%M:%S}.000{story.at:%z}",
            "type": kind,
            "shiftId": "1",
            "employeeId": "20170222-1",
            "paymentSource": "PAY_CARD",
            "infoCheck": False,
            "items": items,
            "totalTax": 0,
            "totalDiscount": 0,
            "totalAmount": float(decimal_of(total) + Decimal(0)),
            "extras": {"tillpoint": {one: told for one, told in extra.items() if told}},
        }
        event = {"id": str(uuid5(NAMESPACE_URL, f"event:{name}")), "type": "ReceiptCreated", "version": 2, "data": data}
        request = HttpRequest(
            method="POST",
            path="/api/v2/receipts",
            headers={"content-type": "application/json", "authorization": f"Bearer {self._context.key}"},
            body=json.dumps(event, ensure_ascii=False).encode(),
        )
        for _ in range(TRIES):
            try:
                reply = yield request
            except AnswerLost:
                continue
            if reply.status != 200:
                seen.failures.append(reply.body.decode("utf-8", "replace"))
            return total
        seen.failures.append("no answer")
        return total
