"""The HTTP face of the central server: routes, who may ask, which transaction; decides nothing about points itself."""

from __future__ import annotations

import logging
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, TypeVar

from sqlalchemy import Connection, select
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from central import changes, schema, tills
from central.answers import Health
from central.database import Database, StoreBusy
from central.errors import Fork, Refusal
from central.holds import grant_hold
from central.ingest import ingest, quarantine
from central.openapi import document
from central.totals import TillTotals, till_totals
from central.watch import FeedWatch
from central.web import answer, problem, read_body
from drivers.vocabulary.centre import (
    ChangesPage,
    EnrolAnswer,
    EnrolRequest,
    HoldGrant,
    HoldWanted,
    Problem,
    Upload,
    UploadAnswer,
)

__all__ = ["build"]

WAIT_MAX_S: Final = 25.0  # proxies cut a silent connection after 30 s or more; the till's own limit is the same
SEEN_EVERY: Final = timedelta(seconds=30)  # how exact "last seen" is: a poll must not cost a write each time
BUSY_RETRY_S: Final = 2  # what a till is told when the database is busy
COMPRESS_FROM_BYTES: Final = 1_024  # below it gzip costs more than it saves

T = TypeVar("T")
_log = logging.getLogger(__name__)


def build(database: Database, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Starlette:
    """The application over an open database; `now` is the centre's clock."""
    centre = _Centre(database, now)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        centre.watch.start()
        try:
            yield
        finally:
            await centre.watch.stop()

    app = Starlette(
        routes=[
            Route("/v1/health", centre.health, methods=["GET"]),
            Route("/v1/enrol", centre.enrol, methods=["POST"]),
            Route("/v1/tills/{till}/envelopes", centre.upload, methods=["POST"]),
            Route("/v1/tills/{till}/changes", centre.changes, methods=["GET"]),
            Route("/v1/tills/{till}/holds", centre.hold, methods=["POST"]),
            Route("/v1/tills/{till}/status", centre.status, methods=["GET"]),
            Route("/openapi.json", centre.openapi, methods=["GET"]),
        ],
        middleware=[Middleware(GZipMiddleware, minimum_size=COMPRESS_FROM_BYTES, compresslevel=5)],
        exception_handlers={
            Refusal: _refused,
            HTTPException: _http_error,
            Exception: _failed,
            **dict.fromkeys(StoreBusy, _busy),
        },
        lifespan=lifespan,
    )
    app.state.watch = centre.watch
    return app


class _Centre:
    """The handlers; each runs its transaction in a worker thread, so that the loop never waits for a disk."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self.watch = FeedWatch(lambda: self._reading(changes.feed_cursor))

    async def health(self, request: Request) -> Response:
        """Is the server well."""
        del request
        feed = await run_in_threadpool(self._reading, changes.feed_cursor)
        return answer(Health(status="ok", feed=feed, server_time=self._now()))

    async def openapi(self, request: Request) -> Response:
        """The contract."""
        del request
        return answer(document())

    async def enrol(self, request: Request) -> Response:
        """A one-time code against an identity."""
        wanted = await read_body(request, EnrolRequest)

        def work(connection: Connection) -> EnrolAnswer:
            key, currency = self._database.tenant_key, self._database.currency
            return tills.enrol(connection, wanted, tenant_key=key, currency=currency, now=self._now())

        given = await run_in_threadpool(self._writing, work)
        _log.info("till.enrolled till=%s shop=%s epoch=%d", given.till, given.shop, given.epoch)
        return answer(given)

    async def upload(self, request: Request) -> Response:
        """A batch of envelopes."""
        till = await self._who(request)
        batch = await read_body(request, Upload)
        vitals = tills.vitals_of(request.headers)

        def work(connection: Connection) -> UploadAnswer:
            now = self._now()
            tills.note_seen(connection, till.id, vitals, now)
            return ingest(
                connection,
                batch.envelopes,
                till=till.id,
                epoch_max=till.epoch,
                currency=self._database.currency,
                now=now,
            )

        try:
            taken = await run_in_threadpool(self._writing, work)
        except Fork as fork:
            _log.error("till.forked till=%s epoch=%d", fork.till, fork.epoch)
            await run_in_threadpool(self._writing, partial(quarantine, fork=fork))
            raise
        self.watch.poke()
        return answer(taken)

    async def changes(self, request: Request) -> Response:
        """One page of the feed; waits for one when there is nothing yet."""
        till = await self._who(request)
        cursor = request.query_params.get("cursor", "")
        wait_s = _wait_s(request.query_params.get("wait", "0"))

        def work(connection: Connection) -> ChangesPage:
            return changes.read_page(connection, till=till.id, cursor=cursor, now=self._now())

        page = await run_in_threadpool(self._reading, work)
        if not page.changes and await self.watch.wait(beyond=changes.place_of(page.cursor), timeout_s=wait_s):
            page = await run_in_threadpool(self._reading, work)
        return answer(page)

    async def hold(self, request: Request) -> Response:
        """Reserve points for a receipt."""
        till = await self._who(request)
        wanted = await read_body(request, HoldWanted)

        def work(connection: Connection) -> HoldGrant:
            _require_no_fork(connection, till)
            return grant_hold(connection, wanted, till=till.id, new_id=secrets.token_hex(16), now=self._now())

        return answer(await run_in_threadpool(self._writing, work))

    async def status(self, request: Request) -> Response:
        """What the centre knows of the till that asks."""
        till = await self._who(request)

        def work(connection: Connection) -> TillTotals:
            return till_totals(connection, till.id)[0]

        return answer(await run_in_threadpool(self._reading, work))

    async def _who(self, request: Request) -> tills.Till:
        """The till that asks; when it was last seen long enough ago, that it was seen."""
        name = request.path_params["till"]
        authorization = request.headers.get("authorization", "")

        def work(connection: Connection) -> tuple[tills.Till, datetime | None]:
            till = tills.authenticate(connection, till=name, authorization=authorization)
            return till, connection.scalar(select(schema.till.c.seen_at).where(schema.till.c.id == till.id))

        till, seen_at = await run_in_threadpool(self._reading, work)
        now = self._now()
        if seen_at is None or now - seen_at > SEEN_EVERY:
            vitals = tills.vitals_of(request.headers)
            await run_in_threadpool(self._writing, lambda connection: tills.note_seen(connection, till.id, vitals, now))
        return till

    def _reading(self, work: Callable[[Connection], T]) -> T:
        with self._database.read() as connection:
            return work(connection)

    def _writing(self, work: Callable[[Connection], T]) -> T:
        with self._database.write() as connection:
            return work(connection)


def _require_no_fork(connection: Connection, till: tills.Till) -> None:
    """A quarantined till reserves nothing: it may be the thief's."""
    table = schema.till_cursor
    fork = connection.scalar(select(table.c.fork).where(table.c.till == till.id, table.c.epoch == till.epoch))
    if fork is not None:
        raise Refusal(409, "fork", fork)


def _wait_s(text: str) -> float:
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise Refusal(400, "unreadable", f"wait is a whole number of seconds, not {text[:20]!r}")
    return min(float(text), WAIT_MAX_S)


async def _refused(request: Request, error: Exception) -> Response:
    del request
    if not isinstance(error, Refusal):
        raise error
    return problem(error.status, error.problem)


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    codes = {404: "no_such_route", 405: "method_not_allowed"}
    message = f"{request.method} {request.url.path}: {error.detail.lower()}; the contract is at /openapi.json"
    return problem(error.status_code, Problem(code=codes.get(error.status_code, "refused"), message=message))


async def _busy(request: Request, error: Exception) -> Response:
    _log.warning("store.busy path=%s error=%s", request.url.path, type(error).__name__)
    body = Problem(code="busy", message="the database is busy or away; nothing was taken, come back")
    return problem(503, body, retry_after_s=BUSY_RETRY_S)


async def _failed(request: Request, error: Exception) -> Response:
    _log.error("request.failed path=%s", request.url.path, exc_info=error)
    return problem(500, Problem(code="failed", message="the server failed; nothing was taken"))
