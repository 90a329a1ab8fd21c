"""The last report of each till about itself: kept as it came, clipped to what the vocabulary allows."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert, update

from central import schema
from drivers.vocabulary import codec
from drivers.vocabulary.fleet import TillReport

__all__ = ["keep_report"]


def keep_report(connection: Connection, *, till: str, report: TillReport, now: datetime) -> None:
    """Instead of the one before."""
    table = schema.till_report
    values = {"at": now, "report": codec.encode(report)}
    if connection.execute(update(table).where(table.c.till == till).values(**values)).rowcount == 0:
        connection.execute(insert(table).values(till=till, **values))
