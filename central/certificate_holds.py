"""What a till asks about a gift certificate: its balance, kept for a receipt until it is closed or time is up."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select, update

from central import schema
from central.certificates import currency_of, find
from central.errors import Refusal
from drivers.vocabulary.certificates import CertificateGrant, CertificateWanted
from drivers.vocabulary.customer import CertificateFact
from drivers.vocabulary.money import Money

__all__ = ["PIN_FAILURES_MAX", "SCRYPT", "ask_certificate", "held", "pin_matches", "release_holds"]

PIN_FAILURES_MAX: Final = 5  # wrong PINs until a person must look: a PIN has few digits
#: How PINs are hashed (RFC 7914); some 50 ms each.
SCRYPT: Final = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}


def ask_certificate(
    connection: Connection, wanted: CertificateWanted, *, till: str, new_id: str, now: datetime
) -> CertificateGrant:
    """What a certificate pays; with a receipt, all that is free of it is kept for that receipt for a while.

    The till, the receipt and the certificate name the hold: asking again answers the same one, longer.

    Raises:
        Refusal: 409 `already_closed` when the receipt is confirmed already.
    """
    row = find(connection, wanted.code)
    if row is None:
        return CertificateGrant(reason="certificate_unknown")
    reason = _refused(connection, row, wanted.pin)
    if reason:
        return CertificateGrant(mask=row.mask, reason=reason)
    currency = currency_of(connection)
    free = row.balance_minor - held(connection, row.id, now=now, besides=(till, wanted.receipt_uid or ""))
    if free <= 0:
        return CertificateGrant(
            mask=row.mask, reason="certificate_empty" if row.balance_minor <= 0 else "certificate_held"
        )
    fact = CertificateFact(
        code=row.id,
        balance=Money(free, currency),
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        burns=row.burns,
    )
    if wanted.receipt_uid is None:
        return CertificateGrant(mask=row.mask, certificate=fact)
    hold, expires_at = _hold(connection, wanted, row.id, free, till=till, new_id=new_id, now=now)
    return CertificateGrant(mask=row.mask, certificate=fact, hold=hold, expires_at=expires_at)


def _refused(connection: Connection, row: Row[Any], pin: str) -> str:
    """Why a certificate pays nothing, or ""; counts wrong PINs. Its days are the engine's to judge."""
    if row.blocked:
        return "certificate_blocked"
    if row.pin_hash is None:
        return ""
    if row.pin_failures >= PIN_FAILURES_MAX:
        return "certificate_locked"
    right = bool(pin) and pin_matches(pin, row.pin_hash)
    if pin:
        table = schema.certificate
        failures = 0 if right else row.pin_failures + 1
        connection.execute(update(table).where(table.c.id == row.id).values(pin_failures=failures))
    if right:
        return ""
    return "certificate_pin_wrong" if pin else "certificate_pin_needed"


def _hold(
    connection: Connection,
    wanted: CertificateWanted,
    certificate: str,
    amount_minor: int,
    *,
    till: str,
    new_id: str,
    now: datetime,
) -> tuple[str, datetime]:
    table = schema.certificate_hold
    named = (table.c.till == till) & (table.c.receipt_uid == wanted.receipt_uid) & (table.c.certificate == certificate)
    before = connection.execute(select(table).where(named).with_for_update()).first()
    if before is not None and before.state == "captured":
        raise Refusal(409, "already_closed", f"receipt {wanted.receipt_uid} is closed already")
    expires_at = now + timedelta(seconds=wanted.ttl_s)
    hold: str = before.id if before is not None else new_id
    row = {
        "id": hold,
        "till": till,
        "receipt_uid": wanted.receipt_uid,
        "certificate": certificate,
        "amount_minor": amount_minor,
        "expires_at": expires_at,
        "state": "open",
    }
    if before is None:
        connection.execute(insert(table), [row])
    else:
        connection.execute(update(table).where(named).values(**row))
    return hold, expires_at


def held(connection: Connection, certificate: str, *, now: datetime, besides: tuple[str, str] = ("", "")) -> int:
    """Money of this certificate that open receipts keep."""
    table = schema.certificate_hold
    till, receipt_uid = besides
    total: int | None = connection.scalar(
        select(func.sum(table.c.amount_minor)).where(
            table.c.certificate == certificate,
            table.c.state == "open",
            table.c.expires_at > now,
            ~((table.c.till == till) & (table.c.receipt_uid == receipt_uid)),
        ),
    )
    return int(total or 0)


def release_holds(connection: Connection, *, till: str, receipts: Sequence[str], captured: bool) -> None:
    """These receipts are closed or given up: nothing is kept for them any more."""
    table = schema.certificate_hold
    connection.execute(
        update(table)
        .where(table.c.till == till, table.c.receipt_uid.in_(receipts), table.c.state == "open")
        .values(state="captured" if captured else "released"),
    )


def pin_matches(pin: str, kept: str) -> bool:
    """Whether this is the PIN whose hash is kept."""
    salt, _, digest = kept.partition(":")
    return hmac.compare_digest(hashlib.scrypt(pin.encode(), salt=bytes.fromhex(salt), **SCRYPT).hex(), digest)
