"""Tables of releases and rings: what may run, who gets it when, what became of it at each till, and how tills are."""

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
    Text,
    false,
    text,
)

from central.schema.columns import Instant, Number, metadata

__all__ = [
    "release",
    "release_action",
    "release_archive",
    "release_ring",
    "release_try",
    "ring",
    "ring_place",
    "shop_hours",
    "till_report",
    "till_update",
]

_EMPTY: Final = text("''")

release: Final = Table(
    "release",
    metadata,
    Column("version", String(40), primary_key=True),
    Column("channel", String(20), nullable=False),
    # The signed release as it came; tills get these very bytes.
    Column("signed", LargeBinary, nullable=False),
    Column("oldest_from", String(40), nullable=False, server_default=_EMPTY),
    Column("notes", Text, nullable=False, server_default=_EMPTY),
    Column("created_at", Instant, nullable=False),
    Column("added_at", Instant, nullable=False),
    # waiting, rolling, stopped, withdrawn (`central.releases.rings`).
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False, server_default=_EMPTY),
    Column("changed_at", Instant, nullable=False),
    # Failures before this moment were looked at by a person who let the release go on; NULL while nobody had to.
    Column("forgiven_at", Instant),
)

#: What a release brings for one platform; the file lies in the folder of releases, named by its digest.
release_archive: Final = Table(
    "release_archive",
    metadata,
    Column("version", String(40), nullable=False),
    Column("platform", String(60), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("till_schema", Integer, nullable=False),
    Column("readable_from", Integer, nullable=False),
    PrimaryKeyConstraint("version", "platform"),
    Index("release_archive_digest", "sha256"),
)

#: Tills that get a release at the same time, in the order of `place`. A gate leads to the next ring.
ring: Final = Table(
    "ring",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("place", Integer, nullable=False),
    # Of the tills nobody put anywhere by hand, in hundredths of a percent; the last ring has what is left over.
    Column("share", Integer, nullable=False),
    Column("healthy_min", Integer, nullable=False),
    Column("soak_minutes", Integer, nullable=False),
    Column("failures_max", Integer, nullable=False),
)

#: What a person put into a ring: a shop with its tills, or one till, which counts more.
ring_place: Final = Table(
    "ring_place",
    metadata,
    Column("kind", String(4), nullable=False),
    Column("name", String(80), nullable=False),
    Column("ring", String(40), nullable=False),
    PrimaryKeyConstraint("kind", "name"),
)

#: A release was opened for a ring.
release_ring: Final = Table(
    "release_ring",
    metadata,
    Column("version", String(40), nullable=False),
    Column("ring", String(40), nullable=False),
    Column("opened_at", Instant, nullable=False),
    PrimaryKeyConstraint("version", "ring"),
)

#: What a till runs and is held to; a row from its first check or the first thing a person said of it.
till_update: Final = Table(
    "till_update",
    metadata,
    Column("till", String(80), primary_key=True),
    Column("version", String(40), nullable=False, server_default=_EMPTY),
    Column("platform", String(60), nullable=False, server_default=_EMPTY),
    Column("package", String(16), nullable=False, server_default=_EMPTY),
    Column("channel", String(20), nullable=False, server_default=_EMPTY),
    Column("state", String(16), nullable=False, server_default=_EMPTY),
    Column("staged", String(40), nullable=False, server_default=_EMPTY),
    Column("offered", String(40), nullable=False, server_default=_EMPTY),
    Column("offered_at", Instant),
    Column("checked_at", Instant),
    # By a person: this version and no other; nothing at all.
    Column("pinned", String(40), nullable=False, server_default=_EMPTY),
    Column("is_off", Boolean, nullable=False, server_default=false()),
)

#: The newest word about one version at one till; `at` is when that word first came, by the centre's clock.
release_try: Final = Table(
    "release_try",
    metadata,
    Column("version", String(40), nullable=False),
    Column("till", String(80), nullable=False),
    Column("ring", String(40), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("reason", Text, nullable=False, server_default=_EMPTY),
    Column("at", Instant, nullable=False),
    # When it was by the till's clock: a till says its last try again and again.
    Column("told_at", Instant),
    PrimaryKeyConstraint("version", "till"),
    Index("release_try_outcome", "version", "ring", "outcome", "at"),
    Index("release_try_till", "till"),
)

#: What people and the gates did with releases and rings, append-only.
release_action: Final = Table(
    "release_action",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    # "command line", "operator page", "operator api", or "gate" for what happened by itself.
    Column("by", String(40), nullable=False),
    Column("action", String(40), nullable=False),
    Column("version", String(40), nullable=False),
    # A ring, a till or a shop.
    Column("target", String(80), nullable=False),
    Column("note", Text, nullable=False),
    Index("release_action_version", "version", "id"),
    sqlite_autoincrement=True,
)

#: When a shop is closed, as a person wrote it (`central.releases.closed_hours`); the shop "*" is every other.
shop_hours: Final = Table(
    "shop_hours",
    metadata,
    Column("shop", String(80), primary_key=True),
    Column("hours", Text, nullable=False),
    Column("zone", String(60), nullable=False),
)

#: The last a till said of its own health: a `TillReport` as it came.
till_report: Final = Table(
    "till_report",
    metadata,
    Column("till", String(80), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("report", LargeBinary, nullable=False),
)
