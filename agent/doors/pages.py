"""The cashier's panel over HTTP: its files, the way in, its live stream, its two actions; the screens are the till's.

Files are read once, at start, and served from memory under their exact names: no path of a request touches the disk.
"""

from __future__ import annotations

import gzip
import hashlib
import html
import json
import re
from dataclasses import dataclass
from importlib import resources
from typing import Annotated, Any, Final

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from agent.clock import Clock
from agent.doors.acting import Acting, check_lookups
from agent.doors.api import json_response
from agent.doors.bodies import read_json
from agent.doors.calls import TillCalls
from agent.doors.examining import Doctor, Examining
from agent.doors.gate import check_panel_post
from agent.doors.keys import SESSION_LIFE_S, DoorSecrets, Tickets
from agent.doors.limits import LookupLimits
from agent.doors.pins import Pins
from agent.doors.problems import DoorRefused
from agent.doors.stream import Streams
from agent.doors.view import panel_view
from agent.doors.words import Words, load_words
from agent.snapshot import Screen, Snapshot, TillDesk
from drivers.vocabulary.checkout import ReprintRequest

__all__ = ["PLACES", "Page", "Panel", "load_page"]

PLACES: Final = 2  # one cashier: a look-up and a correction of it

_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
}
_SOMEBODY: Final = frozenset(
    {Screen.FOUND, Screen.REDEEM, Screen.ASK, Screen.LIMIT, Screen.PICK, Screen.CASE, Screen.REISSUE, Screen.WITHDRAWN}
)
_STATIC: Final = (
    "customer.css",
    "customer.js",
    "icon.svg",
    "it.js",
    "keys.js",
    "panel.css",
    "panel.js",
    "screens.js",
    "steps.js",
    "sum.js",
    "text.js",
    "training.js",
)


class PanelIdentify(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /panel/identify``: what was scanned (`presented`) or typed; `replace`: whoever is there may go."""

    code: Annotated[str, Meta(min_length=1, max_length=200)]
    presented: bool = False
    replace: bool = False

    def __repr__(self) -> str:
        return f"PanelIdentify(presented={self.presented}, replace={self.replace})"


class PanelReprint(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /panel/reprint``: an empty object; the slip of the last receipt."""


class PanelClear(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``POST /panel/clear``: an empty object."""


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    media_type: str
    etag: str
    packed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The panel's files in one language; `mark` names them all together, so that an open page notices an update."""

    files: dict[str, _File]
    index: _File
    closed: _File
    customer: _File
    mark: str


def load_page(*, language: str, region: str) -> Page:
    """Read the files; raises SettingsError when there are no words for `language`."""
    words = load_words(language)
    folder = resources.files("agent.doors") / "panel"
    files = {name: _file(name, (folder / name).read_bytes()) for name in _STATIC}
    files["words.json"] = _file("words.json", json.dumps(words, ensure_ascii=False, sort_keys=True).encode())
    templates = {
        name: (folder / name).read_text(encoding="utf-8") for name in ("index.html", "closed.html", "customer.html")
    }
    every = "".join([*(file.etag for file in files.values()), *templates.values(), language, region])
    mark = hashlib.sha256(every.encode()).hexdigest()[:16]
    given = words | {"language": language, "region": region, "mark": mark}
    return Page(
        files=files,
        index=_file("index.html", _fill(templates["index.html"], given)),
        closed=_file("closed.html", _fill(templates["closed.html"], given)),
        customer=_file("customer.html", _fill(templates["customer.html"], given)),
        mark=mark,
    )


def _file(name: str, body: bytes) -> _File:
    tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
    return _File(body, _TYPES[name.rpartition(".")[2]], tag, gzip.compress(body, 6, mtime=0))


def _fill(template: str, words: Words) -> bytes:
    """Put words where the template says ``{{word}}``, escaped; an unknown word is a KeyError, which a test meets."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: html.escape(words[match[1]], quote=True), template).encode()


class Panel:
    """The routes under /panel; used on the event loop."""

    def __init__(
        self,
        desk: TillDesk,
        *,
        secrets: DoorSecrets,
        clock: Clock,
        calls: TillCalls,
        page: Page,
        streams: Streams,
        pins: Pins,
        doctor: Doctor | None = None,
    ) -> None:
        self._desk = desk
        self._secrets = secrets
        self._clock = clock
        self._calls = calls
        self._page = page
        self._streams = streams
        self._tickets = Tickets(secrets)
        self._limits = LookupLimits()
        self._lookups: dict[str, int] = {}
        self._acting = Acting(
            desk,
            session=self._session,
            clock=clock,
            calls=calls,
            limits=self._limits,
            pins=pins,
            lookups=self._lookups,
        )
        self._examining = Examining(desk, check_it=self._acting.check_it, clock=clock, doctor=doctor)

    def routes(self) -> list[Route]:
        """What a browser may ask for."""
        return [
            Route("/", self._root, methods=["GET"]),
            Route("/panel", self._index, methods=["GET"]),
            Route("/panel/stream", self._stream, methods=["GET"]),
            Route("/panel/identify", self._identify, methods=["POST"]),
            Route("/panel/clear", self._clear, methods=["POST"]),
            Route("/panel/reprint", self._reprint, methods=["POST"]),
            *self._acting.routes(),
            *self._examining.routes(),
            Route("/panel/{name}", self._static, methods=["GET"]),
        ]

    async def _root(self, _: Request) -> Response:
        return RedirectResponse("/panel", 303)

    async def _index(self, request: Request) -> Response:
        """The page; with a good ticket a session begins and the ticket leaves the address bar."""
        ticket = request.query_params.get("ticket")
        if ticket is not None:
            response: Response = RedirectResponse("/panel", 303)
            if self._tickets.take(ticket):
                self._give_session(request, response)
            return response
        cookie = request.cookies.get(_cookie_name(request), "")
        if not self._secrets.session_of(cookie):
            return Response(self._page.closed.body, 401, media_type=self._page.closed.media_type)
        response = Response(self._page.index.body, media_type=self._page.index.media_type)
        if self._secrets.is_session_old(cookie):
            self._give_session(request, response)
        return response

    async def _static(self, request: Request) -> Response:
        file = self._page.files.get(request.path_params["name"])
        if file is None:
            raise DoorRefused(404, "no_such_path", "the panel has no such file")
        headers = {"etag": file.etag, "cache-control": "no-cache", "vary": "accept-encoding"}
        if request.headers.get("if-none-match") == file.etag:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            # Nothing secret is in these files, so their size tells nothing.
            return Response(file.packed, headers=headers | {"content-encoding": "gzip"}, media_type=file.media_type)
        return Response(file.body, headers=headers, media_type=file.media_type)

    async def _stream(self, request: Request) -> Any:
        self._session(request)
        if request.method != "GET":
            raise DoorRefused(405, "wrong_method", "a stream is for GET", headers={"allow": "GET"})
        return self._streams.open()

    async def _identify(self, request: Request) -> Response:
        session = self._session(request)
        check_panel_post(request.headers)
        asked = await read_json(request, PanelIdentify)
        check_lookups(self._limits, session, self._clock, self._lookups)

        def call(timeout_s: float) -> Snapshot:
            return self._desk.panel_identify(
                asked.code, presented=asked.presented, replace=asked.replace, timeout_s=timeout_s
            )

        snapshot = await self._calls.run(call)
        outcome = _outcome(snapshot)
        if outcome is not Screen.NOT_LOYALTY:  # goods tell nothing about who is a customer
            found = outcome in _SOMEBODY
            now_s = self._clock.uptime_s()
            self._limits.of(session, now_s).answered(found=found, now_s=now_s)
            word = "found" if found else "not_found"
            self._lookups[word] = self._lookups.get(word, 0) + 1
        return json_response(panel_view(snapshot))

    async def _clear(self, request: Request) -> Response:
        self._session(request)
        check_panel_post(request.headers)
        await read_json(request, PanelClear)
        snapshot = await self._calls.run(lambda timeout_s: self._desk.panel_clear(timeout_s=timeout_s))
        return json_response(panel_view(snapshot))

    async def _reprint(self, request: Request) -> Response:
        self._session(request)
        check_panel_post(request.headers)
        await read_json(request, PanelReprint)
        await self._calls.run(lambda timeout_s: self._desk.reprint(ReprintRequest(), timeout_s=timeout_s))
        return json_response(panel_view(self._desk.snapshot))

    def _session(self, request: Request) -> str:
        session = self._secrets.session_of(request.cookies.get(_cookie_name(request), ""))
        if not session:
            raise DoorRefused(401, "no_session", "open the panel from its icon: `tillpoint run --open-panel`")
        return session

    def _give_session(self, request: Request, response: Response) -> None:
        response.set_cookie(
            _cookie_name(request),
            self._secrets.new_session(),
            max_age=SESSION_LIFE_S,
            path="/",
            httponly=True,
            samesite="strict",
        )


def _outcome(snapshot: Snapshot) -> Screen:
    """What became of a look-up: with a customer at the till the screen stays FOUND and the notice tells."""
    told = {screen.value: screen for screen in Screen}
    return told.get(snapshot.notice, snapshot.screen)


def _cookie_name(request: Request) -> str:
    """Cookies do not know ports: the name does, so that two tills on one machine do not log each other out."""
    return f"tillpoint_{request.scope['server'][1]}"
