"""One-time codes over HTTP: written down in one transaction, sent outside of any, and settled in another."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from central import tills
from central.code_senders import CodeSender, Message
from central.metrics import Metrics
from central.spend_codes import Prepared, check_code, prepare_code, settle_code
from central.web import Runs, answer, read_body
from drivers.vocabulary.spend_codes import CodeSent, CodeTried, CodeVerdict, CodeWanted

__all__ = ["CODE_DIGITS", "CodeApi"]

CODE_DIGITS: Final = 4


class CodeApi:
    """The routes; `who` says which till asks."""

    def __init__(
        self,
        *,
        who: Callable[[Request], Awaitable[tills.Till]],
        write: Runs,
        now: Callable[[], datetime],
        sender: CodeSender,
        digits: int,
        metrics: Metrics,
    ) -> None:
        self._who = who
        self._write = write
        self._now = now
        self._sender = sender
        self._digits = digits
        self._metrics = metrics

    def routes(self) -> list[Route]:
        """Both are POST: one sends a message, the other carries a code."""
        return [
            Route("/v1/tills/{till}/codes", self._send, methods=["POST"]),
            Route("/v1/tills/{till}/codes/check", self._check, methods=["POST"]),
        ]

    async def _send(self, request: Request) -> Response:
        till = await self._who(request)
        wanted = await read_body(request, CodeWanted)
        sent = await self._sent(till, wanted) if self._sender.can_send else CodeSent(reason="no_sender")
        self._metrics.code_asked(sent.reason)
        return answer(sent)

    async def _sent(self, till: tills.Till, wanted: CodeWanted) -> CodeSent:
        code = f"{secrets.randbelow(10**self._digits):0{self._digits}}"

        def work(connection: Connection) -> Prepared | CodeSent:
            tills.require_no_fork(connection, till)
            return prepare_code(connection, wanted, till=till.id, code=code, now=self._now())

        made = await self._write(work)
        if isinstance(made, CodeSent):
            return made
        message = Message(
            id=made.id, to=made.phone, code=made.code, language=wanted.language, expires_s=made.sent.expires_s
        )
        is_sent = await run_in_threadpool(self._sender.send, message)
        await self._write(partial(settle_code, name=made.id, is_sent=is_sent))
        return made.sent if is_sent else CodeSent(reason="not_sent")

    async def _check(self, request: Request) -> Response:
        till = await self._who(request)
        tried = await read_body(request, CodeTried)

        def work(connection: Connection) -> CodeVerdict:
            tills.require_no_fork(connection, till)
            return check_code(connection, tried, till=till.id, now=self._now())

        verdict = await self._write(work)
        self._metrics.code_tried(verdict.reason)
        return answer(verdict)
