"""Refused envelopes that wait for a person: found by their own small index, closed by an acknowledgement."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, exists, func, select, text

from central import schema

__all__ = ["ACKNOWLEDGED", "count_refused", "list_refused"]

ACKNOWLEDGED: Final = "acknowledged"

#: Word for word the condition of the index `envelope_refused`: with a parameter no database would use it.
_IS_REFUSED: Final = text("envelope.state = 'refused'")


def _is_open() -> ColumnElement[bool]:
    """Nobody has acknowledged it."""
    done, table = schema.operator_action, schema.envelope
    return ~exists().where(
        done.c.till == table.c.till,
        done.c.epoch == table.c.epoch,
        done.c.sequence == table.c.sequence,
        done.c.action == ACKNOWLEDGED,
    )


def count_refused(connection: Connection) -> int:
    """How many wait."""
    counted = select(func.count()).select_from(schema.envelope).where(_IS_REFUSED, _is_open())
    return connection.scalar(counted) or 0


def list_refused(connection: Connection, *, limit: int) -> list[Row[Any]]:
    """Those that wait, the newest first."""
    table = schema.envelope
    columns = (
        table.c.till,
        table.c.epoch,
        table.c.sequence,
        table.c.kind,
        table.c.occurred_at,
        table.c.received_at,
        table.c.reason,
    )
    wanted = select(*columns).where(_IS_REFUSED, _is_open()).order_by(table.c.received_at.desc()).limit(limit)
    return list(connection.execute(wanted))
