"""The cards catalogue of Set Retail 10, in both generations of its schema; so that a tier has its discount off line.

Newer servers read types and cards side by side; those before nest the card in its type and the type in its client, and
call the number ``numberField`` and the percent ``discountpercent``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import quoteattr

from drivers.tills.loads import LoadCard, LoadPlan, Loads, LoadTier

__all__ = ["loads"]

NEW, OLD = "new", "old"
PIECE_CARDS: Final = 500
CARD_CHARS_MAX: Final = 40
ACTIVE: Final = 0  # as public exporters write it


def write(plan: LoadPlan) -> Iterator[bytes]:
    """See `drivers.tills.loads.LoadWriter`: cards are added and written over, none is taken away."""
    tiers = {tier.name: tier for tier in plan.tiers}
    is_old = plan.generation == OLD
    yield b'<?xml version="1.0" encoding="UTF-8"?>\n<cards-catalog>\n'
    if not is_old:
        yield "".join(f"  {_type(tier, end='/')}\n" for tier in plan.tiers).encode()
    piece: list[str] = []
    for place, card in enumerate(plan.cards(), 1):
        tier = tiers.get(card.tier)
        if tier is None or not 0 < len(card.number) <= CARD_CHARS_MAX:
            continue
        piece.append(_nested(place, card, tier, plan) if is_old else _card(place, card, tier, plan))
        if len(piece) >= PIECE_CARDS:
            yield "".join(piece).encode()
            piece = []
    yield "".join(piece).encode()
    yield b"</cards-catalog>\n"


def _type(tier: LoadTier, *, end: str) -> str:
    percent = {} if not end else {"percentage-discount": str(tier.percent)}
    return _tag(
        "internal-card-type", {"deleted": "false", "guid": str(tier.code), "name": tier.title, **percent}, end=end
    )


def _card(place: int, card: LoadCard, tier: LoadTier, plan: LoadPlan) -> str:
    told = {
        "amount": "0",
        "deleted": "false",
        "card-type-guid": str(tier.code),
        "percentage-discount": str(tier.percent),
        "number": card.number,
        "status": str(ACTIVE),
    }
    if not plan.clients:
        return f"  {_tag('internal-card', told, end='/')}\n"
    client = {"deleted": "false", "guid": str(place), "last-name": card.name, "mobile-phone": card.phone}
    return f"  {_tag('internal-card', told)}\n    {_tag('client', client, end='/')}\n  </internal-card>\n"


def _nested(place: int, card: LoadCard, tier: LoadTier, plan: LoadPlan) -> str:
    person = {"lastName": card.name, "mobile-phone": card.phone} if plan.clients else {}
    told = {
        "amount": "0",
        "deleted": "false",
        "discountpercent": str(tier.percent),
        "numberField": card.number,
        "status": str(ACTIVE),
    }
    client = _tag("client", {"deleted": "false", "guid": str(place), **person})
    inside = f"{_type(tier, end='')}{_tag('internal-card', told, end='/')}</internal-card-type>"
    return f"  {client}{inside}</client>\n"


def _tag(name: str, attributes: dict[str, str], *, end: str = "") -> str:
    said = " ".join(f"{key}={quoteattr(_clean(value))}" for key, value in attributes.items() if value)
    return f"<{name} {said}{end}>"


def _clean(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())


#: The field `loads` of the row `drivers.tills.set_retail.system`.
loads: Final = Loads(write=write, generations=(NEW, OLD))
