"""One question to the register and its answer, over either wire protocol, without I/O and without a clock.

`ask` begins; `feed` takes bytes; `tick` lets time pass; `outgoing` gives bytes to send; `outcome` is None while it goes
on. A question that must not be asked twice ends as Lost(may_have_happened=True) as soon as that is possible: whoever
asked finds out (closing.py) before anything is sent again.

Protocol 1 (document 1.17): ENQ → NAK means idle, ACK means an answer is being prepared or kept; a frame → ACK, then the
answer, which we ACK. The register never repeats by itself: after a wrong or half answer we send NAK and ENQ. FF before
a control byte is skipped. Protocol 2: the register executes only the number that follows its last one, and answers any
other number with its last answer, so sending the same number again is harmless.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from .commands import Command, is_answer_to
from .frames import ACK, ENQ, NAK, NUMBER_MODULUS, Control, Decoder, Decoder2, Frame, Frame2, Item, encode, encode2

BYTE_TIMEOUT_S: Final = 0.05  # between two bytes of a frame, the register's own default
CONTROL_TIMEOUT_S: Final = 0.5  # for the answer to ENQ or the ACK of a frame
TRIES_MAX: Final = 10  # the protocol document's advice
RESEND_S: Final = 1.0  # protocol 2: longer than any byte time-out we set


@dataclass(frozen=True, slots=True)
class Answered:
    """The body of the answer."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Lost:
    """No answer.

    Attributes:
        may_have_happened: the register may have carried the command out.
    """

    may_have_happened: bool
    reason: str


Outcome = Answered | Lost


class _State(Enum):
    IDLE = "idle"
    ENQUIRING = "enquiring"  # ENQ is out
    STALE = "stale"  # an answer to somebody else's question is on its way
    SENT = "sent"  # the frame is out, no ACK yet
    WAITING = "waiting"  # the register has the frame
    RECOVERING = "recovering"  # ENQ is out to learn what became of the answer


class Link1:
    """The host's side of protocol 1."""

    def __init__(self) -> None:
        self._decoder = Decoder()
        self._out = bytearray()
        self._state = _State.IDLE
        self._tries = 0
        self._deadline_s = 0.0
        self._heard_at_s = 0.0
        self._frame = b""
        self._timeout_s = 0.0
        self._give_up_at_s = 0.0
        self._command: Command | None = None
        self._was_sent = False
        self.outcome: Outcome | None = None

    @property
    def has_sent(self) -> bool:
        """Whether the request itself is out, not only what goes before it."""
        return self._was_sent

    def ask(self, command: Command, body: bytes, now_s: float) -> None:
        """Begin; the outcome of the question before is forgotten."""
        self._command, self._frame = command, encode(body)
        self._timeout_s = command.timeout_s
        self._give_up_at_s = now_s + 2 * command.timeout_s + TRIES_MAX * CONTROL_TIMEOUT_S
        self._tries = 0
        self._was_sent = False
        self.outcome = None
        self._decoder = Decoder()
        self._enquire(_State.ENQUIRING, now_s)

    def outgoing(self) -> bytes:
        """Bytes to send, once."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def feed(self, data: bytes, now_s: float) -> None:
        """Bytes of the register, in any slicing."""
        if data:
            self._heard_at_s = now_s
        decoder = self._decoder
        for item in decoder.feed(data):
            if self._decoder is not decoder:
                break  # we complained: what is left of a spoiled frame is no control byte
            self._take(item, now_s)

    def tick(self, now_s: float) -> None:
        """Time passed."""
        if self.outcome is not None:
            return
        if not self._decoder.is_between and now_s - self._heard_at_s > BYTE_TIMEOUT_S:
            for item in self._decoder.silence():
                self._take(item, now_s)
            if self.outcome is None and self._state in (_State.WAITING, _State.STALE):
                self._complain(now_s)
        elif now_s >= self._give_up_at_s:
            self._lose("it went on for too long")
        elif now_s >= self._deadline_s:
            self._late(now_s)

    # ── what came ───────────────────────────────────────────────────────────────────────────────

    def _take(self, item: Item, now_s: float) -> None:
        if self.outcome is not None:
            return
        if isinstance(item, Frame):
            self._take_frame(item, now_s)
        elif isinstance(item, Control):
            self._take_control(item.code, now_s)
        elif item.is_frame and self._state in (_State.WAITING, _State.STALE) and self._decoder.is_between:
            self._complain(now_s)

    def _take_control(self, code: int, now_s: float) -> None:
        if self._state is _State.ENQUIRING:
            if code == ACK:
                self._wait(_State.STALE, now_s)
            elif code == NAK:
                self._send(now_s)
        elif self._state is _State.SENT:
            if code == ACK:
                self._wait(_State.WAITING, now_s)
            elif code == NAK:
                self._again(now_s, "it does not understand our frames")
        elif self._state is _State.RECOVERING:
            if code == ACK:
                self._wait(_State.WAITING, now_s)
            elif code == NAK:
                self._nothing_kept(now_s)

    def _take_frame(self, frame: Frame, now_s: float) -> None:
        command = self._command
        if command is None or self._state is _State.IDLE:
            return
        is_ours = self._was_sent and is_answer_to(command, frame.body)
        if is_ours and self._state in (_State.SENT, _State.WAITING, _State.RECOVERING):
            self._out.append(ACK)
            self._finish(Answered(frame.body))
        elif self._state in (_State.STALE, _State.ENQUIRING):
            # The answer to a question of an earlier life: taken, so that the register is idle, and forgotten.
            self._out.append(ACK)
            self._enquire(_State.ENQUIRING, now_s)

    # ── what did not come ───────────────────────────────────────────────────────────────────────

    def _late(self, now_s: float) -> None:
        if self._state is _State.SENT:
            # No ACK: the frame or the ACK was lost. ENQ tells which: ACK if the register has work for us.
            self._recover(now_s)
        elif self._state in (_State.WAITING, _State.RECOVERING):
            self._recover(now_s)
        else:
            self._again(now_s, "it does not answer")

    def _complain(self, now_s: float) -> None:
        """A wrong or half answer: the register keeps it until it is acknowledged."""
        self._out.append(NAK)
        self._decoder = Decoder()
        if self._state is _State.STALE:
            self._again(now_s, "its answers are spoiled")
        else:
            self._recover(now_s)

    def _recover(self, now_s: float) -> None:
        self._tries += 1
        if self._tries >= TRIES_MAX:
            self._lose("it does not answer")
        else:
            self._enquire(_State.RECOVERING, now_s)

    def _nothing_kept(self, now_s: float) -> None:
        """Idle after our frame: it never came, or the register forgot it by a restart. Only the harmless is resent."""
        if self._command is not None and self._command.is_repeatable:
            self._send(now_s)
        else:
            self._lose("the register says it is idle and has no answer")

    def _again(self, now_s: float, reason: str) -> None:
        self._tries += 1
        if self._tries >= TRIES_MAX:
            # A NAK to every copy of the frame says that it was never taken in.
            self._finish(Lost(may_have_happened=False, reason=reason))
        elif self._state is _State.SENT:
            self._send(now_s)
        else:
            self._enquire(_State.ENQUIRING, now_s)

    def _lose(self, reason: str) -> None:
        repeatable = self._command is not None and self._command.is_repeatable
        self._finish(Lost(may_have_happened=self._was_sent and not repeatable, reason=reason))

    # ── parts ───────────────────────────────────────────────────────────────────────────────────

    def _enquire(self, state: _State, now_s: float) -> None:
        self._out.append(ENQ)
        self._state, self._deadline_s = state, now_s + CONTROL_TIMEOUT_S

    def _send(self, now_s: float) -> None:
        self._out += self._frame
        self._was_sent = True
        self._state, self._deadline_s = _State.SENT, now_s + CONTROL_TIMEOUT_S

    def _wait(self, state: _State, now_s: float) -> None:
        self._state, self._deadline_s = state, now_s + self._timeout_s

    def _finish(self, outcome: Outcome) -> None:
        self._state, self.outcome = _State.IDLE, outcome


class Link2:
    """The host's side of protocol 2; begins with a ping to learn the register's last number.

    Args:
        last: number of the last command the register has executed, when that is known: then there is no ping.

    Attributes:
        number: of the last command that is known, or else thought, to have been executed.
    """

    def __init__(self, last: int | None = None) -> None:
        self._decoder = Decoder2()
        self._out = bytearray()
        self._last = last  # number of the last command we know was executed
        self.number = last or 0
        self._command: Command | None = None
        self._body = b""
        self._sent = 0
        self._tries = 0
        self._deadline_s = 0.0
        self._resend_s = 0.0
        self.outcome: Outcome | None = None

    @property
    def has_sent(self) -> bool:
        """Whether the request itself is out, not only the ping before it."""
        return self._sent > 0

    def ask(self, command: Command, body: bytes, now_s: float) -> None:
        """Begin; the outcome of the question before is forgotten."""
        if self.outcome is None and self._sent:
            self._last = None  # that question may still be carried out under the number that ours would have
        self._command, self._body = command, body
        self._sent = self._tries = 0
        self.outcome = None
        self._deadline_s = now_s + command.timeout_s + TRIES_MAX * RESEND_S
        self._decoder = Decoder2()
        self._transmit(now_s)

    def outgoing(self) -> bytes:
        """Bytes to send, once."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def feed(self, data: bytes, now_s: float) -> None:
        """Bytes of the register, in any slicing."""
        for item in self._decoder.feed(data):
            if isinstance(item, Frame2) and item.number is not None and self.outcome is None:
                self._take(item.number, item.body, now_s)

    def tick(self, now_s: float) -> None:
        """Time passed."""
        if self.outcome is not None or self._command is None:
            return
        if now_s >= self._deadline_s or (self._last is None and self._tries >= TRIES_MAX):
            self._lose("it does not answer")
        elif now_s >= self._resend_s:
            self._transmit(now_s)

    def _transmit(self, now_s: float) -> None:
        """The ping while the number is not known, else the command under its number."""
        self._tries += 1
        self._resend_s = now_s + RESEND_S
        if self._last is None:
            self._out += encode2(None)
        else:
            self.number = (self._last + 1) % NUMBER_MODULUS
            self._out += encode2(self.number, self._body)
            self._sent += 1

    def _take(self, number: int, body: bytes, now_s: float) -> None:
        command = self._command
        if command is None:
            return
        if self._last is None:
            self._last = self.number = number
            self._transmit(now_s)
            return
        expected = (self._last + 1) % NUMBER_MODULUS
        if number == expected and self._sent:
            self._last = number
            if is_answer_to(command, body):
                self.outcome = Answered(body)
            else:
                self._lose("the number is ours and the answer is not")
        elif number != self._last:
            self._resynchronise(number, command, now_s)
        # The number before ours: the register repeated its last answer; ours is sent again when it is due.

    def _resynchronise(self, number: int, command: Command, now_s: float) -> None:
        """The register counts from somewhere else: it was restarted, or another master spoke to it."""
        self._last = self.number = number
        if self._sent > 1 and not command.is_repeatable:
            # An earlier copy may have been executed before the restart.
            self._lose("the register lost count, it was restarted")
        elif self._tries >= TRIES_MAX:
            self.outcome = Lost(may_have_happened=False, reason="it never takes our number")
        else:
            self._transmit(now_s)

    def _lose(self, reason: str) -> None:
        repeatable = self._command is not None and self._command.is_repeatable
        self.outcome = Lost(may_have_happened=self._sent > 0 and not repeatable, reason=reason)
        self._last = None


Link = Link1 | Link2


def make_link(protocol: int) -> Link:
    """The host's side of protocol 1 or 2."""
    return Link2() if protocol == 2 else Link1()
