"""The conversation of a host with an ISL device: numbers, time-outs, repeats, patience with SYN; no I/O, no clock.

One command is under way at a time. It is sent again under the same number after a NAK or ANSWER_S of silence: the
device then repeats its answer and does nothing twice (Datecs P protocol 1.00, the chapter on the low level). That is
true only while the device remembers the number. After TRIES the outcome of a command that changes something is
unknown; the link then refuses every such command until a command that only asks was answered, so that nothing, a
close least of all, is repeated blindly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from drivers.vocabulary.errors import LocalProtocolError

from .commands import Command, command_of
from .frames import SEQUENCE_MIN, Damaged, Frame, FrameReader, Signal, encode
from .models import Model

ANSWER_S: Final = 0.5  # a device answers or says SYN within 60 ms; the makers let the host wait for 500
SYN_EVERY_S: Final = 0.06
TRIES: Final = 3  # no device restarts within 1.5 s: it still remembers the number


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The device answered.

    Attributes:
        request: the command as it was sent.
        tries: how often the command was sent.
    """

    request: Frame
    frame: Frame
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """The device did not answer in time.

    Attributes:
        is_unknown: the command may have been executed; ask what is, before going on.
        reason: the sentence for the log.
    """

    command: Command
    is_unknown: bool
    reason: str


Outcome = Answered | Unanswered


@dataclass(slots=True, kw_only=True)
class _UnderWay:
    command: Command
    raw: bytes
    frame: Frame
    sent_at_s: float
    heard_at_s: float
    tries: int = 1


class HostLink:
    """Ask, feed what comes, tick while nothing comes, send what is outgoing.

    Args:
        model: the row.
        sequence: the number of the first command. A host that was restarted takes one at random: the number the device
            saw last would make it repeat an old answer.
    """

    def __init__(self, model: Model, *, sequence: int = SEQUENCE_MIN) -> None:
        self._model = model
        self._sequence = sequence
        self._reader = FrameReader(model.frame, is_host=False)
        self._under_way: _UnderWay | None = None
        self._outgoing = b""
        self.is_unknown = False

    @property
    def is_busy(self) -> bool:
        """Whether a command is under way."""
        return self._under_way is not None

    def ask(self, code: int, data: bytes, now_s: float) -> None:
        """Begin a command.

        Raises:
            LocalProtocolError: one is under way, the data do not fit, or it would be blind: see the first lines.
        """
        command = command_of(self._model, code)
        if self._under_way is not None:
            raise LocalProtocolError(
                f"command {code:02X}h: {self._under_way.command.name} is still under way; wait for it"
            )
        if self.is_unknown and not command.may_be_repeated:
            raise LocalProtocolError(
                f"command {code:02X}h ({command.name}): what became of the command before is not known; ask 4Ah first"
            )
        frame = Frame(sequence=self._sequence, command=code, data=data)
        raw = encode(frame, self._model.frame)
        self._sequence = self._model.frame.next_sequence(self._sequence)
        self._under_way = _UnderWay(command=command, raw=raw, frame=frame, sent_at_s=now_s, heard_at_s=now_s)
        self._outgoing = raw

    def outgoing(self) -> bytes:
        """Bytes the device must be sent, once; b"" for none."""
        data, self._outgoing = self._outgoing, b""
        return data

    def feed(self, data: bytes, now_s: float) -> Outcome | None:
        """Bytes of the device in any slicing; the outcome when it is there. Late and double answers are dropped."""
        return self._take(self._reader.feed(data), now_s)

    def tick(self, now_s: float) -> Outcome | None:
        """Time passed: send again, or give up."""
        under_way = self._under_way
        if under_way is None:
            return None
        if now_s - under_way.sent_at_s > under_way.command.timeout_s:
            return self._give_up(f"was busy for more than {under_way.command.timeout_s:g} s")
        if now_s - under_way.heard_at_s < ANSWER_S:
            return None
        return self._again(now_s, "does not answer: check that it is on and the cable is in")

    def line_lost(self) -> Outcome | None:
        """The wire broke: what is under way is not known any more."""
        self._reader.reset()
        self._outgoing = b""
        return self._give_up("went away: check the cable") if self._under_way is not None else None

    def _take(self, items: Sequence[Frame | Signal | Damaged], now_s: float) -> Outcome | None:
        outcome: Outcome | None = None
        for item in items:
            under_way = self._under_way
            if under_way is None:
                break
            if item is Signal.SYN:
                under_way.heard_at_s = now_s
            elif item is Signal.NAK:
                outcome = self._again(now_s, "says that the line is bad: check cable and speed")
            elif isinstance(item, Damaged):
                # Half of it may still be on its way: silence will tell, and a repeat under this number is harmless.
                continue
            elif isinstance(item, Frame) and (item.sequence, item.command) == (
                under_way.frame.sequence,
                under_way.frame.command,
            ):
                self._under_way = None
                self._outgoing = b""
                if under_way.command.may_be_repeated:
                    self.is_unknown = False
                outcome = Answered(request=under_way.frame, frame=item, tries=under_way.tries)
        return outcome

    def _again(self, now_s: float, reason: str) -> Outcome | None:
        under_way = self._under_way
        if under_way is None:
            return None
        if under_way.tries >= TRIES:
            return self._give_up(reason)
        under_way.tries += 1
        under_way.heard_at_s = now_s
        self._reader.reset()
        self._outgoing = under_way.raw
        return None

    def _give_up(self, reason: str) -> Unanswered | None:
        under_way, self._under_way = self._under_way, None
        if under_way is None:
            return None
        is_unknown = not under_way.command.may_be_repeated
        self.is_unknown = self.is_unknown or is_unknown
        return Unanswered(
            command=under_way.command, is_unknown=is_unknown, reason=f"the printer {reason} ({under_way.command.name})"
        )
