"""A till says that it will not come back: its token and key end, and what it held is free when nothing is missing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, insert, select, update

from central import schema
from central.errors import Refusal
from central.leases import release_leases
from central.tills import Till
from central.value_leases import release_values
from drivers.vocabulary import proof
from drivers.vocabulary.store_enrol import LeaveAnswer, LeaveRequest

__all__ = ["LEFT", "leave", "tills_that_left"]

LEFT = "till.left"


def leave(connection: Connection, wanted: LeaveRequest, *, till: Till, now: datetime) -> LeaveAnswer:
    """Take a till's last word.

    All that it wrote being here, all it ever spent is known, so its leases are free (docs/decisions/012). Otherwise
    they stay until a person releases them.

    Raises:
        Refusal: 403 `key_refused`: the till's key did not sign it.
    """
    last = wanted.last
    statement = proof.leave_statement(till=till.id, epoch=last.epoch, last=last.sequence, unsent=wanted.unsent)
    if not till.public_key or not proof.is_signed(till.public_key, statement, wanted.proof):
        raise Refusal(403, "key_refused", f"the key of till {till.id} did not sign that it leaves; nothing was changed")
    cursor = schema.till_cursor
    mine = (cursor.c.till == till.id) & (cursor.c.epoch == last.epoch)
    missing = max(wanted.unsent, last.sequence - (connection.scalar(select(cursor.c.last_seq).where(mine)) or 0))
    released = 0
    if not missing:
        released = release_leases(connection, till.id) + release_values(connection, till.id)
    table = schema.till
    row = connection.execute(select(table).where(table.c.id == till.id).with_for_update()).one()
    ended = {
        "token_ended_hash": row.token_hash,
        "machine_before": row.machine,
        # No token has this hash.
        "token_hash": "-",
        "token_next_hash": None,
        "public_key": "",
        "left_at": now,
    }
    connection.execute(update(table).where(table.c.id == till.id).values(**ended))
    note = f"all of it is here, {released} leases are free" if not missing else f"{missing} envelopes never came"
    action = {"at": now, "action": LEFT, "till": till.id, "epoch": last.epoch, "sequence": 0, "note": note}
    connection.execute(insert(schema.operator_action), [action])
    return LeaveAnswer(released=released, missing=missing)


def tills_that_left(connection: Connection, *, limit: int) -> list[Row[Any]]:
    """Tills that are none any more, the last one first, with what was noted then (`note`)."""
    table, done = schema.till, schema.operator_action
    noted = and_(done.c.till == table.c.id, done.c.action == LEFT, done.c.at == table.c.left_at)
    columns = (table.c.id, table.c.shop, table.c.left_at, table.c.machine_before, done.c.note)
    wanted = select(*columns).select_from(table.outerjoin(done, noted)).where(table.c.left_at.is_not(None))
    return list(connection.execute(wanted.order_by(table.c.left_at.desc(), table.c.id).limit(limit)))
