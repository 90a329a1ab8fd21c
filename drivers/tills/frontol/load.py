"""Frontol's load file: card types, cards, clients and counters, so that a tier has its discount with the agent down.

Fields are those of the makers' guide for integrators: ADDCCARDTYPES §17.2.1.64, ADDCCARDDISCS §17.2.1.67,
ADDCOUNTERVALUES §17.2.1.81, ADDCLIENTCCARDS §17.2.1.84, ADDCLIENTDISCS §17.2.1.87. A tier is a card type; what a type
or a counter takes off is a marketing action that is made in Frontol once. Frontol 5 and older (generation "old") keep
the percent on the card: 7 is 0 for percent, 8 the percent, 9 is 1 for the whole receipt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from drivers.tills.loads import LoadCard, LoadPlan, Loads, LoadTier

__all__ = ["loads"]

NEW, OLD = "new", "old"
CARD_CHARS_MAX: Final = 40
_Row = Callable[[int, LoadCard], str]
NAME_CHARS_MAX: Final = 100
PIECE_LINES: Final = 500
_WAYS_IN: Final = "вручную,визуально,ридером магнитных карт,сканером штрихкода"


def write(plan: LoadPlan) -> Iterator[bytes]:
    """See `drivers.tills.loads.LoadWriter`."""
    tiers = {tier.name: tier for tier in plan.tiers}
    is_old = plan.generation == OLD
    yield _lines(["##@@&&", "#"])
    if not is_old:
        yield _lines(["$$$ADDCCARDTYPES", *(_type(tier) for tier in plan.tiers)])
    yield _lines((["$$$DELETEALLCCARDDISCS"] if plan.whole else []) + ["$$$ADDCCARDDISCS"])
    yield from _each(plan, lambda place, card: _card(plan, place, card, tiers[card.tier], is_old=is_old))
    if plan.clients:
        blocks = ["$$$DELETEALLCLIENTDISCS", "$$$ADDCLIENTDISCS"] if plan.whole else ["$$$ADDCLIENTDISCS"]
        yield _lines(blocks)
        yield from _each(plan, lambda place, card: _row([place, 0, card.name, "", 0, *[""] * 10, card.phone]))
        yield _lines(["$$$ADDCLIENTCCARDS"])
        yield from _each(plan, lambda place, card: _row([place, tiers[card.tier].code, place]))
    if plan.counter and not is_old and not plan.whole:
        # A card that is there already keeps its counters' values; only a movement changes them.
        yield _lines(["$$$ADDCOUNTERVALUES"])
        yield from _each(plan, lambda _, card: _row([plan.counter, tiers[card.tier].percent, "", "", 3, card.number]))


def _type(tier: LoadTier) -> str:
    return _row([tier.code, tier.title, tier.title, _WAYS_IN, 0, 0])


def _card(plan: LoadPlan, place: int, card: LoadCard, tier: LoadTier, *, is_old: bool) -> str:
    start = f"{plan.day:%d.%m.%Y}"
    if is_old:
        return _row([place, tier.code, card.number, start, "", 1, 0, tier.percent, 1, *[""] * 6])
    counter = [plan.counter, tier.percent] if plan.counter else ["", ""]
    return _row([place, tier.code, card.number, start, "", 1, "", "", "", *counter, *[""] * 8])


def _each(plan: LoadPlan, row: _Row) -> Iterator[bytes]:
    """A line for each card that fits, numbered alike in every block."""
    known = {tier.name for tier in plan.tiers}
    piece: list[str] = []
    place = 0
    for card in plan.cards():
        if card.tier not in known or not 0 < len(card.number) <= CARD_CHARS_MAX:
            continue
        place += 1
        piece.append(row(place, card))
        if len(piece) >= PIECE_LINES:
            yield _lines(piece)
            piece = []
    yield _lines(piece)


def _row(values: Sequence[object]) -> str:
    """Fields with their ends; a semicolon inside one is written ¤, decimals with a comma."""
    return "".join(f"{_clean(str(value))};" for value in values)


def _clean(text: str) -> str:
    whole, point, fraction = text.partition(".")
    if point and whole.isdecimal() and fraction.isdecimal():
        text = f"{whole},{fraction}"
    return "".join(letter for letter in text.replace(";", "¤") if letter.isprintable())[:NAME_CHARS_MAX]


def _lines(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode("cp1251", "replace")


#: The field `loads` of the row `drivers.tills.frontol.system`.
loads: Final = Loads(write=write, generations=(NEW, OLD))
