"""What the centre does by itself: it shows that it is up, and forgets leases that are over for long."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import func, insert, select, update

from central import schema
from central.chores import Chores
from central.leases import KEPT_CLOSED
from central.restoration import promises_nothing
from tests.own_loop import run_alone


def count(centre: Any) -> int:
    with centre.database.read() as connection:
        return connection.scalar(select(func.count()).select_from(schema.lease)) or 0


def leave_one(centre: Any, name: str) -> None:
    """A lease that was closed long ago."""
    row = {"id": name, "till": "t1", "customer": "anna", "unit": "bonus", "points": 1, "spent": 0, "sequence": 1}
    ended = centre.now - KEPT_CLOSED - timedelta(days=1)
    times = {"granted_at": ended, "expires_at": ended}
    with centre.database.write() as connection:
        connection.execute(insert(schema.lease), [{**row, **times, "state": "closed", "recalled": False}])


def test_old_leases_are_forgotten_once_in_a_day(centre: Any) -> None:
    """All there are, then none until tomorrow."""
    chores = Chores(centre.database, lambda: centre.now)
    seen = []
    for name, hours in (("a", 0), ("b", 1), ("c", 23)):
        centre.now += timedelta(hours=hours)
        leave_one(centre, name)
        chores.forget_leases()
        seen.append(count(centre))

    assert [0, 1, 0] == seen


def test_a_start_after_a_longer_stop_is_noticed_before_the_first_request(centre: Any) -> None:
    """A till takes leases and has not spoken since."""
    with centre.database.write() as connection:
        connection.execute(update(schema.till).values(seen_at=centre.now))
        instance = connection.scalar(select(schema.feed.c.instance))
        connection.execute(update(schema.till).values(settled_instance=instance))

    async def start_and_stop() -> None:
        chores = Chores(centre.database, lambda: centre.now)
        await chores.start()
        await chores.stop()

    def is_silent() -> bool:
        run_alone(start_and_stop)
        with centre.database.read() as connection:
            return promises_nothing(connection, centre.now)

    first = is_silent()
    centre.now += timedelta(minutes=10)
    assert (False, True) == (first, is_silent())
