"""The shop of `simulation.shop` as tests use it: fresh customers, what the centre has of them, a POS's calls."""

from __future__ import annotations

import http.client
import itertools
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlencode

from sqlalchemy import func, select

from agent.settings import TillSystemSettings
from central import schema
from central.accounts import imbalances
from drivers.tills.contract import AnswerLost, HttpReply, HttpRequest
from simulation import shop as simulated
from simulation.shop import PATIENCE_S, POINTS, Person, person

__all__ = ["POINTS", "Account", "Person", "Shop", "carry", "play"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the centre has of a customer."""

    balance: int
    sales: int
    returns: int


@dataclass(slots=True)
class Shop(simulated.Shop):
    """With eyes for tests."""

    _people: itertools.count[int] = field(default_factory=itertools.count)

    @classmethod
    def opened(cls, folder: Path, systems: Sequence[TillSystemSettings] = ()) -> Shop:
        made = cls(folder, systems)
        made.open()
        return made

    def newcomer(self) -> Person:
        """A customer nobody has played yet."""
        return person(next(self._people))

    def settle(self) -> None:
        """With a line, until the centre has all the till has written, and its books are right."""
        simulated.Shop.settle(self)
        with self.database.read() as connection:
            assert imbalances(connection) == []

    def account(self, one: Person) -> Account:
        """What the centre says now; after `settle`."""
        ledger, receipt = schema.ledger, schema.receipt
        with self.database.read() as connection:
            balance = connection.execute(
                select(func.coalesce(func.sum(ledger.c.amount), 0)).where(ledger.c.customer == one.id)
            ).scalar_one()
            kinds = connection.execute(select(receipt.c.kind).where(receipt.c.customer == one.id)).scalars().all()
        return Account(balance=int(balance), sales=kinds.count("sale"), returns=kinds.count("return"))

    def ask(self, name: str, request: HttpRequest) -> HttpReply:
        """One request over a real socket."""
        return carry(self.agent.port, f"/tills/{name}", request)


def carry(port: int, root: str, request: HttpRequest) -> HttpReply:
    """One request over a real socket to loopback."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        query = f"?{urlencode(request.query)}" if request.query else ""
        path = root + quote(request.path, safe="/%")
        connection.request(request.method, path + query, request.body, dict(request.headers))
        answer = connection.getresponse()
        return HttpReply(
            status=answer.status, body=answer.read(), content_type=answer.headers.get("content-type", ""),
            headers={name.lower(): value for name, value in answer.headers.items()},
        )  # fmt: skip
    finally:
        connection.close()


def play(
    story: Generator[HttpRequest, HttpReply, T], ask: Callable[[HttpRequest], HttpReply], *, lose: Sequence[int] = ()
) -> tuple[T, int]:
    """Carry a story's requests; the answers to those numbered in `lose` get lost. (Outcome, how many were asked)."""
    asked = 0
    try:
        request = next(story)
        while True:
            reply = ask(request)
            is_lost = asked in lose
            asked += 1
            request = story.throw(AnswerLost()) if is_lost else story.send(reply)
    except StopIteration as ended:
        return ended.value, asked
