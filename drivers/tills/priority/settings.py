"""What a shop may say about a till that speaks the Priority API."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from drivers.vocabulary.joining import Purpose, TextVersion

__all__ = ["ConsentAsked", "PrioritySettings"]


class ConsentAsked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing the cashier asks before somebody joins at the till.

    Attributes:
        purpose: what for, as the centre knows it.
        version: which text this is; the centre keeps the texts.
        text: the question, on the till's screen; "" is the room's own words.
        needed: nobody can join without it.
    """

    purpose: Purpose
    version: TextVersion
    text: Annotated[str, Meta(max_length=400)] = ""
    needed: bool = False


class PrioritySettings(Struct, frozen=True, kw_only=True):
    """The room's own table.

    Attributes:
        language: of what the till's screen shows the cashier.
        ask_name: "no" leaves the name out of the form for joining.
        consents: what is asked before somebody joins; empty is membership itself and messages.
        spend_needs_code: points of a customer who only told a phone are spent with a one-time code from the centre.
    """

    language: Literal["ru", "en"] = "ru"
    ask_name: Literal["yes", "no"] = "yes"
    consents: Annotated[tuple[ConsentAsked, ...], Meta(max_length=4)] = ()
    spend_needs_code: bool = False
