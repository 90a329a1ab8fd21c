"""One visit of a till at its printer: bytes both ways on two threads until one of the two leaves; knows no protocol.

The calling thread carries host → device and is the one that waits for loyalty lines; a second thread carries
device → host, so that status answers flow meanwhile. The conversation is one object for both ways, so the two threads
take turns in it, and what it orders is queued per side while the turn lasts: bytes leave in the order in which they
were ordered, whichever thread carries them out.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from drivers.contract import AskOffer, DocumentEnds, InsideAdviser, ReceiptDropped, SlipComposer, Step, ToHost
from drivers.guard import GuardedConversation
from drivers.transport.contract import Transport
from drivers.vocabulary.errors import TransportClosed, TransportEnded, TransportError
from drivers.vocabulary.events import Document, DocumentPrinted, Event

__all__ = ["Ending", "Relay", "Side"]

READ_SLICE_S = 0.2  # how late a stop or the silence after a document may be noticed; bytes are noticed at once
READ_SLICE_HELD_S = 0.02  # while the conversation keeps bytes back
READ_SLICE_LINE_S = 0.05  # of a printer that is kept: how late the end of a visit may be noticed there
GRACE_S = 0.2  # for the other thread to finish its write when the visit is over
WRITE_PATIENCE_S = 3_600.0  # a printer without paper holds the line until somebody finds a roll; the till decides
QUIET_S = 1.0  # after the till's goodbye: a printer that says nothing for so long has said everything
FAREWELL_S_MAX = 10.0  # after the till's goodbye: and it may not talk for longer than this
FAREWELL_SLICE_S = 0.02
OFFER_TIMEOUT_S: Final = 1.5  # a till waits for seconds at a payment; the centre may have to be asked for a hold
JOINED_BYTES_MAX = 65_536  # orders to one side are joined up to this size, so that they leave in one packet

_QUESTIONS: Final = (DocumentEnds, AskOffer)


class Side(Enum):
    """Who left."""

    HOST = "host"
    DEVICE = "device"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Why a visit is over.

    Attributes:
        side: who left, None when we were told to stop.
        is_in_order: False when the connection broke.
        detail: the sentence of the error.
    """

    side: Side | None
    is_in_order: bool = True
    detail: str = ""


class _SideGoneError(Exception):
    """Private to this file: carries the ending up to the top of the thread that saw it."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.detail)
        self.ending = ending


class Relay:
    """One visit; `run` returns when it is over.

    Args:
        name: the device's name in the settings.
        host: the till's end.
        device: the printer's end.
        keeps_host: True leaves the till's end open after the visit (a wire), unless it broke.
        keeps_device: the same for the printer's end.
        conversation: guarded, and made for this visit alone.
        emit: takes events; never waits.
        compose: asked for the loyalty lines of each document; without one the document is an event.
        compose_timeout_s: how long the till's next bytes may wait for them.
        adviser: asked what may be taken off an open receipt; without one nothing is.
        stop: set when the process ends.
        clock: seconds that only grow.
        is_wanted_elsewhere: True when another visitor waits; ends the wait for last answers.
        heard: told how many bytes the till has sent, each time.
        complain: takes a sentence when something of ours failed and the bytes went on.
    """

    def __init__(
        self,
        *,
        name: str,
        host: Transport,
        device: Transport,
        keeps_host: bool,
        keeps_device: bool,
        conversation: GuardedConversation,
        emit: Callable[[Event], None],
        compose: SlipComposer | None,
        compose_timeout_s: float,
        adviser: InsideAdviser | None = None,
        stop: threading.Event,
        clock: Callable[[], float],
        is_wanted_elsewhere: Callable[[], bool],
        complain: Callable[[str], None],
        heard: Callable[[int], None] = lambda count: None,  # noqa: ARG005 - named for the reader
    ) -> None:
        self._name = name
        self._heard = heard
        self._ends: Final = {Side.HOST: host, Side.DEVICE: device}
        self._keeps: Final = {Side.HOST: keeps_host, Side.DEVICE: keeps_device}
        self._conversation = conversation
        self._emit = emit
        self._compose = compose
        self._compose_timeout_s = compose_timeout_s
        self._adviser = adviser
        self._stop = stop
        self._clock = clock
        self._is_wanted_elsewhere = is_wanted_elsewhere
        self._complain = complain
        self._turn = threading.Lock()
        self._orders: Final[dict[Side, deque[Step]]] = {Side.HOST: deque(), Side.DEVICE: deque()}
        self._carrying: Final = {Side.HOST: threading.Lock(), Side.DEVICE: threading.Lock()}
        self._over = threading.Event()
        self._ending: Ending | None = None
        self._has_forwarded = threading.Event()
        self._is_host_deaf = False
        self._has_told_problem = False
        self._answered_at_s = clock()

    def run(self) -> Ending:
        """Carry bytes until one side leaves or `stop` is set; then close what is not kept."""
        self._tell_problem()
        answers = threading.Thread(target=self._carry_answers, name=f"{self._name}-answers", daemon=True)
        answers.start()
        try:
            self._carry_forward()
        except _SideGoneError as gone:
            self._end(gone.ending)
        finally:
            self._has_forwarded.set()
            ending = self._end(Ending(side=None))
            self._release(Side.DEVICE, ending)
            answers.join(GRACE_S)
            if answers.is_alive():  # it sits in a write that the till does not take
                self._ends[Side.HOST].abort()
                answers.join()
            self._release(Side.HOST, ending)
        return ending

    def _end(self, ending: Ending) -> Ending:
        """The visit is over; the first reason given counts, and is returned."""
        with self._turn:
            if self._ending is None:
                self._ending = ending
            self._over.set()
            return self._ending

    def _release(self, side: Side, ending: Ending) -> None:
        """Close one end as its other end shall see it: after a break at once, else in good order."""
        if ending.side is side or not self._keeps[side]:
            if ending.is_in_order:
                self._ends[side].close()
            else:
                self._ends[side].abort()

    # ── host → device, on the calling thread ────────────────────────────────────────────────────

    def _carry_forward(self) -> None:
        conversation, host = self._conversation, self._ends[Side.HOST]
        while not self._over.is_set():
            is_last = self._stop.is_set()
            slice_s = READ_SLICE_HELD_S if conversation.holds_bytes else READ_SLICE_S
            try:
                data = host.read(0.0 if is_last else slice_s)
            except TransportClosed as error:
                self._obey(Side.DEVICE, conversation.host_gone)
                is_in_order = isinstance(error, TransportEnded)
                if is_in_order:
                    self._hear_last_answers()
                self._end(Ending(side=Side.HOST, is_in_order=is_in_order, detail=str(error)))
                return
            if data:
                self._heard(len(data))
                self._obey(Side.DEVICE, conversation.from_host, data)
            else:
                self._obey(Side.DEVICE, conversation.tick)
            if is_last:  # what had arrived when we were told to stop is printed, and no more is asked for
                self._obey(Side.DEVICE, conversation.host_gone)
                return

    def _hear_last_answers(self) -> None:
        """The till sends no more and may still listen: pass the good-bye on and let the printer finish talking."""
        self._ends[Side.DEVICE].finish()
        began_s = self._answered_at_s = self._clock()
        while not (self._over.wait(FAREWELL_SLICE_S) or self._stop.is_set() or self._is_wanted_elsewhere()):
            now_s = self._clock()
            if self._is_host_deaf or now_s - self._answered_at_s > QUIET_S or now_s - began_s > FAREWELL_S_MAX:
                return

    # ── device → host, on a thread of its own ───────────────────────────────────────────────────

    def _carry_answers(self) -> None:
        try:
            self._read_answers()
        except _SideGoneError as gone:
            self._end(gone.ending)
        # Whoever forwards may sit in a write that the printer does not take.
        if not self._has_forwarded.wait(GRACE_S + self._compose_timeout_s):
            self._ends[Side.DEVICE].abort()

    def _read_answers(self) -> None:
        device = self._ends[Side.DEVICE]
        slice_s = READ_SLICE_LINE_S if self._keeps[Side.DEVICE] else READ_SLICE_S
        while not (self._over.is_set() or self._stop.is_set()):
            try:
                data = device.read(slice_s)
            except TransportClosed as error:
                is_in_order = isinstance(error, TransportEnded)
                self._end(Ending(side=Side.DEVICE, is_in_order=is_in_order, detail=str(error)))
                return
            if data:
                self._answered_at_s = self._clock()
                self._obey(Side.HOST, self._conversation.from_device, data)

    # ── both ────────────────────────────────────────────────────────────────────────────────────

    def _obey(self, first: Side, question: Callable[..., Sequence[Step]], *arguments: object) -> None:
        """Ask the conversation and carry out what it orders, `first` the side that this thread looks after."""
        with self._turn:
            for step in question(*arguments, self._clock()):
                self._orders[Side.HOST if isinstance(step, ToHost) else Side.DEVICE].append(step)
        self._carry_out(first)
        other = Side.HOST if first is Side.DEVICE else Side.DEVICE
        if self._orders[other]:
            self._carry_out(other)
        if self._conversation.problem:
            self._tell_problem()

    def _tell_problem(self) -> None:
        if self._conversation.problem and not self._has_told_problem:
            self._has_told_problem = True
            self._complain(self._conversation.problem)

    def _carry_out(self, side: Side) -> None:
        orders = self._orders[side]
        with self._carrying[side]:
            while orders:
                data = self._bytes_of(orders.popleft())
                # What comes before a question leaves before it is asked.
                while orders and len(data) < JOINED_BYTES_MAX and not isinstance(orders[0], _QUESTIONS):
                    data += self._bytes_of(orders.popleft())
                self._write(side, data)

    def _bytes_of(self, order: Step) -> bytes:
        """What to write for one order, once whoever must be asked was asked."""
        if isinstance(order, DocumentEnds):
            return self._loyalty_bytes(order)
        if isinstance(order, AskOffer):
            asking = threading.Thread(
                target=self._ask_offer, args=(order.document,), name=f"{self._name}-offer", daemon=True
            )
            asking.start()
            return b""
        if isinstance(order, ReceiptDropped):
            if self._adviser is not None:
                self._adviser.dropped(order.quoted)
            return b""
        return order.data

    def _write(self, side: Side, data: bytes) -> None:
        if not data:
            return
        if side is Side.HOST:
            # A till that does not listen any more may have left a receipt behind that is still being printed:
            # its going is noticed where it is read from, after the last byte of it.
            try:
                if not self._is_host_deaf:
                    self._ends[side].write(data, WRITE_PATIENCE_S)
            except TransportError:
                self._is_host_deaf = True
            return
        try:
            self._ends[side].write(data, WRITE_PATIENCE_S)
        except TransportError as error:
            raise _SideGoneError(Ending(side=side, is_in_order=False, detail=str(error))) from error

    def _ask_offer(self, document: Document) -> None:
        """On a thread of its own: the till is answered meanwhile, so that it waits without a time-out."""
        offer = None
        try:
            if self._adviser is not None:
                offer = self._adviser.offer(document, timeout_s=OFFER_TIMEOUT_S)
        except Exception as error:  # noqa: BLE001 - the receipt is closed as the till wants it, whatever we do wrong
            self._complain(f"nothing was taken off the receipt: {type(error).__name__}: {error}")
        try:
            self._obey(Side.DEVICE, self._conversation.offered, document, offer)
        except _SideGoneError as gone:
            self._end(gone.ending)

    def _loyalty_bytes(self, end: DocumentEnds) -> bytes:
        """What to print below the document; b"" when there is nothing, or not in time, or something of ours failed."""
        if self._compose is None:
            self._emit(DocumentPrinted(device=self._name, document=end.document))
            return b""
        try:
            lines = self._compose(end.document, timeout_s=self._compose_timeout_s)
            return end.render(lines) if lines else b""
        except Exception as error:  # noqa: BLE001 - the receipt is cut on time, whatever our own lines do wrong
            self._complain(f"the loyalty lines were not printed: {type(error).__name__}: {error}")
            return b""
