"""Who did what with releases and rings: one row for each act, by hand or by a gate, never changed afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select

from central import schema

__all__ = ["GATE", "acts_of", "last_acts", "note"]

GATE: Final = "gate"
ACTS_MAX: Final = 50  # on one page


def note(
    connection: Connection, action: str, *, by: str, now: datetime, version: str = "", target: str = "", why: str = ""
) -> None:
    """Add a row.

    Args:
        connection: the transaction of the act itself: either both are there or neither.
        action: a word: added, started, opened, stopped, resumed, withdrawn, retried, pinned …
        by: "command line", "operator page", "operator api" or GATE.
        now: the centre's clock.
        version: of the release, "" for an act about rings alone.
        target: a ring, a till or a shop.
        why: in words.
    """
    row = {"at": now, "by": by, "action": action, "version": version, "target": target[:80], "note": why}
    connection.execute(insert(schema.release_action), [row])


def acts_of(connection: Connection, version: str) -> Sequence[Row[Any]]:
    """What was done with a release, the newest first."""
    table = schema.release_action
    wanted = select(table).where(table.c.version == version).order_by(table.c.id.desc()).limit(ACTS_MAX)
    return connection.execute(wanted).all()


def last_acts(connection: Connection) -> Sequence[Row[Any]]:
    """What was done last, the newest first."""
    table = schema.release_action
    return connection.execute(select(table).order_by(table.c.id.desc()).limit(ACTS_MAX)).all()
