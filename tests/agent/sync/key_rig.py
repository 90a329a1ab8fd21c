"""A real centre on a loopback port, a till with a real outbox, and a client of it: for what is about keys."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agent.sync.client import CentreClient
from agent.sync.enrol import enrol
from agent.sync.identity import Identity
from agent.sync.keeper import IdentityKeeper
from agent.sync.keys import Renewal
from agent.sync.line import Line
from agent.sync.link import Link
from central.app import build
from central.database import open_database
from central.members import Member, load_members
from central.serve import ServerTls, listening_socket, make_server
from central.tills import make_code
from central.totals import TillTotals, read_totals
from drivers.vocabulary import codec
from drivers.vocabulary.centre import UploadAnswer
from drivers.vocabulary.facts import HoldReleased
from offline_queue.envelope import GENESIS, Envelope, chain_hash

__all__ = ["Centre", "Pen", "TillEnd"]

PATIENCE_S = 20.0
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class Centre:
    """The centre in a thread; its clock is set by hand."""

    def __init__(self, folder: Path, *, tls: ServerTls | None = None, token_days: int = 90) -> None:
        self.database = open_database(f"sqlite:///{folder / 'central.db'}")
        self.now = NOON
        self._socket = listening_socket("127.0.0.1:0")
        self.port = self._socket.getsockname()[1]
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.port}"
        ready = threading.Event()
        app = build(self.database, now=lambda: self.now, token_days=token_days)
        self._server = make_server(app, ready=ready.set, tls=tls)
        self._thread = threading.Thread(target=lambda: self._server.run(sockets=[self._socket]))
        self._thread.start()
        assert ready.wait(PATIENCE_S)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(PATIENCE_S)
        self._socket.close()
        self.database.close()

    def code(self, till: str = "t1") -> str:
        with self.database.write() as connection:
            return make_code(connection, shop="s1", till=till, now=self.now)

    def till(self, name: str = "t1") -> TillTotals:
        with self.database.read() as connection:
            return next(one for one in read_totals(connection).tills if one.till == name)

    def member(self, member: str, **more: Any) -> None:
        fields = {"name": "", "phone": "", "card": "", "tier": "", "spent_minor": 0, "points": {}}
        load_members(self.database, [Member(id=member, **{**fields, **more})], now=self.now, progress=lambda _: None)

    def pass_days(self, days: int) -> None:
        self.now += timedelta(days=days)


@dataclass
class Pen:
    """Seals facts into one till's chain."""

    epoch: int = 1
    head: str = GENESIS
    count: int = 0

    def write(self, kind: str = "hold.released", fact: Any = None) -> Envelope:
        self.count += 1
        body = codec.encode(fact if fact is not None else HoldReleased(receipt_uid=f"r{self.count}", hold="h"))
        values: dict[str, Any] = {
            "id": f"{self.epoch}-{self.count}",
            "epoch": self.epoch,
            "sequence": self.count,
            "kind": kind,
            "occurred_at": NOON.isoformat(),
            "boot_id": "boot",
            "uptime_ms": self.count,
            "programme_version": 0,
            "body": body,
        }
        envelope = Envelope(previous=self.head, hash=chain_hash(self.head, **values), **values)
        self.head = envelope.hash
        return envelope


@dataclass
class TillEnd:
    """One till's side of the line: identity file, keeper, client."""

    centre: Centre
    folder: Path
    name: str = "t1"
    pen: Pen = field(default_factory=Pen)
    told: list[Identity] = field(default_factory=list)
    link: Link = field(default_factory=lambda: Link(lambda *_: None))

    def enrol(self) -> TillEnd:
        enrol(self.centre.url, self.centre.code(self.name), self.folder)
        return self.wake()

    def wake(self) -> TillEnd:
        """As after a restart: read the file again."""
        from agent.sync.identity import relock

        self.keeper = IdentityKeeper(self.folder, relock(self.folder))
        self.renewal = Renewal(self.keeper, self.link, self.told.append)
        return self

    @property
    def identity(self) -> Identity:
        return self.keeper.current

    @contextmanager
    def client(self, identity: Identity | None = None) -> Iterator[CentreClient]:
        line = Line(self.identity.url)
        who: Callable[[], Identity] = (lambda: self.keeper.current) if identity is None else (lambda: identity)
        again = self.keeper.look_again if identity is None else (lambda used: False)
        try:
            yield CentreClient(line, who, version="1", look_again=again, news_of_keys=self.renewal.wanted.set)
        finally:
            line.close()

    def send(self, *envelopes: Envelope, identity: Identity | None = None) -> UploadAnswer:
        with self.client(identity) as client:
            return client.upload(envelopes or (self.pen.write(),))

    def ask_keys(self) -> Identity:
        with self.client() as client:
            self.renewal.ask(client)
        return self.identity
