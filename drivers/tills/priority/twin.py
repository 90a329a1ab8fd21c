"""A POS that speaks the Priority API, as far as loyalty goes: Frontol and Artix ask in the same words.

After a lost answer it asks the same again, as a cashier presses the key again, four times in all. Without an answer to
the calculation it sells without loyalty; without one to a payment by points it takes that payment back and asks for
money; a closed receipt is told with its customer in any case.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec

from drivers.tills.amounts import decimal_of, money_of
from drivers.tills.contract import AnswerLost, HttpReply, HttpRequest, Outcome, Story, TwinContext
from drivers.tills.priority import wire
from drivers.vocabulary.money import Money, Quantity, divide_half_up, line_total

__all__ = ["PriorityTwin"]

TRIES: Final = 4
Talk = Generator[HttpRequest, HttpReply, dict[str, Any] | None]


@dataclass(slots=True)
class _Sale:
    """What the POS has on its screen: minor units by line."""

    gross: list[int]
    off: list[int] = field(default_factory=list)
    by_points: list[int] = field(default_factory=list)


class PriorityTwin:
    """The POS's side.

    Args:
        settings: the room's own table; nothing in it concerns the POS.
        context: the key, and where it stands.
        mode: how the shop has set up the payment by points: on the fiscal receipt or beside it.
    """

    def __init__(
        self, settings: object, context: TwinContext, *, mode: Literal["fiscal", "nonFiscal"] = "nonFiscal"
    ) -> None:
        del settings
        self._context = context
        self._mode = mode

    def play(self, story: Story) -> Generator[HttpRequest, HttpReply, Outcome]:
        """Play a story; see the module for what it does about lost answers."""
        gross = [line_total(line.price, line.quantity).minor for line in story.lines]
        sale = _Sale(gross=gross, off=[0] * len(gross), by_points=[0] * len(gross))
        seen = Outcome(discount=self._money(0), points_paid=self._money(0), paid=self._money(0))
        if story.customer:
            yield from self._before_payment(story, sale, seen)
        if story.abandon:
            if any(sale.by_points):
                yield from self._take_points_back(story, sale, seen)
            return seen
        seen.discount = self._money(sum(sale.off))
        seen.points_paid = self._money(sum(sale.by_points))
        seen.paid = self._money(sum(gross) - sum(sale.off) - sum(sale.by_points))
        yield from self._ask("document", self._closed(story, sale), seen)
        if story.refund:
            yield from self._return(story, sale, seen)
        return seen

    def _before_payment(self, story: Story, sale: _Sale, seen: Outcome) -> Generator[HttpRequest, HttpReply, None]:
        answer = yield from self._ask("document", self._document(story, "calculate"), seen)
        if answer is None:
            return
        for one in answer.get("document", {}).get("positions", []):
            sale.off[one["index"] - 1] = self._minor(one["discountAmount"])
        if "availableAmount" not in answer.get("client", {}):
            return
        most = self._minor(answer["client"]["availableAmount"])
        one_unit = self._minor(1)
        wanted = most if story.spend < 0 else min(most, story.spend * one_unit)
        if wanted > 0:
            yield from self._pay_by_points(story, sale, wanted, seen)

    def _pay_by_points(
        self, story: Story, sale: _Sale, wanted: int, seen: Outcome
    ) -> Generator[HttpRequest, HttpReply, None]:
        payment = {"mode": self._mode, "amount": self._decimal(wanted)}
        answer = yield from self._ask("document", self._document(story, "payByBonus", payment=payment), seen)
        if answer is None:
            yield from self._take_points_back(story, sale, seen, wanted)
            return
        if answer["code"]:
            return
        for one in answer["document"]["positions"]:
            sale.by_points[one["index"] - 1] = self._minor(one["paidAmount"])

    def _take_points_back(
        self, story: Story, sale: _Sale, seen: Outcome, amount: int | None = None
    ) -> Generator[HttpRequest, HttpReply, None]:
        paid = sum(sale.by_points) if amount is None else amount
        payment = {"mode": self._mode, "amount": self._decimal(paid)}
        yield from self._ask(
            "document", self._document(story, "cancelBonusPayment", payment=payment, payments=[]), seen
        )

    # ── Documents ───────────────────────────────────────────────────────────────────────────────

    def _document(self, story: Story, action: str, **more: Any) -> dict[str, Any]:
        named = {"client": _client(story.customer)} if story.customer else {}
        return {
            "action": action,
            "type": "receipt",
            "dateTime": story.at.isoformat(timespec="milliseconds"),
            "organization": "7700000000",
            "businessUnit": self._context.shop,
            "workPlace": self._context.till,
            "cashier": {"code": 1, "name": "Кассир", "text": "Кассир"},
            "uid": f"{{{story.uid.upper()}}}",
            "number": story.number,
            "shift": 45,
            **named,
            **({"coupons": list(story.coupons)} if story.coupons else {}),
            "positions": self._positions(story),
            **more,
        }

    def _positions(self, story: Story) -> list[dict[str, Any]]:
        return [
            {
                "index": number,
                "id": line.code,
                "text": line.name,
                "price": decimal_of(line.price),
                "minimumPrice": decimal_of(line.minimum_price or line.price.with_minor(0)),
                "quantity": Decimal(str(line.quantity)).quantize(Decimal("0.001")),
                "totalAmount": decimal_of(line_total(line.price, line.quantity)),
            }
            for number, line in enumerate(story.lines, 1)
        ]

    def _closed(self, story: Story, sale: _Sale) -> dict[str, Any]:
        """The document with what was taken off beside its totals, and its payments."""
        points = sum(sale.by_points)
        money = sum(sale.gross) - sum(sale.off) - points
        document = self._document(story, "confirm", payments=self._payments(money, points))
        for position, off in zip(document["positions"], sale.off, strict=True):
            position["discardedAmount"] = self._decimal(off)
        return document

    def _return(self, story: Story, sale: _Sale, seen: Outcome) -> Generator[HttpRequest, HttpReply, None]:
        """A part comes back on the base of the sale: its share of the discount and of the points with it."""
        positions, money, points = [], 0, 0
        whole = self._positions(story)
        for number, (place, quantity) in enumerate(story.refund, 1):
            sold, at = story.lines[place - 1], place - 1
            gross = line_total(sold.price, quantity).minor
            off, by_points = (_part(amount, quantity, sold.quantity) for amount in (sale.off[at], sale.by_points[at]))
            positions.append({
                **whole[at],
                "index": number,
                "referenceIndex": place,
                "quantity": Decimal(str(quantity)).quantize(Decimal("0.001")),
                "totalAmount": self._decimal(gross),
                "discardedAmount": self._decimal(off),
            })  # fmt: skip
            money += gross - off - by_points
            points += by_points
        document = self._document(story, "confirm", payments=self._payments(money, points))
        document |= {
            "type": "refundReceipt",
            "uid": f"{{{story.uid.upper()}-R}}",
            "number": story.number + 1,
            "referenceUid": f"{{{story.uid.upper()}}}",
            "dateTime": (story.at + timedelta(seconds=1)).isoformat(timespec="milliseconds"),
            "positions": positions,
        }
        document.pop("coupons", None)
        yield from self._ask("document", document, seen)
        seen.refunded = self._money(money)

    def _payments(self, money: int, points: int) -> list[dict[str, Any]]:
        payments: list[dict[str, Any]] = []
        if points:
            payments.append({"type": "bonus", "mode": self._mode, "amount": self._decimal(points)})
        if money:
            payments.append({"type": "cash", "mode": "fiscal", "amount": self._decimal(money)})
        return payments

    # ── The wire ────────────────────────────────────────────────────────────────────────────────

    def _ask(self, what: str, body: dict[str, Any], seen: Outcome) -> Talk:
        """One question, repeated while its answer is lost; None when there never was one, or not now."""
        data = wire.encode(body)
        headers = {
            "authorization": wire.signature(self._context.key, data),
            "content-type": "application/json; charset=utf-8",
        }
        for _ in range(TRIES):
            try:
                reply = yield HttpRequest(method="POST", path=f"/{what}", headers=headers, body=data)
            except AnswerLost:
                continue
            if reply.status == 503:
                continue
            answer: dict[str, Any] = msgspec.json.decode(reply.body, type=dict[str, Any])
            if answer["code"]:
                seen.failures.append(str(answer.get("error", "")))
            seen.messages += [one["text"] for one in answer.get("cashierInformation", [])]
            seen.slip += [block.get("text", "") for slip in answer.get("printingInformation", []) for block in slip]
            return answer
        seen.failures.append(f"no answer to {body.get('action')}")
        return None

    def _money(self, minor: int) -> Money:
        return Money(minor, self._context.currency)

    def _minor(self, amount: float) -> int:
        return money_of(Decimal(str(amount)), self._context.currency).minor

    def _decimal(self, minor: int) -> Decimal:
        return decimal_of(self._money(minor))


def _client(customer: str) -> dict[str, str]:
    """A phone as the cashier types it, or a card as the scanner reads it."""
    digits = customer.lstrip("+")
    is_phone = customer.startswith("+") or (digits.isdigit() and len(digits) in {10, 11})
    return {"mobilePhone": customer} if is_phone else {"card": customer}


def _part(amount: int, quantity: Quantity, of: Quantity) -> int:
    """The share of a line's amount that comes back."""
    return divide_half_up(amount * quantity.steps, of.steps)
