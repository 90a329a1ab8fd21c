"""What a cashier may do at the panel besides showing a code: one small message for each key."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

__all__ = [
    "Act",
    "AskSpending",
    "Back",
    "DropWish",
    "Join",
    "KeepCustomer",
    "Refused",
    "ReplaceCustomer",
    "Spend",
    "StartJoining",
    "Tick",
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


class Back(_Act, frozen=True, kw_only=True, tag="back"):
    """One step back; nothing that is done is undone."""


Act = AskSpending | Spend | DropWish | StartJoining | Tick | Join | Refused | ReplaceCustomer | KeepCustomer | Back
