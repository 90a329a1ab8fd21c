"""What clouds delivered: on disk before they are answered, done afterwards in order, tried again when that failed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from central import schema
from central.errors import Refusal
from central.shops.shop import Shop
from drivers.tills.clouds import Worked
from drivers.tills.contract import HttpRequest

__all__ = ["KEPT", "due", "keep", "prune", "refused", "request_of", "settle", "waiting"]

KEPT: Final = timedelta(days=30)  # names of deliveries, so that one repeated for days is known
RETRY_FIRST_S: Final = 5
RETRY_MAX_S: Final = 3_600
PRUNED_AT_ONCE: Final = 500
#: Only what a room may look at again: a signature over the body, what was delivered.
HEADERS_KEPT: Final = 40


def keep(connection: Connection, shop: Shop, delivery: str, request: HttpRequest, *, now: datetime) -> bool:
    """Write a delivery down; False when it is there already.

    Raises:
        Refusal: 409 `different_body`: another content came under the same name.
    """
    table = schema.shop_inbox
    digest = hashlib.sha256(request.body).hexdigest()
    mine = (table.c.till == shop.till) & (table.c.delivery == delivery[:160])
    before = connection.scalar(select(table.c.digest).where(mine).with_for_update())
    if before is not None:
        if before != digest:
            raise Refusal(409, "different_body", f"delivery {delivery[:60]} came before with another content")
        return False
    row = {
        "till": shop.till,
        "delivery": delivery[:160],
        "digest": digest,
        "path": request.path,
        "query": dict(request.query),
        "headers": dict(list(request.headers.items())[:HEADERS_KEPT]),
        "body": request.body,
        "received_at": now,
        "tries": 0,
        "next_at": now,
        "state": "new",
        "reason": "",
    }
    connection.execute(insert(table), [row])
    return True


def due(connection: Connection, now: datetime, *, limit: int = 50) -> Sequence[Row[Any]]:
    """What is to be done now, in the order in which it came."""
    table = schema.shop_inbox
    wanted = select(table).where(table.c.state == "new", table.c.next_at <= now).order_by(table.c.id).limit(limit)
    return connection.execute(wanted).all()


def request_of(row: Row[Any]) -> HttpRequest:
    """The request as it came."""
    return HttpRequest(method="POST", path=row.path, query=row.query, headers=row.headers, body=bytes(row.body))


def settle(connection: Connection, row: Row[Any], worked: Worked, *, now: datetime) -> None:
    """Say what became of a delivery; of one that is done only its name is kept."""
    table = schema.shop_inbox
    values: dict[str, Any]
    if worked.again:
        wait_s = min(RETRY_MAX_S, RETRY_FIRST_S * 2 ** min(row.tries, 20))
        values = {"tries": row.tries + 1, "next_at": now + timedelta(seconds=wait_s), "reason": worked.again[:500]}
    elif worked.refused:
        values = {"state": "refused", "reason": worked.refused[:500]}
    else:
        values = {"state": "done", "body": b"", "headers": {}, "query": {}, "reason": ""}
    connection.execute(update(table).where(table.c.id == row.id, table.c.state == "new").values(**values))


def waiting(connection: Connection, till: str) -> tuple[int, int]:
    """(deliveries that wait, deliveries that were refused) of one shop."""
    table = schema.shop_inbox
    counted = select(table.c.state, func.count()).where(table.c.till == till).group_by(table.c.state)
    found: dict[str, int] = {row[0]: row[1] for row in connection.execute(counted)}
    return found.get("new", 0), found.get("refused", 0)


def refused(connection: Connection, till: str, *, limit: int = 20) -> Sequence[Row[Any]]:
    """The newest deliveries that will never be done, for a person."""
    table = schema.shop_inbox
    wanted = select(table).where(table.c.till == till, table.c.state == "refused").order_by(table.c.id.desc())
    return connection.execute(wanted.limit(limit)).all()


def prune(connection: Connection, now: datetime) -> bool:
    """Forget deliveries done long ago; whether there may be more."""
    table = schema.shop_inbox
    old = select(table.c.id).where(table.c.state != "new", table.c.received_at < now - KEPT).limit(PRUNED_AT_ONCE)
    ids = connection.scalars(old).all()
    connection.execute(delete(table).where(table.c.id.in_(ids)))
    return len(ids) == PRUNED_AT_ONCE
