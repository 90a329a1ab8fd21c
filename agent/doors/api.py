"""The local JSON API of a POS: the checkout contract over HTTP, one table of calls, a bearer token on each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.doors import openapi
from agent.doors.bodies import read_json
from agent.doors.calls import TillCalls
from agent.doors.keys import DoorSecrets
from agent.doors.problems import DoorRefused
from agent.doors.rows import CALLS, Call
from agent.doors.view import panel_view
from agent.snapshot import TillDesk
from drivers.vocabulary import codec

__all__ = ["PLACES", "api_routes"]

METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus, text-based format
PLACES: Final = 4  # a POS asks one thing at a time; a second one and a retry of each may overlap


def api_routes(
    desk: TillDesk, secrets: DoorSecrets, calls: TillCalls, metrics: Callable[[], str] | None = None
) -> list[Route]:
    """The routes under /v1, the document that describes them, the sign of life, and numbers for a monitoring system."""

    async def status(request: Request) -> Response:
        _check_token(request, secrets)
        return json_response(panel_view(desk.snapshot))

    async def document(_: Request) -> Response:
        return Response(openapi.render(), media_type="application/json")

    async def health(_: Request) -> Response:
        return json_response(_Health(status="ok"))

    async def numbers(_: Request) -> Response:
        # No token: they name nobody, and what asks is a collector on this machine that has no secret of the till.
        text = await run_in_threadpool(metrics) if metrics is not None else ""
        return Response(text, headers={"content-type": METRICS_TYPE})

    return [
        *(Route(call.path, _endpoint(call, desk, secrets, calls), methods=["POST"]) for call in CALLS),
        Route("/v1/status", status, methods=["GET"]),
        Route("/openapi.json", document, methods=["GET"]),
        Route("/healthz", health, methods=["GET"]),
        *([Route("/metrics", numbers, methods=["GET"])] if metrics is not None else []),
    ]


def json_response(value: Any) -> Response:
    """A vocabulary value as canonical JSON."""
    return Response(codec.encode(value), media_type="application/json")


class _Health(Struct, frozen=True, kw_only=True):
    """The doors answer; what the till thinks is in /v1/status."""

    status: str


def _endpoint(call: Call, desk: TillDesk, secrets: DoorSecrets, calls: TillCalls) -> Callable[[Request], Any]:
    ask = getattr(desk, call.name)

    async def endpoint(request: Request) -> Response:
        _check_token(request, secrets)
        asked = await read_json(request, call.request)
        return json_response(await calls.run(lambda timeout_s: ask(asked, timeout_s=timeout_s)))

    return endpoint


def _check_token(request: Request, secrets: DoorSecrets) -> None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secrets.is_api_token(token.strip()):
        raise DoorRefused(
            401,
            "no_token",
            "send Authorization: Bearer with the token in api.token of the state folder",
            headers={"www-authenticate": "Bearer"},
        )
