"""What an operator may change: let a quarantined epoch go on, and put a refused envelope away. Each leaves its row."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from central import schema
from central.errors import Refusal
from central.refused import ACKNOWLEDGED

__all__ = ["RELEASED", "acknowledge", "release"]

RELEASED = "released"


def release(connection: Connection, *, till: str, epoch: int, now: datetime) -> None:
    """Take new envelopes of a quarantined epoch again.

    It goes on from the history the centre knows: the till that has it drains, another one is quarantined at once.

    Raises:
        Refusal: 404, this epoch is not quarantined.
    """
    table = schema.till_cursor
    where = (table.c.till == till) & (table.c.epoch == epoch)
    why = connection.scalar(select(table.c.fork).where(where).with_for_update())
    if why is None:
        raise Refusal(404, "not_found", f"epoch {epoch} of till {till} is not quarantined")
    connection.execute(update(table).where(where).values(fork=None))
    _note(connection, RELEASED, till=till, epoch=epoch, sequence=0, note=why, now=now)


def acknowledge(connection: Connection, *, till: str, epoch: int, sequence: int, now: datetime) -> None:
    """A person has seen to a refused envelope; doing it twice is doing it once.

    Raises:
        Refusal: 404, there is no such refused envelope.
    """
    table, done = schema.envelope, schema.operator_action
    where = (table.c.till == till) & (table.c.epoch == epoch) & (table.c.sequence == sequence)
    # Locked, so that two clicks at once leave one row.
    row = connection.execute(select(table.c.state, table.c.reason).where(where).with_for_update()).first()
    if row is None or row.state != "refused":
        raise Refusal(404, "not_found", f"envelope {epoch}/{sequence} of till {till} is not refused")
    place = (done.c.till == till) & (done.c.epoch == epoch) & (done.c.sequence == sequence)
    if connection.scalar(select(done.c.id).where(place, done.c.action == ACKNOWLEDGED)) is None:
        _note(connection, ACKNOWLEDGED, till=till, epoch=epoch, sequence=sequence, note=row.reason, now=now)


def _note(
    connection: Connection, action: str, *, till: str, epoch: int, sequence: int, note: str, now: datetime
) -> None:
    row = {"at": now, "action": action, "till": till, "epoch": epoch, "sequence": sequence, "note": note}
    connection.execute(insert(schema.operator_action), [row])
