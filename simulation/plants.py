"""Bugs that a simulation can put in, to see them caught: they live here and never in the product."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, update

from central import schema

__all__ = ["PLANTS", "plant"]

#: Name → what it does wrong.
PLANTS: Final = {
    "lease_freed_at_expiry": "the centre gives a lease's points to others when its time is over",
}


def plant(name: str, connection: Connection, now: datetime) -> None:
    """Do what the bug would have done by now."""
    if name == "lease_freed_at_expiry":
        table = schema.lease
        over = (table.c.state == "open") & (table.c.expires_at <= now)
        connection.execute(update(table).where(over).values(state="closed"))
