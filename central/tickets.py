"""What tills leave for a person to look at: limits that were met, people who may be one, consents taken back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Connection, func, insert, select, update

from central import schema
from central.errors import CentralStartError
from drivers.vocabulary.receipt import AwareTime

__all__ = ["LIST_MAX", "Ticket", "TicketKind", "close_ticket", "list_tickets", "open_ticket"]

LIST_MAX: Final = 500


class TicketKind(Enum):
    """What it is about."""

    LIMIT = "limit"
    DUPLICATE = "duplicate"
    WITHDRAWAL = "withdrawal"


class Ticket(Struct, frozen=True, kw_only=True):
    """One of them; `number` is what the customer has on paper, `detail` what there is to know."""

    id: int
    at: AwareTime
    kind: str
    till: str
    customer: str
    number: str
    detail: dict[str, Any]
    is_open: bool


def open_ticket(
    connection: Connection,
    kind: TicketKind,
    *,
    till: str,
    envelope: str,
    customer: str,
    at: datetime,
    number: str = "",
    detail: dict[str, Any],
) -> None:
    """Leave one, once for each envelope of a till."""
    table = schema.ticket
    mine = (table.c.till == till) & (table.c.envelope == envelope)
    if connection.scalar(select(func.count()).select_from(table).where(mine)):
        return
    row = {
        "kind": kind.value,
        "till": till,
        "envelope": envelope,
        "customer": customer,
        "number": number,
        "at": at,
        "detail": detail,
        "is_open": True,
    }
    connection.execute(insert(table), [row])


def list_tickets(
    connection: Connection, *, kind: TicketKind | None = None, closed_too: bool = False
) -> Sequence[Ticket]:
    """The newest first, open ones unless `closed_too`; at most LIST_MAX."""
    table = schema.ticket
    wanted = select(table).order_by(table.c.id.desc()).limit(LIST_MAX)
    if kind is not None:
        wanted = wanted.where(table.c.kind == kind.value)
    if not closed_too:
        wanted = wanted.where(table.c.is_open.is_(True))
    return [
        Ticket(
            id=row.id,
            at=row.at,
            kind=row.kind,
            till=row.till,
            customer=row.customer,
            number=row.number,
            detail=dict(row.detail),
            is_open=row.is_open,
        )
        for row in connection.execute(wanted)
    ]


def close_ticket(connection: Connection, number: int) -> None:
    """Somebody has looked at it.

    Raises:
        CentralStartError: there is no such ticket.
    """
    table = schema.ticket
    if not connection.execute(update(table).where(table.c.id == number).values(is_open=False)).rowcount:
        raise CentralStartError(f"there is no ticket {number}; `tillpoint central tickets list` shows the open ones")
