"""The gates at work: counts what tills said of a release, opens the next ring or stops; in the caller's transaction."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise

from sqlalchemy import ColumnElement, Connection, func, select, true

from central import schema
from central.releases.arranging import rings
from central.releases.register import open_ring, stop
from central.releases.rings import FAILURES, GateView, ReleaseState, Ring, Verdict, judge
from central.releases.trail import GATE
from drivers.vocabulary.updates import TryOutcome

__all__ = ["gate_views", "pass_gates"]

_log = logging.getLogger(__name__)


def pass_gates(connection: Connection, *, now: datetime, versions: Iterable[str] | None = None) -> list[str]:
    """Open and stop what is due, and say what was done.

    Args:
        connection: the transaction.
        now: the centre's clock.
        versions: only these; None is all that are rolling.
    """
    table = schema.release
    rolling = select(table.c.version).where(table.c.state == ReleaseState.ROLLING.value).order_by(table.c.version)
    if versions is not None:
        rolling = rolling.where(table.c.version.in_(list(versions)))
    all_rings = rings(connection)
    done = []
    for version in connection.scalars(rolling.with_for_update()).all():
        verdict = judge(all_rings, gate_views(connection, version, all_rings, now=now))
        done += _carry_out(connection, version, verdict, now)
    return done


def gate_views(
    connection: Connection, version: str, all_rings: Sequence[Ring], *, now: datetime
) -> dict[str, GateView]:
    """What each gate sees of a release, by ring: one that still waits counts its tills, the others only failures."""
    opened = {
        row.ring: row.opened_at
        for row in connection.execute(select(schema.release_ring).where(schema.release_ring.c.version == version))
    }
    forgiven = connection.scalar(select(schema.release.c.forgiven_at).where(schema.release.c.version == version))
    tries, till = schema.release_try, schema.till
    since: ColumnElement[bool] = true() if forgiven is None else tries.c.at > forgiven
    counted = (
        select(tries.c.ring, func.count())
        .where(tries.c.version == version, tries.c.outcome.in_(FAILURES), since)
        .group_by(tries.c.ring)
    )
    failed = {row[0]: row[1] for row in connection.execute(counted)}
    # A gate that is open asks nobody any more: of a release that is through, no till is looked at each minute.
    waiting = {ring.name: ring.soak for ring, following in pairwise(all_rings) if following.name not in opened}
    healthy = (
        select(tries.c.ring, tries.c.at, till.c.seen_at)
        .join(till, till.c.id == tries.c.till)
        .where(tries.c.version == version, tries.c.outcome == TryOutcome.HEALTHY.value, tries.c.ring.in_(waiting))
    )
    proven: dict[str, int] = {}
    for ring, at, seen_at in connection.execute(healthy) if waiting else ():
        # Who fell silent afterwards has proved nothing.
        if at + waiting[ring] <= now and seen_at is not None and seen_at >= at + waiting[ring]:
            proven[ring] = proven.get(ring, 0) + 1
    return {
        name: GateView(opened_at=opened.get(name), proven=proven.get(name, 0), failures=failed.get(name, 0))
        for name in (ring.name for ring in all_rings)
    }


def _carry_out(connection: Connection, version: str, verdict: Verdict, now: datetime) -> list[str]:
    if verdict.stop:
        stop(connection, version, why=verdict.stop, by=GATE, now=now)
        _log.error("release.stopped version=%s reason=%s", version, verdict.stop)
        return [f"release {version} stopped: {verdict.stop}"]
    if verdict.opens and open_ring(connection, version, verdict.opens, by=GATE, now=now):
        _log.info("release.opened version=%s ring=%s", version, verdict.opens)
        return [f"release {version} opened for ring {verdict.opens}"]
    return []
