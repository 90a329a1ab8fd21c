"""What is the same for every till that checks: rings, places, hours and releases, read once for many checks.

A process keeps what it read for a few seconds, so that ten thousand tills that ask in one minute cost two questions
each, by primary key. What must not be late by seconds (stop, withdraw) is looked at again before a till is offered
something (`central.releases.checks`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from central import schema
from central.releases.arranging import EVERY_SHOP, places, rings
from central.releases.choosing import Archive, Candidate
from central.releases.closed_hours import ClosedHours, read_hours
from central.releases.rings import ReleaseState, Ring, ring_of
from drivers.vocabulary import codec
from drivers.vocabulary.release import SignedRelease

__all__ = ["Plan", "PlanKeeper", "read_plan"]

KEPT: Final = timedelta(seconds=3)  # how late another process's change of rings or hours may be noticed


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One moment of it.

    Attributes:
        tills: ring by till, as a person put it; `shops` likewise.
        hours: closed hours by shop; EVERY_SHOP is all others.
        candidates: every release by its version.
    """

    rings: tuple[Ring, ...]
    tills: Mapping[str, str]
    shops: Mapping[str, str]
    hours: Mapping[str, ClosedHours]
    candidates: Mapping[str, Candidate]

    def ring(self, till: str, shop: str) -> str:
        """The name of a till's ring; "" when there are none."""
        found = ring_of(till, shop, rings=self.rings, tills=self.tills, shops=self.shops)
        return found.name if found is not None else ""

    def window(self, shop: str, now: datetime) -> tuple[datetime, datetime | None]:
        """From when to when a till of this shop may be switched; at once and for ever where nobody said."""
        hours = self.hours.get(shop) or self.hours.get(EVERY_SHOP)
        return (now, None) if hours is None else hours.window(now)


def read_plan(connection: Connection) -> Plan:
    """As it is in this transaction."""
    tills, shops = places(connection)
    hours = {row.shop: read_hours(row.hours, row.zone) for row in connection.execute(select(schema.shop_hours))}
    opened: dict[str, set[str]] = {}
    for row in connection.execute(select(schema.release_ring)):
        opened.setdefault(row.version, set()).add(row.ring)
    archives: dict[str, dict[str, Archive]] = {}
    for row in connection.execute(select(schema.release_archive)):
        archives.setdefault(row.version, {})[row.platform] = Archive(
            sha256=row.sha256, size=row.size, schema=row.till_schema, readable_from=row.readable_from
        )
    found = {
        row.version: _candidate(row, frozenset(opened.get(row.version, ())), archives.get(row.version, {}))
        for row in connection.execute(select(schema.release))
    }
    return Plan(rings=rings(connection), tills=tills, shops=shops, hours=hours, candidates=found)


def _candidate(row: Row[Any], opened: frozenset[str], archives: Mapping[str, Archive]) -> Candidate:
    return Candidate(
        version=row.version,
        channel=row.channel,
        oldest_from=row.oldest_from,
        state=ReleaseState(row.state),
        signed=codec.decode(row.signed, SignedRelease),
        rings=opened,
        archives=archives,
    )


class PlanKeeper:
    """One process's copy; threads may read it at once, and at worst two of them read it anew."""

    def __init__(self) -> None:
        self._kept: tuple[datetime, Plan] | None = None

    def get(self, connection: Connection, now: datetime) -> Plan:
        """A plan that is a few seconds old at most, by the centre's clock."""
        kept = self._kept
        # A clock that was set back makes it older than it is.
        if kept is None or not timedelta(0) <= now - kept[0] < KEPT:
            kept = (now, read_plan(connection))
            self._kept = kept
        return kept[1]

    def forget(self) -> None:
        """This process has changed something: read it anew."""
        self._kept = None
