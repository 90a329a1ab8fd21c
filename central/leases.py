"""The lease keeper: parts of balances in the hands of tills, written here before they are sent.

The invariant: free remainder + what is left under leases and holds = balance - confirmed spending. A lease's end in
time stops the till and frees nothing; its rest is free when the till has said, in its chain of envelopes, that it is
done with it, because then everything spent under it before is here too (or when a person says that the till is no
more). What tills report is read in `lease_reports`; what a restored database does not know, in `restoration`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, select, text, update

from central import schema
from central.lease_grants import LeaseRules, reserved_of

__all__ = [
    "KEPT_CLOSED",
    "LeaseRules",
    "close_leases",
    "keep_earned",
    "lease_rules",
    "leases_of",
    "prune_leases",
    "recall_leases",
    "release_leases",
    "reserved",
    "set_lease_rules",
    "spend_lease",
]

KEPT_CLOSED: Final = timedelta(days=90)  # past its end: as long as a till keeps what it sent, to send it again
PRUNED_AT_ONCE: Final = 5_000  # rows in one transaction: tills wait for it
RULES_ROW: Final = "lease_rules"
#: Word for word the condition of the small index; with a parameter no database would use it.
_IS_OVER: Final = text("lease.state <> 'open'")

_log = logging.getLogger(__name__)


def lease_rules(connection: Connection) -> LeaseRules:
    """The rules in force."""
    told = connection.scalar(select(schema.meta.c.value).where(schema.meta.c.name == RULES_ROW))
    if told is None:
        return LeaseRules()
    days, share = told.split()
    return LeaseRules(int(days), int(share))


def set_lease_rules(connection: Connection, rules: LeaseRules) -> None:
    """Lease by these rules from now on; what is leased stays."""
    changed = connection.execute(
        update(schema.meta).where(schema.meta.c.name == RULES_ROW).values(value=f"{rules.days} {rules.share}")
    )
    if not changed.rowcount:
        connection.execute(insert(schema.meta).values(name=RULES_ROW, value=f"{rules.days} {rules.share}"))


# ── What is promised ────────────────────────────────────────────────────────────────────────────


def reserved(connection: Connection, customer: str, unit: str, *, now: datetime, but_receipt: tuple[str, str]) -> int:
    """Points of a customer that are somebody's already: open holds of other receipts, what is left under leases.

    Args:
        connection: the transaction.
        customer: whose.
        unit: which points.
        now: a hold of a till that reports ends when the till says so, as a lease does: it may have been used without
            a line. One of a till that never does ends in time.
        but_receipt: (till, receipt uid) whose own hold does not count.
    """
    return reserved_of(connection, [customer], now=now, but_receipt=but_receipt).get((customer, unit), 0)


# ── What envelopes say ──────────────────────────────────────────────────────────────────────────


def spend_lease(connection: Connection, till: str, used: dict[str, int]) -> list[str]:
    """So many points were spent under each lease; what is odd about it, in words for a person."""
    table = schema.lease
    odd: list[str] = []
    for name, points in sorted(used.items()):
        mine = (table.c.id == name) & (table.c.till == till)
        changed = connection.execute(update(table).where(mine).values(spent=table.c.spent + points))
        if not changed.rowcount:
            odd.append(f"spent {points} under a lease that is not known here ({name})")
            continue
        row = connection.execute(select(table.c.points, table.c.spent, table.c.state).where(table.c.id == name)).one()
        if row.spent > row.points or row.state != "open":
            odd.append(f"spent {row.spent} under a lease of {row.points} ({row.state}, {name})")
    return odd


def keep_earned(
    connection: Connection, till: str, customer: str, kept: dict[str, tuple[str, int]], *, at: datetime, until: datetime
) -> None:
    """A till without a line keeps what it has just given for its own spending: lease id to (unit, points)."""
    rows = [
        {
            "id": name,
            "till": till,
            "customer": customer,
            "unit": unit,
            "points": points,
            "spent": 0,
            "sequence": 1,
            "granted_at": at,
            "expires_at": until,
            "state": "open",
            "recalled": False,
            "kept": True,
        }
        for name, (unit, points) in sorted(kept.items())
        if points > 0
    ]
    if rows:
        connection.execute(insert(schema.lease), rows)


def close_leases(connection: Connection, till: str, names: Sequence[str]) -> None:
    """The till is done with them: their rest is free. Names that are not this till's leases are passed over."""
    table = schema.lease
    mine = (table.c.id.in_(names)) & (table.c.till == till)
    connection.execute(update(table).where(mine).values(state="closed"))


# ── People ──────────────────────────────────────────────────────────────────────────────────────


def recall_leases(connection: Connection, customer: str, unit: str) -> None:
    """Somebody wants these points where there is a line: tills that hold them are asked to give them up."""
    table = schema.lease
    there = (table.c.customer == customer) & (table.c.unit == unit) & (table.c.state == "open")
    connection.execute(update(table).where(there).values(recalled=True))


def leases_of(connection: Connection, *, till: str = "", customer: str = "") -> Sequence[Row[Any]]:
    """Open leases, for a person."""
    table = schema.lease
    wanted = select(table).where(table.c.state == "open").order_by(table.c.till, table.c.customer, table.c.id)
    if till:
        wanted = wanted.where(table.c.till == till)
    if customer:
        wanted = wanted.where(table.c.customer == customer)
    return connection.execute(wanted).all()


def release_leases(connection: Connection, till: str) -> int:
    """A person says that this till is no more: what it held is free. What it spent and never told is a risk taken."""
    table = schema.lease
    gone = connection.execute(
        update(table).where(table.c.till == till, table.c.state == "open").values(state="released")
    )
    values = {
        "settled_instance": connection.scalar(select(schema.feed.c.instance)),
        "lease_trouble": None,
        "surprised_at": None,
        "lacks": None,
    }
    connection.execute(update(schema.till).where(schema.till.c.id == till).values(**values))
    _log.warning("lease.released till=%s leases=%d", till, gone.rowcount)
    return gone.rowcount


def prune_leases(connection: Connection, now: datetime) -> int:
    """Forget some of those that are over for long, so that no envelope will name them; how many they were."""
    table = schema.lease
    over = (
        select(table.c.id)
        .where(_IS_OVER, table.c.expires_at < now - KEPT_CLOSED)
        .order_by(table.c.expires_at)
        .limit(PRUNED_AT_ONCE)
    )
    return connection.execute(delete(table).where(table.c.id.in_(over))).rowcount
