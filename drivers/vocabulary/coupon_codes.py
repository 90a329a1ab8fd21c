"""Signed coupon codes: text that fits one QR code, checked without a network; counts no use. Pure.

The form:

    TPC1.<key name>.<payload>.<signature>

Payload and signature are base64url without padding. The payload is JSON with the keys `c` (serial), `k` (coupon of
the programme), and where wanted `f` and `u` (from and until, whole seconds since 1970), `n` (how many uses; 1 when
it is not said). The signature is Ed25519 (RFC 8032) over everything before the last dot. Public keys come with the
programme (`coupon_keys`), which the centre signs.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta, Struct

from drivers.vocabulary.customer import CouponFact

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["PREFIX", "is_signed", "sign_coupon", "verify_coupon"]

PREFIX: Final = "TPC1."
PARTS: Final = 4

Seconds = Annotated[int, Meta(ge=0, le=253_402_300_799)]  # through the year 9999: a datetime ends there


class _Payload(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is signed; unknown keys are left to later versions."""

    c: Annotated[str, Meta(min_length=1, max_length=60)]
    k: Annotated[str, Meta(min_length=1, max_length=38)]
    f: Seconds | None = None
    u: Seconds | None = None
    n: Annotated[int, Meta(ge=1, le=1_000_000)] = 1


def is_signed(code: str) -> bool:
    """True for a code of this format, good or not."""
    return code.startswith(PREFIX)


def verify_coupon(code: str, keys: Mapping[str, str]) -> CouponFact:
    """What a signed code says, or a fact whose `refused` says why it says nothing; never raises.

    Args:
        code: as scanned.
        keys: public keys in base64, by name.
    """
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        # The agent runs without the package, and then no signed coupon can be believed.
        return CouponFact(code=code[:400], refused="coupon_unverified")
    parts = code.split(".")
    if len(parts) != PARTS or not is_signed(code) or not code.isascii():
        return CouponFact(code=code[:400], refused="coupon_unreadable")
    _, name, payload, signature = parts
    if name not in keys:
        return CouponFact(code=code[:400], refused="coupon_unverified")
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(keys[name], validate=True))
        key.verify(_bytes_of(signature), f"{PREFIX}{name}.{payload}".encode())
        told = msgspec.json.decode(_bytes_of(payload), type=_Payload)
    except InvalidSignature:
        return CouponFact(code=code[:400], refused="coupon_forged")
    except (ValueError, msgspec.DecodeError):
        return CouponFact(code=code[:400], refused="coupon_unreadable")
    return CouponFact(code=told.c, coupon=told.k, valid_from=_moment(told.f), valid_until=_moment(told.u), uses=told.n)


def sign_coupon(
    private: Ed25519PrivateKey,
    *,
    key: str,
    serial: str,
    coupon: str,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
    uses: int = 1,
) -> str:
    """The signed code of one coupon, for whoever issues them; whole seconds count."""
    payload = _Payload(c=serial, k=coupon, f=_seconds(valid_from), u=_seconds(valid_until), n=uses)
    head = f"{PREFIX}{key}.{_text_of(msgspec.json.encode(payload))}"
    return f"{head}.{_text_of(private.sign(head.encode()))}"


def _bytes_of(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None


def _text_of(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())
