"""Who may knock: the checks every request passes before any route is looked up, and the headers every answer carries.

The till is reachable for every page that the cashier's browser opens, so loopback alone protects nothing. Each rule
answers a way local services were broken into: Host (DNS rebinding), Origin and Sec-Fetch-Site (foreign pages),
framing, sniffing and caching headers (reading what was not given).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent.doors.problems import DoorRefused, Problem, problem_response

__all__ = ["SECURITY_HEADERS", "Gate", "check", "check_alone", "check_panel_post"]

log = logging.getLogger(__name__)

PANEL_HEADER: Final = "x-tillpoint"  # a custom header: no form and no image can send it
_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})

SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


def check(method: str, headers: Headers, port: int | None) -> None:
    """Refuse what no route may answer; raises DoorRefused.

    `port` is that of the socket the request came in by, so that the allow-list cannot be talked into another.
    """
    hosts = [host.lower() for host in headers.getlist("host")]
    allowed = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}
    if len(hosts) != 1 or hosts[0] not in allowed:
        raise DoorRefused(421, "wrong_host", f"this is a local service: open http://127.0.0.1:{port}/")
    origins = headers.getlist("origin")
    if any(origin.lower() != f"http://{hosts[0]}" for origin in origins):
        raise DoorRefused(403, "foreign_origin", "pages of other origins may not call the till")
    site = headers.get("sec-fetch-site", "same-origin")
    if site == "none":
        _check_typed_address(method, headers)
    elif site != "same-origin":
        raise DoorRefused(403, "foreign_site", "pages of other sites may not call the till")


def _check_typed_address(method: str, headers: Headers) -> None:
    """`Sec-Fetch-Site: none` is a person (address bar, bookmark, our own launcher): only a top-level GET is."""
    if method not in _SAFE_METHODS or headers.get("sec-fetch-mode", "navigate") != "navigate":
        raise DoorRefused(403, "foreign_site", "only opening a page may come from outside a page")


def check_panel_post(headers: Headers) -> None:
    """What a state-changing call of the panel must carry besides its session: Origin and our own header."""
    if "origin" not in headers:
        raise DoorRefused(403, "no_origin", "a call of the panel must say its origin")
    if headers.get(PANEL_HEADER) != "1":
        raise DoorRefused(403, "no_panel_header", "a call of the panel must carry X-Tillpoint: 1")


def check_alone(headers: Headers) -> None:
    """What a till system's own port refuses: every page of a browser; who may call shows the protocol's own key."""
    if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
        raise DoorRefused(403, "foreign_origin", "a till's own protocol is not for pages of a browser")


class Gate:
    """ASGI: check, pass on, add the headers; the one place where an unforeseen error is caught and logged.

    Args:
        app: everything there is, on loopback.
        alone: the one thing behind each port of a till system's own.
    """

    def __init__(self, app: ASGIApp, alone: Mapping[int, ASGIApp] | None = None) -> None:
        self._app = app
        self._alone = alone or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return  # no lifespan and no websocket is served; uvicorn is told so
        is_started = False

        async def send_guarded(message: Message) -> None:
            nonlocal is_started
            if message["type"] == "http.response.start":
                is_started = True
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        server = scope.get("server")
        port = server[1] if server else None
        alone = self._alone.get(port) if port is not None else None
        try:
            if alone is not None:
                check_alone(Headers(scope=scope))
            else:
                check(scope["method"], Headers(scope=scope), port)
            await (alone or self._app)(scope, receive, send_guarded)
        except DoorRefused as refused:
            await refused.response()(scope, receive, send_guarded)
        except Exception:
            log.exception("door.failed method=%s path=%s", scope["method"], scope["path"])
            if not is_started:
                problem = Problem(code="internal", message="the agent failed here; its log says why; the sale goes on")
                await problem_response(500, problem)(scope, receive, send_guarded)
