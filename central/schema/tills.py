"""Tables of the tills: who they are, how far their chains came, what they sent, and what operators did about it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
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
    text,
)

from central.schema.columns import Instant, Number, metadata

__all__ = ["enrol_code", "enrol_secret", "envelope", "operator_action", "ticket", "till", "till_cursor"]

till: Final = Table(
    "till",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("shop", String(80), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("token_hash", String(64), nullable=False),
    # False until the till's first request: only then is it sure that the answer of the enrolment arrived.
    Column("token_used", Boolean, nullable=False),
    Column("machine", String(80), nullable=False),
    Column("enrolled_at", Instant, nullable=False),
    Column("seen_at", Instant),
    Column("version", String(40), nullable=False, default=""),
    Column("queue_depth", BigInteger),
    Column("oldest_age_s", BigInteger),
    # The till's clock less ours when it last spoke: how wrong its clock is.
    Column("clock_offset_s", BigInteger),
    # Ed25519, hex; "" for a till that was enrolled before tills had keys and has not registered one yet.
    Column("public_key", String(64), nullable=False, server_default=text("''")),
    # A token that was given and not used yet; the one before it is good until then.
    Column("token_next_hash", String(64)),
    Column("token_at", Instant),
    # True when the operator wants the next answer about keys to bring a new token.
    Column("token_renew", Boolean, nullable=False, server_default=false()),
    # The newest tenant key the till was given, by its generation; NULL for one that never asked.
    Column("tenant_generation", Integer),
    # The feed's instance in which the till last said which leases it holds and had sent all it had sent before; "" for
    # one that never had a lease. Of another instance: the database was restored since, and the till has yet to speak.
    Column("settled_instance", String(16), nullable=False, server_default=text("''")),
    # The same of coupons and certificates (`central.value_leases`).
    Column("settled_values", String(16), nullable=False, server_default=text("''")),
    # When it last said so; when it last told us, without proof, that the database was restored; what it says was
    # acknowledged and is not here (instance:epoch.sequence), and since when; what is wrong, for the operator.
    Column("reported_at", Instant),
    Column("surprised_at", Instant),
    Column("lacks", String(60)),
    Column("lacks_since", Instant),
    Column("lease_trouble", Text),
    # The last batch that was refused because of its signature, in words; NULL since a good one came.
    Column("signature_trouble", Text),
    # Whose customers it is told of; "" is everybody's.
    Column("scope", String(24), nullable=False, server_default=text("''")),
    # Id of the store's secret it enrolled with; "" for a one-time code.
    Column("enrolled_by", String(16), nullable=False, server_default=text("''")),
    # The token that the last enrolment, or its leaving, ended, and whose it was: a machine that comes back is told why.
    Column("token_ended_hash", String(64)),
    Column("machine_before", String(80)),
    # When it said that it will not come back; NULL for a till at work.
    Column("left_at", Instant),
)

#: The high-water mark of one epoch of one till; `fork` is why it is quarantined, NULL when it is not.
till_cursor: Final = Table(
    "till_cursor",
    metadata,
    Column("till", String(80), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("head", String(64), nullable=False),
    Column("duplicates", BigInteger, nullable=False, default=0),
    Column("fork", Text),
    PrimaryKeyConstraint("till", "epoch"),
)

envelope: Final = Table(
    "envelope",
    metadata,
    Column("till", String(80), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("id", String(40), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("kind", String(60), nullable=False),
    Column("occurred_at", String(40), nullable=False),
    Column("boot_id", String(40), nullable=False),
    Column("uptime_ms", BigInteger, nullable=False),
    Column("programme_version", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    PrimaryKeyConstraint("till", "epoch", "sequence"),
    # The few an operator looks at, found without reading the many.
    Index(
        "envelope_refused",
        "received_at",
        sqlite_where=text("state = 'refused'"),
        postgresql_where=text("state = 'refused'"),
    ),
)

enrol_code: Final = Table(
    "enrol_code",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("shop", String(80), nullable=False),
    Column("till", String(80), nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
    Column("epoch", Integer),
    # NULL leaves the till's scope as it is.
    Column("scope", String(24)),
)

#: Secrets with which the machines of a shop enrol themselves; kept as hashes, counted, never deleted.
enrol_secret: Final = Table(
    "enrol_secret",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("hash", String(64), nullable=False, unique=True),
    Column("shop", String(80), nullable=False),
    # New tills are called prefix + the lowest free number.
    Column("prefix", String(60), nullable=False),
    Column("scope", String(24)),
    Column("made_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("revoked_at", Instant),
    # So many enrolments in all (NULL: no limit) and within an hour.
    Column("tills_max", Integer),
    Column("hour_max", Integer, nullable=False),
    Column("may_replace", Boolean, nullable=False),
    Column("used", Integer, nullable=False),
    # What was refused although the secret was the right one: how often, when and why last.
    Column("refused", Integer, nullable=False),
    Column("refused_at", Instant),
    Column("refused_why", Text),
)

#: What tills left for a person to look at; one for each envelope that says so.
ticket: Final = Table(
    "ticket",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("kind", String(20), nullable=False),
    Column("till", String(80), nullable=False),
    Column("envelope", String(40), nullable=False),
    Column("customer", String(64), nullable=False),
    # What the customer has on paper.
    Column("number", String(16), nullable=False),
    Column("at", Instant, nullable=False),
    Column("detail", JSON, nullable=False),
    Column("is_open", Boolean, nullable=False),
    UniqueConstraint("till", "envelope"),
    Index("ticket_customer", "customer"),
)

#: What operators did and when, append-only. An envelope is acknowledged when a row here says so.
operator_action: Final = Table(
    "operator_action",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("action", String(40), nullable=False),
    Column("till", String(80), nullable=False),
    Column("epoch", Integer, nullable=False),
    # 0 for an action that is about the epoch and not about one envelope.
    Column("sequence", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
    Index("operator_action_envelope", "till", "epoch", "sequence"),
    sqlite_autoincrement=True,
)
