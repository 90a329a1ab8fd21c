"""The twin: an ISL device of any row, on the device's side of the wire; opens no port and reads no clock.

It repeats its last answer to a repeated number and executes nothing twice, says SYN while it prints, and can be rude
on request, one name each: paper_out, paper_near_end, cover_open, shift_expired, silence, half_answer, wrong_checksum,
duplicate_answer, restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final

from drivers.contract import Scene

from .commands import Effect, command_of
from .fields import Modifier, Opening, Payment, Sale, bytes_of, write_opening, write_payment, write_sale, write_subtotal
from .fiscal import Carried, FiscalTill
from .frames import NAK, SEQUENCE_MIN, SYN, Frame, FrameReader, encode
from .models import Dialect, Model, model_named
from .settings import IslSettings
from .status import Trouble, status_bytes

SYN_EVERY_S: Final = 0.06


class Rudeness(Enum):
    """What can be wrong; several at once."""

    PAPER_OUT = "paper_out"
    PAPER_NEAR_END = "paper_near_end"
    COVER_OPEN = "cover_open"
    SHIFT_EXPIRED = "shift_expired"  # over 24 hours: no receipt is opened before the Z report
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
        if rudeness is Rudeness.SHIFT_EXPIRED:
            self.till.is_shift_expired = times != 0
        elif times:
            self._rude[rudeness] = times
        else:
            self._rude.pop(rudeness, None)

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
        sale = till.sale(_SOLD, Modifier(value=Decimal("-0.30"), is_percent=False))
        taken_back = till.sale(_SOLD[:1], opening=Opening(unp=_UNP, is_return=True, base="1"))
        return [
            Scene(name="a sale with every kind of discount", from_host=sale, documents=1),
            Scene(name="a return", from_host=taken_back, documents=1),
            Scene(name="a receipt that is cancelled", from_host=till.cancelled(_SOLD[:2]), documents=1),
            Scene(name="a service receipt", from_host=till.slip(["Добър ден", "42"]), documents=1),
            Scene(name="questions", from_host=till.commands((0x4A, b""), (0x4C, b"T"), (0x71, b""), (0xE0, b"?"))),
            Scene(name="the end of the shift", from_host=till.commands((0x45, b"0")), documents=1),
        ]


class PosScript:
    """The bytes a till sends, numbers running on; for the twin's scenes, tests and benches."""

    def __init__(self, model: Model, *, sequence: int = SEQUENCE_MIN) -> None:
        self._model = model
        self._sequence = sequence

    def command(self, code: int, data: bytes = b"") -> bytes:
        """One frame."""
        raw = encode(Frame(sequence=self._sequence, command=code, data=data), self._model.frame)
        self._sequence = self._model.frame.next_sequence(self._sequence)
        return raw

    def commands(self, *rows: tuple[int, bytes]) -> bytes:
        """Frame after frame."""
        return b"".join(self.command(code, data) for code, data in rows)

    def sale(
        self,
        sold: Sequence[Sale],
        off: Modifier | None = None,
        *,
        opening: Opening | None = None,
        payments: Sequence[Payment] = (Payment(),),
    ) -> bytes:
        """A whole receipt."""
        rows = sale_commands(self._model, sold, off, opening=opening, payments=payments)
        return self.commands(*rows)

    def cancelled(self, sold: Sequence[Sale]) -> bytes:
        """A receipt that is given up before it is paid."""
        opened, *items = sale_commands(self._model, sold, None)
        return self.commands(opened, *items[: len(sold)], (self._model.cancel_command, b""))

    def slip(self, lines: Sequence[str]) -> bytes:
        """A service receipt."""
        return self.commands((0x26, b""), *((0x2A, slip_line(self._model, line)) for line in lines), (0x27, b""))


def sale_commands(
    model: Model,
    sold: Sequence[Sale],
    off: Modifier | None,
    *,
    opening: Opening | None = None,
    payments: Sequence[Payment] = (Payment(),),
) -> list[tuple[int, bytes]]:
    """Command and data, one by one, of a whole receipt."""
    rows = [write_opening(model, opening or Opening(unp=_UNP)), *((0x31, write_sale(model, sale)) for sale in sold)]
    if off is not None:
        rows.append((0x33, write_subtotal(model, off)))
    return [*rows, *((0x35, write_payment(model, payment)) for payment in payments), (0x38, b"")]


def slip_line(model: Model, line: str) -> bytes:
    """Data of 2Ah: the text, and on Datecs X empty fields for its looks."""
    text = line[: model.columns].replace("\t", " ")
    return bytes_of(text + "\t" * 6 if model.dialect is Dialect.TAB else text)


_UNP: Final = "DT000001-0001-0000001"
_SOLD: Final = (
    Sale(name="Мляко 3%", price=Decimal("1.20"), quantity=Decimal(2)),
    Sale(
        name="Сирене",
        price=Decimal("12.40"),
        quantity=Decimal("0.355"),
        modifier=Modifier(value=Decimal(-10), is_percent=True),
    ),
    Sale(name="Хляб", price=Decimal("1.55"), modifier=Modifier(value=Decimal("-0.25"), is_percent=False)),
    Sale(name="Чай", price=Decimal("3.10"), modifier=Modifier(value=Decimal(5), is_percent=True)),
)  # fmt: skip
