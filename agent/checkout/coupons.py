"""Coupons at this till: codes signed with Ed25519 are checked without a network, and every use is remembered.

A signed code is text that fits one QR code:

    TPC1.<key name>.<payload>.<signature>

Payload and signature are base64url without padding. The payload is JSON with the keys `c` (serial), `k` (coupon of
the programme), and where wanted `f` and `u` (from and until, whole seconds since 1970), `n` (how many uses; 1 when
it is not said). The signature is Ed25519 (RFC 8032) over everything before the last dot. Public keys come with the
programme (`coupon_keys`), which the centre signs.

Uses are counted under the serial on this till, and the centre tells of those at other tills; two tills without a line
do not know each other's until then. Who may use a coupon of one use is in `coupon_guard`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from agent.checkout.records import CouponUses, read, write
from drivers.vocabulary import codec
from drivers.vocabulary.customer import CouponFact, coupon_key
from drivers.vocabulary.decision import CouponIssued

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from agent.loyalty import Programme, RefundEffect
    from drivers.vocabulary.customer import Customer
    from drivers.vocabulary.decision import Decision
    from offline_queue.envelope import Envelope
    from offline_queue.replica import ReplicaReader
    from offline_queue.transaction import Documents, Transaction

__all__ = [
    "PREFIX",
    "coupon_facts",
    "forget_coupons",
    "is_signed",
    "remember_coupons",
    "sign_coupon",
    "verify_coupon",
]

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


def coupon_facts(
    programme: Programme | None,
    documents: Documents,
    replica: ReplicaReader,
    codes: Sequence[str],
    customer: Customer | None,
) -> dict[str, CouponFact]:
    """What is known here of presented codes, by the code: what is signed, whose it is, how often it was used.

    What the customer holds is told inside the customer, own uses counted already.
    """
    if programme is None:
        return {}
    facts: dict[str, CouponFact] = {}
    held = {fact.code: fact for fact in customer.coupons} if customer is not None else {}
    public = programme.compiled.coupons.codes
    for code in codes:
        if is_signed(code):
            fact: CouponFact | None = verify_coupon(code, programme.file.coupon_keys)
        else:
            fact = held.get(code)
            if fact is not None:
                facts[code] = fact
                continue
            fact = read(documents, "issued", code, CouponFact)
            if fact is None and code in public:
                fact = CouponFact(code=code, coupon=public[code])
        fact = _as_told(documents, replica, code, fact)
        if fact is not None:
            facts[code] = fact
    return facts


def _as_told(documents: Documents, replica: ReplicaReader, code: str, fact: CouponFact | None) -> CouponFact | None:
    """With the uses at all tills: the centre's count once it has seen our last use, before that the larger one."""
    if fact is not None and fact.refused:
        return fact
    serial = fact.code if fact is not None else code
    document = replica.get("coupon", coupon_key(serial))
    own = read(documents, "coupon", serial, CouponUses)
    used, used_at = (own.used, own.used_at) if own is not None else (0, None)
    if document is not None:
        told = codec.decode(document.body, CouponFact)
        if fact is None:
            fact = told
        elif told.refused:
            return replace(fact, refused=told.refused)
        seen = own is None or (own.epoch, own.sequence) <= (document.epoch, document.reflects)
        if seen or told.used > used:
            used, used_at = told.used, told.used_at
    return None if fact is None else replace(fact, used=used, used_at=used_at)


def forget_coupons(documents: Documents, tx: Transaction, effect: RefundEffect, envelope: Envelope) -> None:
    """What a return undoes: uses that are as if they had not been, and coupons that are good no more."""
    for code in effect.coupons_void:
        tx.delete("issued", code)
    for code in effect.coupons_back:
        before = read(documents, "coupon", code, CouponUses)
        if before is not None:
            left = CouponUses(
                used=max(0, before.used - 1),
                used_at=before.used_at,
                epoch=envelope.epoch,
                sequence=envelope.sequence,
            )
            write(tx, "coupon", code, left)


def remember_coupons(
    documents: Documents, tx: Transaction, decision: Decision, now: datetime, envelope: Envelope
) -> None:
    """What a sale does to coupons, in the transaction that closes it: one more use of each, and those it issues."""
    for effect in decision.effects:
        if isinstance(effect, CouponIssued):
            fact = CouponFact(
                code=effect.code,
                coupon=effect.coupon,
                valid_from=effect.valid_from,
                valid_until=effect.valid_until,
            )
            write(tx, "issued", effect.code, fact)
    for effect in decision.coupons_used:
        before = read(documents, "coupon", effect.code, CouponUses)
        uses = CouponUses(
            used=before.used + 1 if before else 1, used_at=now, epoch=envelope.epoch, sequence=envelope.sequence
        )
        write(tx, "coupon", effect.code, uses)


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
