"""Joins the doors into one ASGI application: gate, local API, panel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from agent.clock import Clock
from agent.doors import api, pages
from agent.doors.calls import TillCalls
from agent.doors.customer import CustomerDoor, customer_view
from agent.doors.examining import Doctor
from agent.doors.gate import Gate
from agent.doors.keys import DoorSecrets
from agent.doors.pins import Pins
from agent.doors.problems import DoorRefused
from agent.doors.stream import Streams
from agent.doors.tills import TillDoors
from agent.snapshot import TillDesk
from drivers.vocabulary import codec

__all__ = ["DoorApp", "build"]

PANEL_ANSWER_S_MAX: Final = 1.4  # a cashier is told within two seconds, whatever hangs; scanner and page need the rest
HEARTBEAT_S: Final = 15.0  # well under the minute after which proxies and virus scanners drop a silent stream
_WORDS_OF_STATUS: Final = {404: "no_such_path", 405: "wrong_method"}


class DoorApp:
    """The ASGI application, and how its endless answers are ended."""

    def __init__(self, gate: Gate, *streams: Streams) -> None:
        self._gate = gate
        self._streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._gate(scope, receive, send)

    def close_streams(self) -> None:
        """End every live stream, so that a server can stop; may be called from any thread."""
        for one in self._streams:
            one.close()


def build(
    desk: TillDesk,
    *,
    secrets: DoorSecrets,
    clock: Clock,
    pins: Pins,
    language: str = "ru",
    region: str = "RU",
    answer_timeout_s: float = 2.0,
    heartbeat_s: float = HEARTBEAT_S,
    tills: TillDoors | None = None,
    doctor: Doctor | None = None,
    metrics: Callable[[], str] | None = None,
) -> DoorApp:
    """The doors of one till.

    Args:
        desk: the till; called on a few threads, never on the event loop.
        secrets: the POS's token and the panel's key.
        clock: for the limits on look-ups.
        pins: a supervisor's and store IT's.
        language: of the panel (`panel.language`).
        region: how a typed phone number is read (`till.region`); decides which digit is the last.
        answer_timeout_s: how long a call of the till may take (`doors.answer_timeout_s`).
        heartbeat_s: silence on the live stream after which a comment is sent.
        tills: what answers till systems in their own protocols.
        doctor: examines for store IT's page.
        metrics: the numbers of `/metrics`; called on a thread.

    Raises:
        SettingsError: there are no words for `language`.
    """
    page = pages.load_page(language=language, region=region)
    hello = codec.encode({"mark": page.mark})
    streams = Streams(desk, hello=hello, heartbeat_s=heartbeat_s)
    customers = Streams(desk, hello=hello, heartbeat_s=heartbeat_s, view=customer_view)
    customer = CustomerDoor(secrets=secrets, index=page.customer.body, closed=page.closed.body, streams=customers)
    panel = pages.Panel(
        desk,
        secrets=secrets,
        clock=clock,
        calls=TillCalls(places=pages.PLACES, timeout_s=min(answer_timeout_s, PANEL_ANSWER_S_MAX)),
        page=page,
        streams=streams,
        pins=pins,
        doctor=doctor,
    )
    routes = api.api_routes(desk, secrets, TillCalls(places=api.PLACES, timeout_s=answer_timeout_s), metrics)
    inner = _application([*routes, *customer.routes(), *panel.routes(), *(tills.routes() if tills is not None else ())])
    alone: dict[int, ASGIApp] = {}
    if tills is not None:
        alone = {port: _application(tills.routes_alone(name)) for port, name in tills.ports.items()}
    return DoorApp(Gate(inner, alone), streams, customers)


def _application(routes: Sequence[Route]) -> Starlette:
    handlers = {HTTPException: _on_http, DoorRefused: _on_refused, Exception: _on_failure}
    application = Starlette(routes=list(routes), exception_handlers=handlers)
    application.router.redirect_slashes = False
    return application


async def _on_failure(_: Request, __: Exception) -> Response:
    """What nobody foresaw; the gate logs it."""
    return DoorRefused(500, "internal", "the agent failed here and its log says why; the sale goes on").response()


async def _on_refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, DoorRefused)
    return error.response()


async def _on_http(request: Request, error: Exception) -> Response:
    """What the router itself refuses: unknown paths and methods."""
    assert isinstance(error, HTTPException)
    code = _WORDS_OF_STATUS.get(error.status_code, "refused")
    message = f"nothing here answers {request.method} {request.url.path}; see /openapi.json"
    return DoorRefused(error.status_code, code, message, headers=error.headers).response()
