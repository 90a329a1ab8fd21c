"""Coupons at this till: codes signed with Ed25519 are checked without a network, and every use is remembered.

The form of a signed code is in `drivers.vocabulary.coupon_codes`.

Uses are counted under the serial on this till, and the centre tells of those at other tills; two tills without a line
do not know each other's until then. Who may use a coupon of one use is in `coupon_guard`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from agent.checkout.records import CouponUses, read, write
from drivers.vocabulary import codec
from drivers.vocabulary.coupon_codes import PREFIX, is_signed, sign_coupon, verify_coupon
from drivers.vocabulary.customer import CouponFact, coupon_key
from drivers.vocabulary.decision import CouponIssued

if TYPE_CHECKING:
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
