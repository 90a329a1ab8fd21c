"""The operator's pages of releases and of the fleet over HTTP; who may look and change is said in `routes`."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from central.errors import CentralStartError, Refusal
from central.operator.markup import Markup
from central.operator.release_pages import fleet_page, releases_page
from central.releases.acts import carry_out
from central.releases.fleet import Wanted, fleet
from central.releases.progress import progress_of_all
from central.releases.trail import last_acts
from central.web import Runs

__all__ = ["ReleasePages"]

BY: Final = "operator page"
WORD_CHARS_MAX: Final = 100

_log = logging.getLogger(__name__)


class ReleasePages:
    """Handlers.

    Args:
        read: runs a reading transaction.
        write: runs a writing one.
        now: the centre's clock.
        session: the form key of a good session, or the way to the login.
        changing: the fields of a form of such a session.
        changed: told after something was done.
    """

    def __init__(
        self,
        *,
        read: Runs,
        write: Runs,
        now: Callable[[], datetime],
        session: Callable[[Request], Awaitable[str]],
        changing: Callable[[Request], Awaitable[dict[str, str]]],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._read = read
        self._write = write
        self._now = now
        self._session = session
        self._changing = changing
        self._changed = changed

    async def releases(self, request: Request) -> Response:
        """Versions and rings."""
        key = await self._session(request)

        def work(connection: Connection) -> Markup:
            found = progress_of_all(connection, now=self._now())
            return releases_page(found, last_acts(connection), form_key=key)

        return HTMLResponse(str(await self._read(work)))

    async def act(self, request: Request) -> Response:
        """Start, stop, go on, withdraw, open."""
        form = await self._changing(request)
        version, what = form.get("version", ""), form.get("act", "")
        more = {"ring": form.get("ring", ""), "why": form.get("why", "")[:300]}
        try:
            await self._write(lambda connection: carry_out(connection, what, version, by=BY, now=self._now(), **more))
        except CentralStartError as error:
            raise Refusal(409, "release_refused", f"{error}; open the page again") from None
        self._changed()
        _log.warning("operator.release act=%r version=%r", what, version)
        return RedirectResponse("/operator/releases", status_code=303)

    async def fleet(self, request: Request) -> Response:
        """Every till."""
        key = await self._session(request)
        try:
            wanted = wanted_of(request)
        except CentralStartError as error:
            raise Refusal(404, "not_found", str(error)) from None
        view = await self._read(lambda connection: fleet(connection, now=self._now(), wanted=wanted))
        return HTMLResponse(str(fleet_page(view, wanted, form_key=key)))


def wanted_of(request: Request) -> Wanted:
    """Which tills an address asks for.

    Raises:
        CentralStartError: there is no such trouble.
    """
    names = ("shop", "ring", "version", "trouble", "text")
    told: dict[str, Any] = {
        name: request.query_params.get(name, "").replace("\0", "")[:WORD_CHARS_MAX] for name in names
    }
    return Wanted(**told)
