"""What a till asks about a gift certificate: its balance, kept for a receipt until it is closed or time is up."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec.structs import replace
from sqlalchemy import Connection, Row, func, insert, or_, select, update

from central import schema
from central.certificates import currency_of, find
from central.errors import Refusal
from central.value_leases import leased_of, open_leases, recall_values, reporting_tills, values_promise_nothing
from drivers.vocabulary.certificates import CertificateGrant, CertificateWanted, bare_code
from drivers.vocabulary.customer import CertificateFact
from drivers.vocabulary.money import Money
from drivers.vocabulary.value_leases import ValueKind, slow_hash, slow_matches

__all__ = ["PIN_FAILURES_MAX", "ask_certificate", "held", "release_holds"]

PIN_FAILURES_MAX: Final = 5  # wrong PINs until a person must look: a PIN has few digits


def ask_certificate(
    connection: Connection, wanted: CertificateWanted, *, till: str, new_id: str, now: datetime
) -> CertificateGrant:
    """What a certificate pays; with a receipt, all that is free of it is kept for that receipt for a while.

    The till, the receipt and the certificate name the hold: asking again answers the same one, longer. What is under
    the till's own lease stays there, and comes on top; what other tills hold is asked back for this receipt.

    Raises:
        Refusal: 409 `already_closed` when the receipt is confirmed already.
    """
    row = find(connection, wanted.code)
    if row is None:
        return CertificateGrant(reason="certificate_unknown")
    reason = _refused(connection, row, wanted.pin)
    if reason:
        return CertificateGrant(mask=row.mask, reason=reason)
    _note_seen(connection, row, wanted.code, till, now)
    if wanted.receipt_uid is not None and values_promise_nothing(connection, now):
        return CertificateGrant(mask=row.mask, reason="certificate_restoring")
    leases = open_leases(connection, ValueKind.CERTIFICATE, (row.id,)).get(row.id, [])
    own = next((one.id for one in leases if one.till == till and one.recalled_at is None), "")
    currency = currency_of(connection)
    elsewhere = Money(leased_of([one for one in leases if one.till != till]), currency)
    if elsewhere and wanted.receipt_uid is not None:
        recall_values(connection, ValueKind.CERTIFICATE, row.id, now=now, but=till)
    free = row.balance_minor - leased_of(leases)
    free -= held(connection, row.id, now=now, besides=(till, wanted.receipt_uid or ""))
    if free <= 0 and not own:
        return CertificateGrant(mask=row.mask, reason=_why_nothing(row.balance_minor, elsewhere))
    grant = CertificateGrant(
        mask=row.mask,
        certificate=_fact(row, Money(max(0, free), currency)),
        lease=own,
        elsewhere=elsewhere or None,
    )
    if wanted.receipt_uid is None or free <= 0:
        return grant
    hold, expires_at = _hold(connection, wanted, row.id, free, till=till, new_id=new_id, now=now)
    return replace(grant, hold=hold, expires_at=expires_at)


def _why_nothing(balance_minor: int, elsewhere: Money) -> str:
    if balance_minor <= 0:
        return "certificate_empty"
    return "certificate_elsewhere" if elsewhere else "certificate_held"


def _fact(row: Row[Any], balance: Money) -> CertificateFact:
    return CertificateFact(
        code=row.id, balance=balance, valid_from=row.valid_from, valid_until=row.valid_until, burns=row.burns
    )


def _note_seen(connection: Connection, row: Row[Any], code: str, till: str, now: datetime) -> None:
    """Where it was shown: that till may lease it. Shown by its code it can be told again without a line from now on."""
    table = schema.certificate
    values: dict[str, Any] = {"seen_till": till, "seen_at": now}
    if row.check_hash is None and code != row.id:
        values["check_hash"] = slow_hash(bare_code(code), secrets.token_bytes(16))
    connection.execute(update(table).where(table.c.id == row.id).values(**values))


def _refused(connection: Connection, row: Row[Any], pin: str) -> str:
    """Why a certificate pays nothing, or ""; counts wrong PINs. Its days are the engine's to judge."""
    if row.blocked:
        return "certificate_blocked"
    if row.pin_hash is None:
        return ""
    if row.pin_failures >= PIN_FAILURES_MAX:
        return "certificate_locked"
    right = bool(pin) and slow_matches(pin, row.pin_hash)
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
    """Money of this certificate that open receipts keep.

    A hold of a till that reports is over when the till says so: it may have been used without a line.
    """
    table = schema.certificate_hold
    till, receipt_uid = besides
    total: int | None = connection.scalar(
        select(func.sum(table.c.amount_minor)).where(
            table.c.certificate == certificate,
            table.c.state == "open",
            or_(table.c.expires_at > now, table.c.till.in_(reporting_tills())),
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
