"""A one-time code that shows whose points are spent: a till asks, the centre sends it to the phone and checks it.

The phone stays at the centre; the till learns a mask and what became of it. Durations, not moments, travel: the two
clocks need not agree.
"""

from __future__ import annotations

from typing import Annotated, Protocol, runtime_checkable

from msgspec import Meta, Struct

__all__ = ["CodeSent", "CodeTried", "CodeVerdict", "CodeWanted", "ProvesSpending"]

#: Names one code, made by the till: asking again under the same name sends nothing twice.
CodeId = Annotated[str, Meta(pattern=r"^[0-9a-zA-Z-]{8,40}$")]
CustomerId = Annotated[str, Meta(min_length=1, max_length=64)]


class CodeWanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /v1/tills/{till}/codes``: send this customer a code."""

    id: CodeId
    customer_id: CustomerId
    language: Annotated[str, Meta(pattern=r"^[a-z]{2,3}$")] = "en"


class CodeSent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A code is on its way, or why there is none.

    Attributes:
        digits: how many the code has.
        mask: of the phone it went to.
        expires_s: for so many seconds it is good.
        again_s: after so many seconds another one may be asked for.
        reason: "" when it was sent; "no_sender", "no_phone", "no_mobile", "blocked", "unknown_customer", "too_often",
            "not_sent".
    """

    digits: Annotated[int, Meta(ge=4, le=6)] = 4
    mask: Annotated[str, Meta(max_length=24)] = ""
    expires_s: Annotated[int, Meta(ge=0, le=3600)] = 0
    again_s: Annotated[int, Meta(ge=0, le=86_400)] = 0
    reason: Annotated[str, Meta(max_length=40)] = ""


class CodeTried(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /v1/tills/{till}/codes/check``: what the customer read out; repeating a right one is right again."""

    id: CodeId
    customer_id: CustomerId
    code: Annotated[str, Meta(pattern=r"^[0-9]{4,6}$")]

    def __repr__(self) -> str:
        return f"CodeTried(id={self.id!r})"


class CodeVerdict(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether it is the code.

    Attributes:
        reason: "" when it is right; "wrong", "expired", "no_tries", "unknown".
    """

    is_right: bool = False
    tries_left: Annotated[int, Meta(ge=0, le=100)] = 0
    reason: Annotated[str, Meta(max_length=40)] = ""


@runtime_checkable
class ProvesSpending(Protocol):
    """A checkout that can have a one-time code sent for a receipt, and asks whether what was read out is it."""

    def send_code(self, receipt_uid: str, customer_id: str, *, timeout_s: float) -> CodeSent | None:
        """Have a code sent, once for a receipt until it is over; None while it is on its way to the sender.

        The reason of an answer may also be "no_line": it cannot be asked for now.
        """
        ...

    def check_code(self, receipt_uid: str, customer_id: str, code: str, *, timeout_s: float) -> CodeVerdict:
        """Whether it is the code of this receipt; a right one is right again. The reason may also be "no_line"."""
        ...
