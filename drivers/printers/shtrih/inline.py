"""Between a till and its register: every byte passes at once both ways, and the receipt is read on the way; no I/O.

Requests are matched with their answers in order, because only an answer says that something was sold. A line where the
two speak a protocol we do not know passes all the same. Nothing is held back, changed or put in, but for one request
where the settings allow it: the close of a receipt (inside.py); and, after one on protocol 2, the frames' numbers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from drivers.contract import DocumentEnds, FloorStep, GiveFloor, ReceiptDropped, Step, ToDevice, ToHost, Translate
from drivers.vocabulary.errors import ProtocolError
from drivers.vocabulary.events import Document
from drivers.vocabulary.inside import InsideOffer

from .basket import CLOSES, Basket
from .commands import BY_CODE, Command, code_of, decode_answer, is_answer_to
from .frames import ACK, ENQ, NAK, START2, STX, Control, Decoder, Decoder2, Frame, Frame2, Junk
from .inside import InsideReceipt, nothing
from .layout import Value
from .numbering import Renumbering
from .status import READY, Condition, status_condition

HELD_S_MAX: Final = 0.3  # for the rest of a frame that may be a close
BROKEN_S: Final = 0.04  # a pause inside a till's frame; registers allow 0.05
UNHEARD_S: Final = 0.3  # a pause inside an answer, when the till asks again without saying NAK
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
        inside: carries decisions into receipts; None leaves every one as the till has it.
    """

    def __init__(self, basket: Basket, *, protocol: int = 0, inside: InsideReceipt | None = None) -> None:
        self._basket = basket
        self._inside = inside
        self._held = bytearray()  # of a frame that may be a close
        self._to_device, self._to_host = Renumbering(), Renumbering()
        self._number: int | None = None  # protocol 2: that the register answered the till last
        self._is_passing = False  # the rest of a frame that is none
        self._is_renumbering = False
        self._protocol = protocol
        self._host: Decoder | Decoder2 | None = None
        self._device: Decoder | Decoder2 | None = None
        self._heard_at_s = self._host_heard_s = self._device_heard_s = 0.0
        self._has_host_paused = False  # inside a frame
        self._pending: deque[_Request] = deque(maxlen=PENDING_MAX)
        self._answered = (0, b"")  # protocol 2: number and body of the last request that was answered
        self.condition: Condition = READY

    # ── InlineConversation ──────────────────────────────────────────────────────────────────────

    def from_host(self, data: bytes, now_s: float) -> Sequence[Step | FloorStep]:
        """Bytes the till sent; passed on at once, but for a close that we carry out."""
        if not data:
            return ()
        if self._inside is not None and self._inside.has_floor:
            return self._in_our_hands(self._inside.from_host(data), now_s)
        steps: list[Step | FloorStep] = [*self._end_halves(now_s)]
        if _is_inside(self._device) and (data[0] == NAK or now_s - self._device_heard_s > UNHEARD_S):
            self._device = Decoder()  # an answer that lost a byte: what follows is no part of it
        self._has_host_paused = _is_inside(self._host) and now_s - self._host_heard_s > BROKEN_S
        self._heard_at_s = self._host_heard_s = now_s
        self._choose(data)
        if self._inside is not None and self._host is not None:
            return [*steps, *self._pass_or_keep(self._inside, self._host, data, now_s)]
        if self._host is not None:
            for item in self._host.feed(data):
                self._asked(item)
        return [ToDevice(data), *steps]

    def from_device(self, data: bytes, now_s: float) -> Sequence[Step | FloorStep]:
        """Bytes the register answered; passed on at once, and a document that ended after them."""
        if not data:
            return ()
        if self._inside is not None and self._inside.has_floor:
            return self._in_our_hands(self._inside.from_device(data, now_s), now_s)
        onward, data = self._onward(data, is_to_device=False)
        steps: list[Step | FloorStep] = [*onward, *self._end_halves(now_s)]
        is_given_up = self._has_host_paused or now_s - self._host_heard_s > BROKEN_S
        if _is_inside(self._host) and is_given_up and not self._pending:
            # A frame that lost a byte, and the register has noticed: what follows is no part of it.
            steps += self._let_go() if self._held else []
            self._host, self._is_passing, self._has_host_paused = Decoder(), False, False
        self._heard_at_s = self._device_heard_s = now_s
        if self._device is not None:
            for item in self._device.feed(data):
                steps += self._said(item)
        return steps

    def tick(self, now_s: float) -> Sequence[Step | FloorStep]:
        """Forget the beginning of a frame whose rest does not come."""
        if self._inside is not None and self._inside.has_floor:
            return self._in_our_hands(self._inside.tick(now_s), now_s)
        steps: list[Step | FloorStep] = []
        if self._held and now_s - self._heard_at_s > HELD_S_MAX:
            steps += self._let_go()
        return [*steps, *self._end_halves(now_s)]

    def offered(self, asked: Document, offer: InsideOffer | None, now_s: float) -> Sequence[Step | FloorStep]:
        """What may be taken off the receipt that is being closed."""
        return () if self._inside is None else self._in_our_hands(self._inside.offered(asked, offer, now_s), now_s)

    def host_gone(self, now_s: float) -> Sequence[Step | FloorStep]:  # noqa: ARG002 - the contract's signature
        """The till closed its connection."""
        self._pending.clear()
        return _ends(self._basket.abandon())

    # ── a close in our hands ────────────────────────────────────────────────────────────────────

    def _pass_or_keep(
        self, inside: InsideReceipt, decoder: Decoder | Decoder2, data: bytes, now_s: float
    ) -> Sequence[Step | FloorStep]:
        """Pass frame after frame; one that may be a close is kept until it is whole, the head of each at most."""
        out = bytearray()
        for at in range(len(data)):
            self._held += data[at : at + 1]
            items = decoder.feed(data[at : at + 1])
            for item in items:
                taken = self._begin_inside(inside, item, now_s) if not self._is_passing else ()
                if taken:
                    self._held.clear()
                    # What came behind it belongs to the same request as far as anybody owes it to the register.
                    ahead = self._onward(bytes(out), is_to_device=True)[0]
                    return [*ahead, *self._in_our_hands([*taken, *inside.from_host(data[at + 1 :])], now_s)]
                self._asked(item)
            if decoder.is_between or self._is_passing or not inside.may_take(decoder.head):
                out += self._held
                self._held.clear()
                self._is_passing = not decoder.is_between
        return self._onward(bytes(out), is_to_device=True)[0]

    def _onward(self, data: bytes, *, is_to_device: bool) -> tuple[Sequence[Step | FloorStep], bytes]:
        """Bytes on their way, and as the till has them: on protocol 2 in the numbers of the other side."""
        if not data:
            return (), data
        offset = self._inside.standing.offset if self._inside is not None and isinstance(self._host, Decoder2) else 0
        if not offset and not self._is_renumbering:
            return ((ToDevice(data) if is_to_device else ToHost(data)),), data
        self._is_renumbering = True  # also back to no offset: frames have begun with another one
        translator = self._to_device if is_to_device else self._to_host
        came, goes = translator.feed(data, offset if is_to_device else -offset)
        return ((Translate(came, goes, is_to_device),) if came else ()), data if is_to_device else goes

    def _begin_inside(self, inside: InsideReceipt, item: object, now_s: float) -> Sequence[Step | FloorStep]:
        command = BY_CODE.get(code_of(item.body)) if isinstance(item, Frame | Frame2) and item.body else None
        if command is None or not isinstance(item, Frame | Frame2):
            return ()
        try:
            values = command.decode(item.body)
        except ProtocolError:
            return ()
        return inside.begin(command, values, item, last=self._number, now_s=now_s)

    def _let_go(self) -> Sequence[Step | FloorStep]:
        kept = bytes(self._held)
        self._held.clear()
        self._is_passing = True
        return self._onward(kept, is_to_device=True)[0]

    def _in_our_hands(self, ordered: Sequence[Step | FloorStep], now_s: float) -> Sequence[Step | FloorStep]:
        """What was ordered; what the till has sent beyond its close passes as ever."""
        steps: list[Step | FloorStep] = []
        for order in ordered:
            steps.append(order)
            if isinstance(order, GiveFloor) and self._inside is not None:
                self._number = self._inside.told_number
            if isinstance(order, GiveFloor) and order.rest:
                steps += self.from_host(order.rest, now_s)
        return steps

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
            if body and self._inside is not None:
                self._inside.saw_unknown(code_of(body))
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
            self._number = item.number
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
        ended = _ends(self._basket.done(answer, found.values, found.body))
        if self._inside is None:
            return ended
        # A cancelled receipt takes the decision that was carried into it along.
        dropped = self._inside.saw(found.command, found.values, answer, found.body)
        return [*ended, *([ReceiptDropped(dropped)] if dropped else [])]


def _is_inside(decoder: Decoder | Decoder2 | None) -> bool:
    """Whether a frame of protocol 1 has begun."""
    return isinstance(decoder, Decoder) and not decoder.is_between


def _fits(request: _Request, body: bytes, number: int) -> bool:
    return request.command is not None and request.number == number and is_answer_to(request.command, body)


def _ends(document: Document | None) -> Sequence[Step]:
    return () if document is None else (DocumentEnds(document=document, render=nothing),)
