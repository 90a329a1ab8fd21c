"""What the operator does with gift certificates: makes, tops up, blocks and looks at them."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Connection, Row, insert, select, update

from central import schema
from central.certificate_holds import held
from central.certificates import certificate_id, currency_of, find, make_key, move
from central.errors import CentralStartError
from central.value_leases import leased_of, open_leases, recall_values
from drivers.vocabulary.certificates import bare_code, code_mask
from drivers.vocabulary.money import Money
from drivers.vocabulary.value_leases import ValueKind, slow_hash

__all__ = [
    "Certificate",
    "CertificateMove",
    "block_certificate",
    "list_certificates",
    "make_certificate",
    "show_certificate",
    "top_up_certificate",
]

_CODE: Final = re.compile(r"[0-9A-Za-z-]{8,64}")
_PIN: Final = re.compile(r"[0-9]{4,12}")


class Certificate(Struct, frozen=True, kw_only=True):
    """One certificate as the operator sees it.

    Attributes:
        id: the keyed hash of its code.
        mask: the last four characters of its code.
        held: what open receipts have reserved of the balance.
        leased: what tills hold of it, to take it without a line.
    """

    id: str
    mask: str
    balance: Money
    held: Money
    leased: Money
    valid_from: datetime | None
    valid_until: datetime | None
    burns: bool
    has_pin: bool
    blocked: bool
    made_at: datetime


class CertificateMove(Struct, frozen=True, kw_only=True):
    """One change of a balance."""

    at: datetime
    reason: str
    amount: Money
    receipt_uid: str


def make_certificate(
    connection: Connection,
    code: str,
    amount: Money,
    *,
    now: datetime,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
    burns: bool = False,
    pin: str = "",
) -> Certificate:
    """A new certificate.

    Raises:
        CentralStartError: the code, the PIN or the amount cannot be, or there is such a certificate already.
    """
    if not _CODE.fullmatch(code):
        raise CentralStartError("the code of a certificate has 8 to 64 letters, digits and dashes")
    if pin and not _PIN.fullmatch(pin):
        raise CentralStartError("a PIN has 4 to 12 digits")
    if valid_from is not None and valid_until is not None and valid_until <= valid_from:
        raise CentralStartError("the certificate is over before it begins; set valid-until after valid-from")
    _require_positive(amount, currency_of(connection))
    name = certificate_id(make_key(connection), code)
    table = schema.certificate
    if connection.scalar(select(table.c.id).where(table.c.id == name)) is not None:
        raise CentralStartError(f"there is a certificate {code_mask(code)} with this code already; top it up instead")
    row = {
        "id": name,
        "mask": code_mask(code),
        "balance_minor": 0,
        "valid_from": valid_from,
        "valid_until": valid_until,
        "burns": burns,
        "pin_hash": slow_hash(pin, secrets.token_bytes(16)) if pin else None,
        "pin_failures": 0,
        "blocked": False,
        "made_at": now,
        "check_hash": slow_hash(bare_code(code), secrets.token_bytes(16)),
    }
    connection.execute(insert(table), [row])
    move(connection, name, amount.minor, "opening", at=now)
    return show_certificate(connection, name, now=now)[0]


def top_up_certificate(connection: Connection, code: str, amount: Money, *, now: datetime) -> Certificate:
    """Add money.

    Raises:
        CentralStartError: there is no such certificate, or the amount cannot be added.
    """
    row = _found(connection, code)
    _require_positive(amount, currency_of(connection))
    move(connection, row.id, amount.minor, "top_up", at=now)
    return show_certificate(connection, row.id, now=now)[0]


def block_certificate(connection: Connection, code: str, *, blocked: bool, now: datetime) -> Certificate:
    """Take a certificate out of use, or back into it; unblocking forgives the wrong PINs.

    Raises:
        CentralStartError: there is no such certificate.
    """
    row = _found(connection, code)
    table = schema.certificate
    values = {"blocked": blocked, "pin_failures": row.pin_failures if blocked else 0}
    connection.execute(update(table).where(table.c.id == row.id).values(**values))
    if blocked:
        recall_values(connection, ValueKind.CERTIFICATE, row.id, now=now)
    return show_certificate(connection, row.id, now=now)[0]


def show_certificate(
    connection: Connection, code: str, *, now: datetime
) -> tuple[Certificate, tuple[CertificateMove, ...]]:
    """One certificate, by its code or its id, with everything that moved its balance.

    Raises:
        CentralStartError: there is no such certificate.
    """
    row = _found(connection, code)
    currency = currency_of(connection)
    table = schema.certificate_move
    rows = connection.execute(select(table).where(table.c.certificate == row.id).order_by(table.c.id))
    moves = tuple(
        CertificateMove(
            at=one.at, reason=one.reason, amount=Money(one.amount_minor, currency), receipt_uid=one.receipt_uid or ""
        )
        for one in rows
    )
    return _shown(connection, row, currency, now), moves


def list_certificates(connection: Connection, *, now: datetime, limit: int = 1_000) -> tuple[Certificate, ...]:
    """The newest certificates."""
    currency = currency_of(connection)
    table = schema.certificate
    rows = connection.execute(select(table).order_by(table.c.made_at.desc(), table.c.id).limit(limit)).all()
    return tuple(_shown(connection, row, currency, now) for row in rows)


def _shown(connection: Connection, row: Row[Any], currency: str, now: datetime) -> Certificate:
    leases = open_leases(connection, ValueKind.CERTIFICATE, (row.id,)).get(row.id, [])
    return Certificate(
        id=row.id,
        mask=row.mask,
        balance=Money(row.balance_minor, currency),
        held=Money(held(connection, row.id, now=now), currency),
        leased=Money(leased_of(leases), currency),
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        burns=row.burns,
        has_pin=row.pin_hash is not None,
        blocked=row.blocked,
        made_at=row.made_at,
    )


def _found(connection: Connection, code: str) -> Row[Any]:
    row = find(connection, code)
    if row is None:
        raise CentralStartError(f"no certificate {code_mask(code)}; the code is as it was made, dashes do not matter")
    return row


def _require_positive(amount: Money, currency: str) -> None:
    if amount.currency != currency or amount.minor <= 0:
        raise CentralStartError(f"the amount must be more than nothing, in {currency}, not {amount}")
