"""What a till asks the centre about a gift certificate, and what it hears."""

from __future__ import annotations

import re
from typing import Annotated

from msgspec import Meta, Struct

from drivers.vocabulary.customer import CertificateFact
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import AwareTime, ReceiptUid

__all__ = ["CertificateGrant", "CertificateWanted", "bare_code", "code_mask"]


def bare_code(code: str) -> str:
    """A code as it is meant: people type spaces, dashes and small letters."""
    return re.sub(r"[ -]", "", code).upper()


def code_mask(code: str) -> str:
    """The end of a code, to show it by."""
    return f"****{bare_code(code)[-4:]}"


class CertificateWanted(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """``POST /v1/tills/{till}/certificates``: what does a gift certificate pay; repeating it answers the same hold.

    Attributes:
        code: as scanned or typed; dashes, spaces and small letters do not matter.
        receipt_uid: keep what is free of it for this receipt; None only asks.
    """

    code: Annotated[str, Meta(min_length=1, max_length=200)]
    pin: Annotated[str, Meta(max_length=12)] = ""
    receipt_uid: ReceiptUid | None = None
    ttl_s: Annotated[int, Meta(ge=1, le=86_400)] = 900

    def __repr__(self) -> str:
        return f"CertificateWanted({self.receipt_uid})"


class CertificateGrant(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a certificate pays, under a name that nobody can pay with; or the reason why it pays nothing.

    Attributes:
        mask: the end of its code, to show.
        certificate: with the balance that is free for this receipt.
        hold: the centre's name for what it keeps.
        reason: "certificate_unknown", "certificate_blocked", "certificate_pin_needed", "certificate_pin_wrong",
            "certificate_locked" (too many wrong PINs), "certificate_empty", "certificate_held" (by another receipt),
            "certificate_elsewhere" (another till holds it for use without a line and was asked to give it up),
            "certificate_restoring" (after a back-up, not every till has said what it holds).
        lease: the till's own open lease on it; what is left under that lease comes on top of the balance told here.
        elsewhere: how much of it other tills hold; they were asked to give it up.
    """

    mask: str = ""
    certificate: CertificateFact | None = None
    hold: str = ""
    expires_at: AwareTime | None = None
    reason: str = ""
    lease: str = ""
    elsewhere: Money | None = None
