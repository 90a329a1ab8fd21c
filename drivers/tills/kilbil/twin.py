"""A POS with a kilbil connection: it looks the customer up with the goods, sells, and takes back a part.

After a lost answer it repeats what it asked, three times; without an answer to a look-up it sells without loyalty.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from decimal import Decimal
from typing import Any, Final

from drivers.tills.amounts import decimal_of, money_of
from drivers.tills.contract import AnswerLost, HttpReply, HttpRequest, Outcome, Story, StoryLine, TwinContext
from drivers.vocabulary.money import line_total

__all__ = ["KilbilTwin"]

TRIES: Final = 4


class KilbilTwin:
    """Plays a story over ``/load/<function>``."""

    def __init__(self, settings: object, context: TwinContext) -> None:
        del settings  # nothing of the room's table is the POS's business
        self._context = context

    def play(self, story: Story) -> Generator[HttpRequest, HttpReply, Outcome]:
        """Look up, sell, and perhaps take back."""
        nothing = money_of(Decimal(0), self._context.currency)
        seen = Outcome(discount=nothing, points_paid=nothing, paid=nothing)
        goods = [_goods(line) for line in story.lines]
        found = {"client_id": None}
        if story.customer:
            mode = 0 if story.customer.lstrip("+").startswith(("7", "8")) and len(story.customer) <= 12 else 2
            asked = {"search_mode": mode, "search_value": story.customer, "goods_data": goods}
            found = yield from self._ask("searchclient", {**asked, "promo_codes": list(story.coupons)}, seen)
        spend = self._spend(story, found)
        if story.abandon:
            return seen
        for one, priced in zip(goods, found.get("goods_data") or goods, strict=True):
            one["discounted_total"] = priced.get("discounted_total", one["total"])
        sale: dict[str, Any] = {
            "client_id": found.get("client_id") or "",
            "type": "0",
            "bonus_out": str(spend),
            "move_id": story.uid,
            "goods_data": goods,
            "promo_codes": list(story.coupons),
            "bill_data_in": found.get("_bill_data", ""),
        }
        priced = yield from self._ask("processsale", {**sale, "mode": 1}, seen)
        if priced.get("result_code") != 0:
            sale["bonus_out"] = "0"
        for one, told in zip(goods, priced.get("goods_data") or goods, strict=True):
            one["discounted_total"] = told["discounted_total"]
        done = yield from self._ask("processsale", {**sale, "mode": 2}, seen)
        self._note(seen, goods, Decimal(sale["bonus_out"]), done)
        if story.refund:
            yield from self._take_back(story, sale, done, goods, seen)
        return seen

    def _note(self, seen: Outcome, goods: list[dict[str, Any]], spent: Decimal, done: dict[str, Any]) -> None:
        """What the POS prints and puts into its drawer."""
        whole = sum((Decimal(str(one["total"])) for one in goods), start=Decimal(0))
        asked = sum((Decimal(str(one["discounted_total"])) for one in goods), start=Decimal(0))
        seen.discount = money_of(whole - asked, self._context.currency)
        seen.points_paid = money_of(spent, self._context.currency)
        seen.paid = money_of(asked - spent, self._context.currency)
        seen.slip += str(done.get("result_text", "")).splitlines()
        seen.balance = done.get("bonus_balance")

    def _take_back(
        self, story: Story, sale: dict[str, Any], done: dict[str, Any], goods: list[dict[str, Any]], seen: Outcome
    ) -> Generator[HttpRequest, HttpReply, None]:
        """A part of each line comes back at what was paid for it, bonuses not counted."""
        back = []
        paid = sum((Decimal(str(one["discounted_total"])) for one in goods), start=Decimal(0))
        share = (paid - Decimal(sale["bonus_out"])) / paid
        for number, quantity in story.refund:
            one, line = goods[number - 1], story.lines[number - 1]
            part = Decimal(str(quantity)) / Decimal(str(line.quantity))
            worth = money_of(Decimal(str(one["discounted_total"])) * part * share, self._context.currency)
            total = line_total(line.price, quantity)
            sums = {"total": str(decimal_of(total)), "discounted_total": str(decimal_of(worth))}
            back.append({**one, "quantity": str(quantity), **sums})
        request = {
            **sale, "type": "1", "bonus_out": "0", "move_id": f"{story.uid}-back", "goods_data": back,
            "bill_data_in": done.get("_bill_data", ""), "mode": 0,
        }  # fmt: skip
        yield from self._ask("processsale", request, seen)
        given = sum((Decimal(one["discounted_total"]) for one in back), start=Decimal(0))
        seen.refunded = money_of(given, self._context.currency)

    def _ask(
        self, function: str, body: dict[str, Any], seen: Outcome
    ) -> Generator[HttpRequest, HttpReply, dict[str, Any]]:
        """One call, repeated while no answer comes; {} when none ever does."""
        request = HttpRequest(
            method="POST",
            path=f"/load/{function}",
            query={"h": self._context.key},
            headers={"content-type": "application/json"},
            body=json.dumps(body, default=float).encode(),
        )
        for _ in range(TRIES):
            try:
                reply = yield request
            except AnswerLost:
                continue
            answer: dict[str, Any] = json.loads(reply.body)
            if reply.status != 200 or answer.get("result_code"):
                seen.failures.append(str(answer.get("result_text") or answer.get("error")))
            return answer
        seen.failures.append("no answer")
        return {}

    @staticmethod
    def _spend(story: Story, found: dict[str, Any]) -> int:
        most = int(found.get("max_bill_bonus_out") or 0)
        return most if story.spend < 0 else min(most, story.spend)


def _goods(line: StoryLine) -> dict[str, Any]:
    total = decimal_of(line_total(line.price, line.quantity))
    minimum = {"minPrice": float(line.minimum_price.amount)} if line.minimum_price is not None else {}
    return {
        "code": line.code, "name": line.name, "price": float(line.price.amount), "quantity": float(str(line.quantity)),
        "total": float(total), **minimum,
    }  # fmt: skip
