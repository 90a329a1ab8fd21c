"""Points reserved for a receipt: written before the till is told, and freed by time if by nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection, Row, insert, select, update

from agent.loyalty import lots as pots
from central import schema
from central.accounts import Accounts
from central.errors import Refusal
from central.leases import recall_leases, reserved
from central.restoration import promises_nothing
from drivers.vocabulary.centre import HoldGrant, HoldWanted
from drivers.vocabulary.customer import Customer

__all__ = ["grant_hold"]


def grant_hold(connection: Connection, wanted: HoldWanted, *, till: str, new_id: str, now: datetime) -> HoldGrant:
    """Reserve all the points asked for, or none with the reason.

    The till and the receipt uid name the hold. Asking again with the same content answers the same hold; with other
    points the hold is changed to them if they are there, and stays as it was if they are not.

    Raises:
        Refusal: 404 `customer_unknown`; 409 `already_closed` when the receipt is confirmed already.
    """
    account = Accounts(connection).get(wanted.customer_id)  # locks the customer until the end of the transaction
    if account is None:
        raise Refusal(404, "customer_unknown", f"customer {wanted.customer_id} is not known here")
    # A till may still use the name it gave to somebody whom the centre knew.
    wanted = replace(wanted, customer_id=account.id)
    table = schema.hold
    named = (table.c.till == till) & (table.c.receipt_uid == wanted.receipt_uid)
    before = connection.execute(select(table).where(named).with_for_update()).first()
    if before is not None and before.state == "captured":
        raise Refusal(409, "already_closed", f"receipt {wanted.receipt_uid} is closed already")
    blocked = connection.scalar(select(schema.customer.c.blocked).where(schema.customer.c.id == account.id))
    if blocked:
        return HoldGrant(id="", points=0, reason="blocked")
    if before is not None and _same(before, wanted, now):
        return HoldGrant(id=before.id, points=before.points, expires_at=before.expires_at)
    customer = Customer(id=account.id, lots=account.lots, deficits=account.deficits)
    balance = pots.balance(customer, wanted.unit, now).available
    if promises_nothing(connection, now):
        return HoldGrant(id="", points=0, reason="restoring")
    own = (till, wanted.receipt_uid)
    promised = reserved(connection, wanted.customer_id, wanted.unit, now=now, but_receipt=own)
    if balance - promised < wanted.points:
        if balance >= wanted.points:
            recall_leases(connection, wanted.customer_id, wanted.unit)
        return HoldGrant(id="", points=0, reason="balance")
    hold_id = before.id if before is not None else new_id
    expires_at = now + timedelta(seconds=wanted.ttl_s)
    row = {
        "id": hold_id,
        "till": till,
        "receipt_uid": wanted.receipt_uid,
        "customer": wanted.customer_id,
        "unit": wanted.unit,
        "points": wanted.points,
        "expires_at": expires_at,
        "state": "open",
    }
    if before is None:
        connection.execute(insert(table), [row])
    else:
        connection.execute(update(table).where(named).values(**row))
    return HoldGrant(id=hold_id, points=wanted.points, expires_at=expires_at)


def _same(before: Row[Any], wanted: HoldWanted, now: datetime) -> bool:
    asked = (wanted.customer_id, wanted.unit, wanted.points)
    return before.state == "open" and before.expires_at > now and (before.customer, before.unit, before.points) == asked
