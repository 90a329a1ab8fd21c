"""What a cashier may do at the panel besides showing a code: one small message for each key."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

__all__ = [
    "Act",
    "AnswerLimit",
    "AskCode",
    "AskSpending",
    "Back",
    "DropSale",
    "DropWish",
    "EnterSum",
    "Join",
    "KeepCustomer",
    "LostCard",
    "OpenCase",
    "Pay",
    "Pick",
    "Refused",
    "ReplaceCustomer",
    "SamePerson",
    "Spend",
    "StartJoining",
    "Tick",
    "Train",
    "TryCode",
    "Withdraw",
]

#: A personal identification number as it is typed; longer ones are no PINs but mistakes.
Pin = Annotated[str, Meta(pattern=r"^([0-9]{4,12})?$")]


class _Act(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="do"):
    """One thing the cashier did; the desk decides what becomes of it."""


class AskSpending(_Act, frozen=True, kw_only=True, tag="redeem"):
    """How many points? The screen on which that is said."""


class Spend(_Act, frozen=True, kw_only=True, omit_defaults=True, tag="spend"):
    """The customer spends so many points, or as many as may be; repeating it changes nothing.

    Attributes:
        points: how many; None is the most the receipt may take.
        pin: a supervisor's, where neither card nor app code was shown. The doors check it, and it goes no further.
        supervisor: what the doors found: a supervisor answers for it. The page may not say so.
    """

    points: Annotated[int, Meta(ge=1, le=999_999_999)] | None = None
    pin: Pin = ""
    supervisor: bool = False

    def __repr__(self) -> str:
        return f"Spend(points={self.points}, supervisor={self.supervisor})"


class AskCode(_Act, frozen=True, kw_only=True, tag="ask_code"):
    """Send the customer a one-time code."""


class TryCode(_Act, frozen=True, kw_only=True, omit_defaults=True, tag="try_code"):
    """The customer read the code out; when it is right, so many points are spent.

    Attributes:
        points: as in `Spend`.
    """

    code: Annotated[str, Meta(pattern=r"^[0-9]{4,6}$")]
    points: Annotated[int, Meta(ge=1, le=999_999_999)] | None = None

    def __repr__(self) -> str:
        return f"TryCode(points={self.points})"


class AnswerLimit(_Act, frozen=True, kw_only=True, omit_defaults=True, tag="limit"):
    """Why a customer is here so often, or that a supervisor answers for it.

    Attributes:
        answer: "several" receipts of one visit, a "family" with one card, or "other".
        pin: a supervisor's. The doors check it, and it goes no further.
        supervisor: what the doors found. The page may not say so.
    """

    answer: Literal["", "several", "family", "other"] = ""
    pin: Pin = ""
    supervisor: bool = False

    def __repr__(self) -> str:
        return f"AnswerLimit(answer={self.answer!r}, supervisor={self.supervisor})"


class Train(_Act, frozen=True, kw_only=True, omit_defaults=True, tag="train"):
    """Training begins, with a supervisor's PIN, or ends, which anybody may."""

    on: bool
    pin: Pin = ""
    supervisor: bool = False

    def __repr__(self) -> str:
        return f"Train(on={self.on})"


class Pick(_Act, frozen=True, kw_only=True, tag="pick"):
    """The customer is the one in this row, counted from 1."""

    row: Annotated[int, Meta(ge=1, le=3)]


class OpenCase(_Act, frozen=True, kw_only=True, tag="case"):
    """The customer wants something else."""


class LostCard(_Act, frozen=True, kw_only=True, omit_defaults=True, tag="lost_card"):
    """The customer's card is lost, and a new one is to be scanned; fields as in `Spend`."""

    pin: Pin = ""
    supervisor: bool = False

    def __repr__(self) -> str:
        return f"LostCard(supervisor={self.supervisor})"


class SamePerson(_Act, frozen=True, kw_only=True, tag="same_person"):
    """The card that was shown is the same person's."""


class Withdraw(_Act, frozen=True, kw_only=True, tag="withdraw"):
    """The customer takes consents back: those nobody has to give, or everything."""

    everything: bool


class DropWish(_Act, frozen=True, kw_only=True, tag="earn_only"):
    """No points are spent after all."""


class StartJoining(_Act, frozen=True, kw_only=True, tag="enrol"):
    """Somebody would like to become a customer."""


class Tick(_Act, frozen=True, kw_only=True, tag="tick"):
    """The person said yes, or no, to one purpose."""

    purpose: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    given: bool


class Join(_Act, frozen=True, kw_only=True, omit_defaults=True, tag="join"):
    """Write the person down; `phone` is "" when it is the number that was looked up just before."""

    phone: Annotated[str, Meta(max_length=32)] = ""

    def __repr__(self) -> str:
        return "Join(…)"


class Refused(_Act, frozen=True, kw_only=True, tag="refuse"):
    """Somebody would not join: counted, and nothing more."""


class ReplaceCustomer(_Act, frozen=True, kw_only=True, tag="replace"):
    """The card shown last is the customer's."""


class KeepCustomer(_Act, frozen=True, kw_only=True, tag="keep"):
    """The customer stays who it was."""


class EnterSum(_Act, frozen=True, kw_only=True, tag="sum"):
    """The sum of a receipt, where no till system makes one; `amount` as typed, in whole units: "1240" or "1240,50"."""

    amount: Annotated[str, Meta(pattern=r"^[0-9]{1,9}([.,][0-9]{1,2})?$")]


class Pay(_Act, frozen=True, kw_only=True, tag="pay"):
    """The receipt whose sum was typed is paid for."""

    tender: Literal["cash", "card"] = "cash"


class DropSale(_Act, frozen=True, kw_only=True, tag="drop_sale"):
    """The receipt whose sum was typed will not happen."""


class Back(_Act, frozen=True, kw_only=True, tag="back"):
    """One step back; nothing that is done is undone."""


Act = (
    AskSpending
    | Spend
    | DropWish
    | StartJoining
    | Tick
    | Join
    | Refused
    | ReplaceCustomer
    | KeepCustomer
    | EnterSum
    | Pay
    | DropSale
    | Back
    | AnswerLimit
    | LostCard
    | OpenCase
    | SamePerson
    | Withdraw
    | Pick
    | Train
    | AskCode
    | TryCode
)
