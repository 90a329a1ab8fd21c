"""A database that was put back from a back-up: who notices it, who is waited for, and when points are promised again.

Three things tell of it without a person: a till with a cursor of this feed that the feed has not reached, an envelope
that was acknowledged and is not here, and a promise (a lease, a hold) that is not here. From then on nothing is
promised to anybody until every till that ever had a lease has said what it holds and has sent again what was lost.
After a start that follows a longer stop the centre waits a moment for tills that might tell such things.

Only a lease proves what it tells, by our signature. For everything else one till makes the others begin anew once in a
day at most, and whoever claims what it cannot show is named to the operator and waited for no longer.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, or_, select, update

from central import schema
from central.changes import new_instance
from drivers.vocabulary.leases import Place

__all__ = [
    "await_till",
    "instance_of",
    "lease_troubles",
    "make_stamp",
    "note_alive",
    "note_lack",
    "note_trouble",
    "notice_restoration",
    "promises_nothing",
    "read_stamp",
    "settle",
    "unsettled_tills",
]

GONE_AFTER: Final = timedelta(days=60)  # a till not seen for so long holds no restored centre up
NOTICED_EVERY: Final = timedelta(days=1)  # by one till without proof: everybody fetches everything anew each time
LACKING_MAX: Final = timedelta(hours=1)  # without one envelope more of what a till says was acknowledged
DOWN_AFTER: Final = timedelta(minutes=3)  # without a sign of life: long enough to have been restored meanwhile
DOUBT: Final = timedelta(minutes=2)  # a till with a line comes back within a minute of the centre's start
INSTANCE_CHARS: Final = 16
ALIVE_ROW: Final = "alive_at"
DOUBT_ROW: Final = "doubted"  # since when and until when
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)

_log = logging.getLogger(__name__)


def instance_of(connection: Connection) -> str:
    """The present history of the feed; another one begins with each restoration."""
    return connection.scalar(select(schema.feed.c.instance)) or ""


# ── Stamps: which of two reports is the older ───────────────────────────────────────────────────


def make_stamp(instance: str, now: datetime) -> str:
    """What an answer is marked with and the till's next report shows again: in which history, and when."""
    return f"{instance}.{int(now.timestamp() * 1000)}"


def read_stamp(stamp: str) -> tuple[str, datetime]:
    """(instance, when the answer was made); long ago for a till that heard none, or whose stamp cannot be read."""
    instance, _, number = stamp.partition(".")
    if not number.isascii() or not number.isdigit() or len(number) > 14:
        return "", _LONG_AGO
    return instance, datetime.fromtimestamp(int(number) / 1000, UTC)


# ── Whether anything is promised ────────────────────────────────────────────────────────────────


def promises_nothing(connection: Connection, now: datetime) -> bool:
    """Whether somebody may still hold what this database does not know."""
    return bool(unsettled_tills(connection, now)) or _is_in_doubt(connection, now)


def unsettled_tills(connection: Connection, now: datetime) -> list[str]:
    """Tills that have not said what they hold since the database was restored; while any is, nothing is promised."""
    till = schema.till
    forked = select(schema.till_cursor.c.till).where(schema.till_cursor.c.fork.is_not(None))
    rows = connection.execute(
        select(till.c.id)
        .where(
            till.c.settled_instance.not_in(("", instance_of(connection))),
            till.c.id.not_in(forked),
            or_(till.c.seen_at > now - GONE_AFTER, till.c.enrolled_at > now - GONE_AFTER),
        )
        .order_by(till.c.id)
    )
    return list(rows.scalars())


def note_alive(
    connection: Connection, now: datetime, *, down_after: timedelta = DOWN_AFTER, doubt: timedelta = DOUBT
) -> None:
    """A sign of life, before the first request is answered and then each minute, by every process on this database.

    After a longer silence the database may be an older one: for a moment nothing is promised.
    """
    told = _meta(connection, ALIVE_ROW)
    before = None if told is None else datetime.fromisoformat(told)
    if before is not None and now - before > down_after:
        _put_meta(connection, DOUBT_ROW, f"{now.isoformat()} {(now + doubt).isoformat()}")
    if before is None or before < now:
        _put_meta(connection, ALIVE_ROW, now.isoformat())


def _is_in_doubt(connection: Connection, now: datetime) -> bool:
    """Whether a till that takes leases may still come with news of a restoration, a moment after the start."""
    text = _meta(connection, DOUBT_ROW)
    if text is None:
        return False
    since, until = (datetime.fromisoformat(one) for one in text.split())
    if now >= until:
        return False
    till = schema.till
    missed = select(till.c.id).where(
        till.c.settled_instance != "",
        till.c.seen_at > now - GONE_AFTER,
        or_(till.c.reported_at.is_(None), till.c.reported_at < since),
    )
    return connection.execute(missed.limit(1)).first() is not None


# ── Who notices, who has spoken ─────────────────────────────────────────────────────────────────


def notice_restoration(
    connection: Connection, till: str, *, why: str, now: datetime, of: str | None = None, proven: bool = False
) -> None:
    """This till knows of something that is not here: the database was restored, whether or not somebody told it so.

    Noticed once: what other tills still lack is then expected.

    Args:
        connection: the transaction.
        till: who knows of it.
        why: what it knows of, in words for a person.
        now: the centre's clock.
        of: in which instance it was told so; None is the one in which it last said what it holds.
        proven: it is signed by us. What is not may be an error of the till, or a lie.
    """
    row = connection.execute(select(schema.till).where(schema.till.c.id == till)).one()
    instance = instance_of(connection)
    if (row.settled_instance if of is None else of) != instance:
        return
    if not proven:
        again = row.surprised_at is not None and now - row.surprised_at < NOTICED_EVERY
        if row.lease_trouble:
            return
        if again:
            words = f"says for the second time in a day that this centre was restored: {why}"
            note_trouble(connection, till, words, now)
            return
        _set(connection, till, surprised_at=now)
    _log.error("restored.noticed till=%s why=%r", till, why)
    new_instance(connection, instead_of=instance)


def await_till(connection: Connection, till: str, instance: str) -> None:
    """It takes leases, and has heard us in another instance: nothing is promised before it has spoken in this one."""
    _set(connection, till, settled_instance=instance[:INSTANCE_CHARS])


def note_lack(connection: Connection, row: Row[Any], lacking: Place, now: datetime) -> None:
    """A till says that we acknowledged this envelope; it has an hour to send it, or the next ones, again.

    Args:
        connection: the transaction.
        row: the till's.
        lacking: the first envelope that is not here.
        now: the centre's clock.
    """
    instance = instance_of(connection)
    place = f"{instance}:{lacking.epoch}.{lacking.sequence}"
    if row.lacks != place:
        _set(connection, row.id, lacks=place, lacks_since=now)
    elif now - row.lacks_since > LACKING_MAX and row.settled_instance != instance:
        words = f"says that envelope {lacking.sequence} of epoch {lacking.epoch} was acknowledged, and sends it no more"
        note_trouble(connection, row.id, f"{words}; what it lost is not waited for", now)
        _set(connection, row.id, settled_instance=instance)


def settle(connection: Connection, row: Row[Any], now: datetime, *, odd: str) -> None:
    """This till has said what it holds, and what it had sent is here.

    Args:
        connection: the transaction.
        row: the till's.
        now: the centre's clock.
        odd: what a person should know of its report; "" is nothing, and ends an older complaint after a day.
    """
    values: dict[str, Any] = {"settled_instance": instance_of(connection), "reported_at": now, "lacks": None}
    is_old = row.surprised_at is None or now - row.surprised_at > NOTICED_EVERY
    if row.lease_trouble and not odd and is_old:
        values["lease_trouble"] = None
    _set(connection, row.id, **values)


def note_trouble(connection: Connection, till: str, words: str, now: datetime) -> None:
    """Keep for the operator what is wrong with a till's reports, until they were well for a day."""
    _log.error("leases.trouble till=%s %s", till, words)
    _set(connection, till, lease_trouble=words, surprised_at=now)


def lease_troubles(connection: Connection) -> list[tuple[str, str]]:
    """(till, what is wrong with its reports) of those a person should look at."""
    table = schema.till
    rows = connection.execute(select(table.c.id, table.c.lease_trouble).where(table.c.lease_trouble.is_not(None)))
    return sorted((row.id, row.lease_trouble) for row in rows)


def _set(connection: Connection, till: str, **values: Any) -> None:
    connection.execute(update(schema.till).where(schema.till.c.id == till).values(**values))


def _meta(connection: Connection, name: str) -> str | None:
    return connection.scalar(select(schema.meta.c.value).where(schema.meta.c.name == name))


def _put_meta(connection: Connection, name: str, value: str) -> None:
    table = schema.meta
    changed = connection.execute(update(table).where(table.c.name == name).values(value=value))
    if not changed.rowcount:
        connection.execute(insert(table).values(name=name, value=value))
