"""How far a release is: for each ring how many tills run it, watch it, failed, were told, are held, or wait."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Row, exists, select

from central import schema
from central.releases.gates import gate_views
from central.releases.plan import Plan, read_plan
from central.releases.register import find, releases
from central.releases.rings import FAILURES, GateView, ReleaseState, Ring
from drivers.vocabulary.receipt import AwareTime
from drivers.vocabulary.release import version_order
from drivers.vocabulary.updates import UpdateState

__all__ = ["FailedTry", "ReleaseProgress", "RingProgress", "is_a_till", "progress", "progress_of_all"]

#: The words of the counts, in the order in which they are shown.
STATES: Final = ("healthy", "trying", "failed", "offered", "held", "waiting", "newer")


class RingProgress(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One release in one ring.

    Attributes:
        tills: in the ring.
        counts: tills by state: healthy, trying, failed, offered, held (off, pinned, or by their own settings), waiting,
            newer (they run a later version).
        proven: tills that have been healthy for the time the gate asks for; 0 once it is open.
        gate: what the gate behind this ring waits for, in words; "" when it is open or is the last.
    """

    ring: str
    tills: int
    counts: dict[str, int]
    proven: int
    opened_at: AwareTime | None = None
    gate: str = ""


class FailedTry(Struct, frozen=True, kw_only=True):
    """A till that did not keep it, and why."""

    till: str
    ring: str
    outcome: str
    reason: str
    at: AwareTime


class ReleaseProgress(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One release, everywhere."""

    version: str
    channel: str
    state: str
    added_at: AwareTime
    reason: str = ""
    notes: str = ""
    oldest_from: str = ""
    platforms: dict[str, int] = {}
    rings: tuple[RingProgress, ...] = ()
    failures: tuple[FailedTry, ...] = ()


def is_a_till() -> ColumnElement[bool]:
    """A machine at work: not a shop of a cloud, whose chain the centre writes itself, nor one that has left."""
    return ~exists().where(schema.shop.c.till == schema.till.c.id) & schema.till.c.left_at.is_(None)


def progress_of_all(
    connection: Connection, *, now: datetime, states: Collection[ReleaseState] = tuple(ReleaseState)
) -> list[ReleaseProgress]:
    """Every release in one of these states, the newest version first."""
    plan = read_plan(connection)
    tills = _tills(connection, plan)
    wanted = [row for row in releases(connection) if ReleaseState(row.state) in states]
    return [_progress(connection, row, plan, tills, now) for row in wanted]


def progress(connection: Connection, version: str, *, now: datetime) -> ReleaseProgress:
    """One of them.

    Raises:
        CentralStartError: it is not known.
    """
    row, plan = find(connection, version), read_plan(connection)
    return _progress(connection, row, plan, _tills(connection, plan), now)


def _tills(connection: Connection, plan: Plan) -> list[tuple[str, Any]]:
    """(ring, row) of every till with what it said of its version, which may be nothing yet."""
    till, update = schema.till, schema.till_update
    columns = (
        till.c.id,
        till.c.shop,
        till.c.version.label("heard"),
        update.c.version,
        update.c.state,
        update.c.offered,
        update.c.pinned,
        update.c.is_off,
    )
    joined = till.outerjoin(update, update.c.till == till.c.id)
    rows = connection.execute(select(*columns).select_from(joined).where(is_a_till()))
    return [(plan.ring(row.id, row.shop), row) for row in rows]


def _progress(
    connection: Connection, row: Row[Any], plan: Plan, tills: Sequence[tuple[str, Any]], now: datetime
) -> ReleaseProgress:
    table = schema.release_try
    failed = table.c.outcome.in_(FAILURES) & (table.c.version == row.version)
    tries = connection.execute(select(table).where(failed).order_by(table.c.at.desc())).all()
    in_vain = {one.till for one in tries}
    views = gate_views(connection, row.version, plan.rings, now=now)
    counted: dict[str, dict[str, int]] = {ring.name: dict.fromkeys(STATES, 0) for ring in plan.rings}
    for ring, till in tills:
        counts = counted.get(ring)
        if counts is not None:
            counts[_state(till, row.version, has_failed=till.id in in_vain)] += 1
    return ReleaseProgress(
        version=row.version,
        channel=row.channel,
        state=row.state,
        added_at=row.added_at,
        reason=row.reason,
        notes=row.notes,
        oldest_from=row.oldest_from,
        platforms={name: one.size for name, one in plan.candidates[row.version].archives.items()},
        rings=tuple(_rings(row, plan.rings, views, counted)),
        failures=tuple(
            FailedTry(till=one.till, ring=one.ring, outcome=one.outcome, reason=one.reason, at=one.at) for one in tries
        ),
    )


def _rings(
    row: Row[Any], rings: Sequence[Ring], views: Mapping[str, GateView], counted: Mapping[str, dict[str, int]]
) -> list[RingProgress]:
    made = []
    for place, ring in enumerate(rings):
        view, counts = views[ring.name], counted[ring.name]
        following = rings[place + 1].name if place + 1 < len(rings) else ""
        gate = ""
        if row.state == ReleaseState.ROLLING.value and following and views[following].opened_at is None:
            gate = f"{view.proven} of {ring.healthy_min} tills well for {_span(ring)} before {following}"
            if sum(counts.values()) < ring.healthy_min:
                gate += f"; the ring has only {sum(counts.values())}: put more in it or ask for fewer"
        made.append(
            RingProgress(
                ring=ring.name,
                tills=sum(counts.values()),
                counts=counts,
                proven=view.proven,
                opened_at=view.opened_at,
                gate=gate,
            )
        )
    return made


def _state(till: Row[Any], version: str, *, has_failed: bool) -> str:
    """Which of STATES a till is in, for one release."""
    runs = till.version or till.heard
    if runs == version:
        return "trying" if till.state == UpdateState.TRYING.value else "healthy"
    if has_failed:
        return "failed"
    try:
        if version_order(runs) > version_order(version):
            return "newer"
    except ValueError:
        pass
    if till.is_off or till.pinned or till.state in {UpdateState.OFF.value, UpdateState.PINNED.value}:
        return "offered" if till.pinned == version and till.offered == version else "held"
    return "offered" if till.offered == version else "waiting"


def _span(ring: Ring) -> str:
    minutes = round(ring.soak.total_seconds() / 60)
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"
