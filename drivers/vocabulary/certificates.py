"""What a till asks the centre about a gift certificate, and what it hears."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from drivers.vocabulary.customer import CertificateFact
from drivers.vocabulary.receipt import AwareTime, ReceiptUid

__all__ = ["CertificateGrant", "CertificateWanted"]


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
            "certificate_locked" (too many wrong PINs), "certificate_empty", "certificate_held" (by another receipt).
    """

    mask: str = ""
    certificate: CertificateFact | None = None
    hold: str = ""
    expires_at: AwareTime | None = None
    reason: str = ""
