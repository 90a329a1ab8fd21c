"""AIF, Artix's load file: cards and card groups, so that a tier has its discount with the agent down; pure.

A file is ``### data begin ###``, JSON commands with ``---`` between them, ``### data end ###`` (UTF-8). The same
commands as one JSON array go to ``POST /aifexchange/loaddicts`` of the cash server. The frame, `addInventItem` and the
address are in public exchange programmes; the names inside card commands are those of the maker's vocabulary and were
tried against no Artix yet.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from drivers.tills.loads import LoadCard, LoadPlan, LoadTier

__all__ = ["Command", "commands", "write"]

Command = dict[str, Any]

BEGIN: Final = "### data begin ###"
BETWEEN: Final = "---"
END: Final = "### data end ###"
CARD_CHARS_MAX: Final = 40
NAME_CHARS_MAX: Final = 100
PIECE_COMMANDS: Final = 500


def commands(plan: LoadPlan) -> Iterator[Command]:
    """What is loaded, in the order in which Artix needs it: groups before cards; a card of no tier is left out."""
    tiers = {tier.name: tier for tier in plan.tiers}
    if plan.whole:
        yield {"command": "clearCard"}
        yield {"command": "clearCardGroup"}
        if plan.clients:
            yield {"command": "clearClient"}
    for tier in plan.tiers:
        yield _group(tier)
    for card in plan.cards():
        if card.tier not in tiers or not 0 < len(card.number) <= CARD_CHARS_MAX:
            continue
        if plan.clients:
            client = {"idclient": card.number, "name": card.name[:NAME_CHARS_MAX], "phonenumber": card.phone}
            yield {"command": "addClient", "client": client}
        yield _card(plan, card, tiers[card.tier])


def _group(tier: LoadTier) -> Command:
    """A tier: the discount itself is a campaign on this group, made in Artix once."""
    return {
        "command": "addCardGroup",
        "cardGroup": {
            "idcardgroup": tier.code,
            "name": tier.title[:NAME_CHARS_MAX],
            "text": f"{tier.title} {tier.percent} %"[:NAME_CHARS_MAX],
        },
    }


def _card(plan: LoadPlan, card: LoadCard, tier: LoadTier) -> Command:
    described: dict[str, Any] = {
        "idcard": card.number,
        "number": card.number,
        "idcardgroup": tier.code,
        "validitydatebeg": plan.day.isoformat(),
    }
    if plan.clients:
        described["idclient"] = card.number
    return {"command": "addCard", "card": described}


def write(plan: LoadPlan) -> Iterator[bytes]:
    """See `drivers.tills.loads.LoadWriter`."""
    yield f"{BEGIN}\n".encode()
    piece: list[str] = []
    for place, one in enumerate(commands(plan)):
        piece.append((f"{BETWEEN}\n" if place else "") + json.dumps(one, ensure_ascii=False) + "\n")
        if len(piece) >= PIECE_COMMANDS:
            yield "".join(piece).encode()
            piece = []
    yield "".join([*piece, f"{END}\n"]).encode()
