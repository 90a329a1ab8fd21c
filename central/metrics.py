"""What `/metrics` tells a monitoring system: counts of this process, and the state of the database at that moment.

No label names a till, a customer or a receipt: ten thousand tills would make ten thousand series of each number. Of the
tills there are the median, the 95th percentile and the worst.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import ColumnElement, Connection, Table, TextClause, func, select, text
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from central import schema
from central.changes import feed_cursor
from central.refused import count_refused
from central.releases.numbers import release_numbers
from drivers.vocabulary.centre import HoldGrant, LookupAnswer, UploadAnswer

__all__ = ["CONTENT_TYPE", "CountRequests", "Metrics"]

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
SILENT_AFTER_S: Final = 900.0  # a till in a shop that is open polls every half minute
QUANTILES: Final = (0.5, 0.95, 1.0)
#: Word for word the conditions of the small indexes; with a parameter no database would use those.
_IS_WAITING: Final = text("receipt.state <> 'settled'")
_IS_OPEN: Final = text("hold.state = 'open'")
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The counters of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "tillpoint_requests", "Answers, by route.", ("method", "route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "tillpoint_request_seconds",
            "From the request to the end of its answer; long polls wait on purpose.",
            ("route",),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.envelopes = Counter(
            "tillpoint_envelopes", "Envelopes answered, by verdict.", ("verdict",), registry=self.registry
        )
        self.holds = Counter(
            "tillpoint_holds", "Holds asked for, by what became of them.", ("outcome",), registry=self.registry
        )
        self.lookups = Counter(
            "tillpoint_lookups", "Customers tills asked for, by what came of it.", ("outcome",), registry=self.registry
        )
        self.codes = Counter(
            "tillpoint_codes",
            "One-time codes, asked for and tried, by outcome.",
            ("step", "outcome"),
            registry=self.registry,
        )
        self.database_errors = Counter(
            "tillpoint_database_errors", "Requests answered with 503, by error.", ("error",), registry=self.registry
        )

    def took(self, answer: UploadAnswer) -> None:
        """A batch was answered."""
        for verdict in answer.verdicts:
            self.envelopes.labels(verdict.state.value).inc()

    def held(self, grant: HoldGrant) -> None:
        """A hold was granted, or not and why."""
        self.holds.labels(grant.reason or "granted").inc()

    def looked_up(self, found: LookupAnswer | int) -> None:
        """A customer was asked for; a number is that the till must wait."""
        outcome = "refused" if isinstance(found, int) else "found" if found.changes else "missed"
        self.lookups.labels(outcome).inc()

    def code_asked(self, reason: str) -> None:
        """A code was sent, or not and why."""
        self.codes.labels("send", reason or "sent").inc()

    def code_tried(self, reason: str) -> None:
        """A code was right, or not and why."""
        self.codes.labels("check", reason or "right").inc()

    def text(self, connection: Connection, now: datetime) -> bytes:
        """The whole page."""
        state = CollectorRegistry()
        state.register(_State(list(_state(connection, now))))
        return generate_latest(self.registry) + generate_latest(state)


class _State(Collector):
    """Gauges that were read a moment ago."""

    def __init__(self, families: Sequence[GaugeMetricFamily]) -> None:
        self._families = families

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """As the library wants them."""
        return self._families


def _state(connection: Connection, now: datetime) -> Iterator[GaugeMetricFamily]:
    """Each number costs an index look-up or a pass over the tills, never one over envelopes or customers."""
    yield _one("tillpoint_feed_cursor", "How far the feed of changes is.", feed_cursor(connection))
    yield _one("tillpoint_refused_open", "Refused envelopes nobody acknowledged.", count_refused(connection))
    yield _one("tillpoint_holds_open", "Holds that reserve points now.", _holds_open(connection, now))
    waiting = _count(connection, schema.receipt, _IS_WAITING)
    yield _one("tillpoint_returns_open", "Returns that wait for their sale or for a person.", waiting)
    forks = _count(connection, schema.till_cursor, schema.till_cursor.c.fork.is_not(None))
    yield _one("tillpoint_quarantined", "Epochs of tills that take nothing new.", forks)
    yield from _tills(connection, now)
    yield from release_numbers(connection, now)


def _tills(connection: Connection, now: datetime) -> Iterator[GaugeMetricFamily]:
    table = schema.till
    columns = (table.c.seen_at, table.c.queue_depth, table.c.oldest_age_s, table.c.clock_offset_s)
    rows = connection.execute(select(*columns)).all()
    ages = [(now - row.seen_at).total_seconds() for row in rows if row.seen_at is not None]
    yield _one("tillpoint_tills", "Tills that are enrolled.", len(rows))
    silent = len(rows) - sum(age <= SILENT_AFTER_S for age in ages)
    yield _one("tillpoint_tills_silent", f"Tills not heard of for {SILENT_AFTER_S:.0f} s, or never.", silent)
    numbers = {
        "tillpoint_till_silence_seconds": ("Since a till was heard of.", ages),
        "tillpoint_till_queue_depth": ("Envelopes waiting at a till.", _known(row.queue_depth for row in rows)),
        "tillpoint_till_lag_seconds": ("Age of the oldest of them.", _known(row.oldest_age_s for row in rows)),
        "tillpoint_till_clock_offset_seconds": (
            "How far a till's clock is off, either way.",
            [abs(value) for value in _known(row.clock_offset_s for row in rows)],
        ),
    }
    for name, (words, values) in numbers.items():
        family = GaugeMetricFamily(name, words, labels=("quantile",))
        ordered = sorted(values)
        for quantile in QUANTILES if ordered else ():
            place = min(len(ordered) - 1, int(len(ordered) * quantile))
            family.add_metric((str(quantile),), ordered[place])
        yield family


def _known(values: Iterable[int | None]) -> list[float]:
    return [float(value) for value in values if value is not None]


def _one(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, value=value)


def _count(connection: Connection, table: Table, where: ColumnElement[bool] | TextClause) -> int:
    return connection.scalar(select(func.count()).select_from(table).where(where)) or 0


def _holds_open(connection: Connection, now: datetime) -> int:
    counted = select(func.count()).select_from(schema.hold).where(_IS_OPEN, schema.hold.c.expires_at > now)
    return connection.scalar(counted) or 0


class CountRequests:
    """ASGI: counts answers and how long they took, by the route's pattern and never by the address asked for."""

    def __init__(self, app: ASGIApp, metrics: Metrics, routes: Sequence[Route]) -> None:
        self._app = app
        self._metrics = metrics
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500
        began = time.perf_counter()

        async def send_counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_counted)
        finally:
            route = self._route(scope)
            method = scope["method"] if route != "other" else "other"
            self._metrics.requests.labels(method, route, str(status)).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - began)

    def _route(self, scope: Scope) -> str:
        if scope["path"].startswith("/operator"):
            return "/operator"
        for route in self._routes:
            if route.matches(scope)[0] is Match.FULL:
                return route.path
        return "other"
