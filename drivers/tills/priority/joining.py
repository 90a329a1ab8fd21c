"""The form by which somebody joins at the POS: what is asked, what was typed, and what it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from drivers.tills.priority.settings import ConsentAsked, PrioritySettings
from drivers.tills.priority.wire import Client, Value
from drivers.tills.priority.words import say
from drivers.vocabulary.checkout import EnrolCustomerRequest
from drivers.vocabulary.joining import ConsentChannel, ConsentGiven

__all__ = ["FormRefused", "form", "read_form"]

PHONE: Final = "phone"
NAME: Final = "name"
_CONSENT: Final = "consent_"
_YES: Final = "yes"
_NO: Final = "no"
#: Any country's number as people type it; whether there is such a number is the agent's to say.
_PHONE_PATTERN: Final = r"^[+]?[0-9() -]{10,20}$"
_SHIPPED: Final = (
    ConsentAsked(purpose="loyalty", version="tillpoint-1", needed=True),
    ConsentAsked(purpose="messages", version="tillpoint-1"),
)


class FormRefused(Exception):  # noqa: N818 - what the cashier is told
    """The form cannot be taken as it was filled in; the message is for the cashier."""


def form(settings: PrioritySettings, client: Client | None) -> dict[str, Any]:
    """What the POS shows; a phone that the cashier has typed already is not asked for again."""
    say_it = settings.language
    elements: list[dict[str, Any]] = []
    if client is None or not client.mobile_phone:
        elements.append({"type": "inputLine", "name": PHONE, "text": say(say_it, "phone"), "regExp": _PHONE_PATTERN})
    if settings.ask_name == _YES:
        elements.append({"type": "inputLine", "name": NAME, "text": say(say_it, "name"), "default": ""})
    choice = [{"value": _YES, "text": say(say_it, "yes")}, {"value": _NO, "text": say(say_it, "no")}]
    for one in _asked(settings):
        elements.append({"type": "label", "text": _question(settings, one), "alignment": "left", "size": "small"})
        elements.append({
            "type": "comboBox",
            "name": _CONSENT + one.purpose,
            "text": _question(settings, one)[:40],
            "items": choice if one.needed else [*reversed(choice)],
        })  # fmt: skip
    return {"title": {"text": say(say_it, "form")}, "elements": elements}


def read_form(
    settings: PrioritySettings, client: Client | None, values: Sequence[Value] | None, *, cashier: str
) -> EnrolCustomerRequest:
    """What was typed, as a request to the checkout; raises FormRefused with what is missing."""
    typed: Mapping[str, str] = {one.name: str(one.value or "").strip() for one in values or ()}
    phone = ((client.mobile_phone if client is not None else "") or typed.get(PHONE, "")).strip()
    if not 5 <= len(phone) <= 32:
        raise FormRefused(say(settings.language, "bad_phone", mask=phone[-2:]))
    consents = []
    for one in _asked(settings):
        given = typed.get(_CONSENT + one.purpose, _NO).lower() in {_YES, say(settings.language, "yes").lower()}
        if one.needed and not given:
            raise FormRefused(say(settings.language, "consent_needed", text=_question(settings, one)))
        consents.append(
            ConsentGiven(purpose=one.purpose, text_version=one.version, channel=ConsentChannel.CASHIER, given=given)
        )
    name = typed.get(NAME, "")[:200]
    return EnrolCustomerRequest(phone=phone, name=name, consents=tuple(consents), cashier=cashier[:80])


def _asked(settings: PrioritySettings) -> Sequence[ConsentAsked]:
    return settings.consents or _SHIPPED


def _question(settings: PrioritySettings, one: ConsentAsked) -> str:
    if one.text:
        return one.text
    known = f"consent_{one.purpose}"
    return say(settings.language, known) if one.purpose in {"loyalty", "messages"} else one.purpose
