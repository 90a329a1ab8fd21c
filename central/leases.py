"""The lease keeper: parts of balances in the hands of tills, written here before they are sent.

The invariant: free remainder + what is left under leases and holds = balance - confirmed spending. A lease's end in
time stops the till and frees nothing; its rest is free when the till has said, in its chain of envelopes, that it is
done with it, because then everything spent under it before is here too (or when a person says that the till is no
more). After the database was restored from a back-up there may be leases it does not know: nothing is promised to
anybody until every till has said what it holds and has sent what it had sent before.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, func, insert, or_, select, update

from agent.loyalty.lots import is_active
from central import schema
from central.accounts import Account, Accounts
from central.changes import mark_of, new_instance
from central.programme_keys import sign_for_tills
from drivers.vocabulary import codec
from drivers.vocabulary.leases import LEASE, Lease, LeaseAnswer, LeaseReport, LeaseWanted, Place, SignedLease

__all__ = [
    "LeaseRules",
    "close_leases",
    "keep_earned",
    "lease_rules",
    "leases_of",
    "recall_leases",
    "release_leases",
    "report_leases",
    "reserved",
    "set_lease_rules",
    "spend_lease",
    "unsettled_tills",
]

RENEW_BEFORE: Final = 0.5  # of its life: a till that is on line now and then never runs out of it
GONE_AFTER: Final = timedelta(days=60)  # a till not seen for so long holds no restored centre up
RULES_ROW: Final = "lease_rules"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LeaseRules:
    """How much is leased, and for how long; days 0 leases nothing.

    Attributes:
        share: percent of what is free when a till asks; the rest stays for the tills that are on line.
    """

    days: int = 7
    share: int = 50


def lease_rules(connection: Connection) -> LeaseRules:
    """The rules in force."""
    text = connection.scalar(select(schema.meta.c.value).where(schema.meta.c.name == RULES_ROW))
    if text is None:
        return LeaseRules()
    days, share = text.split()
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
    hold, lease = schema.hold, schema.lease
    till, receipt = but_receipt
    held: int | None = connection.scalar(
        select(func.sum(hold.c.points)).where(
            hold.c.customer == customer,
            hold.c.unit == unit,
            hold.c.state == "open",
            or_(hold.c.expires_at > now, hold.c.till.in_(_reporting())),
            ~((hold.c.till == till) & (hold.c.receipt_uid == receipt)),
        )
    )
    leased: int | None = connection.scalar(
        select(func.sum(lease.c.points - lease.c.spent)).where(
            lease.c.customer == customer,
            lease.c.unit == unit,
            lease.c.state == "open",
            lease.c.points > lease.c.spent,
        )
    )
    return int(held or 0) + int(leased or 0)


def _reporting() -> Select[tuple[str]]:
    return select(schema.till.c.id).where(schema.till.c.settled_instance != "")


def unsettled_tills(connection: Connection, now: datetime) -> list[str]:
    """Tills that have not said what they hold since the database was restored; while any is, nothing is promised."""
    till = schema.till
    instance = connection.scalar(select(schema.feed.c.instance))
    rows = connection.execute(
        select(till.c.id)
        .where(
            till.c.settled_instance.not_in(("", instance)),
            till.c.id.not_in(select(schema.till_cursor.c.till).where(schema.till_cursor.c.fork.is_not(None))),
            or_(till.c.seen_at > now - GONE_AFTER, till.c.enrolled_at > now - GONE_AFTER),
        )
        .order_by(till.c.id)
    )
    return list(rows.scalars())


# ── A till reports ──────────────────────────────────────────────────────────────────────────────


def report_leases(connection: Connection, report: LeaseReport, *, till: str, now: datetime) -> LeaseAnswer:
    """Take down what a till holds, give it what it may have."""
    _notice_restoration(connection, report, till)
    for signed in report.held:
        _know(connection, signed.lease, till)
    epoch, sequence = mark_of(connection, till)
    if (epoch, sequence) >= (report.acknowledged.epoch, report.acknowledged.sequence):
        instance = connection.scalar(select(schema.feed.c.instance))
        connection.execute(update(schema.till).where(schema.till.c.id == till).values(settled_instance=instance))
    if (epoch, sequence) >= (report.last.epoch, report.last.sequence):
        _end_unheard_holds(connection, report, till, now)
    rules = lease_rules(connection)
    leases: list[SignedLease] = []
    if rules.days and not unsettled_tills(connection, now):
        accounts = Accounts(connection)
        accounts.load(sorted({one.customer_id for one in report.wanted}))
        for wanted in report.wanted:
            granted = _grant(connection, accounts.get(wanted.customer_id), wanted, till=till, rules=rules, now=now)
            if granted is not None:
                signatures = sign_for_tills(connection, codec.encode(granted), LEASE)
                leases.append(SignedLease(lease=granted, signatures=signatures))
    table = schema.lease
    recalled = connection.execute(
        select(table.c.id).where(table.c.till == till, table.c.state == "open", table.c.recalled.is_(True))
    )
    lacks = epoch == report.acknowledged.epoch and sequence < report.acknowledged.sequence
    return LeaseAnswer(
        leases=tuple(leases),
        recalled=tuple(recalled.scalars()),
        server_time=now,
        send_from=Place(epoch=epoch, sequence=sequence + 1) if lacks else None,
    )


def _notice_restoration(connection: Connection, report: LeaseReport, till: str) -> None:
    """A centre that has lost what it acknowledged was restored, whether or not somebody told it so."""
    told: Place = report.acknowledged
    epoch, sequence = mark_of(connection, till)
    settled = connection.scalar(select(schema.till.c.settled_instance).where(schema.till.c.id == till))
    instance = connection.scalar(select(schema.feed.c.instance))
    if epoch == told.epoch and sequence < told.sequence and settled == instance:
        _log.error("restored.noticed till=%s has=%d acknowledged=%d", till, sequence, told.sequence)
        new_instance(connection)


def _end_unheard_holds(connection: Connection, report: LeaseReport, till: str, now: datetime) -> None:
    """Holds whose time is over and of which the till knows nothing: the answer that told of them was lost."""
    table = schema.hold
    unheard = (table.c.till == till) & (table.c.state == "open") & (table.c.expires_at <= now)
    if report.holds:
        unheard &= table.c.receipt_uid.not_in(report.holds)
    connection.execute(update(table).where(unheard).values(state="released"))


def _know(connection: Connection, lease: Lease, till: str) -> None:
    """A lease of before the back-up, or a word of it that is newer than ours."""
    table = schema.lease
    before = connection.execute(select(table).where(table.c.id == lease.id).with_for_update()).first()
    if lease.till != till:
        return
    if before is None:
        row = {
            "id": lease.id,
            "till": till,
            "customer": lease.customer_id,
            "unit": lease.unit,
            "points": lease.points,
            "spent": 0,
            "sequence": lease.sequence,
            "granted_at": lease.granted_at,
            "expires_at": lease.expires_at,
            "state": "open",
            "recalled": False,
        }
        connection.execute(insert(table), [row])
    elif before.state == "open" and lease.sequence > before.sequence:
        newer = {"points": max(before.points, lease.points), "sequence": lease.sequence, "expires_at": lease.expires_at}
        connection.execute(update(table).where(table.c.id == lease.id).values(**newer))


def _grant(
    connection: Connection, account: Account | None, wanted: LeaseWanted, *, till: str, rules: LeaseRules, now: datetime
) -> Lease | None:
    """The lease this till has on this customer's points from now on, or None when it gets none."""
    if account is None:
        return None
    table = schema.lease
    mine = (table.c.till == till) & (table.c.customer == account.id) & (table.c.unit == wanted.unit)
    before = (
        connection.execute(select(table).where(mine, table.c.state == "open", table.c.kept.is_(False)))
        .mappings()
        .first()
    )
    life = timedelta(days=rules.days)
    expires_at = now + life
    lasting, free = _free_until(connection, account, wanted.unit, now=now, end=expires_at)
    more = free * rules.share // 100
    blocked = connection.scalar(select(schema.customer.c.blocked).where(schema.customer.c.id == account.id))
    if before is None:
        if blocked or not more:
            return None
        return _insert(connection, wanted, more, till=till, now=now, expires_at=expires_at)
    if blocked or before["recalled"]:
        return None
    is_young = before["expires_at"] - now > life * RENEW_BEFORE and before["points"] > before["spent"]
    if is_young or not lasting:
        return _lease(dict(before))  # one whose points will not last may live on, and no longer
    values = {"points": before["points"] + more, "sequence": before["sequence"] + 1, "expires_at": expires_at}
    connection.execute(update(table).where(table.c.id == before["id"]).values(**values))
    return _lease({**before, **values})


def _free_until(
    connection: Connection, account: Account, unit: str, *, now: datetime, end: datetime
) -> tuple[bool, int]:
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
    owed = max(0, account.deficits.get(unit, 0))
    left = there - owed - reserved(connection, account.id, unit, now=now, but_receipt=("", ""))
    return left >= 0, max(0, left)


def _insert(
    connection: Connection, wanted: LeaseWanted, points: int, *, till: str, now: datetime, expires_at: datetime
) -> Lease:
    customer, unit = wanted.customer_id, wanted.unit
    table = schema.lease
    number = connection.scalar(select(func.count()).where(table.c.till == till, table.c.customer == customer)) or 0
    instance = connection.scalar(select(schema.feed.c.instance))
    row = {
        # The instance is in the name: a restored centre never gives a name a second time.
        "id": f"{till}:{customer}:{unit}:{instance}:{number + 1}",
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
    connection.execute(insert(table), [row])
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
    instance = connection.scalar(select(schema.feed.c.instance))
    connection.execute(update(schema.till).where(schema.till.c.id == till).values(settled_instance=instance))
    _log.warning("lease.released till=%s leases=%d", till, gone.rowcount)
    return gone.rowcount
