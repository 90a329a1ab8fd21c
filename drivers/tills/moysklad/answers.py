"""One request of МойСклад on its way, and the forms of the answers to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from drivers.tills.contract import HttpReply, HttpRequest
from drivers.tills.moysklad import wire
from drivers.vocabulary import checkout as contract

__all__ = ["AWAY", "KEY", "NO_ROUTE", "REFUSED", "UNREADABLE", "Turn", "error", "reply"]

#: Codes of our own errors: the protocol leaves numbers but 28001 to the programme.
UNREADABLE, KEY, NO_ROUTE, REFUSED, AWAY = 1001, 1002, 1003, 1004, 1005


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One request on its way."""

    request: HttpRequest
    checkout: contract.Checkout
    now: datetime
    timeout_s: float

    @property
    def told(self) -> Any:
        """The body, its numbers exact."""
        return wire.loads(self.request.body)


def reply(value: Any, status: int = 200) -> HttpReply:
    """An answer with a body."""
    return HttpReply(status=status, body=wire.encode(value))


def error(status: int, code: int, title: str, message: str, *, parameter: str = "", trouble: str = "") -> HttpReply:
    """A refusal in the protocol's own form."""
    return HttpReply(status=status, body=wire.errors(title, message, code=code, parameter=parameter), trouble=trouble)
