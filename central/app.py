"""The HTTP face of the central server: routes, who may ask, which transaction; decides nothing about points itself."""

from __future__ import annotations

import gzip
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

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
from central.admin import CertificateApi
from central.answers import Health
from central.certificate_holds import ask_certificate
from central.chores import Chores
from central.code_api import CODE_DIGITS, CodeApi
from central.code_senders import CodeSender, NoSender
from central.coming_api import ComingApi
from central.database import READERS_MAX, WRITER_WAIT_S, Database, StoreBusy
from central.errors import Fork, Refusal
from central.holds import grant_hold
from central.ingest import ingest, quarantine
from central.intake import POISON, take_each
from central.lease_reports import report_leases
from central.lookups import look_up
from central.metrics import CONTENT_TYPE, CountRequests, Metrics
from central.openapi import document
from central.operator.keys import require_metrics_token
from central.operator.routes import OperatorPage
from central.releases.api import ReleaseApi
from central.releases.doors import CHECK_EVERY_S, DOWNLOADS_MAX, ReleaseDoors
from central.releases.folder import ArchiveFolder
from central.restoration import notice_restoration
from central.scope_feed import feed_places
from central.shops.doors import ShopDoors
from central.snapshots import read_manifest, read_part
from central.till_keys import TOKEN_DAYS, BadSignature, give_keys, note_signature, require_signature
from central.totals import TillTotals, till_totals
from central.turns import Turns
from central.value_reports import ask_coupons, report_values
from central.watch import FeedWatch
from central.web import answer, problem, read_body
from drivers.vocabulary.centre import (
    ChangesPage,
    EnrolAnswer,
    EnrolRequest,
    HoldGrant,
    HoldWanted,
    KeysAnswer,
    KeysRequest,
    LookupAnswer,
    LookupWanted,
    Problem,
    Upload,
    UploadAnswer,
)
from drivers.vocabulary.certificates import CertificateGrant, CertificateWanted
from drivers.vocabulary.leases import LeaseAnswer, LeaseReport
from drivers.vocabulary.value_leases import CouponsGrant, CouponsWanted, ValueAnswer, ValueReport

__all__ = ["build"]

WAIT_MAX_S: Final = 25.0  # proxies cut a silent connection after 30 s or more; the till's own limit is the same
SEEN_EVERY: Final = timedelta(seconds=30)  # how exact "last seen" is: a poll must not cost a write each time
BUSY_RETRY_S: Final = 2  # what a till is told when the database is busy; more when many wait
BUSY_RETRY_MAX_S: Final = 60
COMPRESS_FROM_BYTES: Final = 1_024  # below it gzip costs more than it saves

T = TypeVar("T")
_log = logging.getLogger(__name__)


def build(
    database: Database,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    token_days: int = TOKEN_DAYS,
    sender: CodeSender | None = None,
    code_digits: int = CODE_DIGITS,
    releases: Path | None = None,
    downloads_max: int = DOWNLOADS_MAX,
    check_every_s: int = CHECK_EVERY_S,
) -> Starlette:
    """The application over an open database.

    Args:
        database: open.
        now: the centre's clock.
        token_days: how old a token may become.
        sender: who brings one-time codes to customers' phones; None is nobody.
        code_digits: of each of them, 4 to 6.
        releases: the folder with the archives of releases; None gives out none.
        downloads_max: how many tills may download at once.
        check_every_s: how often a till is to ask for an update.
    """
    centre = _Centre(database, now, token_days)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        await centre.chores.start()
        centre.watch.start()
        shop_doors.work.start()
        try:
            yield
        finally:
            await shop_doors.work.stop()
            await centre.chores.stop()
            await centre.watch.stop()

    shop_doors = ShopDoors(
        database,
        writers=centre.writers,
        read=centre.read,
        now=now,
        told=centre.watch.poke,
        sender=sender or NoSender(),
    )
    codes = CodeApi(
        who=centre.who,
        write=centre.write,
        now=now,
        sender=sender or NoSender(),
        digits=code_digits,
        metrics=centre.metrics,
    )
    folder = ArchiveFolder(releases) if releases is not None else None
    release_doors = ReleaseDoors(
        who=centre.who,
        read=centre.read,
        write=centre.write,
        now=now,
        folder=folder,
        downloads_max=downloads_max,
        check_every_s=check_every_s,
    )
    routes = [
        Route("/v1/health", centre.health, methods=["GET"]),
        Route("/v1/enrol", centre.enrol, methods=["POST"]),
        Route("/v1/tills/{till}/envelopes", centre.upload, methods=["POST"]),
        Route("/v1/tills/{till}/changes", centre.changes, methods=["GET"]),
        Route("/v1/tills/{till}/snapshot", centre.snapshot, methods=["GET"]),
        Route("/v1/tills/{till}/snapshot/{id}/{number}", centre.snapshot_part, methods=["GET"]),
        Route("/v1/tills/{till}/holds", centre.hold, methods=["POST"]),
        Route("/v1/tills/{till}/leases", centre.leases, methods=["POST"]),
        Route("/v1/tills/{till}/values", centre.values, methods=["POST"]),
        Route("/v1/tills/{till}/coupons", centre.coupons, methods=["POST"]),
        Route("/v1/tills/{till}/lookup", centre.lookup, methods=["POST"]),
        Route("/v1/tills/{till}/keys", centre.keys, methods=["POST"]),
        Route("/v1/tills/{till}/certificates", centre.certificate, methods=["POST"]),
        Route("/v1/tills/{till}/status", centre.status, methods=["GET"]),
        Route("/openapi.json", centre.openapi, methods=["GET"]),
        Route("/metrics", centre.metrics_page, methods=["GET"]),
        *codes.routes(),
        *release_doors.routes(),
        *ComingApi(who=centre.who, write=centre.write, currency=database.currency, now=now).routes(),
        *shop_doors.routes(),
        *CertificateApi(read=centre.read, write=centre.write, now=now).routes(),
        *ReleaseApi(
            read=centre.read, write=centre.write, now=now, folder=folder, changed=release_doors.keeper.forget
        ).routes(),
        *OperatorPage(
            read=centre.read, write=centre.write, now=now, releases_changed=release_doors.keeper.forget
        ).routes(),
    ]
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(CountRequests, metrics=centre.metrics, routes=routes),
            Middleware(GZipMiddleware, minimum_size=COMPRESS_FROM_BYTES, compresslevel=5),
        ],
        exception_handlers={
            Refusal: _refused,
            HTTPException: _http_error,
            Exception: _failed,
            **dict.fromkeys(StoreBusy, _busy),
            **dict.fromkeys(POISON, _unstorable),
        },
        lifespan=lifespan,
    )
    app.state.watch = centre.watch
    app.state.metrics = centre.metrics
    app.state.writers = centre.writers
    return app


class _Centre:
    """The handlers; each runs its transaction in a worker thread, so that the loop never waits for a disk."""

    def __init__(self, database: Database, now: Callable[[], datetime], token_days: int) -> None:
        self._database = database
        self._now = now
        self._token_days = token_days
        self._readers = Turns(READERS_MAX, WRITER_WAIT_S)
        self.writers = Turns(database.writers, WRITER_WAIT_S)
        self.metrics = Metrics()
        self.watch = FeedWatch(lambda: database.reading(feed_places))
        self.chores = Chores(database, now)

    async def health(self, request: Request) -> Response:
        """Is the server well."""
        del request
        feed = await self.read(changes.feed_cursor)
        return answer(Health(status="ok", feed=feed, server_time=self._now()))

    async def openapi(self, request: Request) -> Response:
        """The contract."""
        del request
        return answer(document())

    async def enrol(self, request: Request) -> Response:
        """A one-time code against an identity."""
        wanted = await read_body(request, EnrolRequest)

        def work(connection: Connection) -> EnrolAnswer:
            return tills.enrol(connection, wanted, currency=self._database.currency, now=self._now())

        given = await self.write(work)
        _log.info("till.enrolled till=%s shop=%s epoch=%d", given.till, given.shop, given.epoch)
        return answer(given)

    async def upload(self, request: Request) -> Response:
        """A batch of envelopes."""
        self.writers.require_room()
        till = await self._who(request, notes_itself=True)
        batch = await read_body(request, Upload)
        await self._require_signature(till, batch)
        vitals = tills.vitals_of(request.headers)

        now = self._now()
        take: dict[str, Any] = {
            "till": till.id,
            "epoch_max": till.epoch,
            "currency": self._database.currency,
            "now": now,
        }

        def work(connection: Connection) -> UploadAnswer:
            tills.note_seen(connection, till.id, vitals, now)
            if till.signature_was_wrong:
                note_signature(connection, till.id, None)
            return ingest(connection, batch.envelopes, **take)

        try:
            taken = await self.write(work)
        except POISON:
            taken = await self.writers.take(partial(take_each, self._database.writing, batch.envelopes, **take))
        except Fork as fork:
            await self._quarantine(fork)
            raise
        except Refusal as refusal:
            if refusal.problem.code == "gap":
                # It goes on where we told it that we were.
                why = refusal.problem.message
                await self.write(partial(notice_restoration, till=till.id, why=why, now=self._now()))
            raise
        self.watch.poke()
        self.metrics.took(taken)
        return answer(taken)

    async def _quarantine(self, fork: Fork) -> None:
        """Write a fork down, so that it is one from now on."""
        _log.error("till.forked till=%s epoch=%d", fork.till, fork.epoch)
        await self.write(partial(quarantine, fork=fork))

    async def _require_signature(self, till: tills.Till, batch: Upload) -> None:
        """Refuse what the till did not sign, and keep why for the operator."""
        try:
            require_signature(till, batch)
        except BadSignature as bad:
            _log.error("till.signature till=%s code=%s", bad.till, bad.problem.code)
            note = partial(note_signature, till=till.id, trouble=bad.problem.message)
            await self.write(note)
            raise

    async def keys(self, request: Request) -> Response:
        """The till's key against a token and the tenant's keys of today."""
        till = await self._who(request)
        wanted = await read_body(request, KeysRequest)

        def work(connection: Connection) -> KeysAnswer:
            tills.require_no_fork(connection, till)
            return give_keys(connection, wanted, till=till, token_days=self._token_days, now=self._now())

        return answer(await self.write(work))

    async def changes(self, request: Request) -> Response:
        """One page of the feed; waits for one when there is nothing yet."""
        till = await self._who(request)
        cursor = request.query_params.get("cursor", "")
        wait_s = _wait_s(request.query_params.get("wait", "0"))

        def work(connection: Connection) -> ChangesPage:
            return changes.read_page(connection, till=till.id, cursor=cursor, now=self._now(), scope=till.scope)

        try:
            page = await self.read(work)
        except changes.CursorAhead as ahead:
            why = f"its cursor {cursor!r} is ahead of the feed"
            await self.write(
                partial(notice_restoration, till=till.id, why=why, now=self._now(), of=ahead.instance),
            )
            raise
        beyond = changes.place_of(page.cursor)
        if not page.changes and await self.watch.wait(scope=till.scope, beyond=beyond, timeout_s=wait_s):
            page = await self.read(work)
        # Without news the cursor is where the feed was when the wait began: what others were told is behind it.
        return answer(page)

    async def snapshot(self, request: Request) -> Response:
        """Which parts there are for a till that begins."""
        till = await self._who(request)
        return answer(await self.read(partial(read_manifest, till=till.id, scope=till.scope)))

    async def snapshot_part(self, request: Request) -> Response:
        """One of them; it lies there gzipped, and whoever cannot read that gets it plain."""
        till = await self._who(request)
        name, number = request.path_params["id"], _number(request.path_params["number"])
        data = await self.read(partial(read_part, snapshot=name, number=number, scope=till.scope))
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(await run_in_threadpool(gzip.decompress, data), media_type="application/json")
        return Response(data, media_type="application/json", headers={"content-encoding": "gzip"})

    async def lookup(self, request: Request) -> Response:
        """One customer whom the till does not know."""
        till = await self._who(request)
        wanted = await read_body(request, LookupWanted)

        def work(connection: Connection) -> LookupAnswer | int:
            tills.require_no_fork(connection, till)
            return look_up(connection, wanted, till=till.id, scope=till.scope, now=self._now())

        found = await self.write(work)
        self.metrics.looked_up(found)
        if isinstance(found, int):
            _log.warning("till.lookups till=%s retry_after_s=%d", till.id, found)
            message = f"till {till.id} asks for too many customers; `tillpoint central scopes list` counts them"
            return problem(429, Problem(code="too_many_lookups", message=message), retry_after_s=found)
        if found.changes:
            self.watch.poke()
        return answer(found)

    async def hold(self, request: Request) -> Response:
        """Reserve points for a receipt."""
        till = await self._who(request)
        wanted = await read_body(request, HoldWanted)

        def work(connection: Connection) -> HoldGrant:
            tills.require_no_fork(connection, till)
            return grant_hold(connection, wanted, till=till.id, new_id=secrets.token_hex(16), now=self._now())

        grant = await self.write(work)
        self.metrics.held(grant)
        return answer(grant)

    async def leases(self, request: Request) -> Response:
        """What the till holds, and what it may hold."""
        till = await self._who(request)
        wanted = await read_body(request, LeaseReport)

        def work(connection: Connection) -> LeaseAnswer:
            tills.require_no_fork(connection, till)
            return report_leases(connection, wanted, till=till.id, now=self._now())

        try:
            return answer(await self.write(work))
        except Fork as fork:
            await self._quarantine(fork)
            raise

    async def values(self, request: Request) -> Response:
        """Which coupons and certificates the till holds, and which it may hold."""
        till = await self._who(request)
        report = await read_body(request, ValueReport)

        def work(connection: Connection) -> ValueAnswer:
            tills.require_no_fork(connection, till)
            return report_values(connection, report, till=till.id, new_id=_new_id, now=self._now())

        return answer(await self.write(work))

    async def coupons(self, request: Request) -> Response:
        """Coupons of one use, leased at once for a customer who waits."""
        till = await self._who(request)
        wanted = await read_body(request, CouponsWanted)

        def work(connection: Connection) -> CouponsGrant:
            tills.require_no_fork(connection, till)
            return ask_coupons(connection, wanted, till=till.id, new_id=_new_id, now=self._now())

        return answer(await self.write(work))

    async def certificate(self, request: Request) -> Response:
        """What a gift certificate pays, kept for a receipt."""
        till = await self._who(request)
        wanted = await read_body(request, CertificateWanted)

        def work(connection: Connection) -> CertificateGrant:
            tills.require_no_fork(connection, till)
            return ask_certificate(connection, wanted, till=till.id, new_id=secrets.token_hex(16), now=self._now())

        return answer(await self.write(work))

    async def status(self, request: Request) -> Response:
        """What the centre knows of the till that asks."""
        till = await self._who(request)

        def work(connection: Connection) -> TillTotals:
            return till_totals(connection, till.id)[0]

        return answer(await self.read(work))

    async def _who(self, request: Request, *, notes_itself: bool = False) -> tills.Till:
        """The till that asks; notes that it was seen when that is long enough ago and the caller does not."""
        name = request.path_params["till"]
        authorization = request.headers.get("authorization", "")

        def work(connection: Connection) -> tuple[tills.Till, datetime | None]:
            till = tills.authenticate(connection, till=name, authorization=authorization)
            return till, connection.scalar(select(schema.till.c.seen_at).where(schema.till.c.id == till.id))

        till, seen_at = await self.read(work)
        now = self._now()
        if till.token_is_new:
            await self.write(lambda connection: tills.take_new_token(connection, till.id, now))
        if not notes_itself and (seen_at is None or now - seen_at > SEEN_EVERY):
            vitals = tills.vitals_of(request.headers)
            await self.write(lambda connection: tills.note_seen(connection, till.id, vitals, now))
        return till

    async def who(self, request: Request) -> tills.Till:
        """The till that asks."""
        return await self._who(request)

    async def metrics_page(self, request: Request) -> Response:
        """The numbers for a monitoring system that shows its token."""
        given = request.headers.get("authorization", "")

        def work(connection: Connection) -> bytes:
            require_metrics_token(connection, given)
            return self.metrics.text(connection, self._now())

        return Response(await self.read(work), media_type=CONTENT_TYPE)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run a reading transaction in its turn."""
        return await self._readers.take(partial(self._database.reading, work))

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run a writing transaction in its turn."""
        return await self.writers.take(partial(self._database.writing, work))


def _new_id() -> str:
    return f"value:{secrets.token_hex(16)}"


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise Refusal(400, "unreadable", f"a part is named by a whole number, not {text[:20]!r}")
    return int(text)


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
    answered = problem(error.status_code, Problem(code=codes.get(error.status_code, "refused"), message=message))
    # Allow, which RFC 9110 (15.5.6) wants with every 405.
    answered.headers.update(error.headers or {})
    return answered


async def _busy(request: Request, error: Exception) -> Response:
    _log.debug("store.busy path=%s error=%s", request.url.path, type(error).__name__)
    request.app.state.metrics.database_errors.labels(type(error).__name__).inc()
    body = Problem(code="busy", message="the database is busy or away; nothing was taken, come back")
    wait_s = round(request.app.state.writers.expected_wait_s)
    return problem(503, body, retry_after_s=min(BUSY_RETRY_MAX_S, max(BUSY_RETRY_S, wait_s)))


async def _unstorable(request: Request, error: Exception) -> Response:
    del error
    _log.warning("request.unstorable path=%r", request.url.path)
    words = "the request holds what no database can keep: a NUL character, or a text or number that is too long"
    return problem(400, Problem(code="unreadable", message=words))


async def _failed(request: Request, error: Exception) -> Response:
    _log.error("request.failed path=%s", request.url.path, exc_info=error)
    return problem(500, Problem(code="failed", message="the server failed; nothing was taken"))
