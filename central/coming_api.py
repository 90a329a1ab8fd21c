"""Tills that come by a store's secret, and tills that leave: two routes, and a brake on whoever tries secrets."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from central.enrol_secrets import SecretRefused, enrol_with_secret, note_refused
from central.errors import Refusal
from central.leaving import leave
from central.tills import Till
from central.web import Runs, answer, problem, read_body
from drivers.vocabulary.centre import EnrolAnswer, Problem
from drivers.vocabulary.store_enrol import LeaveAnswer, LeaveRequest, StoreEnrolRequest

__all__ = ["ComingApi", "WrongTries"]

TRIES_MAX: Final = 10  # wrong ones from one address within WINDOW; a person mistypes twice
WINDOW: Final = timedelta(minutes=1)
ADDRESSES_MAX: Final = 10_000  # remembered; a flood of addresses must not fill the memory
MANY_RETRY_S: Final = 300

_log = logging.getLogger(__name__)


class WrongTries:
    """Counts wrong secrets by address, in memory: guessing 256 bits is hopeless, answering guesses costs a database."""

    def __init__(self) -> None:
        self._tries: OrderedDict[str, tuple[datetime, int]] = OrderedDict()

    def wait_s(self, address: str, now: datetime) -> int:
        """How long this address is not listened to; 0 when it is."""
        began, count = self._tries.get(address, (now, 0))
        if count < TRIES_MAX or now - began >= WINDOW:
            return 0
        return max(1, round((began + WINDOW - now).total_seconds()))

    def wrong(self, address: str, now: datetime) -> None:
        """One more."""
        began, count = self._tries.pop(address, (now, 0))
        if now - began >= WINDOW:
            began, count = now, 0
        self._tries[address] = (began, count + 1)
        while len(self._tries) > ADDRESSES_MAX:
            self._tries.popitem(last=False)


class ComingApi:
    """The routes.

    Args:
        who: the till that asks, by its token.
        write: runs a writing transaction in its turn.
        currency: of the database.
        now: the centre's clock.
    """

    def __init__(
        self,
        *,
        who: Callable[[Request], Awaitable[Till]],
        write: Runs,
        currency: str,
        now: Callable[[], datetime],
    ) -> None:
        self._who = who
        self._write = write
        self._currency = currency
        self._now = now
        self._tries = WrongTries()

    def routes(self) -> list[Route]:
        """Where they are."""
        return [
            Route("/v1/enrol/store", self.enrol, methods=["POST"]),
            Route("/v1/tills/{till}/leave", self.leave, methods=["POST"]),
        ]

    async def enrol(self, request: Request) -> Response:
        """A store's secret against an identity."""
        address = request.client.host if request.client is not None else ""
        wait_s = self._tries.wait_s(address, self._now())
        if wait_s:
            words = "too many wrong secrets came from this address; look at the settings of the machines that send them"
            return problem(429, Problem(code="too_many_tries", message=words), retry_after_s=wait_s)
        wanted = await read_body(request, StoreEnrolRequest)

        def work(connection: Connection) -> EnrolAnswer:
            return enrol_with_secret(connection, wanted, currency=self._currency, now=self._now())

        try:
            given = await self._write(work)
        except SecretRefused as refused:
            _log.warning("secret.refused secret=%s code=%s", refused.secret, refused.problem.code)
            await self._write(partial(note_refused, refusal=refused, now=self._now()))
            if refused.status == 429:
                return problem(429, refused.problem, retry_after_s=MANY_RETRY_S)
            raise
        except Refusal:
            _log.warning("secret.unknown address=%s", address)
            self._tries.wrong(address, self._now())
            raise
        _log.info("till.enrolled till=%s shop=%s epoch=%d by=secret", given.till, given.shop, given.epoch)
        return answer(given)

    async def leave(self, request: Request) -> Response:
        """A till's last word."""
        till = await self._who(request)
        wanted = await read_body(request, LeaveRequest)

        def work(connection: Connection) -> LeaveAnswer:
            return leave(connection, wanted, till=till, now=self._now())

        given = await self._write(work)
        _log.info("till.left till=%s released=%d missing=%d", till.id, given.released, given.missing)
        return answer(given)
