"""Asks clouds for closed receipts: one request after another, within what a cloud allows; knows no protocol."""

from __future__ import annotations

import http.client
import ssl
import time
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import Connection, update

from central import schema
from central.database import Database
from central.errors import CentralStartError
from central.shops.checkout import ShopCheckout
from central.shops.rooms import context_of, room_of, settings_of
from central.shops.shop import Shop, note_trouble
from drivers.tills.clouds import CloudReader, CloudRequest, ReadBatch, ReadReceipt
from drivers.tills.contract import HttpReply
from drivers.vocabulary.checkout import AttachRequest
from drivers.vocabulary.errors import CheckoutRefused

__all__ = ["Budget", "CloudVisits", "fetch", "take"]

FETCH_TIMEOUT_S: Final = 20.0
ANSWER_BYTES_MAX: Final = 33_554_432  # unzipped; clouds bound theirs to 10 or 20 MB
CLAIM: Final = timedelta(minutes=5)  # for so long no other process visits the same cloud
PAGES_MAX: Final = 20  # of one visit: other shops wait
WAIT_S: Final = 30.0

Fetch = Callable[[CloudRequest], HttpReply]


@dataclass(slots=True)
class Budget:
    """No more than `weight` within `seconds`; pure: time comes in."""

    weight: int
    seconds: float
    _spent: deque[tuple[float, int]] = field(default_factory=deque)

    def wait_s(self, weight: int, now_s: float) -> float:
        """How long to wait before a request of this weight."""
        while self._spent and self._spent[0][0] <= now_s - self.seconds:
            self._spent.popleft()
        over = sum(one for _, one in self._spent) + weight - self.weight
        for at_s, one in self._spent:
            if over <= 0:
                break
            over -= one
            wait_s = at_s + self.seconds - now_s
            if over <= 0:
                return max(0.0, wait_s)
        return 0.0

    def spend(self, weight: int, now_s: float) -> None:
        """A request went out."""
        self._spent.append((now_s, weight))


def fetch(request: CloudRequest) -> HttpReply:
    """One request; no redirect is followed, so that a token goes nowhere else. Silence is status 0."""
    parts = urlsplit(request.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection = _connection(parts.scheme, parts.hostname or "", parts.port)
        try:
            connection.request(request.method, target, body=request.body or None, headers=dict(request.headers))
            answer = connection.getresponse()
            body = answer.read(ANSWER_BYTES_MAX + 1)
            headers = {name.lower(): value for name, value in answer.getheaders()}
            if headers.get("content-encoding", "").lower() == "gzip":
                body = zlib.decompressobj(wbits=31).decompress(body, ANSWER_BYTES_MAX + 1)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, zlib.error):
        return HttpReply(status=0)
    if len(body) > ANSWER_BYTES_MAX:
        return HttpReply(status=0)
    return HttpReply(status=answer.status, body=body, headers=headers)


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=FETCH_TIMEOUT_S, context=context)
    return http.client.HTTPConnection(host, port, timeout=FETCH_TIMEOUT_S)


@dataclass(slots=True)
class CloudVisits:
    """Visits every cloud that is due; called on a worker thread, one visit after another.

    Args:
        told: called after receipts were taken.
        fetch: brings one answer.
        monotonic: seconds that never go back, for budgets.
        pause: waits.
    """

    database: Database
    now: Callable[[], datetime]
    told: Callable[[], None]
    fetch: Fetch = fetch
    monotonic: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    _budgets: dict[str, Budget] = field(default_factory=dict)

    def visit(self, shop: Shop) -> str:
        """Read what is new; what is wrong, in words, or "".

        A page whose receipts were all taken moves the cursor; after a cut in between it is read again, and each of its
        receipts is known by its uid.
        """
        try:
            room = room_of(shop.system)
            if room.reader is None:
                return ""
            reader = room.reader(settings_of(room, shop.settings), context_of(shop, self.database.currency))
        except CentralStartError as error:
            return str(error)
        checkout = ShopCheckout(self.database, shop, self.now, self.told)
        cursor, problems = shop.cursor, []
        for _ in range(PAGES_MAX):
            batch = self._read(reader, shop, cursor)
            if batch.trouble or batch.pause_s:
                self._keep(shop, cursor, pause_s=batch.pause_s or reader.every_s)
                return batch.trouble
            problems += list(batch.unread)
            for one in batch.receipts:
                problems += take(checkout, one)
            is_same, cursor = cursor == batch.cursor, batch.cursor
            self._keep(shop, cursor, pause_s=0.0 if batch.more and not is_same else reader.every_s)
            if not batch.more or is_same:
                break
        return "; ".join(problems[:5])

    def _read(self, reader: CloudReader, shop: Shop, cursor: str) -> ReadBatch:
        budget = self._budgets.setdefault(shop.name, Budget(*reader.budget))
        visit = reader.read(cursor, now=self.now())
        try:
            wanted = next(visit)
            while True:
                wait_s = budget.wait_s(wanted.weight, self.monotonic())
                if wait_s > 0:
                    self.pause(wait_s)
                budget.spend(wanted.weight, self.monotonic())
                wanted = visit.send(self.fetch(wanted))
        except StopIteration as done:
            batch: ReadBatch = done.value
            return batch

    def _keep(self, shop: Shop, cursor: str, *, pause_s: float) -> None:
        table, now = schema.shop, self.now()
        values = {"cursor": cursor, "read_at": now, "read_next": now + timedelta(seconds=pause_s)}
        self.database.writing(
            lambda connection: connection.execute(update(table).where(table.c.name == shop.name).values(**values))
        )

    def claim(self, shop: Shop) -> bool:
        """Whether it is our turn: another process of this centre may be at it."""
        return self.database.writing(partial(_claim, shop=shop, now=self.now()))

    def run_due(self, shops: list[Shop]) -> None:
        """Visit every one whose time has come."""
        for shop in shops:
            is_due = shop.token and (shop.read_next is None or shop.read_next <= self.now())
            if is_due and self.claim(shop):
                trouble = self.visit(shop)
                self.database.writing(partial(note_trouble, shop=shop, trouble=trouble))


def _claim(connection: Connection, shop: Shop, now: datetime) -> bool:
    table = schema.shop
    seen = table.c.read_next.is_(None) if shop.read_next is None else table.c.read_next == shop.read_next
    mine = update(table).where(table.c.name == shop.name, seen).values(read_next=now + CLAIM)
    return bool(connection.execute(mine).rowcount)


def take(checkout: ShopCheckout, one: ReadReceipt) -> list[str]:
    """Take a receipt that was read, unless it is known; what is wrong with it, in words.

    Raises:
        CheckoutRefused: `busy`: the page is to be read again.
    """
    told = one.confirm or one.refund
    if told is None:
        return []
    uids = (told.receipt.uid, *one.other_uids)
    known = checkout.known_of(uids)
    if known:
        return _give_late(checkout, known, one)
    person = checkout.person_of(one.person, timeout_s=WAIT_S) if one.person else None
    try:
        if one.confirm is not None:
            named = msgspec.structs.replace(one.confirm, customer_id=one.confirm.customer_id or person)
            checkout.confirm(named, timeout_s=WAIT_S)
        elif one.refund is not None:
            base = checkout.known_of(one.base_uids)
            receipt = one.refund.receipt
            if base:
                receipt = msgspec.structs.replace(receipt, base_uid=base)
            named_back = msgspec.structs.replace(
                one.refund, receipt=receipt, customer_id=one.refund.customer_id or person
            )
            checkout.refund(named_back, timeout_s=WAIT_S)
    except CheckoutRefused as refused:
        if refused.code == "busy":
            raise
        return [f"receipt {told.receipt.uid}: {refused}"]
    return []


def _give_late(checkout: ShopCheckout, known: str, one: ReadReceipt) -> list[str]:
    """A sale that came without its customer becomes theirs, once the cloud says who it was."""
    code = one.confirm.code if one.confirm is not None else None
    if code is None or not checkout.is_nobodys(known):
        return []
    try:
        checkout.attach(AttachRequest(receipt=known, code=code), timeout_s=WAIT_S)
    except CheckoutRefused as refused:
        if refused.code == "busy":
            raise
        # Nobody of ours has this phone, or goods of it came back meanwhile: it stays as it is.
    return []
