"""What tills ask of releases over HTTP: is there something for me, its archive in parts, and my report of myself."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import Connection, select
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from central import schema
from central.errors import Refusal
from central.releases.checks import Looked, after_s, look, write_down
from central.releases.folder import ArchiveFolder, is_digest
from central.releases.plan import PlanKeeper
from central.releases.ranges import Unsatisfiable, wanted_part
from central.releases.reports import keep_report
from central.releases.rings import ReleaseState, share_place
from central.tills import Till
from central.web import Runs, answer, problem, read_body
from drivers.vocabulary.centre import Problem
from drivers.vocabulary.fleet import ReportTaken, TillReport
from drivers.vocabulary.updates import AFTER_HEADER, UpdateCheck, UpdateOffer

__all__ = ["CHECK_EVERY_S", "DOWNLOADS_MAX", "REPORT_EVERY_S", "ReleaseDoors"]

CHECK_EVERY_S: Final = 1800  # a stop is known to a till that has staged a version before its night is over
REPORT_EVERY_S: Final = 300
DOWNLOADS_MAX: Final = 20  # at once and process: of a line of 100 Mbit/s each has 5
RETRY_S: Final = 60  # when too many download; up to twice as long, by the till's name
CHUNK_BYTES: Final = 256 * 1024

_log = logging.getLogger(__name__)


class ReleaseDoors:
    """The routes.

    Args:
        who: the till that asks.
        read: runs a reading transaction.
        write: runs a writing one.
        now: the centre's clock.
        folder: where the archives are; None gives out none.
        downloads_max: at once.
        check_every_s: how often a till is to ask.
    """

    def __init__(
        self,
        *,
        who: Callable[[Request], Awaitable[Till]],
        read: Runs,
        write: Runs,
        now: Callable[[], datetime],
        folder: ArchiveFolder | None = None,
        downloads_max: int = DOWNLOADS_MAX,
        check_every_s: int = CHECK_EVERY_S,
    ) -> None:
        self._who = who
        self._read = read
        self._write = write
        self._now = now
        self._folder = folder
        self._downloads_max = downloads_max
        self._check_every_s = check_every_s
        self.downloading = 0
        self.keeper = PlanKeeper()

    def routes(self) -> list[Route]:
        """Where they are."""
        here = "/v1/tills/{till}"
        return [
            Route(f"{here}/updates/check", self.check, methods=["POST"]),
            Route(f"{here}/updates/archives/{{sha256}}", self.archive, methods=["GET"]),
            Route(f"{here}/report", self.report, methods=["POST"]),
        ]

    async def check(self, request: Request) -> Response:
        """Is there something for me."""
        till = await self._who(request)
        check = await read_body(request, UpdateCheck)
        now = self._now()

        def work(connection: Connection) -> tuple[Looked, tuple[datetime, datetime | None]]:
            plan = self.keeper.get(connection, now)
            looked = look(connection, check, till=till, plan=plan, now=now)
            return looked, plan.window(till.shop, now)

        looked, (begins, ends) = await self._read(work)
        done = await self._write(partial(write_down, looked=looked, now=now)) if looked.is_news else []
        if done:
            # What this till said has stopped a release, or opened a ring: its own answer is by that already.
            self.keeper.forget()
            looked, (begins, ends) = await self._read(work)
        headers = {AFTER_HEADER: str(after_s(looked, self._check_every_s)), "cache-control": "no-store"}
        if looked.offer is None:
            return Response(status_code=204, headers=headers)
        brought = looked.offer.archives[check.platform]
        given = answer(
            UpdateOffer(
                release=looked.offer.signed,
                ring=looked.ring,
                not_before=begins,
                not_after=ends,
                archive=f"/v1/tills/{quote(till.id, safe='')}/updates/archives/{brought.sha256}",
                size=brought.size,
            )
        )
        given.headers.update(headers)
        return given

    async def archive(self, request: Request) -> Response:
        """One archive, or a part of it."""
        till = await self._who(request)
        digest = request.path_params["sha256"]
        path = await self._find(digest)
        tag = f'"{digest}"'
        headers = {
            "etag": tag,
            "accept-ranges": "bytes",
            # Named by its contents, so it never changes; for this till alone, because it showed its token.
            "cache-control": "private, max-age=31536000, immutable",
        }
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        size = (await run_in_threadpool(path.stat)).st_size
        asked, if_range = request.headers.get("range", ""), request.headers.get("if-range", "")
        try:
            part = wanted_part(asked, size=size, if_range=if_range, tag=tag)
        except Unsatisfiable:
            return Response(status_code=416, headers={**headers, "content-range": f"bytes */{size}"})
        if self.downloading >= self._downloads_max:
            words = f"{self.downloading} tills download already; come back"
            wait_s = RETRY_S + RETRY_S * share_place(till.id) // 10_000
            return problem(503, Problem(code="busy_downloads", message=words), retry_after_s=wait_s)
        self.downloading += 1
        begin, end = part or (0, size)
        headers["content-length"] = str(end - begin)
        if part is not None:
            headers["content-range"] = f"bytes {begin}-{end - 1}/{size}"
        status = 200 if part is None else 206
        return _Download(_sent(path, begin, end), self._ended, status_code=status, headers=headers)

    def _ended(self) -> None:
        self.downloading -= 1

    async def report(self, request: Request) -> Response:
        """How I am."""
        till = await self._who(request)
        told = await read_body(request, TillReport)
        now = self._now()
        await self._write(partial(keep_report, till=till.id, report=told, now=now))
        return answer(ReportTaken(server_time=now, after_s=REPORT_EVERY_S))

    async def _find(self, digest: str) -> Path:
        """Where it lies, for a release that is not withdrawn."""

        def work(connection: Connection) -> bool:
            archive, release = schema.release_archive, schema.release
            given = (
                select(release.c.version)
                .join(archive, archive.c.version == release.c.version)
                .where(archive.c.sha256 == digest, release.c.state != ReleaseState.WITHDRAWN.value)
            )
            return connection.scalar(given.limit(1)) is not None

        found: Path | None = None
        if self._folder is not None and is_digest(digest) and await self._read(work):
            found = await run_in_threadpool(self._folder.find, digest)
        if found is None:
            raise Refusal(404, "archive_unknown", "this archive is not given out; check for updates again")
        return found


class _Download(StreamingResponse):
    """A part of an archive on its way; says when it is over, however it ends."""

    media_type = "application/zip"

    def __init__(self, content: AsyncIterator[bytes], ended: Callable[[], None], **more: Any) -> None:
        super().__init__(content, **more)
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._ended()


async def _sent(path: Path, begin: int, end: int) -> AsyncIterator[bytes]:
    file = await run_in_threadpool(path.open, "rb")
    try:
        await run_in_threadpool(file.seek, begin)
        left = end - begin
        while left > 0:
            chunk = await run_in_threadpool(file.read, min(CHUNK_BYTES, left))
            if not chunk:
                break  # the file was cut short under us: the till sees a short answer and asks again
            left -= len(chunk)
            yield chunk
    finally:
        file.close()
