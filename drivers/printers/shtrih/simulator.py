"""The twin: a register on the device's side of the wire, protocols 1 and 2 by the first byte; can be rude on request.

One name each: paper_out, cover_open, shift_over_24h, printing_interrupted last until they are switched off;
wrong_checksum, half_answer, duplicate_answer, answer_lost, restart, ff_before_control, silence, no_discount too.
`restart` carries the next command out and forgets that it did: nothing is kept for ENQ, the number of protocol 2 begins
at its start.

It takes the place of a register in tests, demonstrations and support; it is no cash register and signs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Final

from drivers.contract import Scene
from drivers.twins import Roll, Trial

from .frames import ACK, ENQ, NAK, START2, Control, Decoder, Decoder2, Frame, Frame2, Junk, encode, encode2
from .models import Model, model_named
from .pos_script import FIRST_NUMBER, classic_receipt, modern_receipt, request, trials, wire
from .register import Register
from .settings import ShtrihSettings

BYTE_TIMEOUT_S: Final = 1.0  # real registers have 0.05; a test machine under load must not look like a bad line


#: Discounts and surcharges on a receipt, older and newer: absent from the newer protocol documents.
DISCOUNTS: Final = (0x86, 0x87, 0xFF4B)


class Rudeness(Enum):
    """What can be wrong with the register; several at once."""

    PAPER_OUT = "paper_out"
    COVER_OPEN = "cover_open"
    SHIFT_OVER_24H = "shift_over_24h"
    PRINTING_INTERRUPTED = "printing_interrupted"
    WRONG_CHECKSUM = "wrong_checksum"
    HALF_ANSWER = "half_answer"
    DUPLICATE_ANSWER = "duplicate_answer"
    ANSWER_LOST = "answer_lost"
    RESTART = "restart"
    FF_BEFORE_CONTROL = "ff_before_control"
    SILENCE = "silence"
    NO_DISCOUNT = "no_discount"


# One answer is spoiled and the rudeness is over: the host's next try succeeds.
_ONCE: Final = frozenset(
    {Rudeness.WRONG_CHECKSUM, Rudeness.HALF_ANSWER, Rudeness.ANSWER_LOST, Rudeness.RESTART},
)


class VirtualRegister:
    """Feed it a till's bytes; it sells, prints and answers; see `drivers.contract.Twin`.

    Args:
        settings: its model says what it is like; None is the default.
        rude: names of the rudenesses it begins with.
        byte_timeout_s: a frame is forgotten after so much silence inside it.

    Attributes:
        register: what is inside: paper, fiscal memory, shift.
    """

    def __init__(
        self,
        settings: ShtrihSettings | None = None,
        *,
        rude: Iterable[str] = (),
        byte_timeout_s: float = BYTE_TIMEOUT_S,
    ) -> None:
        model: Model = model_named((settings or ShtrihSettings()).model)
        self.register = Register(model)
        self._is_prefixing = model.is_prefixing
        self._rude: set[Rudeness] = set()
        self._byte_timeout_s = byte_timeout_s
        self._decoder: Decoder | Decoder2 | None = None
        self._heard_at_s = 0.0
        self._kept = b""  # protocol 1: the answer not acknowledged yet
        self._number = FIRST_NUMBER  # protocol 2: of the last command executed
        self._last = b""  # protocol 2: its answer
        for name in rude:
            self.be_rude(name)

    @property
    def paper(self) -> tuple[str, ...]:
        """Every line printed, oldest first."""
        return tuple(self.register.paper)

    def be_rude(self, name: str, *, on: bool = True) -> None:
        """Switch a rudeness; paper put back in leaves printing to be continued (B0h)."""
        change, register = Rudeness(name), self.register
        if on:
            self._rude.add(change)
        else:
            self._rude.discard(change)
        if change is Rudeness.PAPER_OUT:
            register.waits_continue = register.waits_continue or (register.is_out_of_paper and not on)
            register.is_out_of_paper = on
        elif change is Rudeness.COVER_OPEN:
            register.is_cover_open = on
        elif change is Rudeness.SHIFT_OVER_24H:
            register.is_over_24h = on
        elif change is Rudeness.PRINTING_INTERRUPTED:
            register.waits_continue = on
        elif change is Rudeness.NO_DISCOUNT:
            for code in DISCOUNTS:
                register.refuses.pop(code, None)
            register.refuses |= dict.fromkeys(DISCOUNTS, 0x37) if on else {}

    # ── What it shows (drivers.twins) ───────────────────────────────────────────────────────────

    @property
    def roll(self) -> Roll:
        """Its paper."""
        return self.register.roll

    def tick(self, now_s: float) -> bytes:  # noqa: ARG002 - the shape of a twin that is shown
        """A register never speaks first."""
        return b""

    def facts(self) -> Mapping[str, str]:
        """Shift, receipt, documents."""
        register = self.register
        return {
            "model": register.model.name,
            "shift": f"{register.shift} {'open' if register.is_shift_open else 'closed'}",
            "receipt": "none" if register.receipt is None else f"open, {register.receipt.total / 100:.2f}",
            "last document": str(register.memory.last),
        }

    def rudenesses(self) -> Mapping[str, bool]:
        """Each name; printing goes on being interrupted until the till continues it."""
        held = {one.value: one in self._rude for one in Rudeness}
        return {**held, Rudeness.PRINTING_INTERRUPTED.value: self.register.waits_continue}

    def set_rude(self, name: str, *, is_on: bool) -> bytes:
        """See `be_rude`."""
        self.be_rude(name, on=is_on)
        return b""

    def trials(self) -> Sequence[Trial]:
        """See trials.py."""
        return trials()

    def sell(self, count: int) -> None:
        """Receipts of three kinds in turn, straight into the register."""
        kinds = [classic_receipt(), modern_receipt(), classic_receipt(kind=2)]
        for index in range(count):
            for body in kinds[index % len(kinds)]:
                self.register.execute(body)

    def feed(self, data: bytes, now_s: float = 0.0) -> bytes:
        """Take bytes in any slicing; what the register answers."""
        if not data:
            return b""
        decoder = self._decoder
        if decoder is None:
            decoder = self._decoder = Decoder2() if data[0] == START2 else Decoder()
        answers = b""
        if not decoder.is_between and now_s - self._heard_at_s > self._byte_timeout_s:
            answers += b"".join(self._take(item) for item in decoder.silence())
        self._heard_at_s = now_s
        answers += b"".join(self._take(item) for item in decoder.feed(data))
        return b"" if Rudeness.SILENCE in self._rude else answers

    def _take(self, item: Control | Frame | Frame2 | Junk) -> bytes:
        if isinstance(item, Control):
            return self._take_control(item.code)
        if isinstance(item, Frame):
            return self._control(ACK) + self._answer1(item.body)
        if isinstance(item, Frame2):
            return self._take_numbered(item)
        return self._control(NAK) if item.is_frame and isinstance(self._decoder, Decoder) else b""

    def _control(self, code: int) -> bytes:
        is_prefixed = self._is_prefixing or Rudeness.FF_BEFORE_CONTROL in self._rude
        return b"\xff" + bytes([code]) if is_prefixed else bytes([code])

    # ── Protocol 1 ──────────────────────────────────────────────────────────────────────────────

    def _take_control(self, code: int) -> bytes:
        if code == ENQ:
            return self._control(ACK) + self._kept if self._kept else self._control(NAK)
        if code == ACK:
            self._kept = b""
        return b""

    def _answer1(self, body: bytes) -> bytes:
        self._kept = encode(self.register.execute(body))
        spoil = self._spoil()
        if spoil is Rudeness.RESTART:
            self._kept = b""
        return _spoiled(self._kept, spoil)

    # ── Protocol 2 ──────────────────────────────────────────────────────────────────────────────

    def _take_numbered(self, frame: Frame2) -> bytes:
        if frame.number is not None and frame.number == (self._number + 1) % 0x1_0000 and frame.body:
            self._number = frame.number
            self._last = self.register.execute(frame.body)
            spoil = self._spoil()
            answer = _spoiled(encode2(self._number, self._last), spoil)
            if spoil is Rudeness.RESTART:
                self._number, self._last = FIRST_NUMBER, b""
            return answer
        return encode2(self._number, self._last)

    # ── Rudeness ────────────────────────────────────────────────────────────────────────────────

    def _spoil(self) -> Rudeness | None:
        for rude in _ONCE:
            if rude in self._rude:
                self._rude.discard(rude)
                return rude
        return Rudeness.DUPLICATE_ANSWER if Rudeness.DUPLICATE_ANSWER in self._rude else None

    def script(self) -> Sequence[Scene]:
        """What a till sends in an hour: receipts the classic and the modern way, a return, a cancelled one, polls."""
        return [
            Scene(name="a classic receipt", from_host=wire(classic_receipt()), documents=1),
            Scene(name="a receipt with fiscal commands", from_host=wire(modern_receipt()), documents=1),
            Scene(name="a frame without ENQ", from_host=wire([request("short_status")], enquires=False)),
            Scene(name="a return", from_host=wire(classic_receipt(kind=2)), documents=1),
            Scene(name="a cancelled receipt", from_host=wire([*classic_receipt()[:-2], request("cancel_receipt")])),
            Scene(name="status polls", from_host=wire([request("short_status")] * 3)),
        ]


def _spoiled(answer: bytes, spoil: Rudeness | None) -> bytes:
    if spoil is Rudeness.WRONG_CHECKSUM:
        return answer[:-1] + bytes([answer[-1] ^ 0x55])
    if spoil is Rudeness.HALF_ANSWER:
        return answer[: len(answer) // 2]
    if spoil in (Rudeness.ANSWER_LOST, Rudeness.RESTART):
        return b""
    return answer * 2 if spoil is Rudeness.DUPLICATE_ANSWER else answer
