"""Releases and the fleet for the operator's own programs, over HTTP with the operator's token; as the commands do it.

An archive is streamed into the folder while its digest is counted, so a build server can hand over a release without a
shell at the centre.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final

from msgspec import Meta, Struct
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from central.errors import CentralStartError, Refusal
from central.operator.keys import require_operator_token
from central.operator.release_routes import wanted_of
from central.releases import register
from central.releases.acts import carry_out
from central.releases.fleet import fleet
from central.releases.folder import ArchiveFolder
from central.releases.progress import progress, progress_of_all
from central.web import Runs, answer, read_body
from drivers.vocabulary import codec
from drivers.vocabulary.release import SignedRelease

__all__ = ["ReleaseApi"]

PATH: Final = "/operator/api/releases"
BY: Final = "operator api"


class _Act(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /operator/api/releases/{version}``: start, stop, resume, withdraw, open."""

    act: Annotated[str, Meta(max_length=20)]
    ring: Annotated[str, Meta(max_length=40)] = ""
    why: Annotated[str, Meta(max_length=300)] = ""


class _Kept(Struct, frozen=True, kw_only=True):
    """An archive was taken."""

    sha256: str


class ReleaseApi:
    """The routes; each asks for the operator's token as a bearer first.

    Args:
        read: runs a reading transaction.
        write: runs a writing one.
        now: the centre's clock.
        folder: where archives are kept; None takes none.
        changed: told after something was done.
    """

    def __init__(
        self,
        *,
        read: Runs,
        write: Runs,
        now: Callable[[], datetime],
        folder: ArchiveFolder | None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._read = read
        self._write = write
        self._now = now
        self._folder = folder
        self._changed = changed

    def routes(self) -> list[Route]:
        """Where they are."""
        return [
            Route(PATH, self._list, methods=["GET"]),
            Route(PATH, self._add, methods=["POST"]),
            Route(f"{PATH}/archives/{{sha256}}", self._upload, methods=["PUT"]),
            Route(f"{PATH}/{{version}}", self._act, methods=["POST"]),
            Route("/operator/api/fleet", self._fleet, methods=["GET"]),
        ]

    async def _list(self, request: Request) -> Response:
        await self._require_operator(request)
        return answer(await self._read(partial(progress_of_all, now=self._now())))

    async def _add(self, request: Request) -> Response:
        await self._require_operator(request)
        signed = codec.encode(await read_body(request, SignedRelease))
        folder, now = self._require_folder(), self._now()
        manifest = await self._done(lambda connection: register.add(connection, signed, folder=folder, by=BY, now=now))
        return answer(await self._read(partial(progress, version=manifest.version, now=now)), status=201)

    async def _upload(self, request: Request) -> Response:
        await self._require_operator(request)
        folder, digest = self._require_folder(), request.path_params["sha256"]
        try:
            incoming = await run_in_threadpool(folder.receive, digest)
            with incoming:
                async for chunk in request.stream():
                    await run_in_threadpool(incoming.take, chunk)
                await run_in_threadpool(incoming.keep)
        except CentralStartError as error:
            raise Refusal(422, "archive_refused", str(error)) from None
        except ClientDisconnect:
            raise Refusal(400, "unreadable", "the archive was cut short; send it again") from None
        return answer(_Kept(sha256=digest), status=201)

    async def _act(self, request: Request) -> Response:
        await self._require_operator(request)
        wanted, version, now = await read_body(request, _Act), request.path_params["version"], self._now()

        def work(connection: Connection) -> None:
            carry_out(connection, wanted.act, version, by=BY, now=now, ring=wanted.ring, why=wanted.why)

        await self._done(work)
        return answer(await self._read(partial(progress, version=version, now=now)))

    async def _fleet(self, request: Request) -> Response:
        await self._require_operator(request)
        try:
            wanted = wanted_of(request)
        except CentralStartError as error:
            raise Refusal(422, "fleet_refused", str(error)) from None
        return answer(await self._read(partial(fleet, now=self._now(), wanted=wanted)))

    async def _done(self, work: Callable[[Connection], Any]) -> Any:
        """Its answer, or 422 with the sentence why not."""
        try:
            done = await self._write(work)
        except CentralStartError as error:
            raise Refusal(422, "release_refused", str(error)) from None
        self._changed()
        return done

    def _require_folder(self) -> ArchiveFolder:
        if self._folder is None:
            raise Refusal(422, "release_refused", "this centre keeps no archives; start it with --releases FOLDER")
        return self._folder

    async def _require_operator(self, request: Request) -> None:
        authorization = request.headers.get("authorization", "")
        await self._read(partial(require_operator_token, authorization=authorization))
