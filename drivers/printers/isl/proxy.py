"""The conversation between a till and its ISL printer: every byte passes at once, commands are read on the way.

Nothing is held back, changed or put in, but for one command where the settings allow it: the first payment of a sale
(`inside.py`). Without that the loyalty lines are printed by whoever is the host (`host.py`), or shown on the panel.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from typing import Final

from drivers.contract import Deliver, FloorStep, GiveFloor, Step, ToDevice, ToHost
from drivers.vocabulary.events import Document
from drivers.vocabulary.inside import InsideOffer

from .ending import endings
from .frames import SOH, Damaged, Frame, FrameReader, Signal
from .inside import InsideReceipt
from .models import Model
from .receipts import Desk
from .status import Condition

#: A till has one command under way; one that sends without waiting must not fill memory.
REQUESTS_MAX: Final = 512
HELD_S_MAX: Final = 0.3  # for the rest of a frame that may be a payment; a till says it again after 500 ms
_PAY: Final = 0x35
_PIECES: Final = re.compile(rb"\x01[^\x01]*|[^\x01]+")
#: What a frame of the first payment begins with, SOH, LEN, SEQ and CMD; "." is any byte.
_PAYMENT_HEADS: Final = {False: b"\x01..5", True: b"\x01.....0035"}

Order = Step | FloorStep


class IslConversation:
    """One till, one printer, one connection; no I/O, no clock of its own; see `drivers.contract.InsideConversation`.

    Args:
        model: the row.
        desk: what the printer is busy with; it is handed from one connection to the next.
        inside: carries decisions into receipts; None leaves every one as the till has it.
    """

    def __init__(self, *, model: Model, desk: Desk, inside: InsideReceipt | None = None) -> None:
        self._desk = desk
        self._inside = inside
        self._head = _PAYMENT_HEADS[model.frame.is_long]
        self._from_host = FrameReader(model.frame, is_host=True)
        self._delivered = FrameReader(model.frame, is_host=True)
        self._from_device = FrameReader(model.frame, is_host=False)
        self._requests: deque[Frame] = deque(maxlen=REQUESTS_MAX)
        self._held = bytearray()  # of a frame that may be a payment
        self._held_since_s = 0.0
        self._is_passing = False  # the rest of a frame that is none

    @property
    def condition(self) -> Condition:
        """How the printer is, from its last answer."""
        return self._desk.condition

    # ── InsideConversation ──────────────────────────────────────────────────────────────────────

    def from_host(self, data: bytes, now_s: float) -> Sequence[Order]:
        """Bytes the till sent; passed on as they are, but for a payment that we carry out."""
        if not data:
            return ()
        if self._inside is None:
            self._read(self._from_host.feed(data))
            return (ToDevice(data),)
        if self._inside.has_floor:
            return self._in_our_hands(self._inside.from_host(data), now_s)
        return self._pass_or_keep(self._inside, data, now_s)

    def from_device(self, data: bytes, now_s: float) -> Sequence[Order]:
        """Bytes the printer answered; passed on as they are, and the documents that ended with them."""
        if not data:
            return ()
        if self._inside is not None and self._inside.has_floor:
            return self._hear_ours(self._inside, data, now_s)
        return [ToHost(data), *self._said(self._from_device.feed(data))]

    def tick(self, now_s: float) -> Sequence[Order]:
        """Only a payment in our hands needs time; no document ends by silence: the device says when it ends."""
        if self._inside is None:
            return ()
        if self._inside.has_floor:
            return self._in_our_hands(self._inside.tick(now_s), now_s)
        return self._let_go() if self._held and now_s - self._held_since_s > HELD_S_MAX else ()

    def offered(self, asked: Document, offer: InsideOffer | None, now_s: float) -> Sequence[Order]:
        """What may be taken off the receipt that is being paid."""
        return () if self._inside is None else self._in_our_hands(self._inside.offered(asked, offer, now_s), now_s)

    def host_gone(self, now_s: float) -> Sequence[Order]:
        """The till closed its connection; an open receipt stays open, as in the device."""
        self._from_host.reset()
        return () if self._inside is None else self._in_our_hands(self._inside.host_gone(), now_s)

    # ── a payment in our hands ──────────────────────────────────────────────────────────────────

    def _pass_or_keep(self, inside: InsideReceipt, data: bytes, now_s: float) -> Sequence[Order]:
        """Pass frame after frame; one that may be a payment is kept until it is whole, the head of each at most."""
        orders: list[Order] = []
        for piece in _PIECES.finditer(data):
            if piece[0][0] == SOH:
                orders += self._let_go()
                self._is_passing = False
                self._held_since_s = now_s
            self._held += piece[0]
            items = self._from_host.feed(piece[0])
            paid = next((item for item in items if isinstance(item, Frame) and item.command == _PAY), None)
            if paid is not None and not self._is_passing:
                taken = inside.begin(paid, bytes(self._held), data[piece.end() :], now_s)
                if taken:
                    self._held.clear()
                    return [*orders, *self._in_our_hands(taken, now_s)]
            self._read(items)
            if self._is_passing or not self._from_host.pending_size or not self._may_be_payment():
                orders += self._let_go()
        return orders

    def _may_be_payment(self) -> bool:
        """Whether what is kept may still become a payment of the open sale."""
        head = self._held[: len(self._head)]
        fits = all(wanted in (0x2E, byte) for wanted, byte in zip(self._head, head, strict=False))
        return fits and self._desk.offered is not None

    def _let_go(self) -> Sequence[Order]:
        kept = bytes(self._held)
        self._held.clear()
        self._is_passing = True
        return (ToDevice(kept),) if kept else ()

    def _hear_ours(self, inside: InsideReceipt, data: bytes, now_s: float) -> Sequence[Order]:
        """Answers to our own commands; the till is told none, the desk those to commands of its own before."""
        orders: list[Order] = []
        for at in range(len(data)):
            orders += self._said(self._from_device.feed(data[at : at + 1]))
            orders += self._in_our_hands(inside.from_device(data[at : at + 1], now_s), now_s)
        return orders

    def _in_our_hands(self, ordered: Sequence[Order], now_s: float) -> Sequence[Order]:
        """What was ordered; what the till has sent beyond its payment passes as ever."""
        orders: list[Order] = []
        for order in ordered:
            orders.append(order)
            if isinstance(order, Deliver):
                self._requests += [item for item in self._delivered.feed(order.data) if isinstance(item, Frame)]
            elif isinstance(order, GiveFloor) and order.rest:
                orders += self.from_host(order.rest, now_s)
        return orders

    # ── commands and answers ────────────────────────────────────────────────────────────────────

    def _read(self, items: Sequence[Frame | Signal | Damaged]) -> None:
        """Commands of the till that pass."""
        for item in items:
            if isinstance(item, Frame):
                if self._desk.offered is not None:
                    self._desk.offered.last = None
                self._desk.asked(item)
                self._requests.append(item)

    def _said(self, items: Sequence[Frame | Signal | Damaged]) -> Sequence[Step]:
        steps: list[Step] = []
        for item in items:
            request = self._request_of(item) if isinstance(item, Frame) else None
            if request is not None and isinstance(item, Frame):
                steps += endings(self._desk.answered(request, item))
        return steps

    def _request_of(self, answer: Frame) -> Frame | None:
        """The command that is answered; those before it were never answered."""
        wanted = (answer.sequence, answer.command)
        if not any((request.sequence, request.command) == wanted for request in self._requests):
            return None
        while True:
            request = self._requests.popleft()
            if (request.sequence, request.command) == wanted:
                return request
