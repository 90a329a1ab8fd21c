"""Codes of ours that name nobody: an app's code that is over, a closed receipt, a card of another programme.

Each is told in a sentence; whoever is at the till stays.
"""

from __future__ import annotations

from typing import Final

from agent.checkout import attaching
from agent.checkout.codes.recogniser import CodeKind, Recognised
from agent.checkout.state import DeskState
from agent.slips.text import words
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.errors import CheckoutRefused

__all__ = ["is_foreign", "not_taking_part", "told"]

#: Why a receipt earns nothing more → what the cashier reads.
_REASONS: Final = {
    "no_customer": "receipt_who_first",
    "unknown_receipt": "receipt_unknown",
    "not_a_sale": "receipt_not_a_sale",
    "already_attached": "receipt_taken",
    "already_returned": "receipt_returned",
    "too_late": "receipt_too_late",
}


def told(desk: DeskState, request: contract.IdentifyRequest, recognised: Recognised) -> contract.IdentifyAnswer | None:
    """The answer to a code of ours that names nobody; None for a product and whatever else is not ours."""
    if recognised.kind is CodeKind.RECEIPT:
        desk.notice = _of_receipt(desk, request)
        return contract.IdentifyAnswer(state=contract.IdentifyState.RECEIPT)
    if recognised.kind not in (CodeKind.EXPIRED, CodeKind.REPEATED):
        return None
    say = words(desk.rules.slip.language)
    desk.notice = say["code_used" if recognised.kind is CodeKind.REPEATED else "code_expired"]
    return contract.IdentifyAnswer(state=contract.IdentifyState.EXPIRED)


def is_foreign(desk: DeskState, recognised: Recognised) -> bool:
    """Whether a card belongs to another programme than the one in force."""
    wanted = recognised.programme
    return bool(wanted) and desk.programme is not None and desk.programme.title != wanted


def not_taking_part(desk: DeskState, mask: str) -> contract.IdentifyAnswer:
    """A card that does not count here."""
    desk.notice = words(desk.rules.slip.language)["card_not_taking_part"]
    return contract.IdentifyAnswer(state=contract.IdentifyState.NOT_TAKING_PART, mask=mask)


def _of_receipt(desk: DeskState, request: contract.IdentifyRequest) -> str:
    """Give the receipt to the customer at the till; what became of it, in words."""
    say = words(desk.rules.slip.language)
    if request.receipt_uid is not None:
        # A POS that asks about the receipt in hand is not asking for another one to be given away.
        return say["receipt_who_first"]
    try:
        answer = attaching.attach_receipt(desk, contract.AttachRequest(receipt=request.code.strip()))
    except CheckoutRefused as refused:
        return say[_REASONS.get(refused.code, "receipt_unknown")]
    points = ", ".join(str(amount) for amount in answer.earned.values()) or "0"
    return say["receipt_attached"].format(points=points)
