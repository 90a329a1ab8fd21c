"""The twin: a KKM-Server with one register behind it; can be rude on request.

It takes the place of a server in tests, demonstrations and support; it is no cash register and signs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from drivers.contract import Scene
from drivers.http_wire import Reader
from drivers.http_writing import encode_response
from drivers.twins import Roll, Trial

from .pos_script import sell_many, web_script, web_trials
from .server import Server
from .settings import KkmServerSettings


class Rudeness(Enum):
    """What can be wrong; several at once."""

    PAPER_OUT = "paper_out"
    COVER_OPEN = "cover_open"
    SHIFT_OVER_24H = "shift_over_24h"
    SERVER_ERROR = "server_error"
    SLOW = "slow"


ERRORS: Final = {
    Rudeness.COVER_OPEN: "Открыта крышка принтера",
    Rudeness.PAPER_OUT: "Нет бумаги",
    Rudeness.SHIFT_OVER_24H: "Смена превысила 24 часа",
}


class VirtualKkmServer:
    """Feed it bytes; it prints and answers; see `drivers.contract.Twin`.

    Args:
        settings: user and password it asks for; None is the default.
        rude: names of the rudenesses it begins with.

    Attributes:
        server: what is inside: paper, documents, commands.
    """

    def __init__(self, settings: KkmServerSettings | None = None, *, rude: Iterable[str] = ()) -> None:
        chosen = settings or KkmServerSettings()
        self.server = Server(columns=chosen.columns, user=chosen.user, password=chosen.password)
        self._rude: set[Rudeness] = set()
        self._line: Connection | None = None
        for name in rude:
            self.set_rude(name, is_on=True)

    @property
    def paper(self) -> tuple[str, ...]:
        """Every line printed, oldest first."""
        return self.roll.since(0)

    @property
    def roll(self) -> Roll:
        """Its paper."""
        return self.server.roll

    def tick(self, now_s: float) -> bytes:  # noqa: ARG002 - the shape of a twin that is shown
        """A server does not speak first."""
        return b""

    def facts(self) -> Mapping[str, str]:
        """Shift and documents."""
        return {
            "shift": f"{self.server.shift} {'open' if self.server.is_shift_open else 'closed'}",
            "last document": str(self.server.last),
        }

    def rudenesses(self) -> Mapping[str, bool]:
        """Each name, and whether it holds now."""
        return {one.value: one in self._rude for one in Rudeness}

    def set_rude(self, name: str, *, is_on: bool) -> bytes:
        """Switch a rudeness; raises ValueError for a name there is not."""
        change = Rudeness(name)
        if is_on:
            self._rude.add(change)
        else:
            self._rude.discard(change)
        self.server.trouble = next((ERRORS[one] for one in ERRORS if one in self._rude), "")
        self.server.is_over_24h = Rudeness.SHIFT_OVER_24H in self._rude
        self.server.is_failing = Rudeness.SERVER_ERROR in self._rude
        self.server.is_slow = Rudeness.SLOW in self._rude
        return b""

    def trials(self) -> Sequence[Trial]:
        """See pos_script.py."""
        return web_trials()

    def script(self) -> Sequence[Scene]:
        """What a POS sends in an hour: sales, a return, a repeated command, what fails, what is no command."""
        return web_script()

    def sell(self, count: int) -> None:
        """Receipts of three kinds in turn, straight into the server."""
        for command in sell_many(count):
            self.server.execute(command)

    # ── The wire ────────────────────────────────────────────────────────────────────────────────

    def connection(self) -> Connection:
        """A new connection."""
        return Connection(self.server)

    def feed(self, data: bytes, now_s: float = 0.0) -> bytes:  # noqa: ARG002 - the contract's signature
        """Take bytes in any slicing; what the twin answers."""
        if not data:
            return b""
        if self._line is None or self._line.is_closed:
            self._line = self.connection()
        return self._line.feed(data)


@dataclass(slots=True)
class Connection:
    """One client's connection; `is_closed`: the server wants it closed."""

    server: Server
    is_closed: bool = False
    _reader: Reader = field(default_factory=lambda: Reader(reads_answers=False))

    def feed(self, data: bytes) -> bytes:
        """Bytes of the client, in any slicing; the answers to the requests they complete."""
        answers = b""
        for message in self._reader.feed(data):
            answers += self.server.answer(message)
            self.is_closed = self.is_closed or message.header("connection").lower() == "close"
        if self._reader.is_lost and not self.is_closed:
            self.is_closed = True
            answers += encode_response(400, [("Connection", "close")])
        return answers
