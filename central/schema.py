"""The tables of the central server and how an older database becomes a newer one; no queries.

Instants are text in UTC with microseconds, so they sort as text on every database; money and points are whole minor
units. Nothing here is peculiar to one database.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Dialect,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    delete,
    false,
    insert,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.schema import CreateColumn

from central.errors import CentralStartError

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
    "scope",
    "scope_change",
    "snapshot",
    "snapshot_mark",
    "snapshot_part",
    "till",
    "till_cursor",
]

#: SQLite numbers rows by itself only for a column of type INTEGER.
_Number = BigInteger().with_variant(Integer, "sqlite")


class Instant(TypeDecorator[datetime]):
    """An aware moment, kept as ``2026-11-21T10:00:00.000000Z``: the order of the text is the order of time."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """To text in UTC."""
        del dialect
        if value is None:
            return None
        # strftime("%Y") does not pad years below 1000 on every platform; isoformat does.
        utc = value.astimezone(UTC).replace(tzinfo=None)
        return utc.isoformat(timespec="microseconds") + "Z"

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """To an aware datetime in UTC."""
        del dialect
        return None if value is None else datetime.fromisoformat(value)


metadata: Final = MetaData()

#: One row a word: schema_version, currency, tenant_key and the next one (hex), tenant_generation, sealing_key (hex).
meta: Final = Table(
    "meta", metadata, Column("name", String(40), primary_key=True), Column("value", Text, nullable=False)
)

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
    # The last batch that was refused because of its signature, in words; NULL since a good one came.
    Column("signature_trouble", Text),
    # Whose customers it is told of; "" is everybody's.
    Column("scope", String(24), nullable=False, server_default=text("''")),
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
    Column("id", _Number, primary_key=True, autoincrement=True),
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
    Column("id", _Number, primary_key=True, autoincrement=True),
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
    Column("id", _Number, primary_key=True, autoincrement=True),
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
    Column("id", _Number, primary_key=True, autoincrement=True),
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

programme: Final = Table(
    "programme",
    metadata,
    Column("version", BigInteger, primary_key=True),
    # As its author wrote it, and the same as JSON for the tills.
    Column("source", LargeBinary, nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("set_at", Instant, nullable=False),
)

#: The feed's newest change of each document; older ones are replaced, so the feed is never longer than the documents.
change: Final = Table(
    "change",
    metadata,
    Column("cursor", BigInteger, primary_key=True, autoincrement=False),
    Column("collection", String(32), nullable=False),
    Column("key", String(128), nullable=False),
    Column("removed", Boolean, nullable=False),
    UniqueConstraint("collection", "key"),
    # What every till is told, of whatever scope, found without reading what is about customers.
    Index(
        "change_common",
        "cursor",
        sqlite_where=text("collection NOT IN ('alias', 'customer', 'merged')"),
        postgresql_where=text("collection NOT IN ('alias', 'customer', 'merged')"),
    ),
)

#: One row for each scope there is, with the feed's place of the newest change that its tills are told and others need
#: not be; the scope "" stands for what all of them are told. No rows: every till is told everything.
scope: Final = Table(
    "scope",
    metadata,
    Column("name", String(24), primary_key=True),
    Column("cursor", BigInteger, nullable=False),
)

#: Who is told to the tills of which scope. `home` came with the file of members and does not end by itself.
customer_scope: Final = Table(
    "customer_scope",
    metadata,
    Column("customer", String(64), nullable=False),
    Column("scope", String(24), nullable=False),
    Column("since", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    Column("home", Boolean, nullable=False),
    PrimaryKeyConstraint("customer", "scope"),
    Index("customer_scope_age", "scope", "home", "last_at"),
)

#: The newest change of each document of a scope's customers, as `change` is for all: what its tills were told, removed
#: ones too. Cursors are the feed's own.
scope_change: Final = Table(
    "scope_change",
    metadata,
    Column("scope", String(24), nullable=False),
    Column("cursor", BigInteger, nullable=False),
    Column("collection", String(32), nullable=False),
    Column("key", String(128), nullable=False),
    Column("removed", Boolean, nullable=False),
    PrimaryKeyConstraint("scope", "cursor"),
    UniqueConstraint("scope", "collection", "key"),
    Index("scope_change_key", "key"),
)

#: How many customers a till asked for by their keyed hash, and how many more it may ask for now (`tokens`, at `at`).
lookup: Final = Table(
    "lookup",
    metadata,
    Column("till", String(80), primary_key=True),
    Column("tokens", Float, nullable=False),
    Column("at", Instant, nullable=False),
    Column("found", BigInteger, nullable=False),
    Column("missed", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False),
)

#: One row. Cursors are handed out under its lock, so they become visible in their own order: a sequence of the
#: database's own would let a reader see 11 while 10 is not committed yet, and skip 10 for ever.
feed: Final = Table(
    "feed",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("cursor", BigInteger, nullable=False),
    Column("instance", String(16), nullable=False),
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
)

#: Everything the tills may know, read in parts at one time and kept for those who begin. `state` is "building" or
#: "ready"; `touched_at` shows that whoever builds it is still at it.
snapshot: Final = Table(
    "snapshot",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("scope", String(40), nullable=False),
    Column("cursor", String(64), nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("touched_at", Instant, nullable=False),
    Column("state", String(16), nullable=False),
    Column("documents", BigInteger, nullable=False),
)

#: `data` is the answer's body as it goes over the wire, gzipped; sha256 and size are of what it unzips to.
snapshot_part: Final = Table(
    "snapshot_part",
    metadata,
    Column("snapshot", String(40), nullable=False),
    Column("number", Integer, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("documents", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("snapshot", "number"),
)

#: Each till's last envelope that every part of the snapshot contains.
snapshot_mark: Final = Table(
    "snapshot_mark",
    metadata,
    Column("snapshot", String(40), nullable=False),
    Column("till", String(80), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    PrimaryKeyConstraint("snapshot", "till"),
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

#: What operators did and when, append-only. An envelope is acknowledged when a row here says so.
operator_action: Final = Table(
    "operator_action",
    metadata,
    Column("id", _Number, primary_key=True, autoincrement=True),
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
        *("birthday", "purchases", "membership_until", "staff", "referrer", "counters", "offers"),
    )
    _columns(
        connection,
        till,
        *("public_key", "token_next_hash", "token_at", "token_renew", "tenant_generation", "signature_trouble"),
        *("settled_instance", "scope"),
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
    _tables(connection, snapshot, snapshot_part, snapshot_mark, lease)
    _tables(connection, scope, customer_scope, scope_change, lookup)
    _indexes(connection, change, "change_common")


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
