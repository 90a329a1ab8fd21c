"""A whole small shop in one process: a centre, one agent, invented customers with points, a line that can go."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent.assembly import Agent
from agent.doors.keys import till_key
from agent.settings import CentralSettings, DoorsSettings, Settings, TillSettings, TillSystemSettings
from agent.snapshot import LinkState
from agent.sync.enrol import enrol
from central.app import build
from central.database import Database, open_database
from central.members import Member, load_members
from central.programmes import set_programme
from central.serve import listening_socket, make_server
from central.tills import make_code
from drivers.vocabulary.errors import TillpointError

if TYPE_CHECKING:
    import uvicorn

__all__ = ["Person", "Shop", "person", "wait_until"]

PATIENCE_S: Final = 30.0  # far longer than anything here takes; only a hang reaches it
POINTS: Final = 400
PEOPLE: Final = 200
PROGRAMME: Final = b"""
version = 1
title = "Club"
currency = "RUB"
zone = "Europe/Moscow"
line_left_least = 0.01
units.bonus = { worth = "1.00 RUB" }
tiers = [ { id = "silver", title = "Silver", spent_from = "0 RUB" } ]

[[rules]]
kind = "tier_discount"
id = "card"
percents = { silver = 5 }

[[rules]]
kind = "earn_points"
id = "base"
unit = "bonus"
percent = 10
expires_after_days = 90
when.customer = "identified"

[[rules]]
kind = "spend_points"
id = "redeem"
unit = "bonus"
share = 30
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An invented customer."""

    id: str
    phone: str
    card: str


@dataclass(slots=True)
class Shop:
    """Everything around one till: 5 % off for members, 10 % back, up to 30 % payable with points.

    Args:
        folder: where its files go.
        systems: the till systems of the agent's settings.
        answer_timeout_s: how long the agent may take to answer.
    """

    folder: Path
    systems: Sequence[TillSystemSettings] = ()
    answer_timeout_s: float = PATIENCE_S
    agent: Agent = field(init=False)
    database: Database = field(init=False)
    has_line: bool = False
    _port: int = 0
    _socket: socket.socket = field(init=False)
    _server: uvicorn.Server = field(init=False)
    _thread: threading.Thread = field(init=False)

    @property
    def state(self) -> Path:
        """The agent's folder."""
        return self.folder / "agent"

    def open(self) -> None:
        """Start the centre, enrol the till, wait until it knows everybody; raises TillpointError."""
        self._start_centre()
        with self.database.write() as connection:
            set_programme(connection, PROGRAMME, name="programme.toml", currency="RUB", now=datetime.now(UTC))
        members = [_member(person(number)) for number in range(PEOPLE)]
        load_members(self.database, members, now=datetime.now(UTC), progress=lambda _: None)
        with self.database.write() as connection:
            code = make_code(connection, shop="s1", till="t1", now=datetime.now(UTC))
        enrol(f"http://127.0.0.1:{self._port}", code, self.state)
        self.agent = Agent(
            Settings(
                till=TillSettings(state_folder=str(self.state)),
                doors=DoorsSettings(port=0, answer_timeout_s=min(30.0, self.answer_timeout_s)),
                central=CentralSettings(poll_wait_s=1),
                till_systems=tuple(self.systems),
            )
        )
        self.agent.start()
        if self.agent.troubles:
            raise TillpointError("; ".join(self.agent.troubles))
        wait_until(lambda: self.is_online and self.agent.till.snapshot.programme_version == 1)
        last = person(PEOPLE - 1).id
        wait_until(lambda: self.agent.till.run_on_till(lambda desk: desk.known(last), timeout_s=PATIENCE_S))

    def close(self) -> None:
        """Stop all of it."""
        self.agent.stop()
        if self.has_line:
            self._stop_centre()

    # ── The line ────────────────────────────────────────────────────────────────────────────────

    @property
    def is_online(self) -> bool:
        """Whether the till believes that the centre answers."""
        return self.agent.till.snapshot.link is LinkState.ONLINE

    def set_line(self, *, is_there: bool) -> None:
        """The centre goes, or comes back on the same port; waits until the till knows."""
        if is_there and not self.has_line:
            self._start_centre()
        elif self.has_line and not is_there:
            self._stop_centre()
        wait_until(lambda: self.is_online is is_there)

    def settle(self) -> None:
        """With a line, until the centre has all the till has written."""
        self.set_line(is_there=True)
        wait_until(lambda: self.agent.till.snapshot.waiting == 0)

    def key(self, name: str) -> str:
        """What the POS of that name in `systems` shows."""
        return till_key(self.state, name, self.agent.clock)

    def _start_centre(self) -> None:
        self.database = open_database(f"sqlite:///{self.folder / 'central.db'}")
        self._socket = listening_socket(f"127.0.0.1:{self._port}")
        self._port = self._socket.getsockname()[1]
        ready = threading.Event()
        self._server = make_server(build(self.database), ready=ready.set)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="centre", daemon=True
        )
        self._thread.start()
        if not ready.wait(PATIENCE_S):
            raise TillpointError("the centre did not start; the log says why")
        self.has_line = True

    def _stop_centre(self) -> None:
        self._server.should_exit = True
        self._thread.join(PATIENCE_S)
        self._socket.close()
        self.database.close()
        self.has_line = False


def person(number: int) -> Person:
    """Always the same invented customer for a number below 10 000."""
    digits = f"29{number:010d}"
    check = -sum(int(one) * (3 if place % 2 else 1) for place, one in enumerate(digits)) % 10
    return Person(id=f"c{number}", phone=f"+7900000{number:04d}", card=f"{digits}{check}")


def _member(one: Person) -> Member:
    points = {"bonus": POINTS}
    return Member(
        id=one.id, name="Anna P.", phone=one.phone, card=one.card, tier="silver", spent_minor=0, points=points
    )


def wait_until(is_so: Callable[[], object]) -> None:
    """Until it is; raises TillpointError when it never comes."""
    pause = threading.Event()
    ends = time.monotonic() + PATIENCE_S
    while not is_so():
        if time.monotonic() > ends:
            raise TillpointError("the shop did not come up in time; is this machine very busy?")
        pause.wait(0.01)
