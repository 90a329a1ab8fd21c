"""How an older database of the centre becomes a newer one, inside one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, Table, delete, insert, inspect, select, text, update
from sqlalchemy.schema import CreateColumn

from central.errors import CentralStartError
from central.schema.columns import metadata
from central.schema.customers import alias, consent, contact, customer, merged, spend_code
from central.schema.feed import (
    change,
    customer_scope,
    lookup,
    scope,
    scope_change,
    snapshot,
    snapshot_mark,
    snapshot_part,
)
from central.schema.points import hold, lease, receipt
from central.schema.releases import (
    release,
    release_action,
    release_archive,
    release_ring,
    release_try,
    ring,
    ring_place,
    shop_hours,
    till_report,
    till_update,
)
from central.schema.settings import meta
from central.schema.shops import shop, shop_inbox, shop_open, shop_person
from central.schema.tills import enrol_code, enrol_secret, envelope, operator_action, ticket, till
from central.schema.values import (
    certificate,
    certificate_hold,
    certificate_move,
    coupon,
    coupon_use,
    fund,
    gift,
    value_lease,
)

__all__ = ["MIGRATIONS", "VERSION", "migrate"]


def _tables(connection: Connection, *tables: Table) -> None:
    """Make the tables that are not there."""
    metadata.create_all(connection, tables=tables)


def _columns(connection: Connection, table: Table, *names: str) -> None:
    """Add the columns that are not there; one that may not be NULL needs a server_default."""
    there = {column["name"] for column in inspect(connection).get_columns(table.name)}
    for name in names:
        if name not in there:
            made = CreateColumn(table.c[name]).compile(dialect=connection.dialect)
            connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {made}"))


def _indexes(connection: Connection, table: Table, *names: str) -> None:
    """Make the indexes that are not there."""
    for index in table.indexes:
        if index.name in names:
            index.create(connection, checkfirst=True)


def _claim_codes(connection: Connection) -> None:
    """Find again the claim codes of receipts that were taken before the codes had a column."""
    bodies = select(envelope.c.till, envelope.c.epoch, envelope.c.sequence, envelope.c.body).where(
        envelope.c.kind.in_(("receipt.confirmed", "receipt.refunded")),
        envelope.c.state == "applied",
    )
    for row in connection.execute(bodies).all():
        code = json.loads(row.body).get("claim_code", "")
        place = (receipt.c.till == row.till) & (receipt.c.epoch == row.epoch) & (receipt.c.sequence == row.sequence)
        if code:
            connection.execute(update(receipt).where(place).values(claim_code=code[:16]))


def _to_version_2(connection: Connection) -> None:
    """What the centre knows of a customer for every rule; coupons, certificates, donations, gifts; keys, consents."""
    _columns(
        connection,
        customer,
        *("birthday", "purchases", "membership_until", "staff", "referrer", "members", "counters", "offers"),
    )
    _columns(
        connection,
        till,
        *("public_key", "token_next_hash", "token_at", "token_renew", "tenant_generation", "signature_trouble"),
        *(
            "settled_instance",
            "settled_values",
            "scope",
            "surprised_at",
            "lacks",
            "lacks_since",
            "lease_trouble",
            "reported_at",
        ),
        *("enrolled_by", "token_ended_hash", "machine_before", "left_at"),
    )
    _columns(connection, enrol_code, "scope")
    _columns(connection, contact, "card")
    _columns(connection, alias, "generation")
    _tables(connection, consent, merged)
    _tables(connection, coupon, coupon_use, certificate, certificate_move, certificate_hold, fund, gift)
    _columns(connection, receipt, "claim_code")
    _indexes(connection, receipt, "receipt_claim", "receipt_open")
    _indexes(connection, envelope, "envelope_refused")
    _indexes(connection, customer, "customer_deficit")
    _indexes(connection, hold, "hold_open")
    _indexes(connection, alias, "alias_mask")
    _tables(connection, operator_action)
    _claim_codes(connection)
    _tables(connection, snapshot, snapshot_part, snapshot_mark, lease, value_lease)
    _tables(connection, scope, customer_scope, scope_change, lookup)
    _indexes(connection, change, "change_common")
    _tables(connection, spend_code, ticket)
    _tables(connection, shop, shop_open, shop_person, shop_inbox)
    _tables(connection, enrol_secret)
    _tables(connection, release, release_archive, ring, ring_place, release_ring, release_try, release_action)
    _tables(connection, till_update, shop_hours, till_report)


#: Step n makes version n + 2 out of version n + 1 (version 1 is the first there was). Only ever appended to; a step,
#: once released, is not edited. A new database is made whole and takes no steps.
MIGRATIONS: Final[tuple[Callable[[Connection], None], ...]] = (_to_version_2,)

VERSION: Final = len(MIGRATIONS) + 1


def migrate(connection: Connection) -> None:
    """Bring the database to VERSION inside the caller's transaction.

    Raises:
        CentralStartError: a newer Tillpoint wrote this database.
    """
    version = 0
    if inspect(connection).has_table("meta"):
        found = connection.scalar(select(meta.c.value).where(meta.c.name == "schema_version"))
        version = int(found or 0)
    if version > VERSION:
        raise CentralStartError(
            f"the database has schema version {version}, this Tillpoint knows {VERSION}; install the newer version",
        )
    if version == VERSION:
        return
    if version == 0:
        metadata.create_all(connection)
    else:
        for step in MIGRATIONS[version - 1 :]:
            step(connection)
    connection.execute(delete(meta).where(meta.c.name == "schema_version"))
    connection.execute(insert(meta).values(name="schema_version", value=str(VERSION)))
