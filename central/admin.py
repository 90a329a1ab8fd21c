"""Gift certificates for the operator's own programs, over HTTP with the operator's token; the same as the commands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final

from msgspec import Meta, Struct
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from central.certificate_desk import (
    Certificate,
    CertificateMove,
    block_certificate,
    list_certificates,
    make_certificate,
    show_certificate,
    top_up_certificate,
)
from central.errors import CentralStartError, Refusal
from central.operator.keys import require_operator_token
from central.web import Runs, answer, read_body
from drivers.vocabulary.money import Money
from drivers.vocabulary.receipt import AwareTime

__all__ = ["CertificateApi"]

PATH: Final = "/operator/api/certificates"

_Code = Annotated[str, Meta(min_length=1, max_length=200)]


class _Asked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST …/show``, ``…/block`` and ``…/unblock``: which one; the code travels in the body, never in an address."""

    code: _Code


class _ToppedUp(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST …/top-up``: so much more."""

    code: _Code
    amount: Money


class _Made(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /operator/api/certificates``: a new one."""

    code: _Code
    amount: Money
    valid_from: AwareTime | None = None
    valid_until: AwareTime | None = None
    burns: bool = False
    pin: Annotated[str, Meta(max_length=12)] = ""


class _Shown(Struct, frozen=True, kw_only=True):
    """A certificate with every change of its balance."""

    certificate: Certificate
    moves: tuple[CertificateMove, ...]


class CertificateApi:
    """The routes; each asks for the operator's token as a bearer first."""

    def __init__(self, *, read: Runs, write: Runs, now: Callable[[], datetime]) -> None:
        self._read = read
        self._write = write
        self._now = now

    def routes(self) -> list[Route]:
        """Where they are."""
        return [
            Route(PATH, self._list, methods=["GET"]),
            Route(PATH, self._make, methods=["POST"]),
            Route(f"{PATH}/top-up", self._top_up, methods=["POST"]),
            Route(f"{PATH}/block", self._block, methods=["POST"]),
            Route(f"{PATH}/unblock", self._unblock, methods=["POST"]),
            Route(f"{PATH}/show", self._show, methods=["POST"]),
        ]

    async def _list(self, request: Request) -> Response:
        await self._require_operator(request)
        return answer(await self._read(lambda connection: list_certificates(connection, now=self._now())))

    async def _make(self, request: Request) -> Response:
        await self._require_operator(request)
        made = await read_body(request, _Made)

        def work(connection: Connection) -> Certificate:
            return make_certificate(
                connection,
                made.code,
                made.amount,
                now=self._now(),
                valid_from=made.valid_from,
                valid_until=made.valid_until,
                burns=made.burns,
                pin=made.pin,
            )

        return await self._done(work)

    async def _top_up(self, request: Request) -> Response:
        await self._require_operator(request)
        more = await read_body(request, _ToppedUp)
        return await self._done(
            lambda connection: top_up_certificate(connection, more.code, more.amount, now=self._now())
        )

    async def _block(self, request: Request) -> Response:
        return await self._blocked(request, blocked=True)

    async def _unblock(self, request: Request) -> Response:
        return await self._blocked(request, blocked=False)

    async def _blocked(self, request: Request, *, blocked: bool) -> Response:
        await self._require_operator(request)
        asked = await read_body(request, _Asked)
        return await self._done(
            lambda connection: block_certificate(connection, asked.code, blocked=blocked, now=self._now())
        )

    async def _show(self, request: Request) -> Response:
        await self._require_operator(request)
        asked = await read_body(request, _Asked)

        def work(connection: Connection) -> _Shown:
            certificate, moves = show_certificate(connection, asked.code, now=self._now())
            return _Shown(certificate=certificate, moves=moves)

        return await self._done(work)

    async def _done(self, work: Callable[[Connection], Any]) -> Response:
        """The answer, or 422 with the sentence why not."""
        try:
            return answer(await self._write(work))
        except CentralStartError as error:
            raise Refusal(422, "certificate_refused", str(error)) from None

    async def _require_operator(self, request: Request) -> None:
        authorization = request.headers.get("authorization", "")
        await self._read(partial(require_operator_token, authorization=authorization))
