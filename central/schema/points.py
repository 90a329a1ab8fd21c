"""Tables of points: receipts and their effect, lots, the ledger, and what is promised to somebody."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    text,
)

from central.schema.columns import Instant, Number, metadata

__all__ = ["hold", "lease", "ledger", "lot", "receipt"]

#: One row for each receipt uid that ever had its effect; `state` is "settled", "waiting" (a return whose sale has not
#: arrived) or "person" (a return that names no sale).
receipt: Final = Table(
    "receipt",
    metadata,
    Column("uid", String(80), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("customer", String(64)),
    Column("base_uid", String(80)),
    Column("total_minor", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("body_hash", String(64), nullable=False),
    Column("till", String(80), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    # What is printed on the slip, for whoever asks with the slip in the hand; "" for a receipt without one.
    Column("claim_code", String(16), nullable=False, server_default=text("''")),
    Index("receipt_base", "base_uid"),
    Index("receipt_claim", "claim_code"),
    Index(
        "receipt_open", "state", sqlite_where=text("state <> 'settled'"), postgresql_where=text("state <> 'settled'")
    ),
)

lot: Final = Table(
    "lot",
    metadata,
    Column("customer", String(64), nullable=False),
    Column("id", String(120), nullable=False),
    Column("unit", String(32), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("active_from", Instant),
    Column("expires_at", Instant),
    PrimaryKeyConstraint("customer", "id"),
)

#: Append-only. Rows of one lot add up to the lot; rows without a lot ("") add up to the deficit, negative.
ledger: Final = Table(
    "ledger",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("customer", String(64), nullable=False),
    Column("unit", String(32), nullable=False),
    Column("lot", String(120), nullable=False),
    Column("amount", BigInteger, nullable=False),
    # The lot's own times, so that points given back after the lot was emptied expire when they would have.
    Column("active_from", Instant),
    Column("expires_at", Instant),
    Column("reason", String(16), nullable=False),
    Column("receipt_uid", String(80)),
    Column("base_uid", String(80)),
    Column("at", Instant, nullable=False),
    Index("ledger_customer", "customer", "unit"),
    Index("ledger_receipt", "receipt_uid"),
    Index("ledger_base", "base_uid"),
    sqlite_autoincrement=True,
)

hold: Final = Table(
    "hold",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("till", String(80), nullable=False),
    Column("receipt_uid", String(80), nullable=False),
    Column("customer", String(64), nullable=False),
    Column("unit", String(32), nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("state", String(16), nullable=False),
    UniqueConstraint("till", "receipt_uid"),
    Index("hold_customer", "customer", "state"),
    Index("hold_open", "expires_at", sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
)

#: Points in one till's hand. What is left (points - spent) is nobody else's until `state` is "closed" (the till said
#: so) or "released" (a person did); `kept` are points that the till itself has given and keeps for a while.
lease: Final = Table(
    "lease",
    metadata,
    Column("id", String(200), primary_key=True),
    Column("till", String(80), nullable=False),
    Column("customer", String(64), nullable=False),
    Column("unit", String(32), nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("spent", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("granted_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("state", String(16), nullable=False),
    Column("recalled", Boolean, nullable=False, default=False),
    Column("kept", Boolean, nullable=False, default=False),
    Index("lease_customer", "customer", "unit", "state"),
    Index("lease_till", "till", "state"),
    Index("lease_over", "expires_at", sqlite_where=text("state <> 'open'"), postgresql_where=text("state <> 'open'")),
)
