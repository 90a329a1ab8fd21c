"""Between a till and its register: every byte passes at once both ways, and the receipt is read on the way; no I/O.

Nothing is held back, changed or put in. Requests are matched with their answers in order, because only an answer says
that something was sold. A line where the two speak a protocol we do not know passes all the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from drivers.contract import DocumentEnds, Step, ToDevice, ToHost
from drivers.vocabulary.errors import ProtocolError
from drivers.vocabulary.events import Document

from .basket import CLOSES, Basket
from .commands import BY_CODE, Command, code_of, decode_answer, is_answer_to
from .frames import ACK, ENQ, NAK, START2, STX, Control, Decoder, Decoder2, Frame, Frame2, Junk
from .layout import Value
from .status import READY, Condition, status_condition

BYTE_SILENCE_S: Final = 1.0  # a frame whose rest does not come; longer than any byte time-out a register has
PENDING_MAX: Final = 64  # requests without an answer; a till waits for each, so two are many
_BEGINS_1: Final = frozenset({STX, ENQ, ACK, NAK})


@dataclass(slots=True)
class _Request:
    """A request on its way; `command` None is an ENQ."""

    command: Command | None
    values: dict[str, Value]
    body: bytes
    number: int = 0
    is_taken: bool = False


class ShtrihConversation:
    """One till, one register.

    Args:
        basket: collects what is sold.
        protocol: 1, 2, or 0 to go by the first byte the till sends.
    """

    def __init__(self, basket: Basket, *, protocol: int = 0) -> None:
        self._basket = basket
        self._protocol = protocol
        self._host: Decoder | Decoder2 | None = None
        self._device: Decoder | Decoder2 | None = None
        self._heard_at_s = 0.0
        self._pending: deque[_Request] = deque(maxlen=PENDING_MAX)
        self._answered = (0, b"")  # protocol 2: number and body of the last request that was answered
        self.condition: Condition = READY

    # ── InlineConversation ──────────────────────────────────────────────────────────────────────

    def from_host(self, data: bytes, now_s: float) -> Sequence[Step]:
        """Bytes the till sent; passed on at once."""
        if not data:
            return ()
        steps: list[Step] = [ToDevice(data), *self._end_halves(now_s)]
        self._heard_at_s = now_s
        self._choose(data)
        if self._host is not None:
            for item in self._host.feed(data):
                self._asked(item)
        return steps

    def from_device(self, data: bytes, now_s: float) -> Sequence[Step]:
        """Bytes the register answered; passed on at once, and a document that ended after them."""
        if not data:
            return ()
        steps: list[Step] = [ToHost(data), *self._end_halves(now_s)]
        self._heard_at_s = now_s
        if self._device is not None:
            for item in self._device.feed(data):
                steps += self._said(item)
        return steps

    def tick(self, now_s: float) -> Sequence[Step]:
        """Forget the beginning of a frame whose rest does not come."""
        return self._end_halves(now_s)

    def host_gone(self, now_s: float) -> Sequence[Step]:  # noqa: ARG002 - the contract's signature
        """The till closed its connection."""
        self._pending.clear()
        return _ends(self._basket.abandon())

    # ── parts ───────────────────────────────────────────────────────────────────────────────────

    def _choose(self, data: bytes) -> None:
        if self._host is not None:
            return
        first = next((byte for byte in data if byte == START2 or byte in _BEGINS_1), None)
        protocol = self._protocol or (0 if first is None else 2 if first == START2 else 1)
        if protocol == 2:
            self._host, self._device = Decoder2(), Decoder2()
        elif protocol == 1:
            self._host, self._device = Decoder(), Decoder()

    def _end_halves(self, now_s: float) -> list[Step]:
        steps: list[Step] = []
        if now_s - self._heard_at_s <= BYTE_SILENCE_S:
            return steps
        if self._host is not None and not self._host.is_between:
            for item in self._host.silence():
                self._asked(item)
        if self._device is not None and not self._device.is_between:
            for item in self._device.silence():
                steps += self._said(item)
        return steps

    # ── the till ────────────────────────────────────────────────────────────────────────────────

    def _asked(self, item: Control | Frame | Frame2 | Junk) -> None:
        if isinstance(item, Control):
            last = self._pending[-1] if self._pending else None
            if item.code == ENQ and (last is None or last.command is not None):
                self._pending.append(_Request(None, {}, b""))
        elif isinstance(item, Frame):
            self._request(item.body, 0)
        elif isinstance(item, Frame2) and item.number is not None:
            self._request(item.body, item.number)

    def _request(self, body: bytes, number: int) -> None:
        command = BY_CODE.get(code_of(body)) if body else None
        if command is None:
            return
        try:
            values = command.decode(body)
        except ProtocolError:
            return  # passed on; the register will say what it thinks of it
        asked = [request for request in self._pending if request.command is not None]
        if asked and asked[-1].body == body and asked[-1].number == number:
            return  # sent again because it was not heard
        if number and (number, body) == self._answered:
            return  # sent again because its answer was not heard: the register repeats the answer and does nothing
        self._pending.append(_Request(command, values, body, number))

    # ── the register ────────────────────────────────────────────────────────────────────────────

    def _said(self, item: Control | Frame | Frame2 | Junk) -> Sequence[Step]:
        if isinstance(item, Control):
            self._control(item.code)
        elif isinstance(item, Frame):
            return self._answer(item.body, 0)
        elif isinstance(item, Frame2) and item.number is not None:
            return self._answer(item.body, item.number)
        return ()

    def _control(self, code: int) -> None:
        """ACK or NAK belongs to the oldest ENQ or frame that has none yet."""
        for request in self._pending:
            if request.command is None:
                self._pending.remove(request)
                return
            if not request.is_taken:
                # After a frame and an ENQ a NAK may mean either; the frame may have been carried out, so it stays.
                if code == NAK and request is self._pending[-1]:
                    self._pending.remove(request)
                request.is_taken = True
                return

    def _answer(self, body: bytes, number: int) -> Sequence[Step]:
        found = next((request for request in self._pending if _fits(request, body, number)), None)
        if found is None or found.command is None:
            return ()  # an answer given a second time, or to a question before our time
        while self._pending[0] is not found:
            lost = self._pending.popleft()
            if lost.command is not None and lost.command.name in CLOSES:
                self._basket.close_lost(lost.values)
        self._pending.popleft()
        self._answered = (number, found.body)
        try:
            answer = decode_answer(found.command, body)
        except ProtocolError:
            return ()
        if found.command.name in ("short_status", "full_status"):
            self.condition = status_condition(answer)
        return _ends(self._basket.done(answer, found.values, found.body))


def _fits(request: _Request, body: bytes, number: int) -> bool:
    return request.command is not None and request.number == number and is_answer_to(request.command, body)


def _ends(document: Document | None) -> Sequence[Step]:
    return () if document is None else (DocumentEnds(document=document, render=_nothing),)


def _nothing(lines: Sequence[str]) -> bytes:  # noqa: ARG001 - the contract's signature
    """No lines: the receipt is closed, and a frame of ours here would meet the till's next one (see README.md)."""
    return b""
