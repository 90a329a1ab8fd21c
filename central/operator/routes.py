"""The operator's page over HTTP: who may look, which form may change something, and the headers every answer carries.

No script, no other origin, no state in the process. A page is shown to a session only; a change needs the session, its
form key and, where the browser says it, our own origin.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from importlib import resources
from typing import Final, TypeVar
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from central.errors import CentralStartError, Refusal
from central.members import show_member
from central.operator import pages, queries
from central.operator.actions import acknowledge, release
from central.operator.enrol_routes import EnrolPages
from central.operator.keys import OPERATOR, SESSION_LIFE_S, Sessions, is_token, sessions
from central.operator.markup import Markup
from central.operator.release_routes import ReleasePages
from central.refused import count_refused, list_refused
from central.web import Runs

__all__ = ["HEADERS", "OperatorPage"]

COOKIE: Final = "tillpoint_operator"
FORM_BYTES_MAX: Final = 4_096  # a token and a few names
SEARCH_CHARS_MAX: Final = 100
TRIES_MAX: Final = 10  # wrong tokens a minute and process; a token has 256 bits, this only keeps the log short
TRIES_S: Final = 60.0
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
LARGEST_INTEGER: Final = 2**63 - 1

HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}

T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Response]]
_log = logging.getLogger(__name__)


class OperatorPage:
    """The routes under /operator.

    Args:
        read: runs a reading transaction.
        write: runs a writing one.
        now: the centre's clock.
        releases_changed: told after a person did something with a release.
    """

    def __init__(
        self,
        *,
        read: Runs,
        write: Runs,
        now: Callable[[], datetime],
        releases_changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._releases = ReleasePages(
            read=read,
            write=write,
            now=now,
            session=self._session,
            changing=self._changing,
            changed=releases_changed,
        )
        self._enrolment = EnrolPages(read=read, write=write, now=now, session=self._session, changing=self._changing)
        self._read = read
        self._write = write
        self._now = now
        self._style = (resources.files("central.operator") / "style.css").read_bytes()
        self._tries: list[float] = []

    def routes(self) -> list[Route]:
        """What a browser may ask for."""
        found: tuple[tuple[str, str, Handler], ...] = (
            ("GET", "/operator/style.css", self.style),
            ("GET", "/operator/login", self.login_form),
            ("POST", "/operator/login", self.login),
            ("POST", "/operator/logout", self.logout),
            ("GET", "/operator", self.tills),
            ("GET", "/operator/refused", self.refused),
            ("GET", "/operator/overspend", self.overspend),
            ("GET", "/operator/search", self.search),
            ("GET", "/operator/customer", self.customer),
            ("GET", "/operator/receipt", self.receipt),
            ("GET", "/operator/fleet", self._releases.fleet),
            ("GET", "/operator/enrolment", self._enrolment.show),
            ("POST", "/operator/enrolment", self._enrolment.revoke),
            ("GET", "/operator/releases", self._releases.releases),
            ("POST", "/operator/releases", self._releases.act),
            ("POST", "/operator/release", self.release),
            ("POST", "/operator/acknowledge", self.acknowledge),
        )
        return [Route(path, _guarded(handler), methods=[method]) for method, path, handler in found]

    # ── The way in and out ──────────────────────────────────────────────────────────────────────

    async def style(self, request: Request) -> Response:
        """The one file beside the pages."""
        del request
        return Response(self._style, media_type="text/css; charset=utf-8")

    async def login_form(self, request: Request) -> Response:
        """Where the token is typed."""
        trouble = "" if _may_keep_cookie(request) else "Open this page through https, or on this machine itself."
        return _html(pages.login_page(trouble))

    async def login(self, request: Request) -> Response:
        """A token against a session."""
        form = await _form(request)
        now = self._now()
        self._tries = [at for at in self._tries if now.timestamp() - at < TRIES_S]
        if len(self._tries) >= TRIES_MAX:
            return _html(pages.login_page("Too many wrong tokens; wait a minute."), status=429)

        def work(connection: Connection) -> Sessions | None:
            return sessions(connection) if is_token(connection, OPERATOR, form.get("token", "").strip()) else None

        mine = await self._read(work)
        if mine is None:
            self._tries.append(now.timestamp())
            _log.warning("operator.refused")
            return _html(pages.login_page("This is not the operator's token."), status=403)
        _log.info("operator.in")
        response = RedirectResponse("/operator", status_code=303)
        response.set_cookie(
            COOKIE,
            mine.new(now),
            max_age=SESSION_LIFE_S,
            path="/operator",
            httponly=True,
            samesite="strict",
            secure=not _is_loopback(request),
        )
        return response

    async def logout(self, request: Request) -> Response:
        """Forget the session in this browser."""
        await self._changing(request)
        response = RedirectResponse("/operator/login", status_code=303)
        response.delete_cookie(COOKIE, path="/operator")
        return response

    async def _session(self, request: Request) -> str:
        """The form key of a good session; sends everybody else to the login."""
        cookie = request.cookies.get(COOKIE, "")
        mine = await self._read(sessions)
        if mine is None or not mine.is_good(cookie, self._now()):
            raise _Login
        key: str = mine.form_key(cookie)
        return key

    async def _changing(self, request: Request) -> dict[str, str]:
        """The fields of a form of ours, posted by a page of ours.

        Raises:
            Refusal: 403 for a form that another page made up.
        """
        await self._session(request)
        form = await _form(request)
        mine = await self._read(sessions)
        if mine is None or not mine.is_form_key(request.cookies.get(COOKIE, ""), form.get("key", "")):
            raise Refusal(403, "foreign_form", "this form is not of your session; open the page again")
        return form

    # ── Pages ───────────────────────────────────────────────────────────────────────────────────

    async def tills(self, request: Request) -> Response:
        """All tills."""
        key = await self._session(request)

        def work(connection: Connection) -> Markup:
            return pages.tills_page(
                queries.tills(connection),
                queries.forks(connection),
                queries.last_actions(connection),
                count=queries.count_tills(connection),
                now=self._now(),
                form_key=key,
            )

        return _html(await self._read(work))

    async def refused(self, request: Request) -> Response:
        """What had no effect."""
        key = await self._session(request)

        def work(connection: Connection) -> Markup:
            rows = list_refused(connection, limit=queries.ROWS_MAX)
            return pages.refused_page(rows, count=count_refused(connection), form_key=key)

        return _html(await self._read(work))

    async def overspend(self, request: Request) -> Response:
        """What was spent twice."""
        key = await self._session(request)

        def work(connection: Connection) -> Markup:
            return pages.overspend_page(
                queries.owing(connection),
                queries.overspent_coupons(connection),
                queries.overspent_certificates(connection),
                queries.overused_leases(connection),
                form_key=key,
            )

        return _html(await self._read(work))

    async def search(self, request: Request) -> Response:
        """Find a customer or a receipt."""
        key = await self._session(request)
        words = _word(request, "q")

        def work(connection: Connection) -> Markup:
            found = queries.search(connection, words) if words else None
            return pages.search_page(words, found, form_key=key)

        return _html(await self._read(work))

    async def customer(self, request: Request) -> Response:
        """One customer."""
        key = await self._session(request)
        name = _word(request, "id")

        def work(connection: Connection) -> Markup:
            try:
                return pages.customer_page(show_member(connection, name), form_key=key)
            except CentralStartError:
                raise _missing(f"customer {name}") from None

        return _html(await self._read(work))

    async def receipt(self, request: Request) -> Response:
        """One receipt."""
        key = await self._session(request)
        uid = _word(request, "uid")

        def work(connection: Connection) -> Markup:
            found = queries.receipt_of(connection, uid)
            if found is None:
                raise _missing(f"receipt {uid}")
            return pages.receipt_page(*found, form_key=key)

        return _html(await self._read(work))

    # ── Actions ─────────────────────────────────────────────────────────────────────────────────

    async def release(self, request: Request) -> Response:
        """Let a quarantined epoch go on."""
        form = await self._changing(request)
        till, epoch = form.get("till", ""), _integer(form.get("epoch", ""))
        await self._write(lambda connection: release(connection, till=till, epoch=epoch, now=self._now()))
        _log.warning("operator.released till=%r epoch=%d", till, epoch)
        return RedirectResponse("/operator", status_code=303)

    async def acknowledge(self, request: Request) -> Response:
        """A person has seen to a refused envelope."""
        form = await self._changing(request)
        till, epoch = form.get("till", ""), _integer(form.get("epoch", ""))
        sequence = _integer(form.get("sequence", ""))
        now = self._now()
        await self._write(
            lambda connection: acknowledge(connection, till=till, epoch=epoch, sequence=sequence, now=now)
        )
        return RedirectResponse("/operator/refused", status_code=303)


class _Login(Exception):  # noqa: N818 - a way, not an accident
    """Nobody is logged in."""


def _guarded(handler: Handler) -> Handler:
    """The checks before a page and the headers after it."""

    @functools.wraps(handler)
    async def guarded(request: Request) -> Response:
        try:
            if request.method == "POST":
                _require_own_origin(request)
            response = await handler(request)
        except _Login:
            response = RedirectResponse("/operator/login", status_code=303)
        except Refusal as refusal:
            response = _html(pages.login_page(refusal.problem.message), status=refusal.status)
        for name, value in HEADERS.items():
            response.headers[name] = value
        return response

    return guarded


def _require_own_origin(request: Request) -> None:
    """A browser says which page posts; a proxy may have changed the scheme, never the name."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower():
        raise Refusal(403, "foreign_origin", "pages of other origins may not change anything here")
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise Refusal(403, "foreign_origin", "pages of other sites may not change anything here")


async def _form(request: Request) -> dict[str, str]:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > FORM_BYTES_MAX:
            raise Refusal(413, "too_large", "this form is too large")
    try:
        fields = parse_qs(data.decode("ascii"), max_num_fields=10)
    except ValueError:
        raise Refusal(400, "unreadable", "this form cannot be read") from None
    return {name: values[0].replace("\0", "") for name, values in fields.items()}


def _word(request: Request, name: str) -> str:
    return request.query_params.get(name, "").replace("\0", "").strip()[:SEARCH_CHARS_MAX]


def _integer(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Refusal(400, "unreadable", "this form has no number where one belongs; open the page again")
    return int(text)


def _missing(what: str) -> Refusal:
    return Refusal(404, "not_found", f"{what} is not known here")


def _is_loopback(request: Request) -> bool:
    return (request.url.hostname or "") in LOOPBACK


def _may_keep_cookie(request: Request) -> bool:
    """A cookie that travels in the clear is worth nothing, so browsers drop it; a proxy says that it speaks TLS."""
    forwarded = request.headers.get("x-forwarded-proto", request.url.scheme)
    return _is_loopback(request) or forwarded == "https"


def _html(markup: Markup, *, status: int = 200) -> Response:
    return Response(str(markup), status_code=status, media_type="text/html; charset=utf-8")
