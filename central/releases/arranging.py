"""Rings, who is in them, when shops are closed, what single tills are held to: as people set it; each act has a row."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, Table, delete, insert, select, update

from central import schema
from central.errors import CentralStartError
from central.releases.closed_hours import read_hours
from central.releases.rings import WHOLE, ReleaseState, Ring
from central.releases.trail import note
from drivers.vocabulary.release import version_order

__all__ = [
    "EVERY_SHOP",
    "hold",
    "places",
    "put",
    "remove_ring",
    "require_till",
    "rings",
    "set_hours",
    "set_ring",
]

EVERY_SHOP: Final = "*"  # the hours of every shop that has none of its own
RINGS_MAX: Final = 20
_MOST: Final = {"healthy_min": 100_000, "soak_minutes": 60 * 24 * 90, "failures_max": 100_000, "place": 1_000}


def rings(connection: Connection) -> tuple[Ring, ...]:
    """All of them, in their order."""
    rows = connection.execute(select(schema.ring).order_by(schema.ring.c.place, schema.ring.c.name))
    return tuple(
        Ring(
            name=row.name,
            place=row.place,
            share=row.share,
            healthy_min=row.healthy_min,
            soak=timedelta(minutes=row.soak_minutes),
            failures_max=row.failures_max,
        )
        for row in rows
    )


def set_ring(connection: Connection, name: str, values: Mapping[str, int], *, by: str, now: datetime) -> None:
    """Make a ring behind the others, or change one.

    Args:
        connection: the transaction.
        name: of the ring.
        values: what changes: `place`, `share` (hundredths of a percent), `healthy_min`, `soak_minutes`,
            `failures_max`; what is left out stays, and is 1 healthy till for 24 hours and no failure in a new ring.
        by: who does it.
        now: the centre's clock.

    Raises:
        CentralStartError: a value cannot be, nothing is to change, or the shares are more than the whole.
    """
    if not 1 <= len(name) <= 40 or not all(char.isalnum() or char in "._-" for char in name):
        raise CentralStartError(f"a ring is named by 1 to 40 letters, digits, '.', '_' or '-', not {name[:40]!r}")
    for what, value in values.items():
        most = _MOST.get(what, WHOLE)
        if not 0 <= value <= most:
            raise CentralStartError(f"ring {name}: {what} is from 0 to {most}, not {value}")
    there = rings(connection)
    known = {ring.name: ring for ring in there}
    if name in known and not values:
        raise CentralStartError(
            f"ring {name} is there; say what changes: --place, --share, --healthy, --hours, --failures"
        )
    if name in known:
        connection.execute(update(schema.ring).where(schema.ring.c.name == name).values(**values))
    else:
        if len(there) >= RINGS_MAX:
            raise CentralStartError(
                f"there are {RINGS_MAX} rings already; more are harder to follow than to go without"
            )
        last = max((ring.place for ring in there), default=0)
        new = {"place": last + 1, "share": 0, "healthy_min": 1, "soak_minutes": 24 * 60, "failures_max": 0, **values}
        connection.execute(insert(schema.ring).values(name=name, **new))
    if sum(ring.share for ring in rings(connection)) > WHOLE:
        raise CentralStartError("the shares of all rings together are more than 100 %; make another one smaller first")
    words = ", ".join(f"{what} {value}" for what, value in values.items())
    note(connection, "ring set", by=by, target=name, why=words, now=now)


def remove_ring(connection: Connection, name: str, *, by: str, now: datetime) -> None:
    """Take a ring away; its tills fall to the others.

    Raises:
        CentralStartError: there is none, or a release is rolling, whose order this would change.
    """
    _require_ring(connection, name)
    release = schema.release
    rolling = connection.scalar(select(release.c.version).where(release.c.state == ReleaseState.ROLLING.value).limit(1))
    if rolling is not None:
        raise CentralStartError(f"release {rolling} is rolling; stop or withdraw it before a ring goes")
    connection.execute(delete(schema.ring).where(schema.ring.c.name == name))
    connection.execute(delete(schema.ring_place).where(schema.ring_place.c.ring == name))
    connection.execute(delete(schema.release_ring).where(schema.release_ring.c.ring == name))
    note(connection, "ring removed", by=by, target=name, now=now)


def put(connection: Connection, kind: str, name: str, ring: str | None, *, by: str, now: datetime) -> None:
    """Put a till or a shop into a ring by hand; None leaves it to its shop or its share again.

    Raises:
        CentralStartError: there is no such ring, till or shop.
    """
    if kind == "till":
        require_till(connection, name)
    elif connection.scalar(select(schema.till.c.id).where(schema.till.c.shop == name).limit(1)) is None:
        raise CentralStartError(f"no till is in a shop {name[:40]!r}; `tillpoint central totals` shows the shops")
    if ring is not None:
        _require_ring(connection, ring)
    table = schema.ring_place
    connection.execute(delete(table).where(table.c.kind == kind, table.c.name == name))
    if ring is not None:
        connection.execute(insert(table).values(kind=kind, name=name, ring=ring))
    note(connection, "placed", by=by, target=name, why=f"{kind} to {ring or 'its share'}", now=now)


def places(connection: Connection) -> tuple[dict[str, str], dict[str, str]]:
    """(ring by till, ring by shop) of what people placed."""
    found: dict[str, dict[str, str]] = {"till": {}, "shop": {}}
    for row in connection.execute(select(schema.ring_place)):
        found[row.kind][row.name] = row.ring
    return found["till"], found["shop"]


def set_hours(connection: Connection, shop: str, hours: str | None, zone: str, *, by: str, now: datetime) -> None:
    """Say when a shop is closed; None forgets it.

    Raises:
        CentralStartError: the hours or the zone cannot be read.
    """
    if hours is not None:
        read_hours(hours, zone)
    table: Table = schema.shop_hours
    connection.execute(delete(table).where(table.c.shop == shop))
    if hours is not None:
        connection.execute(insert(table).values(shop=shop, hours=hours, zone=zone))
    note(connection, "hours", by=by, target=shop, why=f"{hours} {zone}" if hours else "forgotten", now=now)


def hold(
    connection: Connection, till: str, *, by: str, now: datetime, pinned: str | None = None, is_off: bool | None = None
) -> None:
    """Hold a till to one version ("" ends that), or take it out of all updates; None leaves as it is.

    Raises:
        CentralStartError: no such till, or no version.
    """
    require_till(connection, till)
    values: dict[str, Any] = {}
    if pinned is not None:
        try:
            version_order(pinned or "1.0")
        except ValueError as error:
            raise CentralStartError(str(error)) from None
        values["pinned"] = pinned
        note(connection, "pinned" if pinned else "unpinned", by=by, version=pinned, target=till, now=now)
    if is_off is not None:
        values["is_off"] = is_off
        note(connection, "off" if is_off else "on", by=by, target=till, now=now)
    table = schema.till_update
    if values and connection.execute(update(table).where(table.c.till == till).values(**values)).rowcount == 0:
        connection.execute(insert(table).values(till=till, **values))


def require_till(connection: Connection, till: str) -> Row[Any]:
    """The till's row.

    Raises:
        CentralStartError: there is none.
    """
    row = connection.execute(select(schema.till).where(schema.till.c.id == till)).first()
    if row is None:
        raise CentralStartError(f"no till {till[:40]!r}; `tillpoint central fleet` lists them")
    return row


def _require_ring(connection: Connection, name: str) -> None:
    if connection.scalar(select(schema.ring.c.name).where(schema.ring.c.name == name)) is None:
        raise CentralStartError(f"no ring {name[:40]!r}; `tillpoint central rings list` shows them")
