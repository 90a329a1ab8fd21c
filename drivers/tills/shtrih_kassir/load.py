"""The load file of Штрих-М: Кассир: discount schemes, their percents, cards; so that a tier needs no call.

Records by their first letter: ``!`` a scheme (given by card), ``@`` its automatic discount, ``%`` a card. A tier is a
scheme. Fields after a public exporter and a public wiki; decimals with a point.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from drivers.tills.loads import LoadCard, LoadPlan, Loads, LoadTier

__all__ = ["loads"]

DISCOUNTS_FROM: Final = 500  # an automatic discount is numbered apart from its scheme
LAST_DAY: Final = "31.12.2099"
NAME_CHARS_MAX: Final = 100
PIECE_LINES: Final = 500


def write(plan: LoadPlan) -> Iterator[bytes]:
    """See `drivers.tills.loads.LoadWriter`; what Кассир has besides stays, a card that is there is written over."""
    codes = {tier.name: tier.code for tier in plan.tiers}
    yield _lines(["##@@&&", "#", *(_scheme(tier) for tier in plan.tiers)])
    yield _lines([_discount(plan, tier) for tier in plan.tiers])
    piece: list[str] = []
    for card in plan.cards():
        if card.tier not in codes:
            continue
        piece.append(_card(card, codes[card.tier], clients=plan.clients))
        if len(piece) >= PIECE_LINES:
            yield _lines(piece)
            piece = []
    yield _lines(piece)


def _scheme(tier: LoadTier) -> str:
    # code; name; by card
    return "!" + _row([tier.code, tier.title, 1], end="")


def _discount(plan: LoadPlan, tier: LoadTier) -> str:
    # scheme; code; name; type 1 percent; kind 1; size; text; days; hours; weekdays; quantities; sums
    days = (f"{plan.day:%d.%m.%Y}", LAST_DAY, "00:00:00", "24:00:00")
    head = (tier.code, DISCOUNTS_FROM + tier.code, f"{tier.title} {tier.percent} %", 1, 1, tier.percent, tier.title)
    return "@" + _row([*head, *days, 0, 7, 0, 0, 0, 0], end="")


def _card(card: LoadCard, scheme: int, *, clients: bool) -> str:
    # card; owner; text; accumulated; scheme; blocked; no accumulation; ; as payment; …
    owner = card.name if clients else ""
    return "%" + _row([card.number, owner, "", 0, scheme, 0, 1, "", 0, "", "", "", 0, "", "", "", ""], end=";")


def _row(values: Sequence[object], *, end: str) -> str:
    return ";".join(_clean(str(value)) for value in values) + end


def _clean(text: str) -> str:
    return "".join(letter for letter in text.replace(";", ",") if letter.isprintable())[:NAME_CHARS_MAX]


def _lines(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode("cp1251", "replace")


#: The field `loads` of the row `drivers.tills.shtrih_kassir.system`.
loads: Final = Loads(write=write)
