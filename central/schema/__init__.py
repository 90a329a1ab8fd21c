"""The tables of the central server and how an older database becomes a newer one; no queries.

Instants are text in UTC with microseconds, so they sort as text on every database; money and points are whole minor
units. Nothing here is peculiar to one database.
"""

from central.schema.columns import Instant, metadata
from central.schema.customers import alias, consent, contact, customer, merged, spend_code
from central.schema.feed import (
    change,
    customer_scope,
    feed,
    lookup,
    scope,
    scope_change,
    snapshot,
    snapshot_mark,
    snapshot_part,
)
from central.schema.migrations import MIGRATIONS, VERSION, migrate
from central.schema.points import hold, lease, ledger, lot, receipt
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
from central.schema.settings import meta, programme
from central.schema.shops import shop, shop_inbox, shop_open, shop_person
from central.schema.tills import enrol_code, enrol_secret, envelope, operator_action, ticket, till, till_cursor
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

__all__ = [
    "MIGRATIONS",
    "VERSION",
    "Instant",
    "alias",
    "certificate",
    "certificate_hold",
    "certificate_move",
    "change",
    "consent",
    "contact",
    "coupon",
    "coupon_use",
    "customer",
    "customer_scope",
    "enrol_code",
    "enrol_secret",
    "envelope",
    "feed",
    "fund",
    "gift",
    "hold",
    "lease",
    "ledger",
    "lookup",
    "lot",
    "merged",
    "meta",
    "metadata",
    "migrate",
    "operator_action",
    "programme",
    "receipt",
    "release",
    "release_action",
    "release_archive",
    "release_ring",
    "release_try",
    "ring",
    "ring_place",
    "scope",
    "scope_change",
    "shop",
    "shop_hours",
    "shop_inbox",
    "shop_open",
    "shop_person",
    "snapshot",
    "snapshot_mark",
    "snapshot_part",
    "spend_code",
    "ticket",
    "till",
    "till_cursor",
    "till_report",
    "till_update",
    "value_lease",
]
