"""One question to the register and its answer, over protocol 2 or 3, without I/O and without a clock.

`ask` begins; `feed` takes bytes; `tick` lets time pass; `outgoing` gives bytes to send; `outcome` is None while it goes
on. A question that must not be asked twice ends as Lost(may_have_happened=True) as soon as nobody can tell whether it
was carried out: whoever asked finds out (low_closing.py) before anything is sent again.

Protocol 2: ENQ → ACK, block → ACK, EOT; then the register's ENQ → ACK, its block → ACK, EOT. NAK to ENQ is busy, NAK to
a block says that it was not taken. An ENQ instead of an ACK offers the answer to a question of an earlier life: it is
taken and forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from .commands import Command
from .frames import ACK, ENQ, EOT, NAK, Block, Control, Decoder2, Item2, encode2

CONTROL_TIMEOUT_S: Final = 0.5  # T1, T3, T4: ACK after ENQ, ACK after a block
BYTE_TIMEOUT_S: Final = 0.5  # T6: between two bytes
BEGIN_TIMEOUT_S: Final = 2.0  # T2: from our ACK to the register's STX
TRIES_MAX: Final = 5
BUSY_TRIES_MAX: Final = 60  # the register prints what it was sent before
SPOILED_MAX: Final = 10
LATE_MAX: Final = 2  # answers that did not come, before a harmless question is given up


@dataclass(frozen=True, slots=True)
class Answered:
    """The bytes of the answer."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """Protocol 3 only: the task ended with an error; the data says which."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Lost:
    """No answer.

    Attributes:
        may_have_happened: the register may have carried the command out.
    """

    may_have_happened: bool
    reason: str


Outcome = Answered | Failed | Lost


class _State(Enum):
    IDLE = "idle"
    ENQUIRING = "enquiring"  # ENQ is out
    BUSY = "busy"  # the register said NAK; ENQ again after a while
    STALE = "stale"  # the answer to somebody else's question is on its way
    SENT = "sent"  # the block is out, no ACK yet
    WAITING = "waiting"  # the register works
    RECEIVING = "receiving"  # its block is on its way


class Link2:
    """The host's side of protocol 2."""

    def __init__(self) -> None:
        self._decoder = Decoder2()
        self._out = bytearray()
        self._state = _State.IDLE
        self._command: Command | None = None
        self._block = b""
        self._tries = self._busy = self._spoiled = self._lates = 0
        self._was_sent = False
        self._deadline_s = self._heard_at_s = 0.0
        self.outcome: Outcome | None = None

    def ask(self, command: Command, payload: bytes, now_s: float) -> None:
        """Begin; the outcome of the question before is forgotten."""
        self._command, self._block = command, encode2(payload)
        self._tries = self._busy = self._spoiled = self._lates = 0
        self._was_sent = False
        self.outcome = None
        self._decoder = Decoder2()
        self._enquire(now_s)

    @property
    def was_sent(self) -> bool:
        """Whether any of the command left us."""
        return self._was_sent

    def outgoing(self) -> bytes:
        """Bytes to send, once."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def feed(self, data: bytes, now_s: float) -> None:
        """Bytes of the register, in any slicing."""
        if data:
            self._heard_at_s = now_s
        for item in self._decoder.feed(data):
            self._take(item, now_s)

    def tick(self, now_s: float) -> None:
        """Time passed."""
        if self.outcome is not None or self._state is _State.IDLE:
            return
        if not self._decoder.is_between and now_s - self._heard_at_s > BYTE_TIMEOUT_S:
            for item in self._decoder.silence():
                self._take(item, now_s)
        if self.outcome is None and now_s >= self._deadline_s:
            self._late(now_s)

    # ── what came ───────────────────────────────────────────────────────────────────────────────

    def _take(self, item: Item2, now_s: float) -> None:
        if self.outcome is not None:
            if isinstance(item, Block):
                self._out.append(ACK)  # repeated because our ACK was not heard
            return
        if isinstance(item, Block):
            self._take_block(item, now_s)
        elif isinstance(item, Control):
            self._take_control(item.code, now_s)
        elif item.is_frame and self._state in (_State.RECEIVING, _State.STALE):
            self._spoiled += 1
            if self._spoiled >= SPOILED_MAX:
                self._lose("its answers are spoiled")
            else:
                self._out.append(NAK)
                self._deadline_s = now_s + BEGIN_TIMEOUT_S

    def _take_block(self, block: Block, now_s: float) -> None:
        self._out.append(ACK)
        if self._state in (_State.RECEIVING, _State.WAITING):
            self._state, self.outcome = _State.IDLE, Answered(block.data)
        elif self._state is _State.STALE:
            self._state, self._deadline_s = _State.BUSY, now_s + CONTROL_TIMEOUT_S

    def _take_control(self, code: int, now_s: float) -> None:
        if self._state in (_State.ENQUIRING, _State.STALE, _State.BUSY):
            self._take_before(code, now_s)
        elif self._state is _State.SENT:
            if code == ACK:
                self._out.append(EOT)
                self._state, self._deadline_s = _State.WAITING, now_s + self._timeout_s
            elif code == NAK:
                self._again(now_s, "it does not understand our blocks")
            elif code == ENQ:  # its ACK was lost: it answers already
                self._receive(now_s)
        elif code == ENQ:
            self._receive(now_s)

    def _take_before(self, code: int, now_s: float) -> None:
        """Nothing of ours was sent yet."""
        if code == ENQ:
            self._out.append(ACK)
            self._state, self._deadline_s = _State.STALE, now_s + BEGIN_TIMEOUT_S
        elif code == EOT and self._state is not _State.ENQUIRING:
            self._enquire(now_s)
        elif self._state is _State.ENQUIRING and code == ACK:
            self._send(now_s)
        elif self._state is _State.ENQUIRING and code == NAK:
            self._state, self._deadline_s = _State.BUSY, now_s + CONTROL_TIMEOUT_S

    # ── what did not come ───────────────────────────────────────────────────────────────────────

    def _late(self, now_s: float) -> None:
        if self._state is _State.BUSY:
            self._busy += 1
            if self._busy >= BUSY_TRIES_MAX:
                self._lose("it is busy for too long")
            else:
                self._enquire(now_s)
        elif self._state is _State.STALE:
            self._again(now_s, "it does not finish an older answer")
        elif self._state is _State.ENQUIRING:
            self._again(now_s, "it does not answer")
        elif self._state is _State.SENT:
            if self._is_repeatable:
                self._again(now_s, "it does not take our blocks")
            else:
                # The block or its ACK was lost. It is not sent again: whether it came shows in an answer, or never.
                self._out.append(EOT)
                self._state, self._deadline_s = _State.WAITING, now_s + self._timeout_s
        elif self._is_repeatable and self._lates < LATE_MAX:
            self._lates += 1
            self._enquire(now_s)  # it keeps the answer, or has forgotten it: either way the question does no harm
        else:
            self._lose("no answer came in time")

    def _again(self, now_s: float, reason: str) -> None:
        self._tries += 1
        if self._tries >= TRIES_MAX:
            self._lose(reason)
        elif self._state is _State.SENT:
            self._send(now_s)
        else:
            self._enquire(now_s)

    def _lose(self, reason: str) -> None:
        harmful = self._was_sent and not self._is_repeatable
        self._state, self.outcome = _State.IDLE, Lost(may_have_happened=harmful, reason=reason)

    # ── parts ───────────────────────────────────────────────────────────────────────────────────

    @property
    def _timeout_s(self) -> float:
        return self._command.timeout_s if self._command is not None else 0.0

    @property
    def _is_repeatable(self) -> bool:
        return self._command is not None and self._command.is_repeatable

    def _enquire(self, now_s: float) -> None:
        self._out.append(ENQ)
        self._state, self._deadline_s = _State.ENQUIRING, now_s + CONTROL_TIMEOUT_S

    def _send(self, now_s: float) -> None:
        self._out += self._block
        self._was_sent = True
        self._state, self._deadline_s = _State.SENT, now_s + CONTROL_TIMEOUT_S

    def _receive(self, now_s: float) -> None:
        self._out.append(ACK)
        self._state, self._deadline_s = _State.RECEIVING, now_s + BEGIN_TIMEOUT_S
