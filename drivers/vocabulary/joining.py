"""How a person becomes a customer at the till: the contact that is sealed at once, and what was agreed to."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

from msgspec import Meta, Struct

from drivers.vocabulary.customer import Identifier, IdentifierKind
from drivers.vocabulary.receipt import AwareTime

__all__ = [
    "CONSENTS_MAX",
    "CardContact",
    "Consent",
    "ConsentChannel",
    "ConsentGiven",
    "Contact",
    "Purpose",
    "TextVersion",
    "card_context",
    "contact_context",
    "mask_name",
    "mask_phone",
]

CONSENTS_MAX = 10  # a form that asks for more is not read by anybody

Purpose = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
TextVersion = Annotated[str, Meta(min_length=1, max_length=80)]


class ConsentChannel(Enum):
    """How a person said it: on the customer's own display, to the cashier, on paper, by a code sent to the phone."""

    DISPLAY = "display"
    CASHIER = "cashier"
    PAPER = "paper"
    CODE = "code"


class ConsentGiven(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One thing a person agreed to, or did not.

    Attributes:
        purpose: what for: "loyalty", "messages" …; the shop's own words.
        text_version: which text was shown; the centre keeps the texts.
        given: False is a "no" that was asked for and written down.
    """

    purpose: Purpose
    text_version: TextVersion
    channel: ConsentChannel
    given: bool = True


class Consent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A consent as the centre keeps it: also when and where, so that it can be shown years later."""

    purpose: Purpose
    text_version: TextVersion
    channel: ConsentChannel
    at: AwareTime
    till: Annotated[str, Meta(max_length=80)]
    cashier: Annotated[str, Meta(max_length=80)] = ""
    given: bool = True


class Contact(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who it is; exists in memory and inside a sealed box, never else on a till.

    Attributes:
        phone: E.164.
        name: as the person wishes to be called, or "".
    """

    phone: Annotated[str, Meta(pattern=r"^\+[1-9]\d{6,14}$")]
    name: Annotated[str, Meta(max_length=200)] = ""

    def __repr__(self) -> str:
        return "Contact(…)"


class CardContact(Struct, frozen=True, kw_only=True):
    """The number of a card that takes the place of a lost one; exists in memory and inside a sealed box."""

    card: Annotated[str, Meta(min_length=1, max_length=64)]

    def __repr__(self) -> str:
        return "CardContact(…)"


def card_context(*, till: str, customer_id: str, alias: str) -> bytes:
    """Where a sealed card belongs, as `contact_context`."""
    return f"card\n{till}\n{customer_id}\n{alias}".encode()


def contact_context(*, till: str, customer_id: str, alias: str) -> bytes:
    """Where a sealed contact belongs: nobody can move one box into another envelope."""
    return f"contact\n{till}\n{customer_id}\n{alias}".encode()


def mask_name(name: str) -> str:
    """What a cashier may read: the first name and the first letter of the rest ("Anna P.")."""
    words = name.split()
    if not words:
        return ""
    return " ".join([words[0][:60], *(f"{word[0]}." for word in words[1:2])])


def mask_phone(phone: str) -> str:
    """What a cashier may read of a phone."""
    return Identifier(kind=IdentifierKind.PHONE, value=phone).mask if phone else ""
