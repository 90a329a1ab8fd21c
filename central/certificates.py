"""Gift certificates at the centre: how they are named and found, and every change of a balance.

A certificate is known by the keyed hash of its code; the code itself is never kept, and tills write down the hash too.
Money is in the tenant's currency. Every change of a balance is a row of `certificate_move`, so the rows of one
certificate add up to its balance. A receipt is never stopped: what two tills take at once makes the balance negative,
for the operator to see. What the operator does is in `certificate_desk`, what tills ask in `certificate_holds`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select, update

from central import schema
from drivers.vocabulary.certificates import bare_code
from drivers.vocabulary.money import Money

__all__ = [
    "Returnable",
    "certificate_id",
    "currency_of",
    "find",
    "give_back",
    "imbalanced_certificates",
    "make_key",
    "move",
    "name_of",
    "pay",
    "returnable",
]

KEY_NAME: Final = "certificate_key"  # in `meta`


def certificate_id(key: bytes, code: str) -> str:
    """The name of a certificate: 16 bytes of HMAC-SHA-256 of its code, in hex."""
    return hmac.digest(key, bare_code(code).encode(), hashlib.sha256)[:16].hex()


# ── Receipts ────────────────────────────────────────────────────────────────────────────────────


def pay(
    connection: Connection,
    code: str,
    amount: Money,
    burned: Money,
    *,
    receipt_uid: str,
    at: datetime,
    customer: str | None = None,
) -> str:
    """A receipt was paid with a certificate: "" or what a person should know of it.

    Whoever paid with it last is taken for the one who has it: where that customer buys it may be wanted next.

    One that is not kept here belongs to somebody else, who was told by the till.
    """
    row = find(connection, code)
    if row is None:
        return ""
    move(connection, row.id, -amount.minor, "paid", at=at, receipt_uid=receipt_uid)
    move(connection, row.id, -burned.minor, "burned", at=at, receipt_uid=receipt_uid)
    if customer is not None and row.customer != customer:
        table = schema.certificate
        connection.execute(update(table).where(table.c.id == row.id).values(customer=customer))
    short = amount.minor + burned.minor - row.balance_minor
    return f"certificate {row.mask} had {short} minor units too little" if short > 0 else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Returnable:
    """What a sale took from one certificate and no return has given back: paid, and burned with it."""

    certificate: str
    paid_minor: int
    burned_minor: int


def returnable(connection: Connection, sale_uid: str) -> tuple[Returnable, ...]:
    """What a sale took, less what its returns gave back."""
    table = schema.certificate_move
    rows = connection.execute(
        select(table).where((table.c.receipt_uid == sale_uid) | (table.c.base_uid == sale_uid)).order_by(table.c.id)
    )
    paid: dict[str, int] = {}
    burned: dict[str, int] = {}
    for row in rows:
        kept = burned if row.reason in {"burned", "unburned"} else paid
        kept[row.certificate] = kept.get(row.certificate, 0) - row.amount_minor
    return tuple(
        Returnable(certificate=name, paid_minor=paid.get(name, 0), burned_minor=burned.get(name, 0))
        for name in dict.fromkeys((*paid, *burned))
    )


def give_back(
    connection: Connection,
    certificate: str,
    *,
    paid_minor: int,
    burned_minor: int,
    receipt_uid: str,
    sale_uid: str,
    at: datetime,
) -> None:
    """A return puts money back onto the certificate that paid."""
    for amount_minor, reason in ((paid_minor, "given_back"), (burned_minor, "unburned")):
        move(connection, certificate, amount_minor, reason, at=at, receipt_uid=receipt_uid, base_uid=sale_uid)


def imbalanced_certificates(connection: Connection) -> list[str]:
    """Where moves and balances disagree, in words; empty for a sound database."""
    table, moves = schema.certificate, schema.certificate_move
    totals = select(moves.c.certificate, func.sum(moves.c.amount_minor)).group_by(moves.c.certificate)
    sums = {name: int(total) for name, total in connection.execute(totals)}
    stands = {row.id: row.balance_minor for row in connection.execute(select(table.c.id, table.c.balance_minor))}
    return [
        f"certificate {name}: moves {sums.get(name, 0)}, stands {stands.get(name, 0)}"
        for name in sorted(sums.keys() | stands.keys())
        if sums.get(name, 0) != stands.get(name, 0)
    ]


# ── Parts ───────────────────────────────────────────────────────────────────────────────────────


def move(
    connection: Connection,
    certificate: str,
    amount_minor: int,
    reason: str,
    *,
    at: datetime,
    receipt_uid: str | None = None,
    base_uid: str | None = None,
) -> None:
    """Change a balance and write down why; nothing for nothing."""
    if not amount_minor:
        return
    table = schema.certificate
    balance = table.c.balance_minor + amount_minor
    connection.execute(update(table).where(table.c.id == certificate).values(balance_minor=balance))
    row = {
        "certificate": certificate,
        "amount_minor": amount_minor,
        "reason": reason,
        "receipt_uid": receipt_uid,
        "base_uid": base_uid,
        "at": at,
    }
    connection.execute(insert(schema.certificate_move), [row])


def find(connection: Connection, code: str) -> Row[Any] | None:
    """The certificate of this code or id, locked until the end of a writing transaction."""
    key = _key(connection)
    if not key:
        return None
    table = schema.certificate
    names = (code, certificate_id(key, code))
    return connection.execute(select(table).where(table.c.id.in_(names)).with_for_update()).first()


def name_of(connection: Connection, code: str) -> str:
    """The id of a certificate by its code or id, or "" for one that is not kept here."""
    row = find(connection, code)
    return row.id if row is not None else ""


def currency_of(connection: Connection) -> str:
    """The tenant's currency."""
    currency: str = connection.execute(select(schema.meta.c.value).where(schema.meta.c.name == "currency")).scalar_one()
    return currency


def _key(connection: Connection) -> bytes:
    """Of the hashes of codes; not the tenant's key, which may be changed while a code is known by its hash alone."""
    found = connection.scalar(select(schema.meta.c.value).where(schema.meta.c.name == KEY_NAME))
    return b"" if found is None else bytes.fromhex(found)


def make_key(connection: Connection) -> bytes:
    """The key, made with the first certificate."""
    key = _key(connection)
    if not key:
        key = secrets.token_bytes(32)
        connection.execute(insert(schema.meta).values(name=KEY_NAME, value=key.hex()))
    return key
