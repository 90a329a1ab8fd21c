"""Tables of the shops whose requests come from a cloud: who they are, sales in progress, people, what waits."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from central.schema.columns import Instant, Number, metadata

__all__ = ["shop", "shop_inbox", "shop_open", "shop_person"]

#: One row for each shop; it is a till too (`till.id`), whose chain of envelopes the centre writes itself. `key` is what
#: its cloud shows, `token` what we show to its cloud. `cursor` is how far its cloud has been read.
shop: Final = Table(
    "shop",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("system", String(40), nullable=False),
    Column("till", String(80), nullable=False, unique=True),
    Column("key", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("zone", String(64), nullable=False),
    Column("region", String(2), nullable=False),
    Column("settings", JSON, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("removed", Boolean, nullable=False, server_default=false()),
    Column("cursor", Text, nullable=False),
    Column("read_at", Instant),
    # Not before: its cloud asked for a pause, or failed.
    Column("read_next", Instant),
    # What is wrong, for the operator; "" when nothing is.
    Column("trouble", Text, nullable=False),
)

#: A sale that was quoted and is neither closed nor cancelled; `body` is canonical JSON.
shop_open: Final = Table(
    "shop_open",
    metadata,
    Column("till", String(80), nullable=False),
    Column("receipt_uid", String(80), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("touched_at", Instant, nullable=False),
    # Until when coupons are kept for it; NULL for one without.
    Column("keeps_until", Instant),
    PrimaryKeyConstraint("till", "receipt_uid"),
    Index("shop_open_age", "touched_at"),
    Index("shop_open_keeps", "keeps_until"),
)

#: Under which name a cloud knows a customer.
shop_person: Final = Table(
    "shop_person",
    metadata,
    Column("till", String(80), nullable=False),
    Column("external", String(120), nullable=False),
    Column("customer", String(64), nullable=False),
    PrimaryKeyConstraint("till", "external"),
)

#: What clouds delivered: written down before they are answered, done afterwards. `state` is "new", "done" or "refused".
shop_inbox: Final = Table(
    "shop_inbox",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("till", String(80), nullable=False),
    Column("delivery", String(160), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("path", Text, nullable=False),
    Column("query", JSON, nullable=False),
    Column("headers", JSON, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_at", Instant, nullable=False),
    Column("state", String(12), nullable=False),
    Column("reason", Text, nullable=False),
    UniqueConstraint("till", "delivery"),
    Index("shop_inbox_due", "state", "next_at"),
    sqlite_autoincrement=True,
)
