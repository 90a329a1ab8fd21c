"""Tables of what customers hold beside points: coupons, gift certificates, donations, gifts."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    text,
)

from central.schema.columns import Instant, Number, metadata

__all__ = [
    "certificate",
    "certificate_hold",
    "certificate_move",
    "coupon",
    "coupon_use",
    "fund",
    "gift",
    "value_lease",
]

#: One row for each coupon that somebody holds, that was issued, or that was used: `used` counts the uses that stand.
#: `uses` is how often it may be used as far as the centre knows; NULL is as the programme says.
coupon: Final = Table(
    "coupon",
    metadata,
    Column("serial", String(400), primary_key=True),
    # Of its document in the feed, whose keys are shorter.
    Column("key", String(128), nullable=False, unique=True),
    Column("coupon", String(38), nullable=False),
    # Who holds it; NULL for a coupon of whoever shows it.
    Column("customer", String(64)),
    Column("valid_from", Instant),
    Column("valid_until", Instant),
    Column("uses", BigInteger),
    Column("used", BigInteger, nullable=False),
    Column("used_at", Instant),
    # The receipt that issued it; NULL for one that was loaded, is public or signed.
    Column("issued_by", String(80)),
    # True when the purchase that brought it was returned, or it has long been over.
    Column("withdrawn", Boolean, nullable=False),
    Index("coupon_customer", "customer"),
)

#: One row for each use of a coupon by a receipt; `restored` when a return gave it back. `overspent` marks a use
#: beyond what the coupon allows: the receipt counts all the same, a person looks.
coupon_use: Final = Table(
    "coupon_use",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("serial", String(400), nullable=False),
    Column("receipt_uid", String(80), nullable=False),
    Column("till", String(80), nullable=False),
    Column("customer", String(64)),
    Column("at", Instant, nullable=False),
    Column("overspent", Boolean, nullable=False),
    Column("restored", Boolean, nullable=False),
    UniqueConstraint("serial", "receipt_uid"),
    Index("coupon_use_receipt", "receipt_uid"),
    Index("coupon_use_overspent", "overspent"),
)

#: A gift certificate under the keyed hash of its code: who reads this table cannot pay with it. A negative balance is
#: money that two tills took at once.
certificate: Final = Table(
    "certificate",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("mask", String(24), nullable=False),
    Column("balance_minor", BigInteger, nullable=False),
    Column("valid_from", Instant),
    Column("valid_until", Instant),
    Column("burns", Boolean, nullable=False),
    Column("pin_hash", String(100)),
    Column("pin_failures", Integer, nullable=False),
    Column("blocked", Boolean, nullable=False),
    Column("made_at", Instant, nullable=False),
    # By which a till knows its code again without a line: salted and slow, where `id` is keyed. NULL for one that was
    # made before there were leases and has not been shown since.
    Column("check_hash", String(100)),
    # The till that showed it last, and who paid with it last: where it may be wanted without a line.
    Column("seen_till", String(80)),
    Column("seen_at", Instant),
    Column("customer", String(64)),
    Index("certificate_seen", "seen_till", "seen_at"),
    Index("certificate_customer", "customer"),
    # Money that two tills took at once.
    Index(
        "certificate_overspent",
        "id",
        sqlite_where=text("balance_minor < 0"),
        postgresql_where=text("balance_minor < 0"),
    ),
)

#: Append-only. The rows of one certificate add up to its balance.
certificate_move: Final = Table(
    "certificate_move",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("certificate", String(32), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("reason", String(16), nullable=False),
    Column("receipt_uid", String(80)),
    Column("base_uid", String(80)),
    Column("at", Instant, nullable=False),
    Index("certificate_move_certificate", "certificate"),
    Index("certificate_move_receipt", "receipt_uid"),
    Index("certificate_move_base", "base_uid"),
    sqlite_autoincrement=True,
)

certificate_hold: Final = Table(
    "certificate_hold",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("till", String(80), nullable=False),
    Column("receipt_uid", String(80), nullable=False),
    Column("certificate", String(32), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("state", String(16), nullable=False),
    UniqueConstraint("till", "receipt_uid", "certificate"),
    Index("certificate_hold_certificate", "certificate", "state"),
)

#: A coupon of one use, or money of a certificate, in one till's hand. What is left (amount - used) is nobody else's
#: until `state` is "closed" (all was used, or the till said that it is done) or "released" (a person did).
value_lease: Final = Table(
    "value_lease",
    metadata,
    Column("id", String(200), primary_key=True),
    Column("till", String(80), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("thing", String(400), nullable=False),
    Column("customer", String(64)),
    Column("amount", BigInteger, nullable=False),
    Column("used", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("granted_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("state", String(16), nullable=False),
    # Since when the till is asked to give it up; NULL for one it may keep.
    Column("recalled_at", Instant),
    # Canonical JSON of the last word given, which is signed again when the till has to be told once more.
    Column("word", LargeBinary, nullable=False),
    Index("value_lease_thing", "kind", "thing", "state"),
    Index("value_lease_till", "till", "state"),
    # More than was leased: a person looks.
    Index("value_lease_overused", "id", sqlite_where=text("used > amount"), postgresql_where=text("used > amount")),
)

#: Points that customers gave away, by fund.
fund: Final = Table(
    "fund",
    metadata,
    Column("fund", String(80), nullable=False),
    Column("unit", String(32), nullable=False),
    Column("points", BigInteger, nullable=False),
    PrimaryKeyConstraint("fund", "unit"),
)

#: How many of each gift the tills handed out.
gift: Final = Table(
    "gift",
    metadata,
    Column("gift", String(80), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("given", BigInteger, nullable=False),
    PrimaryKeyConstraint("gift", "kind"),
)
