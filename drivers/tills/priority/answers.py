"""What an answer of the Priority API is made of: shares of points, blocks of text, the whole reply; pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from drivers.tills.amounts import spread
from drivers.tills.contract import HttpReply
from drivers.tills.priority import wire
from drivers.tills.priority.wire import Client
from drivers.vocabulary.checkout import QuoteAnswer
from drivers.vocabulary.decision import LineDiscount
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import Receipt

__all__ = [
    "Answer",
    "blocks",
    "by_points",
    "code_of",
    "echo",
    "is_late",
    "reply_of",
    "shares_of",
    "slip_answer",
    "spent_on",
]

#: A confirm that comes later than this waited in a queue; the customer has gone and somebody else may be at the till.
LATE_AFTER: Final = timedelta(minutes=5)
POINTS: Final = "points"  # the rule of a line discount that points paid for

Answer = dict[str, Any]


def code_of(client: Client | None) -> tuple[str, bool]:
    """(what names the client, whether it was read from a card)."""
    if client is None:
        return "", False
    card = str(client.card or "").strip()
    return (card[:200], True) if card else ((client.mobile_phone or "").strip()[:200], False)


def echo(client: Client | None) -> dict[str, str]:
    """The phone the cashier typed: the till has no other one."""
    return {"mobilePhone": client.mobile_phone} if client is not None and client.mobile_phone else {}


def is_late(receipt: Receipt, now: datetime) -> bool:
    """Whether a closed receipt waited in a queue."""
    return receipt.closed_at is not None and now - receipt.closed_at > LATE_AFTER


def spent_on(quote: QuoteAnswer, basket: Receipt) -> Money:
    """What the points of a quote pay."""
    return basket.total.with_minor(sum(one.worth.minor for one in quote.decision.spent))


def by_points(quote: QuoteAnswer, line: int) -> Money:
    """What points took off a line, where they are a discount."""
    off = [
        effect.amount.minor
        for effect in quote.decision.effects
        if isinstance(effect, LineDiscount) and effect.rule == POINTS and effect.line == line
    ]
    return quote.payable.with_minor(sum(off))


def shares_of(quote: QuoteAnswer, worth: Money, basket: Receipt) -> list[int]:
    """What of the points pays each line: as decided where they are a discount, else in proportion to what is left."""
    decided = [by_points(quote, line.number).minor for line in basket.lines]
    if sum(decided) == worth.minor:
        return decided
    return spread(worth.minor, [line.total.minor for line in quote.lines])


def blocks(lines: list[str]) -> list[dict[str, str]]:
    """What the cashier reads, a block a line."""
    return [{"text": line} for line in lines]


def slip_answer(lines: tuple[str, ...], told: list[str]) -> Answer:
    """The slip for the customer, and what the cashier is told."""
    answer: Answer = {"printingInformation": [wire.text_block(lines)]} if lines else {}
    if told:
        answer["cashierInformation"] = blocks(told)
    return answer


def reply_of(
    answer: Answer, *, status: int = 200, headers: Mapping[str, str] | None = None, trouble: str = ""
) -> HttpReply:
    """The whole reply."""
    return HttpReply(status=status, body=wire.encode(answer), headers=headers or {}, trouble=trouble)
