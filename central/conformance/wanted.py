"""What the operator of a server lets the suite use there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from central.conformance.goods import PHONE_LIKE

__all__ = ["WAIT_MAX_S", "Wanted"]

WAIT_MAX_S: Final = 10.0  # for something to end by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the operator asked for.

    Attributes:
        codes: enrolment codes: of the first till, the second, the one to be quarantined, and that one again.
        secret: a store's secret that makes new tills, or "".
        allow_fork: the third till may be quarantined.
        customer: id of a member to work on, or "".
        member: phone or card of one, in its normal form ("phone:+7…", "card:…"), or "".
        certificate: code of a gift certificate with something on it, or "".
        pin: its PIN.
        certificate_is_ours: made for this run, so it may be paid with.
        tills_are_ours: the tills are used for this alone, each always in the same place.
        release_root: public key in base64 that releases are signed under, or "".
        platform: of the till that asks for an update.
        wait_max_s: how long a check may wait for something to end by itself.
    """

    codes: Sequence[str] = ()
    secret: str = ""
    allow_fork: bool = False
    customer: str = ""
    member: str = ""
    unit: str = "bonus"
    phone_like: str = PHONE_LIKE
    certificate: str = ""
    pin: str = ""
    certificate_is_ours: bool = False
    tills_are_ours: bool = False
    release_root: str = ""
    platform: str = "linux-x86_64-cp311"
    wait_max_s: float = WAIT_MAX_S
