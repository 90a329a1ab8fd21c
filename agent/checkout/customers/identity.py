"""Whom a code names that comes with a request, typed or read by the POS; changes nothing."""

from __future__ import annotations

from agent.checkout.customers import app_codes
from agent.checkout.state import DeskState

__all__ = ["customer_by_code"]


def customer_by_code(desk: DeskState, code: str) -> str | None:
    """The customer, or None for a code that names nobody here."""
    recognised = app_codes.checked(desk, desk.recogniser.recognise(code, presented=False), presented=False)
    return desk.knowledge.find(recognised.identifier) if recognised.identifier is not None else None
