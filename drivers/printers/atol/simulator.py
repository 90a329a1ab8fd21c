"""The twin: a register with its web server, or on its own wire by the low-level protocols; can be rude on request.

It takes the place of a register in tests, demonstrations and support; it is no cash register and signs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Final, Protocol

from drivers.contract import Scene
from drivers.twins import Roll, Trial

from .low_lines import KeptAnswer, Line2, Line3, TaskBuffer
from .low_register import LowRegister
from .models import model_named
from .pos_script import card_sale, sale, web_script, web_trials
from .register import Register
from .settings import AtolSettings
from .web_server import Manners, WebServer


class Rudeness(Enum):
    """What can be wrong with the register; several at once."""

    PAPER_OUT = "paper_out"
    COVER_OPEN = "cover_open"
    SHIFT_OVER_24H = "shift_over_24h"
    PRINTING_INTERRUPTED = "printing_interrupted"
    QUEUE_BLOCKED = "queue_blocked"
    SERVER_ERROR = "server_error"
    SLOW = "slow"
    WRONG_CHECKSUM = "wrong_checksum"
    HALF_ANSWER = "half_answer"
    DUPLICATE_ANSWER = "duplicate_answer"
    ANSWER_LOST = "answer_lost"
    RESTART = "restart"
    SILENCE = "silence"


# One answer is spoiled and the rudeness is over: the next try succeeds.
ONCE: Final = (Rudeness.WRONG_CHECKSUM, Rudeness.HALF_ANSWER, Rudeness.ANSWER_LOST, Rudeness.RESTART)
_SLOW_LOOKS: Final = 5
WIRE_ONLY: Final = frozenset({*ONCE, Rudeness.DUPLICATE_ANSWER, Rudeness.SILENCE})
SERVER_ONLY: Final = frozenset({Rudeness.QUEUE_BLOCKED, Rudeness.SERVER_ERROR, Rudeness.SLOW})


class Line(Protocol):
    """One connection to the twin, whatever it speaks."""

    is_closed: bool

    def feed(self, data: bytes) -> bytes:
        """Bytes of the other side; what the twin answers."""
        ...


class Muted:
    """A line that says nothing while `is_silent`."""

    is_closed = False

    def __init__(self, line: Line2 | Line3, is_silent: Callable[[], bool]) -> None:
        self._line = line
        self._is_silent = is_silent

    def feed(self, data: bytes) -> bytes:
        """See `Line`."""
        answer = self._line.feed(data)
        return b"" if self._is_silent() else answer

    def silence(self) -> bytes:
        """The host stopped inside a frame."""
        answer = self._line.silence()
        return b"" if self._is_silent() else answer


class VirtualAtol:
    """Feed it bytes; it sells, prints and answers; see `drivers.contract.Twin`.

    Args:
        settings: its interface and model say what it is like; None is the default.
        rude: names of the rudenesses it begins with.

    Attributes:
        register: what is inside: paper, fiscal memory, shift.
        web: the web server; only with ``interface = "web"`` anybody speaks with it.
        low: the same register by the low-level commands.
        is_async: protocol 3 says results unasked; False waits to be asked.
    """

    def __init__(self, settings: AtolSettings | None = None, *, rude: Iterable[str] = ()) -> None:
        self._settings = settings or AtolSettings()
        self.register = Register(model_named(self._settings.model))
        self.web = WebServer(self.register, Manners(user=self._settings.user, password=self._settings.password))
        low_password = int(self._settings.password) if self._settings.password.isdigit() else 0
        self.low = LowRegister(
            self.register, access_password=self._settings.access_password, mode_password=low_password
        )
        self._buffer, self._kept = TaskBuffer(), KeptAnswer()
        self.is_async = True
        self._rude: set[Rudeness] = set()
        self._line: Line | None = None
        for name in rude:
            self.be_rude(name)

    @property
    def paper(self) -> tuple[str, ...]:
        """Every line printed, oldest first."""
        return tuple(self.register.paper)

    def be_rude(self, name: str, *, on: bool = True) -> None:
        """Switch a rudeness."""
        change, register, manners = Rudeness(name), self.register, self.web.manners
        if on:
            self._rude.add(change)
        else:
            self._rude.discard(change)
        if change is Rudeness.PAPER_OUT:
            register.is_out_of_paper = on
        elif change is Rudeness.COVER_OPEN:
            register.is_cover_open = on
        elif change is Rudeness.SHIFT_OVER_24H:
            register.is_over_24h = on
        elif change is Rudeness.PRINTING_INTERRUPTED:
            register.is_interrupted = on
        elif change is Rudeness.QUEUE_BLOCKED:
            manners.block_reason = "paperError" if on else ""
        elif change is Rudeness.SERVER_ERROR:
            manners.is_failing = on
        elif change is Rudeness.SLOW:
            manners.looks_max = _SLOW_LOOKS if on else Manners().looks_max
        elif change is Rudeness.RESTART:
            self._line = None  # half a request that somebody sent is gone

    # ── What it shows (drivers.twins) ───────────────────────────────────────────────────────────

    @property
    def roll(self) -> Roll:
        """Its paper."""
        return self.register.roll

    def tick(self, now_s: float) -> bytes:  # noqa: ARG002 - the shape of a twin that is shown
        """Neither the server nor the register speaks first."""
        return b""

    def facts(self) -> Mapping[str, str]:
        """Shift, documents, queue."""
        register = self.register
        return {
            "model": register.model.name,
            "interface": self._settings.interface,
            "shift": f"{register.shift} {register.shift_state}",
            "last document": str(register.memory.last),
            "queue": str(self.web.waiting),
        }

    def rudenesses(self) -> Mapping[str, bool]:
        """Each name that makes sense on this wire: over HTTP a spoiled answer is a connection that breaks."""
        left_out = WIRE_ONLY if self._settings.interface == "web" else SERVER_ONLY
        return {one.value: one in self._rude for one in Rudeness if one not in left_out}

    def set_rude(self, name: str, *, is_on: bool) -> bytes:
        """See `be_rude`."""
        self.be_rude(name, on=is_on)
        return b""

    def trials(self) -> Sequence[Trial]:
        """See pos_script.py; the low-level wires have no till in line."""
        return web_trials() if self._settings.interface == "web" else ()

    def sell(self, count: int) -> None:
        """Receipts of three kinds in turn, straight into the register."""
        tasks = [sale(), card_sale(), sale(kind="sellReturn")]
        for index in range(count):
            self.register.execute(tasks[index % len(tasks)])

    # ── The wire ────────────────────────────────────────────────────────────────────────────────

    def connection(self) -> Line:
        """A new connection, by the interface of the settings."""
        if self._settings.interface == "2":
            return Muted(Line2(self.low, self._kept, self._spoil_low), self._is_silent)
        if self._settings.interface == "3":
            line = Line3(self.low, self._buffer, self._spoil_low, is_async=self.is_async)
            return Muted(line, self._is_silent)
        return self.web.connection(self._spoil)

    def feed(self, data: bytes, now_s: float = 0.0) -> bytes:  # noqa: ARG002 - the contract's signature
        """Take bytes in any slicing; what the twin answers."""
        if not data:
            return b""
        if self._line is None or self._line.is_closed:
            self._line = self.connection()
        return self._line.feed(data)

    def _is_silent(self) -> bool:
        return Rudeness.SILENCE in self._rude

    def _spoil(self, answer: bytes) -> bytes:
        """What leaves of an answer of the web server; a rudeness of the wire breaks the connection."""
        if self._is_silent():
            return b""
        for rude in ONCE:
            if rude in self._rude:
                self._rude.discard(rude)
                return answer[: len(answer) // 2] if rude is Rudeness.HALF_ANSWER else b""
        return answer

    def _spoil_low(self, answer: bytes) -> tuple[bytes, bool]:
        """What leaves of an answer on a low-level wire, and whether the register has forgotten it by a restart."""
        for rude in ONCE:
            if rude in self._rude:
                self._rude.discard(rude)
                spoiled = {
                    Rudeness.WRONG_CHECKSUM: answer[:-1] + bytes([answer[-1] ^ 0x55]),
                    Rudeness.HALF_ANSWER: answer[: len(answer) // 2],
                }.get(rude, b"")
                return spoiled, rude is Rudeness.RESTART
        return answer * 2 if Rudeness.DUPLICATE_ANSWER in self._rude else answer, False

    def script(self) -> Sequence[Scene]:
        """What a till sends in an hour: sales, a return, a repeated request, what fails, questions, what is no task."""
        return web_script() if self._settings.interface == "web" else ()
