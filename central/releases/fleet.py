"""Every till at a glance, the worst first: when it was heard of, what it runs, what waits in it, what is wrong with it.

Only what a till says of itself and what the centre sees of its requests: no customer, no receipt, no sum.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, Row, func, select

from central import schema
from central.errors import CentralStartError
from central.releases.plan import Plan, read_plan
from central.releases.progress import is_a_till
from central.releases.rings import FAILURES, ReleaseState
from drivers.vocabulary import codec
from drivers.vocabulary.fleet import DeviceFact, Severity, TillReport, TillWarning
from drivers.vocabulary.receipt import AwareTime

__all__ = ["TROUBLES", "FleetTill", "FleetView", "Wanted", "fleet"]

SILENT_S: Final = 900  # a till in an open shop is heard of every half minute
LOST_S: Final = 3 * 86_400  # longer than a weekend
UNSENT_S: Final = 3_600
CLOCK_OFF_S: Final = 120
DISK_LOW_BYTES: Final = 1 << 30  # an update needs about a third of it, the queue a few megabytes

#: Kind of trouble → (how much worse it is than others, what it means).
TROUBLES: Final[dict[str, tuple[int, str]]] = {
    "quarantined": (1000, "two machines send under one name, or a back-up was put back"),
    "lost": (400, "not heard of for three days"),
    "unsent": (300, "something waits at the till for more than an hour"),
    "failed": (200, "the till itself says that something does not work"),
    "devices": (150, "a device does not work"),
    "signature": (120, "its batches are refused"),
    "update": (100, "it went back from a version, or could not take it"),
    "disk": (80, "less than 1 GB is free"),
    "clock": (60, "its clock is off by more than two minutes"),
    "warnings": (30, "the till itself warns of something"),
    "silent": (10, "not heard of for a quarter of an hour: closed, or without a line"),
}


class FleetTill(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One till.

    Attributes:
        troubles: keys of TROUBLES, the worst first.
        seen_s: since it was heard of; None for one that never was.
        oldest_unsent_s: age of the oldest envelope that waits there.
        tried: the newest version it tried, with what became of it and why.
        devices: those in trouble.
    """

    till: str
    shop: str
    ring: str
    version: str
    troubles: tuple[str, ...]
    seen_at: AwareTime | None = None
    seen_s: int | None = None
    platform: str = ""
    queue_depth: int | None = None
    oldest_unsent_s: int | None = None
    clock_offset_s: int | None = None
    disk_free_bytes: int | None = None
    shelved: int = 0
    programme_version: int = 0
    state: str = ""
    staged: str = ""
    offered: str = ""
    pinned: str = ""
    is_off: bool = False
    tried: str = ""
    outcome: str = ""
    reason: str = ""
    tried_at: AwareTime | None = None
    warnings: tuple[TillWarning, ...] = ()
    devices: tuple[DeviceFact, ...] = ()
    reported_at: AwareTime | None = None

    @property
    def weight(self) -> int:
        """How bad all of it is together."""
        return sum(TROUBLES[kind][0] for kind in self.troubles)


class FleetView(Struct, frozen=True, kw_only=True):
    """The fleet.

    Attributes:
        tills: those that were wanted, the worst first.
        count: of all that were wanted, shown or not.
        by_trouble, by_version, by_ring: counts over the whole fleet.
    """

    tills: tuple[FleetTill, ...]
    count: int
    whole: int
    by_trouble: dict[str, int]
    by_version: dict[str, int]
    by_ring: dict[str, int]


class Wanted(Struct, frozen=True, kw_only=True):
    """Which tills; "" is any.

    Attributes:
        trouble: a key of TROUBLES, or "any".
        text: the beginning of a till's or a shop's name.
    """

    shop: str = ""
    ring: str = ""
    version: str = ""
    trouble: str = ""
    text: str = ""
    limit: int = 500

    def __post_init__(self) -> None:
        """Refuse a trouble that there is not."""
        if self.trouble and self.trouble != "any" and self.trouble not in TROUBLES:
            raise CentralStartError(f"no trouble {self.trouble[:40]!r}; there are: any, {', '.join(TROUBLES)}")

    def fits(self, one: FleetTill) -> bool:
        """Whether this till is wanted."""
        return (
            (not self.shop or one.shop == self.shop)
            and (not self.ring or one.ring == self.ring)
            and (not self.version or one.version == self.version)
            and (not self.trouble or (bool(one.troubles) if self.trouble == "any" else self.trouble in one.troubles))
            and (not self.text or one.till.startswith(self.text) or one.shop.startswith(self.text))
        )


def fleet(connection: Connection, *, now: datetime, wanted: Wanted | None = None) -> FleetView:
    """Look at every till once: four queries, however many there are."""
    wanted = wanted or Wanted()
    plan = read_plan(connection)
    tries = _last_tries(connection)
    every = [_till(row, plan, tries.get(row.id), now) for row in _rows(connection)]
    chosen = sorted(
        (one for one in every if wanted.fits(one)),
        key=lambda one: (-one.weight, -(one.oldest_unsent_s or 0), -(one.seen_s or LOST_S), one.till),
    )
    return FleetView(
        tills=tuple(chosen[: wanted.limit]),
        count=len(chosen),
        whole=len(every),
        by_trouble=_counted((kind for one in every for kind in one.troubles), TROUBLES),
        by_version=_counted((one.version or "?" for one in every), ()),
        by_ring=_counted((one.ring for one in every if one.ring), [ring.name for ring in plan.rings]),
    )


def _rows(connection: Connection) -> Sequence[Row[Any]]:
    till, update, report, cursor = schema.till, schema.till_update, schema.till_report, schema.till_cursor
    joined = (
        till.outerjoin(update, update.c.till == till.c.id)
        .outerjoin(report, report.c.till == till.c.id)
        .outerjoin(cursor, (cursor.c.till == till.c.id) & (cursor.c.epoch == till.c.epoch))
    )
    columns = (
        *(till.c.id, till.c.shop, till.c.seen_at, till.c.version, till.c.queue_depth, till.c.oldest_age_s),
        *(till.c.clock_offset_s, till.c.signature_trouble, cursor.c.fork),
        *(update.c.version.label("runs"), update.c.platform, update.c.state, update.c.staged, update.c.offered),
        *(update.c.pinned, update.c.is_off, update.c.checked_at, report.c.at.label("reported_at"), report.c.report),
    )
    return list(connection.execute(select(*columns).select_from(joined).where(is_a_till())))


def _last_tries(connection: Connection) -> dict[str, Row[Any]]:
    """By till what it last tried, well or in vain; what it merely runs is no try unless it is the last word."""
    table = schema.release_try
    last = select(table.c.till, func.max(table.c.at).label("at")).group_by(table.c.till).subquery()
    newest = (table.c.till == last.c.till) & (table.c.at == last.c.at)
    found: dict[str, Row[Any]] = {}
    for row in connection.execute(select(table).join(last, newest)):
        # Of two words of one moment the failure is the try; the other is what runs.
        if row.till not in found or row.outcome in FAILURES:
            found[row.till] = row
    return found


def _till(row: Row[Any], plan: Plan, tried: Row[Any] | None, now: datetime) -> FleetTill:
    report = codec.decode(row.report, TillReport) if row.report is not None else None
    seen_s = None if row.seen_at is None else max(0, int((now - row.seen_at).total_seconds()))
    values: dict[str, Any] = {
        "till": row.id,
        "shop": row.shop,
        "ring": plan.ring(row.id, row.shop),
        "version": _version(row),
        "seen_at": row.seen_at,
        "seen_s": seen_s,
        "platform": row.platform or (report.platform if report else ""),
        "queue_depth": row.queue_depth,
        "oldest_unsent_s": row.oldest_age_s if row.queue_depth else None,
        "clock_offset_s": row.clock_offset_s,
        "state": row.state or "",
        "staged": row.staged or "",
        "offered": row.offered or "",
        "pinned": row.pinned or "",
        "is_off": bool(row.is_off),
    }
    if tried is not None:
        values |= {"tried": tried.version, "outcome": tried.outcome, "reason": tried.reason, "tried_at": tried.at}
    if report is not None:
        values |= {
            "disk_free_bytes": report.disk_free_bytes,
            "shelved": report.shelved,
            "programme_version": report.programme_version,
            "warnings": report.warnings,
            "devices": tuple(one for one in report.devices if not one.is_well),
            "reported_at": row.reported_at,
        }
    one = FleetTill(troubles=(), **values)
    return _with_troubles(one, row, plan)


def _version(row: Row[Any]) -> str:
    """What it said last: with a check, or in the header of any other request."""
    is_newer = row.checked_at is not None and (row.seen_at is None or row.checked_at >= row.seen_at)
    return str(row.runs if is_newer and row.runs else row.version or row.runs or "")


def _with_troubles(one: FleetTill, row: Row[Any], plan: Plan) -> FleetTill:
    tried = plan.candidates.get(one.tried)
    is_over = tried is None or tried.state is ReleaseState.WITHDRAWN
    unsent_s = one.oldest_unsent_s or 0
    if unsent_s and one.seen_s is not None:
        unsent_s += one.seen_s  # what waited when it was last heard of waits still
    found = {
        "quarantined": row.fork is not None,
        "lost": one.seen_s is None or one.seen_s > LOST_S,
        "unsent": unsent_s > UNSENT_S,
        "failed": any(each.severity is Severity.FAILED for each in one.warnings),
        "devices": bool(one.devices),
        "signature": row.signature_trouble is not None,
        "update": one.outcome in FAILURES and not is_over,
        "disk": one.disk_free_bytes is not None and one.disk_free_bytes < DISK_LOW_BYTES,
        "clock": one.clock_offset_s is not None and abs(one.clock_offset_s) > CLOCK_OFF_S,
        "warnings": any(each.severity is Severity.WARNING for each in one.warnings),
        "silent": one.seen_s is not None and SILENT_S < one.seen_s <= LOST_S,
    }
    return replace(
        one,
        troubles=tuple(kind for kind in TROUBLES if found[kind]),
        oldest_unsent_s=unsent_s or None,
    )


def _counted(words: Iterable[str], order: Iterable[str]) -> dict[str, int]:
    """In the order given, then the most frequent first."""
    counted = Counter(words)
    first = {word: counted.pop(word) for word in order if word in counted}
    return {**first, **dict(counted.most_common())}
