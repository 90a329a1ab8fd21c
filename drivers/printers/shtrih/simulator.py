"""The twin: a register on the device's side of the wire, protocols 1 and 2 by the first byte; can be rude on request.

One name each: paper_out, cover_open, shift_over_24h, printing_interrupted last until they are switched off;
wrong_checksum, half_answer, duplicate_answer, answer_lost, restart, ff_before_control, silence too. `restart` carries
the next command out and forgets that it did: nothing is kept for ENQ, the number of protocol 2 begins at its start.

It takes the place of a register in tests, demonstrations and support; it is no cash register and signs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Final

from drivers.contract import Scene

from .commands import named
from .frames import ACK, ENQ, NAK, START2, Control, Decoder, Decoder2, Frame, Frame2, Junk, encode, encode2
from .models import Model, model_named
from .register import Register
from .settings import ShtrihSettings

BYTE_TIMEOUT_S: Final = 1.0  # real registers have 0.05; a test machine under load must not look like a bad line
_FIRST_NUMBER: Final = 1


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
        self._number = _FIRST_NUMBER  # protocol 2: of the last command executed
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
                self._number, self._last = _FIRST_NUMBER, b""
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
            Scene(name="a frame without ENQ", from_host=wire([_body("short_status")], enquires=False)),
            Scene(name="a return", from_host=wire(classic_receipt(kind=2)), documents=1),
            Scene(name="a cancelled receipt", from_host=wire([*classic_receipt()[:-2], _body("cancel_receipt")])),
            Scene(name="status polls", from_host=wire([_body("short_status")] * 3)),
        ]


def _spoiled(answer: bytes, spoil: Rudeness | None) -> bytes:
    if spoil is Rudeness.WRONG_CHECKSUM:
        return answer[:-1] + bytes([answer[-1] ^ 0x55])
    if spoil is Rudeness.HALF_ANSWER:
        return answer[: len(answer) // 2]
    if spoil in (Rudeness.ANSWER_LOST, Rudeness.RESTART):
        return b""
    return answer * 2 if spoil is Rudeness.DUPLICATE_ANSWER else answer


# ── A till ──────────────────────────────────────────────────────────────────────────────────────


def _body(name: str, /, **values: int | str | bytes) -> bytes:
    return named(name).encode(password=30, **values)


_NO_TAXES: Final = {"tax1": 0, "tax2": 0, "tax3": 0, "tax4": 0}


def classic_receipt(*, kind: int = 0) -> list[bytes]:
    """Requests of a receipt for 8D, 80/82, 86, 85: 2 × 45.50 with 1.00 off, 0.351 × 90.00, cash 200.00, cut."""
    item = "sale" if kind == 0 else "sale_return"
    return [
        _body("open_receipt", type=kind),
        _body(item, quantity=2000, price=4550, department=1, text="Хлеб", **_NO_TAXES),
        _body("discount", sum=100, text="Акция", **_NO_TAXES),
        _body(item, quantity=351, price=9000, department=1, text="Яблоки", **_NO_TAXES),
        _body(
            "close_receipt", payment1=20_000, payment2=0, payment3=0, payment4=0, percent=0, text="", **_NO_TAXES,
        ),
        _body("cut", type=1),
    ]  # fmt: skip


def modern_receipt() -> list[bytes]:
    """Requests of a receipt for FF46 and FF45: 3 × 13.33 = 40.00, 1 × 99.99, card, rounded down by 99 kopecks."""
    parts = {"type": 1, "tax_sum": 0xFF_FFFF_FFFF, "tax": 1, "department": 0, "method": 4, "subject": 1}
    payments = {f"payment{number}": 13_900 if number == 2 else 0 for number in range(1, 17)}
    return [
        _body("open_receipt", type=0),
        _body("item_v2", quantity=3_000_000, price=1333, sum=4000, name="Чай".encode("cp1251"), **parts),
        _body("item_v2", quantity=1_000_000, price=9999, sum=0xFF_FFFF_FFFF, name=b"Coffee", **parts),
        _body("print_line", flags=2, text="Спасибо за покупку"),
        _body("close_receipt_v2", rounding=99, taxes=bytes(30), tax_system=1, text=b"", **payments),
    ]


def wire(bodies: Iterable[bytes], *, enquires: bool = True) -> bytes:
    """The bytes of a till that asks these in turn over protocol 1 and acknowledges each answer."""
    return b"".join((bytes([ENQ]) if enquires else b"") + encode(body) + bytes([ACK]) for body in bodies)


def wire2(bodies: Iterable[bytes], *, first: int = _FIRST_NUMBER + 1) -> bytes:
    """The same over protocol 2."""
    return b"".join(encode2(first + index, body) for index, body in enumerate(bodies))
