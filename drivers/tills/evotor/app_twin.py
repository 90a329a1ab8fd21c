"""Our app on an Эвотор terminal, as its contract says: what it asks the agent's local API for one sale and a return.

It answers the payment screen, so it asks before the payment; after a lost answer it asks again, and without any answer
the terminal sells at its own prices and its cloud tells of it later.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from drivers.tills.contract import AnswerLost, HttpReply, HttpRequest, Outcome, Story, StoryLine, TwinContext
from drivers.tills.evotor.wire import uid_of
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import codec
from drivers.vocabulary.money import Money, Quantity, line_total
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt, Tender, TenderKind

__all__ = ["EvotorAppTwin"]

TRIES: Final = 3
OK: Final = 200
Calls = Generator[HttpRequest, HttpReply, bytes | None]


class EvotorAppTwin:
    """Plays a story over ``/v1/…``; the key is the local API's token."""

    def __init__(self, settings: object, context: TwinContext) -> None:
        del settings
        self._context = context

    def play(self, story: Story) -> Generator[HttpRequest, HttpReply, Outcome]:
        """Identify, quote, confirm, and perhaps refund."""
        nothing = Money(0, self._context.currency)
        seen = Outcome(discount=nothing, points_paid=nothing, paid=nothing)
        uid = uid_of(str(uuid5(NAMESPACE_URL, story.uid)))
        basket = self._receipt(uid, story, _lines([(line, line.quantity) for line in story.lines]))
        customer = (yield from self._identify(story, uid, seen)) if story.customer else None
        quote = yield from self._quote(basket, customer, story, seen)
        if story.abandon:
            yield from self._ask("cancel", contract.CancelRequest(receipt_uid=uid), seen)
            return seen
        sold = basket
        if quote is not None:
            points = sum(quote.decision.points_discounts().values())
            off = sum(line.discount.minor for line in quote.lines)
            seen.discount, seen.points_paid = nothing.with_minor(off - points), nothing.with_minor(points)
            sold = self._receipt(uid, story, _lowered(basket.lines, quote))
        seen.paid = sold.total
        yield from self._confirm(sold, quote, customer, seen)
        if story.refund:
            yield from self._take_back(story, sold, seen)
        return seen

    def _identify(self, story: Story, uid: str, seen: Outcome) -> Generator[HttpRequest, HttpReply, str | None]:
        body = yield from self._ask("identify", contract.IdentifyRequest(code=story.customer, receipt_uid=uid), seen)
        found = codec.decode(body, contract.IdentifyAnswer) if body is not None else None
        if found is None or found.customer is None:
            return None
        seen.balance = found.balances[0].available if found.balances else None
        return found.customer.id

    def _quote(
        self, basket: Receipt, customer: str | None, story: Story, seen: Outcome
    ) -> Generator[HttpRequest, HttpReply, contract.QuoteAnswer | None]:
        asked = contract.QuoteRequest(
            receipt=basket, customer_id=customer, points=max(0, story.spend), points_max=story.spend < 0
        )
        body = yield from self._ask("quote", asked, seen)
        return codec.decode(body, contract.QuoteAnswer) if body is not None else None

    def _confirm(
        self, sold: Receipt, quote: contract.QuoteAnswer | None, customer: str | None, seen: Outcome
    ) -> Generator[HttpRequest, HttpReply, None]:
        mark = quote.decision_mark if quote is not None else None
        asked = contract.ConfirmRequest(receipt=sold, customer_id=customer, decision_mark=mark)
        body = yield from self._ask("confirm", asked, seen)
        if body is not None:
            done = codec.decode(body, contract.ConfirmAnswer)
            seen.slip += done.slip
            seen.balance = done.balances[0].available if done.balances else seen.balance

    def _take_back(self, story: Story, sold: Receipt, seen: Outcome) -> Generator[HttpRequest, HttpReply, None]:
        """A part of each line comes back at what was paid for it."""
        back = []
        for number, (place, quantity) in enumerate(story.refund, 1):
            line = sold.lines[place - 1]
            total = line.total.with_minor(line.total.minor * quantity.steps // line.quantity.steps)
            off = line_total(line.price, quantity).minor - total.minor
            discount = total.with_minor(off) if off else None
            told = Line(
                number=number, name=line.name, quantity=quantity, price=line.price, total=total, discount=discount
            )
            back.append(told)
        name = uid_of(str(uuid5(NAMESPACE_URL, f"{story.uid}-back")))
        receipt = self._receipt(name, story, tuple(back), kind=DocumentKind.RETURN, base=sold.uid)
        seen.refunded = receipt.total
        body = yield from self._ask("refund", contract.RefundRequest(receipt=receipt), seen)
        if body is not None:
            seen.slip += codec.decode(body, contract.RefundAnswer).slip

    def _receipt(
        self,
        uid: str,
        story: Story,
        lines: Sequence[Line],
        *,
        kind: DocumentKind = DocumentKind.SALE,
        base: str | None = None,
    ) -> Receipt:
        total = Money(sum(line.total.minor for line in lines), self._context.currency)
        return Receipt(
            uid=uid,
            kind=kind,
            total=total,
            lines=tuple(lines),
            tenders=(Tender(kind=TenderKind.CARD, amount=total),) if total else (),
            closed_at=story.at,
            till=self._context.till,
            number=str(story.number + (kind is DocumentKind.RETURN)),
            shift=1,
            base_uid=base,
            coupons=tuple(story.coupons),
        )

    def _ask(self, call: str, body: Any, seen: Outcome) -> Calls:
        """One call, asked again while no answer comes; None when there is none, or a refusal."""
        request = HttpRequest(
            method="POST",
            path=f"/v1/{call}",
            headers={"authorization": f"Bearer {self._context.key}", "content-type": "application/json"},
            body=codec.encode(body),
        )
        for _ in range(TRIES):
            try:
                reply = yield request
            except AnswerLost:
                continue
            if reply.status == OK:
                return reply.body
            seen.failures.append(reply.body.decode("utf-8", "replace")[:300])
            return None
        seen.failures.append("no answer")
        return None


def _lines(sold: Sequence[tuple[StoryLine, Quantity]]) -> tuple[Line, ...]:
    return tuple(
        Line(
            number=number,
            name=line.name,
            product_id=line.code,
            barcode=line.barcode,
            quantity=quantity,
            price=line.price,
            total=line_total(line.price, quantity),
            price_floor=line.minimum_price,
        )
        for number, (line, quantity) in enumerate(sold, 1)
    )


def _lowered(lines: Sequence[Line], quote: contract.QuoteAnswer) -> tuple[Line, ...]:
    """The lines at what was quoted."""
    return tuple(
        Line(
            number=line.number,
            name=line.name,
            product_id=line.product_id,
            barcode=line.barcode,
            quantity=line.quantity,
            price=line.price,
            total=told.total,
            discount=told.discount or None,
            price_floor=line.price_floor,
        )
        for line, told in zip(lines, quote.lines, strict=True)
    )
