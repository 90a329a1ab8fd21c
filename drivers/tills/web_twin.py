"""A web shop's side, whatever its software: it asks for a price, places the order, is paid, and gives money back.

Deliveries whose answer is lost are sent again under the same name; a price that was not heard is asked for again, and
without one the order goes on at the shop's own prices.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from drivers.tills.amounts import decimal_of, money_of
from drivers.tills.contract import AnswerLost, HttpReply, HttpRequest, Outcome, Story
from drivers.tills.web_orders import loads
from drivers.vocabulary.money import Money, line_total

__all__ = ["Placed", "WebTwin"]

TRIES: Final = 4


@dataclass(slots=True, kw_only=True)
class Placed:
    """An order in the shop's own books; amounts in whole units.

    Attributes:
        items: (code, name, quantity, price before, paid for all of it).
        state: "open", "paid", "cancelled" or "refunded".
    """

    story: Story
    currency: str
    token: str
    items: list[tuple[str, str, Decimal, Decimal, Decimal]]
    state: str = "open"
    repaid: Decimal = Decimal(0)

    @property
    def total(self) -> Decimal:
        """What the order costs."""
        return sum((one[4] for one in self.items), start=Decimal(0))


@dataclass(slots=True, kw_only=True)
class WebTwin:
    """Plays a story as a web shop does.

    Attributes:
        body: the order as its software delivers it.
        signed: headers over a body and the name of its delivery.
    """

    currency: str
    body: Callable[[Placed], Mapping[str, Any]]
    signed: Callable[[Story, bytes, str], dict[str, str]]

    def play(self, story: Story) -> Generator[HttpRequest, HttpReply, Outcome]:
        """Ask, order, be paid, and perhaps give money back."""
        nothing = Money(0, self.currency)
        seen = Outcome(discount=nothing, points_paid=nothing, paid=nothing)
        asked = {
            "basket": f"b-{story.uid}"[:40],
            "items": [
                {"id": one.code, "name": one.name, "quantity": str(one.quantity), "price": one.price.amount}
                for one in story.lines
            ],
            "phone": story.customer,
            "points": story.spend,
            "coupons": list(story.coupons),
        }
        told = yield from self._ask(story, "/quote", json.dumps(asked).encode(), "quote", seen)
        placed = self._place(story, told)
        yield from self._tell(placed, "placed", seen)
        if story.abandon:
            placed.state = "cancelled"
            yield from self._tell(placed, "cancelled", seen)
            return seen
        placed.state = "paid"
        yield from self._tell(placed, "paid", seen)
        points = money_of(Decimal(str(told.get("points", {}).get("worth", "0"))), self.currency)
        whole = sum((line_total(one.price, one.quantity) for one in story.lines), start=nothing)
        seen.paid, seen.points_paid = money_of(placed.total, self.currency), points
        seen.discount = whole - seen.paid - points
        if story.refund:
            placed.repaid = sum(
                (
                    decimal_of(money_of(placed.items[place - 1][4] * _share(story, place, str(part)), self.currency))
                    for place, part in story.refund
                ),
                start=Decimal(0),
            )
            seen.refunded = money_of(placed.repaid, self.currency)
            yield from self._tell(placed, "repaid", seen)
        return seen

    def _place(self, story: Story, told: dict[str, Any]) -> Placed:
        totals = [Decimal(str(one["total"])) for one in told.get("items", [])]
        plain = [decimal_of(line_total(one.price, one.quantity)) for one in story.lines]
        items = [
            (one.code, one.name, Decimal(str(one.quantity)), decimal_of(one.price), total)
            for one, total in zip(story.lines, totals or plain, strict=True)
        ]
        return Placed(story=story, currency=self.currency, token=str(told.get("token", "")), items=items)

    def _tell(self, placed: Placed, what: str, seen: Outcome) -> Generator[HttpRequest, HttpReply, None]:
        body = json.dumps(self.body(placed), ensure_ascii=False, default=str).encode()
        yield from self._ask(placed.story, "/", body, f"{placed.story.uid}-{what}", seen)

    def _ask(
        self, story: Story, path: str, body: bytes, delivery: str, seen: Outcome
    ) -> Generator[HttpRequest, HttpReply, dict[str, Any]]:
        request = HttpRequest(method="POST", path=path, headers=self.signed(story, body, delivery), body=body)
        for _ in range(TRIES):
            try:
                reply = yield request
            except AnswerLost:
                continue
            if reply.status != 200:
                seen.failures.append(_sentence(reply))
                return {}
            told: dict[str, Any] = loads(reply.body) if reply.body else {}
            return told
        seen.failures.append("no answer")
        return {}


def _sentence(reply: HttpReply) -> str:
    """Why a request was refused; the host's own refusals are plain text."""
    try:
        return str(loads(reply.body)["error"])
    except (ValueError, KeyError, TypeError):
        return f"{reply.status} {reply.body[:200].decode('utf-8', 'replace')}"


def _share(story: Story, place: int, part: str) -> Decimal:
    return Decimal(part) / Decimal(str(story.lines[place - 1].quantity))
