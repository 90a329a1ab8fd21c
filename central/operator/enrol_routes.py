"""The operator's page of enrolment over HTTP; who may look and change is said in `routes`."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from central.enrol_secrets import count_secrets, list_secrets, revoke_secret
from central.errors import CentralStartError, Refusal
from central.leaving import tills_that_left
from central.operator.enrol_pages import enrolment_page
from central.operator.markup import Markup
from central.web import Runs

__all__ = ["EnrolPages"]

ROWS_MAX: Final = 200  # on one page; `tillpoint central enrol-secret list` has them all

_log = logging.getLogger(__name__)


class EnrolPages:
    """Handlers.

    Args:
        read: runs a reading transaction.
        write: runs a writing one.
        now: the centre's clock.
        session: the form key of a good session, or the way to the login.
        changing: the fields of a form of such a session.
    """

    def __init__(
        self,
        *,
        read: Runs,
        write: Runs,
        now: Callable[[], datetime],
        session: Callable[[Request], Awaitable[str]],
        changing: Callable[[Request], Awaitable[dict[str, str]]],
    ) -> None:
        self._read = read
        self._write = write
        self._now = now
        self._session = session
        self._changing = changing

    async def show(self, request: Request) -> Response:
        """Secrets, and tills that left."""
        key = await self._session(request)

        def work(connection: Connection) -> Markup:
            return enrolment_page(
                list_secrets(connection, limit=ROWS_MAX),
                tills_that_left(connection, limit=ROWS_MAX),
                count=count_secrets(connection),
                now=self._now(),
                form_key=key,
            )

        return HTMLResponse(str(await self._read(work)))

    async def revoke(self, request: Request) -> Response:
        """Let a secret open nothing more; twice is once."""
        form = await self._changing(request)
        name = form.get("secret", "")
        try:
            await self._write(lambda connection: revoke_secret(connection, name, now=self._now()))
        except CentralStartError as error:
            raise Refusal(404, "not_found", str(error)) from None
        _log.warning("operator.secret_revoked secret=%r", name)
        return RedirectResponse("/operator/enrolment", status_code=303)
