"""Kinds of loyalty cards as rows of the settings, and the rows a shop has that has set nothing; values only."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Final

from msgspec import Meta, Struct

from drivers.vocabulary.customer import IdentifierKind

__all__ = ["DEFAULT_PATTERNS", "CardPattern", "CheckRule"]


class CheckRule(Enum):
    """Which check digit the taken number must have."""

    NONE = "none"
    EAN13 = "ean13"
    EAN8 = "ean8"
    UPCA = "upca"
    LUHN = "luhn"


class CardPattern(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One kind of card of this shop.

    Attributes:
        name: for messages and the journal.
        pattern: a regular expression that must match the whole code.
        check: which check digit the taken number must have. A public EAN or UPC is only taken by a pattern that says
            so here; without, it is a product.
        take: which group is the number: its name or its number; 0 is the whole code.
        kind: "card", or "phone" when the group holds a phone number.
        partner: whose cards these are when they are not our own, as the programme names the partner; "" is ours.
        programme: title of the programme whose cards these are, where a shop's settings serve several; "" is whichever
            is in force.
    """

    name: Annotated[str, Meta(min_length=1, max_length=40)]
    pattern: Annotated[str, Meta(min_length=1, max_length=200)]
    check: CheckRule = CheckRule.NONE
    take: str | int = 0
    kind: IdentifierKind = IdentifierKind.CARD
    partner: Annotated[str, Meta(max_length=38)] = ""
    programme: Annotated[str, Meta(max_length=100)] = ""


#: What a shop has that has set nothing: in-store EAN-13 (GS1 ranges 20 and 29), a magnetic card, our app's QR.
DEFAULT_PATTERNS: Final[tuple[CardPattern, ...]] = (
    CardPattern(name="in-store card", pattern="2[09][0-9]{11}", check=CheckRule.EAN13),
    CardPattern(name="app", pattern="TP1:(?P<number>[0-9A-Za-z-]{4,40})", take="number"),
    CardPattern(
        name="app, by phone", pattern=r"TP1:(?P<number>\+[0-9]{8,15})", take="number", kind=IdentifierKind.PHONE
    ),
    # ISO/IEC 7813 track 2; the part after "=" belongs to bank cards, and some loyalty cards copy it.
    CardPattern(name="magnetic card", pattern=r";(?P<number>[0-9]{5,19})(=[0-9]{0,20})?\?.?", take="number"),
    # Tracks 1 and 3 of a card that has its number nowhere else.
    CardPattern(name="magnetic card, track 1", pattern=r"%B?(?P<number>[0-9]{5,19})(\^[^?]{0,60})?\?", take="number"),
    CardPattern(name="magnetic card, track 3", pattern=r"\+(?P<number>[0-9]{5,19})(=[0-9]{0,90})?\?", take="number"),
)
