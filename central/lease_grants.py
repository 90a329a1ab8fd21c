"""Giving leases out: how much of each customer's free points a till gets that asks for many customers at once."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, func, insert, or_, select, update

from agent.loyalty.lots import is_active
from central import schema
from central.accounts import Account, Accounts
from drivers.vocabulary.leases import Lease, LeaseWanted

__all__ = ["IDS_CHUNK", "LeaseRules", "grant_leases", "reserved_of"]

RENEW_BEFORE: Final = 0.5  # of its life: a till that is on line now and then never runs out of it
IDS_CHUNK: Final = 400  # ids in one statement; databases bound the number of parameters

_Place = tuple[str, str]  # customer, unit


@dataclass(frozen=True, slots=True)
class LeaseRules:
    """How much is leased, and for how long; days 0 leases nothing.

    Attributes:
        share: percent of what is free when a till asks; the rest stays for the tills that are on line.
    """

    days: int = 7
    share: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stand:
    """How matters stand with the customers of one report: a few statements for all, not a few for each.

    Attributes:
        mine: the till's open lease of each, the centre's own; points that it keeps itself are not among them.
        reserved: what is somebody's already.
        has: the sequence of the word the till has of each.
    """

    mine: dict[_Place, Mapping[str, Any]]
    reserved: dict[_Place, int]
    blocked: frozenset[str]
    has: Mapping[str, int]


def grant_leases(
    connection: Connection,
    wanted: Sequence[LeaseWanted],
    *,
    till: str,
    rules: LeaseRules,
    now: datetime,
    has: Mapping[str, int],
) -> list[Lease]:
    """New leases of those this till would like to have, and new words of old ones; their customers are locked.

    `has` is the sequence of the word the till has of each lease.
    """
    accounts = Accounts(connection)
    accounts.load(sorted({one.customer_id for one in wanted}))
    places: dict[_Place, Account] = {}
    for one in wanted:
        account = accounts.get(one.customer_id)
        if account is not None:
            # Under the customer's own name, whichever the till still uses: one lease, and it counts as promised.
            places.setdefault((account.id, one.unit), account)
    stand = _read_stand(connection, sorted({customer for customer, _ in places}), till=till, now=now, has=has)
    granted: list[Lease] = []
    for (_, unit), account in places.items():
        lease = _grant(connection, account, unit, stand, till=till, rules=rules, now=now)
        if lease is not None:
            granted.append(lease)
    return granted


def reserved_of(
    connection: Connection, customers: Sequence[str], *, now: datetime, but_receipt: tuple[str, str] = ("", "")
) -> dict[_Place, int]:
    """Points that are somebody's already, by (customer, unit): open holds of other receipts, what is under leases.

    Args:
        connection: the transaction.
        customers: whose; all units of each.
        now: a hold of a till that reports ends when the till says so, as a lease does: it may have been used without
            a line. One of a till that never does ends in time.
        but_receipt: (till, receipt uid) whose own hold does not count.
    """
    hold, lease = schema.hold, schema.lease
    till, receipt = but_receipt
    reporting = select(schema.till.c.id).where(schema.till.c.settled_instance != "")
    found: dict[_Place, int] = {}
    for start in range(0, len(customers), IDS_CHUNK):
        chunk = customers[start : start + IDS_CHUNK]
        held = (
            select(hold.c.customer, hold.c.unit, func.sum(hold.c.points).label("points"))
            .where(
                hold.c.customer.in_(chunk),
                hold.c.state == "open",
                or_(hold.c.expires_at > now, hold.c.till.in_(reporting)),
                ~((hold.c.till == till) & (hold.c.receipt_uid == receipt)),
            )
            .group_by(hold.c.customer, hold.c.unit)
        )
        leased = (
            select(lease.c.customer, lease.c.unit, func.sum(lease.c.points - lease.c.spent).label("points"))
            .where(lease.c.customer.in_(chunk), lease.c.state == "open", lease.c.points > lease.c.spent)
            .group_by(lease.c.customer, lease.c.unit)
        )
        for row in (*connection.execute(held), *connection.execute(leased)):
            place = (row.customer, row.unit)
            found[place] = found.get(place, 0) + int(row.points)
    return found


def _read_stand(
    connection: Connection, customers: Sequence[str], *, till: str, now: datetime, has: Mapping[str, int]
) -> _Stand:
    table, people = schema.lease, schema.customer
    mine: dict[_Place, Mapping[str, Any]] = {}
    blocked: set[str] = set()
    for start in range(0, len(customers), IDS_CHUNK):
        chunk = customers[start : start + IDS_CHUNK]
        ours = (table.c.till == till) & table.c.customer.in_(chunk)
        open_ones = select(table).where(ours, table.c.state == "open", table.c.kept.is_(False)).order_by(table.c.id)
        for row in connection.execute(open_ones).mappings():
            mine.setdefault((row["customer"], row["unit"]), dict(row))
        blocked |= set(
            connection.execute(select(people.c.id).where(people.c.id.in_(chunk), people.c.blocked)).scalars()
        )
    return _Stand(
        mine=mine,
        reserved=reserved_of(connection, customers, now=now),
        blocked=frozenset(blocked),
        has=has,
    )


def _grant(
    connection: Connection, account: Account, unit: str, stand: _Stand, *, till: str, rules: LeaseRules, now: datetime
) -> Lease | None:
    """A lease on this customer's points, or a new word of the one the till has; None when there is no news."""
    before = stand.mine.get((account.id, unit))
    life = timedelta(days=rules.days)
    expires_at = now + life
    lasting, free = _free_until(account, unit, stand.reserved.get((account.id, unit), 0), now=now, end=expires_at)
    more = free * rules.share // 100
    if before is None:
        if account.id in stand.blocked or not more:
            return None
        return _insert(connection, account.id, unit, more, till=till, now=now, expires_at=expires_at)
    if account.id in stand.blocked or before["recalled"]:
        return None
    is_young = before["expires_at"] - now > life * RENEW_BEFORE and before["points"] > before["spent"]
    # Whatever is told again is a new word with a time of its own: by it the till is known to have heard it or not.
    values = {"sequence": before["sequence"] + 1, "granted_at": now}
    if is_young or not lasting:  # one whose points will not last may live on, and no longer
        if stand.has.get(before["id"]) == before["sequence"]:
            return None
    else:
        values |= {"points": before["points"] + more, "expires_at": expires_at}
    table = schema.lease
    connection.execute(update(table).where(table.c.id == before["id"]).values(**values))
    return _lease({**before, **values})


def _free_until(account: Account, unit: str, reserved: int, *, now: datetime, end: datetime) -> tuple[bool, int]:
    """(whether all that is promised is still there at `end`, what is free of it).

    Points that will have expired by then are not promised: the till could spend them too late.
    """
    there = sum(
        lot.amount
        for lot in account.lots
        if lot.unit == unit
        and lot.amount > 0
        and is_active(lot, now)
        and (lot.expires_at is None or lot.expires_at > end)
    )
    left = there - max(0, account.deficits.get(unit, 0)) - reserved
    return left >= 0, max(0, left)


def _insert(
    connection: Connection,
    customer: str,
    unit: str,
    points: int,
    *,
    till: str,
    now: datetime,
    expires_at: datetime,
) -> Lease:
    row = {
        # By chance, not counted: a restored centre never gives a name a second time.
        "id": f"{till}:{customer}:{unit}:{secrets.token_hex(8)}",
        "till": till,
        "customer": customer,
        "unit": unit,
        "points": points,
        "spent": 0,
        "sequence": 1,
        "granted_at": now,
        "expires_at": expires_at,
        "state": "open",
        "recalled": False,
        "kept": False,
    }
    connection.execute(insert(schema.lease), [row])
    return _lease(row)


def _lease(row: Mapping[str, Any]) -> Lease:
    return Lease(
        id=row["id"],
        till=row["till"],
        customer_id=row["customer"],
        unit=row["unit"],
        points=row["points"],
        sequence=row["sequence"],
        granted_at=row["granted_at"],
        expires_at=row["expires_at"],
    )
