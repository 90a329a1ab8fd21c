"""Answers clouds in their own protocols under ``/shops/<name>``: carries whole requests to a room's door and back."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Final, Protocol, TypeVar

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from central.code_senders import CodeSender, Message
from central.database import Database, StoreBusy
from central.errors import CentralStartError, Refusal
from central.shops import inbox
from central.shops.checkout import ShopCheckout
from central.shops.clouds import Fetch, fetch
from central.shops.shop import Shop, note_trouble, shop_of
from central.shops.work import KnownDoors, ShopWork
from central.turns import Turns
from drivers.tills.contract import HttpReply, HttpRequest, TillDoor, TillSystem

__all__ = ["BODY_BYTES_MAX", "ShopDoors"]

BODY_BYTES_MAX: Final = 1_048_576  # the longest receipt has 2 000 lines; what is more is none
ANSWER_S: Final = 8.0  # clouds that say how long they wait say ten seconds
CODE_LIVES_S: Final = 600
METHODS: Final = ["GET", "POST", "PUT", "DELETE"]

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Read(Protocol):
    """Runs a reading transaction beside the loop."""

    def __call__(self, work: Callable[[Connection], T]) -> Awaitable[T]:
        """The answer of `work`."""
        ...


class ShopDoors:
    """The doors of all shops as routes, and the work that follows what they kept.

    Args:
        writers: turns to write.
        read: runs a reading transaction.
        told: called after each change.
        sender: who brings codes to phones.
        fetch: brings answers of clouds that are read.
    """

    def __init__(
        self,
        database: Database,
        *,
        writers: Turns,
        read: Read,
        now: Callable[[], datetime],
        told: Callable[[], None],
        sender: CodeSender,
        fetch: Fetch = fetch,
    ) -> None:
        self._database = database
        self._writers = writers
        self._read = read
        self._now = now
        self._told = told
        self._sender = sender
        self._known = KnownDoors(database.currency)
        self.work = ShopWork(database, self._known, now=now, told=told, fetch=fetch)

    def routes(self) -> list[Route]:
        """Everything under one shop's address."""
        return [
            Route("/shops/{shop}", self.endpoint, methods=METHODS),
            Route("/shops/{shop}/{rest:path}", self.endpoint, methods=METHODS),
        ]

    # ── Requests ────────────────────────────────────────────────────────────────────────────────

    async def endpoint(self, request: Request) -> Response:
        """One request of a cloud."""
        shop = await self._read(partial(shop_of, name=request.path_params["shop"]))
        if shop is None:
            raise Refusal(404, "shop_unknown", "no shop is answered here; tillpoint central shops list names them")
        try:
            room, door = self._known.door(shop)
        except CentralStartError as error:
            _log.error("shop.broken shop=%s reason=%s", shop.name, error)
            raise Refusal(503, "shop_broken", f"shop {shop.name} cannot be answered; the log says why") from None
        body = await _body(request)
        if body is None:
            message = f"a request may have {BODY_BYTES_MAX} bytes"
            raise Refusal(413, "too_large", message)
        asked = HttpRequest(
            method=request.method,
            path="/" + request.path_params.get("rest", ""),
            query=dict(request.query_params),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=body,
        )
        reply = await self._answer(shop, room, door, asked)
        if reply.trouble != shop.trouble and not (reply.trouble == "" and shop.token):
            await self._writers.take(
                partial(self._database.writing, partial(note_trouble, shop=shop, trouble=reply.trouble))
            )
        return Response(reply.body, reply.status, dict(reply.headers), media_type=reply.content_type)

    async def _answer(self, shop: Shop, room: TillSystem, door: TillDoor, asked: HttpRequest) -> HttpReply:
        checkout = ShopCheckout(self._database, shop, self._now, self.work.tell, room.keep_s)
        try:
            reply = await self._writers.take(lambda: door.answer(asked, checkout, now=self._now(), timeout_s=ANSWER_S))
            if reply.later:
                keep = partial(inbox.keep, shop=shop, delivery=reply.later, request=asked, now=self._now())
                await self._writers.take(partial(self._database.writing, keep))
                self.work.hurry()
        except StoreBusy:
            return door.unavailable("the centre is busy; send it again")
        except Refusal as refusal:
            return HttpReply(
                status=refusal.status, body=refusal.problem.message.encode(), trouble=refusal.problem.message
            )
        except Exception:  # noqa: BLE001 - whatever a room raises, its POS gets an answer
            _log.exception("shop.fault shop=%s path=%s", shop.name, asked.path)
            return door.unavailable("the centre failed here and its log says why")
        if reply.code_to and not await self._send(reply):
            return door.unavailable("no code could be sent; the centre's operator sets up who sends codes")
        return reply

    async def _send(self, reply: HttpReply) -> bool:
        if not self._sender.can_send:
            return False
        message = Message(
            id=secrets.token_hex(16), to=reply.code_to, code=reply.code, language="ru", expires_s=CODE_LIVES_S
        )
        return await run_in_threadpool(self._sender.send, message)


async def _body(request: Request) -> bytes | None:
    """The raw body, None when it is too long."""
    data = bytearray()
    try:
        async for chunk in request.stream():
            data += chunk
            if len(data) > BODY_BYTES_MAX:
                return None
    except ClientDisconnect:
        raise Refusal(400, "unreadable", "the request was cut short; send it again") from None
    return bytes(data)
