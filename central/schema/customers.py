"""Tables of the customers: what the tills may know, who they really are, what they agreed to."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from central.schema.columns import Instant, Number, metadata

__all__ = ["alias", "consent", "contact", "customer", "merged", "spend_code"]

customer: Final = Table(
    "customer",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(80), nullable=False),
    Column("phone", String(24), nullable=False),
    Column("tier", String(40), nullable=False),
    Column("spent_minor", BigInteger, nullable=False),
    Column("blocked", Boolean, nullable=False),
    Column("segments", JSON, nullable=False),
    Column("deficits", JSON, nullable=False),
    # Month and day ("02-29"), "" when it is not known: the tills need no year, so none is kept.
    Column("birthday", String(5), nullable=False, server_default=text("''")),
    # NULL is not known: a member loaded from a system that did not count.
    Column("purchases", BigInteger),
    Column("membership_until", Instant),
    Column("staff", Boolean, nullable=False, server_default=false()),
    Column("referrer", String(64), nullable=False, server_default=text("''")),
    # How many people use the account; a family's with several.
    Column("members", Integer, nullable=False, server_default=text("1")),
    # As the tills read them: CounterFact by its name, OfferFact one after another.
    Column("counters", JSON, nullable=False, server_default=text("'{}'")),
    Column("offers", JSON, nullable=False, server_default=text("'[]'")),
    # Who owes points: the few whom two tills let spend the same ones.
    Index(
        "customer_deficit",
        "id",
        sqlite_where=text("CAST(deficits AS TEXT) <> '{}'"),
        postgresql_where=text("CAST(deficits AS TEXT) <> '{}'"),
    ),
)

#: Who the customer is. Never joined into the feed: a till learns masks and keyed hashes only.
contact: Final = Table(
    "contact",
    metadata,
    Column("customer", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("phone", String(24), nullable=False),
    # In the clear, as the phone is: without it the keyed hash could not be made anew under another tenant key.
    Column("card", String(64), nullable=False, server_default=text("''")),
)

#: What a person agreed to, or took back: append-only. One row for each purpose of each envelope that says so.
consent: Final = Table(
    "consent",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("customer", String(64), nullable=False),
    Column("purpose", String(40), nullable=False),
    Column("given", Boolean, nullable=False),
    Column("text_version", String(80), nullable=False),
    Column("at", Instant, nullable=False),
    Column("channel", String(20), nullable=False),
    Column("till", String(80), nullable=False),
    Column("cashier", String(80), nullable=False),
    Column("envelope", String(40), nullable=False),
    UniqueConstraint("till", "envelope", "purpose"),
    Index("consent_customer", "customer"),
)

#: A name a till gave to a customer whom the centre knew already under another one.
merged: Final = Table(
    "merged",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("customer", String(64), nullable=False),
    Column("at", Instant, nullable=False),
    Index("merged_customer", "customer"),
)

#: One-time codes for spending: a keyed digest of each, and what became of it ("sending", "sent", "failed", "right").
spend_code: Final = Table(
    "spend_code",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("till", String(80), nullable=False),
    Column("customer", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("digits", Integer, nullable=False),
    Column("mask", String(24), nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("state", String(12), nullable=False),
    Index("spend_code_customer", "customer", "made_at"),
    Index("spend_code_till", "till", "made_at"),
)

alias: Final = Table(
    "alias",
    metadata,
    Column("hash", String(32), primary_key=True),
    Column("customer", String(64), nullable=False),
    Column("mask", String(24), nullable=False),
    # Which tenant key it is made under: two live while one follows the other.
    Column("generation", Integer, nullable=False, server_default=text("1")),
    Index("alias_customer", "customer"),
    Index("alias_mask", "mask"),
)
