"""By which keyed hashes the tills find a customer: written under every live tenant key, made anew when the key changes.

A rotation has three steps, and tills find everybody in each: a key follows and tills fetch it; every hash is made under
it too, from the contacts; when all tills hold it, the hashes under the old key go. A hash whose phone or card is not
in the contacts cannot be made anew: `unmade` counts them before anything is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, delete, exists, func, select

from central import schema
from central.bulk import insert_many
from central.changes import publish
from central.database import Database
from central.errors import CentralStartError
from central.tenant import TenantKeys, begin_following, end_following, tenant_keys
from drivers.vocabulary.customer import Identifier, IdentifierKind, keyed_hash

__all__ = ["finish_rotation", "identifiers", "start_rotation", "tills_behind", "unmade", "write_aliases"]

CHUNK_ROWS: Final = 400  # hashes in one statement, customers in one transaction: tills are served in between

Progress = Callable[[int], None]


def identifiers(*, phone: str, card: str) -> tuple[Identifier, ...]:
    """What a customer is found by."""
    both = ((IdentifierKind.PHONE, phone), (IdentifierKind.CARD, card))
    return tuple(Identifier(kind=kind, value=value) for kind, value in both if value)


def write_aliases(connection: Connection, owners: Iterable[tuple[str, Identifier]], keys: TenantKeys) -> list[str]:
    """Write the keyed hashes that are new or point elsewhere; those for the feed.

    A number that moved to another customer moves its hashes.
    """
    wanted: dict[str, dict[str, Any]] = {}
    for customer, identifier in owners:
        for generation, key in keys.live:
            name = keyed_hash(key, identifier)
            wanted[name] = {"hash": name, "customer": customer, "mask": identifier.mask, "generation": generation}
    table = schema.alias
    names = list(wanted)
    stored = {
        row.hash: row.customer
        for start in range(0, len(names), CHUNK_ROWS)
        for row in connection.execute(select(table).where(table.c.hash.in_(names[start : start + CHUNK_ROWS])))
    }
    moved = [name for name in names if stored.get(name, wanted[name]["customer"]) != wanted[name]["customer"]]
    for start in range(0, len(moved), CHUNK_ROWS):
        connection.execute(delete(table).where(table.c.hash.in_(moved[start : start + CHUNK_ROWS])))
    fresh = [name for name in names if name not in stored or name in moved]
    if fresh:
        insert_many(connection, table, [wanted[name] for name in fresh])
    return fresh


def start_rotation(database: Database, progress: Progress) -> TenantKeys:
    """Make the key that follows and every hash under it; begun and interrupted, it goes on.

    Raises:
        CentralStartError: every hash is made already.
    """
    with database.read() as connection:
        keys = tenant_keys(connection)
    if keys.following is None:
        with database.write() as connection:
            keys = begin_following(connection)
    after, done = "", 0
    while True:
        with database.write() as connection:
            chunk = _contacts(connection, after)
            owners = [(row.customer, one) for row in chunk for one in identifiers(phone=row.phone, card=row.card)]
            publish(connection, [("alias", name) for name in write_aliases(connection, owners, keys)])
        if not chunk:
            return keys
        after, done = chunk[-1].customer, done + len(chunk)
        progress(done)


def finish_rotation(database: Database, *, is_forced: bool) -> int:
    """The key that follows is the key; how many hashes under the old one went.

    Args:
        database: the centre's.
        is_forced: also when tills have not fetched it yet, or when hashes could not be made anew.

    Raises:
        CentralStartError: something would be lost and it is not forced, or there is nothing to finish.
    """
    with database.read() as connection:
        keys = tenant_keys(connection)
        behind, lost = tills_behind(connection), unmade(connection)
    was_following = keys.following is not None
    if was_following:
        if behind and not is_forced:
            names = ", ".join(behind[:5]) + (" …" if len(behind) > 5 else "")
            raise CentralStartError(
                f"{len(behind)} tills do not hold the new key yet ({names}); wait until they were online, or --force: "
                "they find nobody until they were"
            )
        if lost and not is_forced:
            raise CentralStartError(
                f"{lost} hashes were not made under the new key, because their phone or card is not in the contacts or "
                "`start` was interrupted; run `start` again, load those members with their cards, or --force"
            )
        with database.write() as connection:
            keys = end_following(connection)
    gone = 0
    while True:
        with database.write() as connection:
            table = schema.alias
            wanted = select(table.c.hash).where(table.c.generation < keys.generation).limit(CHUNK_ROWS)
            old = list(connection.scalars(wanted))
            if not old and not gone and not was_following:
                raise CentralStartError("no tenant key follows; begin with `rotate-tenant-key start`")
            if not old:
                return gone
            connection.execute(delete(table).where(table.c.hash.in_(old)))
            publish(connection, [("alias", name) for name in old], removed=True)
        gone += len(old)


def tills_behind(connection: Connection) -> list[str]:
    """Tills that have not said yet that they hold the newest tenant key."""
    newest = tenant_keys(connection).newest_generation
    table = schema.till
    wanted = select(table.c.id).where(func.coalesce(table.c.tenant_generation, 0) < newest).order_by(table.c.id)
    return list(connection.scalars(wanted))


def unmade(connection: Connection) -> int:
    """Hashes under the present key whose phone or card has none under the one that follows."""
    keys = tenant_keys(connection)
    if keys.following is None:
        return 0
    old, new = schema.alias, schema.alias.alias("newer")
    newer = and_(new.c.customer == old.c.customer, new.c.mask == old.c.mask, new.c.generation > old.c.generation)
    wanted = select(func.count()).select_from(old).where(old.c.generation == keys.generation, ~exists().where(newer))
    return connection.scalar(wanted) or 0


def _contacts(connection: Connection, after: str) -> Sequence[Row[Any]]:
    table = schema.contact
    wanted = select(table).where(table.c.customer > after).order_by(table.c.customer).limit(CHUNK_ROWS)
    return connection.execute(wanted).all()
