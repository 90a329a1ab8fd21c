"""Whose points are spent, shown by a one-time code, where the shop wants it of customers who only told a phone.

The POS's own field is used: `client.validationCode` of payByBonus. Without it the code is sent and the payment refused
in words; the cashier asks for it and pays again.
"""

from __future__ import annotations

from drivers.tills.priority.words import say
from drivers.vocabulary.checkout import Checkout
from drivers.vocabulary.spend_codes import ProvesSpending

__all__ = ["unproven"]


def unproven(checkout: Checkout, uid: str, customer_id: str, code: str, *, language: str, timeout_s: float) -> str:
    """Why points may not be spent yet, in words for the cashier; "" when they may."""
    if not isinstance(checkout, ProvesSpending):
        return say(language, "code_none")
    if not code:
        told = checkout.send_code(uid, customer_id, timeout_s=timeout_s)
        if told is None:
            return say(language, "code_sending")
        return say(language, "code_none") if told.reason else say(language, "code_sent", mask=told.mask)
    verdict = checkout.check_code(uid, customer_id, code, timeout_s=timeout_s)
    if verdict.is_right:
        return ""
    if verdict.reason == "wrong":
        return say(language, "code_wrong", left=str(verdict.tries_left))
    return say(language, "code_none" if verdict.reason == "no_line" else "code_over")
