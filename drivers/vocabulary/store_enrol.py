"""Coming and going of tills without a one-time code: a store's secret against an identity, and a till's last word.

Both are parts of the contract that a centre may leave out (it answers 404).
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct

from drivers.vocabulary.centre import Hex32
from drivers.vocabulary.leases import Place

__all__ = ["SECRET_CHARS_MAX", "SECRET_CHARS_MIN", "LeaveAnswer", "LeaveRequest", "StoreEnrolRequest"]

SECRET_CHARS_MIN: Final = 20  # ours have 54; a shorter one is guessed
SECRET_CHARS_MAX: Final = 200

TillName = Annotated[str, Meta(max_length=80)]
Signature = Annotated[str, Meta(pattern=r"^[0-9a-f]{128}$")]


class StoreEnrolRequest(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """``POST /v1/enrol/store``: a store's secret against an identity of its own for this machine (`EnrolAnswer`).

    Until the token it gave was used once, the same key is given the same till and epoch again: an answer may be lost.

    Attributes:
        secret: as the centre's operator made it for the shop.
        machine: what the machine calls itself; for the operator's lists.
        public_key: the till's own Ed25519 key, made on the till; kept until an answer came.
        proof: signature of `proof.enrol_statement` with it.
        till: the name it would like; "" lets the centre number it.
        replaces: the dead till whose place it takes; "" for a new one.
    """

    secret: Annotated[str, Meta(min_length=SECRET_CHARS_MIN, max_length=SECRET_CHARS_MAX)]
    public_key: Hex32
    proof: Signature
    machine: Annotated[str, Meta(max_length=80)] = ""
    till: TillName = ""
    replaces: TillName = ""


class LeaveRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /v1/tills/{till}/leave``: this till will not come back; its token and key end with the answer.

    Attributes:
        last: the last envelope the till ever wrote.
        unsent: how many envelopes, of any epoch, it was never told to be at the centre. With none, and `last` there,
            what it held under leases is free.
        proof: signature of `proof.leave_statement` with the till's key.
    """

    last: Place
    unsent: Annotated[int, Meta(ge=0)]
    proof: Signature


class LeaveAnswer(Struct, frozen=True, kw_only=True):
    """What became of it.

    Attributes:
        released: how many leases are free again.
        missing: how many envelopes never came; with any, leases are not freed: what was spent under them is unknown.
    """

    released: int
    missing: int
