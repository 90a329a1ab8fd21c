"""Coupons and certificates of a shop's sale: what is known of the codes shown, and what is kept for it meanwhile.

A coupon of one use is under one lease at most, a till's or a shop's, as docs/decisions/015 says; a shop's lease ends
when the sale does, or in time, because nobody uses it without a line.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace
from sqlalchemy import Connection, delete, select, update

from agent.loyalty import Programme
from central import schema
from central.certificate_holds import ask_certificate
from central.coupons import coupon_documents, coupon_row
from central.errors import Refusal
from central.programmes import single_use_kinds
from central.shops.sitting import Open, Sitting
from central.value_grants import is_good
from central.value_leases import close_values, keep_lease, open_leases, recall_values, values_promise_nothing
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import codec
from drivers.vocabulary.certificates import CertificateWanted, code_mask
from drivers.vocabulary.coupon_codes import is_signed, verify_coupon
from drivers.vocabulary.customer import CouponFact, Customer, coupon_key
from drivers.vocabulary.decision import Decision
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.value_leases import ValueKind, ValueLease

__all__ = [
    "coupon_facts",
    "end_stale_keeps",
    "has_stale_keeps",
    "keep_coupons",
    "let_go",
    "prune_open",
    "refuse_coupons",
    "show_certificates",
    "used",
]

ELSEWHERE: Final = "coupon_elsewhere"
OPEN_KEPT: Final = timedelta(days=60)  # an order on line may be paid weeks later
STALE_AT_ONCE: Final = 200  # sales in one transaction: tills wait for it


def coupon_facts(sitting: Sitting, codes: Sequence[str], customer: Customer | None) -> dict[str, CouponFact]:
    """What is known of the codes shown, by the code; what the customer holds is told inside the customer."""
    programme = sitting.programme
    if programme is None:
        return {}
    held = {fact.code: fact for fact in customer.coupons} if customer is not None else {}
    found: dict[str, CouponFact] = {}
    for code in codes:
        fact = held.get(code) or _told(sitting, programme, code)
        if fact is not None:
            found[code] = fact
    return found


def _told(sitting: Sitting, programme: Programme, code: str) -> CouponFact | None:
    fact: CouponFact | None = None
    public = programme.compiled.coupons.codes
    if is_signed(code):
        fact = verify_coupon(code, programme.file.coupon_keys)
        if fact.refused:
            return fact
    elif code in public:
        fact = CouponFact(code=code, coupon=public[code])
    serial = fact.code if fact is not None else code
    body = coupon_documents(sitting.connection, [coupon_key(serial)]).get(("coupon", coupon_key(serial)))
    if body is None:
        return fact
    known = codec.decode(body, CouponFact)
    if fact is None:
        return known
    return replace(fact, used=known.used, used_at=known.used_at, refused=known.refused)


def refuse_coupons(
    customer: Customer | None, facts: Mapping[str, CouponFact], refused: Mapping[str, str]
) -> tuple[Customer | None, dict[str, CouponFact]]:
    """Customer and codes with those coupons refused that are not to be had, by serial."""

    def judged(fact: CouponFact) -> CouponFact:
        return replace(fact, refused=refused[fact.code]) if fact.code in refused else fact

    if customer is not None and customer.coupons:
        customer = replace(customer, coupons=tuple(judged(one) for one in customer.coupons))
    return customer, {code: judged(fact) for code, fact in facts.items()}


def keep_coupons(
    sitting: Sitting, decision: Decision, opened: Open | None, *, until: datetime
) -> tuple[dict[str, str], dict[str, str]]:
    """Keep the coupons of one use that this decision uses.

    Returns:
        Leases by serial, and why the others are not to be had, by serial.
    """
    connection, single = sitting.connection, single_use_kinds(sitting.connection)
    kept = dict(opened.coupons) if opened is not None else {}
    leases: dict[str, str] = {}
    refused: dict[str, str] = {}
    for effect in sorted(decision.coupons_used, key=lambda one: one.code):
        if effect.uses != 1 and not (effect.uses is None and effect.coupon in single):
            continue
        table = schema.coupon
        row = connection.execute(select(table).where(table.c.serial == effect.code).with_for_update()).first()
        if row is not None and not is_good(row, single, sitting.now):
            refused[effect.code] = "coupon_used" if row.used else "coupon_withdrawn"
            continue
        if row is None:
            # A signed or public one that nobody used yet: the row is what two sales of one moment wait at.
            connection.execute(table.insert(), [coupon_row(effect.code, effect.coupon, uses=effect.uses)])
        theirs = open_leases(connection, ValueKind.COUPON, (effect.code,)).get(effect.code, [])
        mine = next((one.id for one in theirs if one.id == kept.get(effect.code)), "")
        if mine:
            leases[effect.code] = mine
        elif theirs or values_promise_nothing(connection, sitting.now):
            recall_values(connection, ValueKind.COUPON, effect.code, now=sitting.now, but=sitting.shop.till)
            refused[effect.code] = ELSEWHERE if theirs else "coupon_restoring"
        else:
            leases[effect.code] = _lease(sitting, effect.code, until)
    return leases, refused


def _lease(sitting: Sitting, serial: str, until: datetime) -> str:
    name = f"shop-{secrets.token_hex(16)}"
    lease = ValueLease(
        id=name,
        till=sitting.shop.till,
        kind=ValueKind.COUPON,
        thing=serial,
        amount=1,
        customer_id="",
        sequence=1,
        granted_at=sitting.now,
        expires_at=until,
    )
    keep_lease(sitting.connection, lease)
    return name


def let_go(sitting: Sitting, leases: Collection[str]) -> None:
    """These are kept for nobody any more."""
    if leases:
        close_values(sitting.connection, sitting.shop.till, sorted(leases))


def used(decision: Decision, opened: Open | None) -> dict[str, int]:
    """What the sale used under each lease that kept something for it."""
    kept = opened.coupons if opened is not None else {}
    return {kept[one.code]: 1 for one in decision.coupons_used if one.code in kept}


def show_certificates(
    sitting: Sitting, uid: str, codes: Sequence[contract.CertificateCode], *, keep_s: int
) -> tuple[contract.CertificateAnswer, ...]:
    """What became of each certificate shown by its code; what is free of it is kept for this receipt."""
    answers = []
    for one in codes:
        wanted = CertificateWanted(code=one.code, pin=one.pin, receipt_uid=uid, ttl_s=keep_s)
        try:
            grant = ask_certificate(
                sitting.connection,
                wanted,
                till=sitting.shop.till,
                new_id=secrets.token_hex(16),
                now=sitting.now,
            )
        except Refusal as refusal:
            raise CheckoutRefused(str(refusal), code=refusal.problem.code, field="receipt_uid") from None
        answers.append(
            contract.CertificateAnswer(
                mask=grant.mask or code_mask(one.code),
                certificate=grant.certificate,
                refused=grant.reason,
                elsewhere=grant.elsewhere,
            )
        )
    return tuple(answers)


def end_stale_keeps(connection: Connection, now: datetime) -> bool:
    """Let go of coupons kept for sales that nobody finished; whether there may be more."""
    table = schema.shop_open
    stale = connection.execute(
        select(table).where(table.c.keeps_until <= now).order_by(table.c.till, table.c.receipt_uid).limit(STALE_AT_ONCE)
    ).all()
    for row in stale:
        opened = codec.decode(row.body, Open)
        close_values(connection, row.till, sorted(opened.coupons.values()))
        mine = (table.c.till == row.till) & (table.c.receipt_uid == row.receipt_uid)
        connection.execute(update(table).where(mine).values(keeps_until=None))
    return len(stale) == STALE_AT_ONCE


def has_stale_keeps(connection: Connection, now: datetime) -> bool:
    """Whether something is kept for a sale that nobody finished."""
    table = schema.shop_open
    return connection.scalar(select(table.c.till).where(table.c.keeps_until <= now).limit(1)) is not None


def prune_open(connection: Connection, now: datetime) -> bool:
    """Forget sales that were quoted long ago and never closed; whether there may be more."""
    table = schema.shop_open
    old = connection.execute(
        select(table.c.till, table.c.receipt_uid).where(table.c.touched_at < now - OPEN_KEPT).limit(STALE_AT_ONCE)
    ).all()
    for row in old:
        connection.execute(delete(table).where(table.c.till == row.till, table.c.receipt_uid == row.receipt_uid))
    return len(old) == STALE_AT_ONCE
