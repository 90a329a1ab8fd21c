"""The twin: an ISL device of any row, on the device's side of the wire; opens no port and reads no clock.

It repeats its last answer to a repeated number and executes nothing twice, says SYN while it prints, and can be rude
on request, one name each: paper_out, paper_near_end, cover_open, shift_over_24h, silence, half_answer, wrong_checksum,
duplicate_answer, restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final

from drivers.contract import Scene
from drivers.twins import Roll, Trial

from .commands import Effect, command_of
from .fields import Modifier, Opening, bytes_of
from .fiscal import Carried, FiscalTill
from .frames import NAK, SYN, Frame, FrameReader, encode
from .models import Dialect, Model, model_named
from .pos_script import SOLD, UNP, PosScript, sale_commands, trials
from .settings import IslSettings
from .status import Trouble, status_bytes

SYN_EVERY_S: Final = 0.06


class Rudeness(Enum):
    """What can be wrong; several at once."""

    PAPER_OUT = "paper_out"
    PAPER_NEAR_END = "paper_near_end"
    COVER_OPEN = "cover_open"
    SHIFT_OVER_24H = "shift_over_24h"  # over 24 hours: no receipt is opened before the Z report
    SILENCE = "silence"  # the command is executed, the answer gets lost
    HALF_ANSWER = "half_answer"
    WRONG_CHECKSUM = "wrong_checksum"
    DUPLICATE_ANSWER = "duplicate_answer"
    RESTART = "restart"  # the command is executed, then the power fails: the last number is forgotten


_TROUBLES: Final = {
    Rudeness.PAPER_OUT: Trouble.PAPER_OUT,
    Rudeness.PAPER_NEAR_END: Trouble.PAPER_NEAR_END,
    Rudeness.COVER_OPEN: Trouble.COVER_OPEN,
}
_STOPS_PRINTING: Final = frozenset({Rudeness.PAPER_OUT, Rudeness.COVER_OPEN})
_ONCE: Final = frozenset({Rudeness.HALF_ANSWER, Rudeness.WRONG_CHECKSUM, Rudeness.RESTART})
_PRINTS_NOTHING: Final = frozenset({Effect.READ, Effect.SET, Effect.DRAWER})


@dataclass(slots=True, kw_only=True)
class _Printing:
    answer: bytes
    ready_at_s: float
    syn_at_s: float


class IslTwin:
    """Feed it a till's bytes; it sells, prints and answers; see `drivers.contract.Twin`.

    Args:
        settings: its model; None is the default.
        rude: names of the rudenesses it begins with.
        busy_s: how long it prints, for each command that prints; until then it says SYN every 60 ms from `tick`.
    """

    def __init__(self, settings: IslSettings | None = None, *, rude: Iterable[str] = (), busy_s: float = 0.0) -> None:
        chosen = settings or IslSettings()
        self.model: Model = model_named(chosen.model)
        self.till = FiscalTill(self.model, currency=chosen.currency)
        self.executed: list[int] = []
        self._reader = FrameReader(self.model.frame, is_host=True)
        self._last: tuple[int, bytes] | None = None
        self._rude: dict[Rudeness, int] = {}
        self._busy_s = busy_s
        self._printing: _Printing | None = None
        for name in rude:
            self.be_rude(name)

    def be_rude(self, name: str, *, times: int = -1) -> None:
        """Switch a rudeness on for so many commands: -1 for good, 0 to switch it off."""
        rudeness = Rudeness(name)
        if rudeness is Rudeness.SHIFT_OVER_24H:
            self.till.is_shift_expired = times != 0
        elif times:
            self._rude[rudeness] = times
        else:
            self._rude.pop(rudeness, None)

    # ── What it shows (drivers.twins) ───────────────────────────────────────────────────────────

    @property
    def roll(self) -> Roll:
        """Its paper."""
        return self.till.roll

    def facts(self) -> Mapping[str, str]:
        """Model, receipt, documents, drawer."""
        till = self.till
        return {
            "model": self.model.name,
            "receipt": "none" if till.open is None else f"open, {till.open.draft.total_minor / 100:.2f}",
            "service receipt": "none" if till.slip is None else "open",
            "last document": str(till.journal[-1].number if till.journal else 0),
            "drawer opened": str(till.drawer_pulses),
        }

    def rudenesses(self) -> Mapping[str, bool]:
        """Each name, and whether it holds."""
        held = {one.value: one in self._rude for one in Rudeness}
        return {**held, Rudeness.SHIFT_OVER_24H.value: self.till.is_shift_expired}

    def set_rude(self, name: str, *, is_on: bool) -> bytes:
        """See `be_rude`; what spoils an answer spoils the next one only."""
        self.be_rude(name, times=0 if not is_on else 1 if Rudeness(name) in _ONCE else -1)
        return b""

    def trials(self) -> Sequence[Trial]:
        """See pos_script.py."""
        return trials(self.model)

    def sell(self, count: int) -> None:
        """Receipts straight into the till."""
        for _ in range(count):
            for code, data in sale_commands(self.model, SOLD, None):
                self.till.carry_out(code, data)

    def restart(self) -> None:
        """Power off and on: what is in the memories stays, the number of the last command does not."""
        self._last = None
        self._printing = None
        self._reader.reset()

    def feed(self, data: bytes, now_s: float = 0.0) -> bytes:
        """Bytes the device was sent; what it answers at once."""
        out = bytearray()
        for item in self._reader.feed(data):
            if isinstance(item, Frame):
                out += self._take(item, now_s)
            else:
                out.append(NAK)
        return bytes(out)

    def tick(self, now_s: float) -> bytes:
        """Time passed: SYN while it prints, the answer when it has printed."""
        printing = self._printing
        if printing is None:
            return b""
        if now_s >= printing.ready_at_s:
            self._printing = None
            return printing.answer
        if now_s >= printing.syn_at_s:
            printing.syn_at_s = now_s + SYN_EVERY_S
            return bytes((SYN,))
        return b""

    def _take(self, frame: Frame, now_s: float) -> bytes:
        if self._printing is not None:
            return bytes((SYN,))
        if self._last is not None and self._last[0] == frame.sequence:
            return self._spoil(self._last[1])
        answer = self._execute(frame)
        if self._lapses(Rudeness.RESTART):
            self.restart()
            return b""
        self._last = (frame.sequence, answer)
        if self._busy_s and command_of(self.model, frame.command).effect not in _PRINTS_NOTHING:
            self._printing = _Printing(
                answer=self._spoil(answer), ready_at_s=now_s + self._busy_s, syn_at_s=now_s + SYN_EVERY_S
            )
            return bytes((SYN,))
        return self._spoil(answer)

    def _execute(self, frame: Frame) -> bytes:
        troubles = {_TROUBLES[rude] for rude in self._rude if rude in _TROUBLES}
        effect = command_of(self.model, frame.command).effect
        if self._rude.keys() & _STOPS_PRINTING and effect not in _PRINTS_NOTHING:
            carried = Carried(troubles=frozenset({Trouble.ERROR}))
        else:
            carried = self.till.carry_out(frame.command, frame.data)
            self.executed.append(frame.command)
            del self.executed[:-10_000]
        for rude in _TROUBLES:
            self._lapses(rude)
        data = carried.data
        if carried.troubles and self.model.dialect is Dialect.TAB:
            data = bytes_of("-112000\t")
        status = status_bytes(
            frozenset(troubles | carried.troubles),
            is_receipt_open=self.till.open is not None,
            is_slip_open=self.till.slip is not None,
            meaning=self.model.status,
        )
        answer = Frame(sequence=frame.sequence, command=frame.command, data=data, status=status)
        return encode(answer, self.model.frame)

    def _spoil(self, answer: bytes) -> bytes:
        if self._lapses(Rudeness.SILENCE):
            return b""
        if self._lapses(Rudeness.HALF_ANSWER):
            return answer[: len(answer) // 2]
        if self._lapses(Rudeness.WRONG_CHECKSUM):
            return answer[:-2] + bytes((answer[-2] ^ 1,)) + answer[-1:]
        return answer * 2 if self._lapses(Rudeness.DUPLICATE_ANSWER) else answer

    def _lapses(self, rude: Rudeness) -> bool:
        """Whether the rudeness holds now; one of a number of times is used up."""
        times = self._rude.get(rude, 0)
        if times > 0:
            self.be_rude(rude.value, times=times - 1)
        return times != 0

    # ── The conformance suite ───────────────────────────────────────────────────────────────────

    def script(self) -> Sequence[Scene]:
        """What a shop sells in a morning; the numbers run on from scene to scene."""
        till = PosScript(self.model)
        sale = till.sale(SOLD, Modifier(value=Decimal("-0.30"), is_percent=False))
        taken_back = till.sale(SOLD[:1], opening=Opening(unp=UNP, is_return=True, base="1"))
        return [
            Scene(name="a sale with every kind of discount", from_host=sale, documents=1),
            Scene(name="a return", from_host=taken_back, documents=1),
            Scene(name="a receipt that is cancelled", from_host=till.cancelled(SOLD[:2]), documents=1),
            Scene(name="a service receipt", from_host=till.slip(["Добър ден", "42"]), documents=1),
            Scene(name="questions", from_host=till.commands((0x4A, b""), (0x4C, b"T"), (0x71, b""), (0xE0, b"?"))),
            Scene(name="the end of the shift", from_host=till.commands((0x45, b"0")), documents=1),
        ]
