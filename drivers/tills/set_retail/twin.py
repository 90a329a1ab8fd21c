"""A till of Set Retail 10 with our plug-in: what the plug-in posts for one sale and a return of a part.

After a lost answer it repeats its call, as the plug-in does; without any answer it sells without loyalty and keeps the
closed receipt for later.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from decimal import Decimal
from typing import Any, Final

from drivers.tills.amounts import decimal_of, money_of
from drivers.tills.contract import AnswerLost, HttpReply, HttpRequest, Outcome, Story, StoryLine, TwinContext
from drivers.vocabulary.money import Money, Quantity, line_total

__all__ = ["SetRetailTwin"]

TRIES: Final = 3
Told = dict[str, Any]
Calls = Generator[HttpRequest, HttpReply, Told]


class SetRetailTwin:
    """Plays a story over the plug-in's calls."""

    def __init__(self, settings: object, context: TwinContext) -> None:
        del settings  # nothing of the room's table is the till's business
        self._context = context
        self._kept: list[str] = []

    def play(self, story: Story) -> Generator[HttpRequest, HttpReply, Outcome]:
        """Search, discount, write off, close, and perhaps take back."""
        nothing = Money(0, self._context.currency)
        seen = Outcome(discount=nothing, points_paid=nothing, paid=nothing)
        receipt = self._receipt(story)
        found = (
            yield from self._ask("search", {"number": story.customer, "uid": story.uid}, seen)
            if story.customer
            else _none()
        )
        customer = str(found.get("customerId", ""))
        priced = yield from self._ask("discount", {"receipt": receipt, "customerId": customer}, seen)
        off = {int(one["position"]): Decimal(str(one["amount"])) for one in priced.get("discounts", ())}
        points, transaction = Decimal(0), ""
        most = Decimal(str(priced.get("writeOffMax", 0)))
        wanted = most if story.spend < 0 else min(most, Decimal(story.spend))
        if wanted and customer:
            kept = yield from self._ask(
                "write-off", {"receipt": receipt, "customerId": customer, "amount": str(wanted)}, seen
            )
            transaction = str(kept.get("txId", ""))
            points = Decimal(str(kept.get("amount", 0)))
        if story.abandon:
            if transaction:
                yield from self._ask("rollback", {"txId": transaction}, seen)
            return seen
        amounts = [self._whole(line) - off.get(place, Decimal(0)) for place, line in enumerate(story.lines, 1)]
        seen.discount = self._money(sum(off.values(), start=Decimal(0)))
        seen.points_paid, seen.paid = self._money(points), self._money(sum(amounts, start=-points))
        sold = self._closed(receipt, amounts, customer, points, seen.paid)
        yield from self._close(sold, seen)
        if story.refund:
            yield from self._take_back(story, sold, seen)
        return seen

    def send_kept(self) -> Generator[HttpRequest, HttpReply, Outcome]:
        """The till has its line again: what it kept is sent, and what is answered `done` is thrown away."""
        nothing = Money(0, self._context.currency)
        seen = Outcome(discount=nothing, points_paid=nothing, paid=nothing)
        told = yield from self._ask("feedback", {"payloads": self._kept}, seen)
        answers = told.get("answers", [])
        self._kept = [one for one, answer in zip(self._kept, answers, strict=False) if not answer["done"]]
        return seen

    # ── What it says ────────────────────────────────────────────────────────────────────────────

    def _receipt(self, story: Story) -> Told:
        return {
            "uid": story.uid,
            "shop": self._context.shop,
            "cash": self._context.till,
            "shift": 14,
            "number": str(story.number),
            "cashier": "5",
            "at": story.at.isoformat(),
            "coupons": list(story.coupons),
            "positions": [_position(line, line.quantity) for line in story.lines],
        }

    def _closed(self, receipt: Told, amounts: list[Decimal], customer: str, points: Decimal, paid: Money) -> Told:
        told = zip(receipt["positions"], amounts, strict=True)
        return {
            "receipt": {**receipt, "positions": [{**one, "amount": str(amount)} for one, amount in told]},
            "customerId": customer,
            "points": str(points),
            "payments": [{"typeClass": "CashPaymentEntity", "amount": paid.amount}],
        }

    def _take_back(self, story: Story, sold: Told, seen: Outcome) -> Generator[HttpRequest, HttpReply, None]:
        """A part of each line comes back at what was paid for it in money."""
        amounts = [Decimal(one["amount"]) for one in sold["receipt"]["positions"]]
        whole, points = sum(amounts, start=Decimal(0)), Decimal(sold["points"])
        back, given = [], Decimal(0)
        for place, quantity in story.refund:
            line = story.lines[place - 1]
            part = Decimal(str(quantity)) / Decimal(str(line.quantity))
            worth = decimal_of(self._money(amounts[place - 1] * part * (whole - points) / whole))
            back.append({**_position(line, quantity), "amount": str(worth)})
            given += worth
        number = str(int(sold["receipt"]["number"]) + 1)
        receipt = {**sold["receipt"], "uid": f"{story.uid}-back", "number": number, "positions": back}
        seen.refunded = self._money(given)
        told = {"receipt": receipt, "customerId": sold["customerId"], "isReturn": True, "base": story.uid}
        yield from self._close(told, seen)

    def _close(self, told: Told, seen: Outcome) -> Generator[HttpRequest, HttpReply, None]:
        done = yield from self._ask("fiscalized", told, seen)
        seen.slip += done.get("slip", [])
        seen.balance = done.get("points", seen.balance)
        if not done:
            self._kept.append(json.dumps(told))

    def _ask(self, call: str, body: Told, seen: Outcome) -> Calls:
        """One call, repeated while no answer comes; {} when there is none, or a refusal."""
        request = HttpRequest(
            method="POST",
            path=f"/{call}",
            headers={"authorization": f"Bearer {self._context.key}", "content-type": "application/json"},
            body=json.dumps(body, ensure_ascii=False).encode(),
        )
        for _ in range(TRIES):
            try:
                reply = yield request
            except AnswerLost:
                continue
            answer: Told = json.loads(reply.body, parse_float=Decimal)
            if reply.status == 200:
                return answer
            seen.failures.append(str(answer.get("error")))
            return {}
        seen.failures.append("no answer")
        return {}

    def _whole(self, line: StoryLine) -> Decimal:
        return decimal_of(line_total(line.price, line.quantity))

    def _money(self, amount: Decimal) -> Money:
        return money_of(amount, self._context.currency)


def _none() -> Calls:
    """Nobody is looked for."""
    yield from ()
    return {}


def _position(line: StoryLine, quantity: Quantity) -> Told:
    minimum = {"minimum": line.minimum_price.amount} if line.minimum_price is not None else {}
    return {
        "code": line.code, "barcode": line.barcode, "name": line.name, "price": line.price.amount,
        "quantity": str(quantity), "amount": str(decimal_of(line_total(line.price, quantity))), **minimum,
    }  # fmt: skip
