"""A card in an app's QR code that changes and expires: signed by its issuer, checked without a network; pure.

    TP2:<kind><value>:<from>:<until>:<once>:<signature>

`kind` is c for a card number and p for a phone in E.164; from and until are seconds since 1970 in digits; `once` names
this one code; the signature is Ed25519 (RFC 8032) in base64url without padding, over "tillpoint card qr 1", a zero
byte, and everything before the last colon. Whoever copies the code has it until it expires; a till that has seen it
notices it again.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from enum import Enum
from typing import Final

from msgspec import Struct

from drivers.vocabulary.customer import IdentifierKind

__all__ = ["PREFIX", "SKEW_S", "VALID_S_MAX", "CardQr", "QrState", "card_qr_text", "qr_state", "read_card_qr"]

PREFIX: Final = "TP2:"
SKEW_S: Final = 120  # how far the clocks of a till and of an issuer may be apart
VALID_S_MAX: Final = 86_400  # a code that is good for longer than a day is a card, and no proof of presence
_PURPOSE: Final = b"tillpoint card qr 1\0"
_FORM: Final = re.compile(
    r"TP2:(?:c(?P<card>[0-9A-Za-z-]{4,40})|p(?P<phone>\+[0-9]{8,15}))"
    r":(?P<since>[0-9]{1,11}):(?P<until>[0-9]{1,11}):(?P<once>[0-9A-Za-z_-]{6,32}):(?P<signature>[0-9A-Za-z_-]{86})"
)
_KINDS: Final = {IdentifierKind.CARD: "c", IdentifierKind.PHONE: "p"}


class QrState(Enum):
    """What a signed code is worth now. FOREIGN is signed by nobody we trust, or good for longer than is allowed."""

    GOOD = "good"
    EARLY = "early"
    EXPIRED = "expired"
    FOREIGN = "foreign"


class CardQr(Struct, frozen=True, kw_only=True):
    """What a code says; nothing of it is believed before `qr_state` says GOOD.

    Attributes:
        since_s: from when it is good, in seconds since 1970; `until_s`: until when.
        once: names this one code.
    """

    kind: IdentifierKind
    value: str
    since_s: int
    until_s: int
    once: str
    statement: bytes
    signature: bytes

    def __repr__(self) -> str:
        return f"CardQr({self.kind.value}, until {self.until_s})"


def read_card_qr(text: str) -> CardQr | None:
    """What a code says; None for what is no such code."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    try:
        signature = base64.urlsafe_b64decode(match["signature"] + "==")
    except (ValueError, binascii.Error):
        return None
    card = match["card"]
    return CardQr(
        kind=IdentifierKind.CARD if card is not None else IdentifierKind.PHONE,
        value=card if card is not None else match["phone"],
        since_s=int(match["since"]),
        until_s=int(match["until"]),
        once=match["once"],
        statement=_PURPOSE + text.rpartition(":")[0].encode("ascii"),
        signature=signature,
    )


def qr_state(code: CardQr, now_s: float, keys: Sequence[str]) -> QrState:
    """What a code is worth at `now_s` (seconds since 1970) to whoever trusts these public keys (base64)."""
    if not 0 < code.until_s - code.since_s <= VALID_S_MAX or not any(_is_signed(code, key) for key in keys):
        return QrState.FOREIGN
    if now_s + SKEW_S < code.since_s:
        return QrState.EARLY
    return QrState.GOOD if now_s - SKEW_S <= code.until_s else QrState.EXPIRED


def card_qr_text(*, kind: IdentifierKind, value: str, since_s: int, until_s: int, once: str, seed: bytes) -> str:
    """The code an issuer shows, signed with a private key (the 32 bytes of its seed); ValueError for what is none."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    said = f"{PREFIX}{_KINDS[kind]}{value}:{since_s}:{until_s}:{once}"
    signature = Ed25519PrivateKey.from_private_bytes(seed).sign(_PURPOSE + said.encode("ascii"))
    text = f"{said}:{base64.urlsafe_b64encode(signature).decode('ascii').rstrip('=')}"
    if _FORM.fullmatch(text) is None:
        raise ValueError(
            "a card has 4 to 40 letters, digits and dashes, a phone is in E.164, `once` has 6 to 32 characters"
        )
    return text


def _is_signed(code: CardQr, key: str) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(base64.b64decode(key)).verify(code.signature, code.statement)
    except (InvalidSignature, ValueError):
        return False
    return True
