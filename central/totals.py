"""What the centre has taken, in numbers: the proof that nothing was lost and nothing doubled; reads only."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, func, select

from central import schema
from central.accounts import imbalances
from central.certificates import imbalanced_certificates
from drivers.vocabulary.proof import fingerprint

__all__ = ["TillTotals", "Totals", "read_totals", "till_totals"]


class TillTotals(Struct, frozen=True, kw_only=True):
    """One till.

    Attributes:
        last_sequence: of `epoch`, the till's present one.
        duplicates: envelopes that were sent again after they had been taken, over all epochs.
        quarantined: why the present epoch takes nothing new, "" when it does.
        key: fingerprint of the till's public key, "" for a till that has none.
        signature_trouble: why its last batch was refused because of the signature, "" when it was not.
        lease_trouble: what is wrong with its lease reports, "" when nothing is.
        queue_depth: what the till said when it was last seen; None when it did not say.
    """

    till: str
    shop: str
    epoch: int
    last_sequence: int
    envelopes: int
    duplicates: int
    refused: int
    quarantined: str
    version: str
    seen_at: datetime | None
    queue_depth: int | None
    oldest_age_s: int | None
    clock_offset_s: int | None
    key: str = ""
    signature_trouble: str = ""
    lease_trouble: str = ""


class Totals(Struct, frozen=True, kw_only=True):
    """Everything.

    Attributes:
        receipts: receipt uids that had their effect; each counts once, however often it was sent.
        duplicates: envelopes asked again after they had been taken.
        refused: envelopes kept without an effect.
        waiting: returns whose sale has not arrived, and returns for a person.
        points: per unit, what moved for each reason (spent and taken_back are negative).
        coupons_overspent: uses of coupons beyond what they allow.
        certificates_overdrawn: certificates from which two tills took more than there was.
        gifts: how many of each were handed out.
        funds: points given away, by fund and unit.
        imbalances: where the ledger and the lots disagree; anything here is a bug.
    """

    envelopes: int
    receipts: int
    sales: int
    returns: int
    duplicates: int
    refused: int
    unread: int
    waiting: int
    customers: int
    points: dict[str, dict[str, int]]
    coupons_overspent: int
    certificates_overdrawn: int
    gifts: dict[str, int]
    funds: dict[str, dict[str, int]]
    tills: tuple[TillTotals, ...]
    imbalances: tuple[str, ...]


def read_totals(connection: Connection) -> Totals:
    """Count everything there is."""
    tills = till_totals(connection)
    by_kind = select(schema.receipt.c.kind, func.count()).group_by(schema.receipt.c.kind)
    kinds: dict[str, int] = {row[0]: row[1] for row in connection.execute(by_kind)}
    open_returns = select(func.count()).select_from(schema.receipt).where(schema.receipt.c.state != "settled")
    unread = select(func.count()).select_from(schema.envelope).where(schema.envelope.c.kind == "receipt.unread")
    ledger = schema.ledger
    points: dict[str, dict[str, int]] = {}
    sums = select(ledger.c.unit, ledger.c.reason, func.sum(ledger.c.amount)).group_by(ledger.c.unit, ledger.c.reason)
    for unit, reason, amount in connection.execute(sums.order_by(ledger.c.unit, ledger.c.reason)):
        points.setdefault(unit, {})[reason] = int(amount)
    return Totals(
        envelopes=sum(till.envelopes for till in tills),
        receipts=sum(kinds.values()),
        sales=kinds.get("sale", 0),
        returns=kinds.get("return", 0),
        duplicates=sum(till.duplicates for till in tills),
        refused=sum(till.refused for till in tills),
        unread=connection.scalar(unread) or 0,
        waiting=connection.scalar(open_returns) or 0,
        customers=connection.scalar(select(func.count()).select_from(schema.customer)) or 0,
        points=points,
        coupons_overspent=_count(connection, schema.coupon_use.c.overspent.is_(True)),
        certificates_overdrawn=_count(connection, schema.certificate.c.balance_minor < 0),
        gifts=_gifts(connection),
        funds=_funds(connection),
        tills=tills,
        imbalances=(*imbalances(connection), *imbalanced_certificates(connection)),
    )


def _count(connection: Connection, where: ColumnElement[bool]) -> int:
    """Rows of the table this condition is about."""
    return connection.scalar(select(func.count()).where(where)) or 0


def _gifts(connection: Connection) -> dict[str, int]:
    table = schema.gift
    rows = connection.execute(
        select(table.c.gift, func.sum(table.c.given)).group_by(table.c.gift).order_by(table.c.gift)
    )
    return {gift: int(given) for gift, given in rows}


def _funds(connection: Connection) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for row in connection.execute(select(schema.fund).order_by(schema.fund.c.fund, schema.fund.c.unit)):
        found.setdefault(row.fund, {})[row.unit] = row.points
    return found


def till_totals(connection: Connection, only: str | None = None) -> tuple[TillTotals, ...]:
    """One row per till, by name."""
    table = schema.envelope
    counted: dict[str, dict[str, int]] = {}
    counts = select(table.c.till, table.c.state, func.count()).group_by(table.c.till, table.c.state)
    if only is not None:
        counts = counts.where(table.c.till == only)
    for till, state, count in connection.execute(counts):
        counted.setdefault(till, {})[state] = count
    tills = select(schema.till).order_by(schema.till.c.id)
    if only is not None:
        tills = tills.where(schema.till.c.id == only)
    found = []
    for row in connection.execute(tills).all():
        cursors = connection.execute(select(schema.till_cursor).where(schema.till_cursor.c.till == row.id)).all()
        present = next((cursor for cursor in cursors if cursor.epoch == row.epoch), None)
        states = counted.get(row.id, {})
        totals = TillTotals(
            till=row.id,
            shop=row.shop,
            epoch=row.epoch,
            last_sequence=present.last_seq if present is not None else 0,
            envelopes=sum(states.values()),
            duplicates=sum(cursor.duplicates for cursor in cursors),
            refused=states.get("refused", 0),
            quarantined=(present.fork or "") if present is not None else "",
            version=row.version,
            seen_at=row.seen_at,
            queue_depth=row.queue_depth,
            oldest_age_s=row.oldest_age_s,
            clock_offset_s=row.clock_offset_s,
            key=fingerprint(row.public_key),
            signature_trouble=row.signature_trouble or "",
            lease_trouble=row.lease_trouble or "",
        )
        found.append(totals)
    return tuple(found)
