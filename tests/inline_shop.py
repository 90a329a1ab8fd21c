"""A real centre that knows one member; and a whole agent in line before a twin's web server, enrolled there."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from agent.assembly import Agent
from agent.demo.gate import free_port
from agent.settings import parse
from agent.snapshot import Snapshot
from agent.sync.enrol import enrol
from central import schema
from central.app import build
from central.database import open_database
from central.members import Member, load_members
from central.programmes import set_programme
from central.serve import listening_socket, make_server
from central.tills import make_code
from drivers.printers.atol.serving import serve
from drivers.transport.tcp import TcpListenEndpoint

__all__ = ["CARD", "ClubCentre", "InlineShop", "wait_for"]

PATIENCE_S = 30.0
CARD = "2000000000008"
PROGRAMME = b"""
version = 1
title = "Club"
currency = "RUB"
zone = "Europe/Moscow"

[units.bonus]
worth = 1

[[tiers]]
id = "friend"
title = "Friend"

[[rules]]
id = "card"
title = "Card"
kind = "tier_discount"
percents = { friend = 10 }

[[rules]]
id = "cashback"
title = "Cashback"
kind = "earn_points"
unit = "bonus"
percent = 5
"""


class ClubCentre:
    """A real centre on a socket of its own: one programme, one member, and a till that may enrol."""

    def __init__(self, folder: Path) -> None:
        self.database = open_database(f"sqlite:///{folder / 'central.db'}")
        self._bound = listening_socket("127.0.0.1:0")
        ready = threading.Event()
        self._server = make_server(build(self.database), ready=ready.set)
        self._serving = threading.Thread(target=lambda: self._server.run(sockets=[self._bound]))
        self._serving.start()
        assert ready.wait(PATIENCE_S)
        now = datetime.now(UTC)
        member = Member(
            id="c1", name="Anna", phone="+79000000001", card=CARD, tier="friend", spent_minor=0, points={"bonus": 100}
        )
        load_members(self.database, [member], now=now, progress=lambda _: None)
        with self.database.write() as connection:
            set_programme(connection, PROGRAMME, name="club", currency="RUB", now=now)
            self._code = make_code(connection, shop="s1", till="t1", now=now)

    def enrol(self, state: Path) -> None:
        """Make the till of this state folder known."""
        enrol(f"http://127.0.0.1:{self._bound.getsockname()[1]}", self._code, state)

    def envelopes(self, kind: str = "receipt.confirmed") -> list[dict[str, Any]]:
        """What it was told so far."""
        query = select(schema.envelope.c.body).where(schema.envelope.c.kind == kind)
        with self.database.read() as connection:
            return [json.loads(body) for (body,) in connection.execute(query)]

    def stop(self) -> None:
        """The line to it is gone; what it was told stays."""
        self._server.should_exit = True
        self._serving.join(PATIENCE_S)

    def close(self) -> None:
        self.stop()
        self._bound.close()
        self.database.close()


def wait_for(agent: Agent, wanted: Callable[[Snapshot], bool]) -> None:
    """Until the till's snapshot is as wanted."""
    seen = threading.Event()
    stop = agent.till.subscribe(lambda snapshot: seen.set() if wanted(snapshot) else None)
    try:
        assert wanted(agent.till.snapshot) or seen.wait(PATIENCE_S), agent.till.snapshot
    finally:
        stop()


class InlineShop:
    """A POS's web server, the agent before it, and the centre behind.

    Args:
        driver: the row of the registry.
        twin: the register's side; a `connection()` for each visitor.
        more: further lines of the settings, `{server}` is the twin's port.
    """

    def __init__(self, folder: Path, driver: str, twin: Any, more: str) -> None:
        self.folder = folder
        self.centre = ClubCentre(folder)
        self.database = self.centre.database
        self.centre.enrol(folder / "state")
        self.twin, self.stop = twin, threading.Event()
        web = TcpListenEndpoint("tcp-listen://127.0.0.1:0", "127.0.0.1", 0)
        web.listen()
        self.web = threading.Thread(target=serve, args=(web, self.twin, self.stop), daemon=True)
        self.web.start()
        self.server_port, self.port = web.port, free_port()
        text = f"""
[till]
state_folder = {json.dumps(str(folder / "state"))}
[doors]
port = {free_port()}
[central]
poll_wait_s = 1
[[devices]]
name = "fiscal"
driver = "{driver}"
host = "tcp-listen://127.0.0.1:{self.port}"
device = "tcp://127.0.0.1:{web.port}"
{more.format(server=web.port)}
"""
        self.agent = Agent(parse(text.encode(), name="config.toml"))
        self.agent.start()

    def wait_for(self, wanted: Callable[[Snapshot], bool]) -> None:
        wait_for(self.agent, wanted)

    def wait_for_the_pos(self) -> None:
        """The agent has its programme and its member, and listens where the POS will come."""
        self.wait_for(lambda snapshot: snapshot.programme_version == 1)
        self.wait_for(lambda snapshot: any("waiting for the till" in device.detail for device in snapshot.devices))
        self.wait_until(lambda: self.agent.till.run_on_till(lambda desk: desk.known("c1"), timeout_s=10) is not None)

    def told(self, count: int, kind: str = "receipt.confirmed") -> list[dict[str, Any]]:
        """What the centre was told, once there are so many."""
        found: list[dict[str, Any]] = []

        def enough() -> bool:
            found[:] = self.centre.envelopes(kind)
            return len(found) >= count

        self.wait_until(enough)
        return found

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        ends_s = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < ends_s, self.agent.till.snapshot
            threading.Event().wait(0.05)

    def close(self) -> None:
        self.agent.stop()
        self.stop.set()
        self.web.join(PATIENCE_S)
        self.centre.close()
