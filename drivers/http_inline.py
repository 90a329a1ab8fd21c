"""Between a POS and a server it speaks HTTP with: every byte passes at once both ways, and messages are read; no I/O.

What is not understood passes like everything else. Nothing is held back, changed or put in, but for one request where
a room says so: a sale that a decision is carried into. It is kept until it is whole and the agent has said what may be
taken off it; then it goes, rewritten perhaps, and the POS gets the server's own answer. One conversation is one
connection; what has to outlive it is the room's business.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from drivers.contract import (
    AskOffer,
    Deliver,
    FloorStep,
    GiveFloor,
    Step,
    TakeFloor,
    Tell,
    ToDevice,
    ToHost,
)
from drivers.http_wire import Message, Reader
from drivers.vocabulary.events import Document
from drivers.vocabulary.inside import InsideOffer

__all__ = ["HELD_SIZE_MAX", "HELD_S_MAX", "OFFER_S_MAX", "Carry", "HttpConversation", "HttpRoom"]

HELD_SIZE_MAX: Final = 60_000  # of a request that may be a sale; a longer one passes as it is
HELD_S_MAX: Final = 0.3  # for the rest of it; a POS that waits for "100 Continue" waits no longer
OFFER_S_MAX: Final = 3.0  # from the request to its delivery, whatever the agent does
_LINE_SIZE_MAX: Final = 2_048  # of the first line of a request
_WORDS: Final = 3  # of that line


@dataclass(frozen=True, slots=True, kw_only=True)
class Carry:
    """A request that goes in place of the POS's; `asked` is what its answer is read with."""

    sent: bytes
    asked: Any


class HttpRoom(Protocol):
    """What a protocol over HTTP says to its messages; shared by the connections of a device, or made for each."""

    @property
    def holds(self) -> bool:
        """Whether a request may be kept back at all."""
        ...

    def may_be_sale(self, method: str, target: str) -> bool:
        """Whether a request that begins so may be one to keep back."""
        ...

    def preview(self, message: Message, raw: bytes) -> Document | Carry | None:
        """A whole request that may be a sale: what is to be asked about, what goes in its place, or None to pass it."""
        ...

    def carry(self, message: Message, raw: bytes, offer: InsideOffer | None) -> Carry:
        """The same request with the agent's word in it; None is no word."""
        ...

    def asked(self, message: Message) -> Any:
        """A request passed on as it came; what its answer is to be read with, None for nothing."""
        ...

    def answered(self, asked: Any, message: Message) -> Sequence[Step]:
        """The answer to it: documents that end by it, quotes that are dropped."""
        ...


@dataclass(slots=True)
class _Turn:
    """A request in our hands; `late` is what the POS has sent after it."""

    message: Message
    raw: bytes
    about: Document
    until_s: float
    late: bytearray


class HttpConversation:
    """One connection; see `drivers.contract.InlineConversation`."""

    def __init__(self, room: HttpRoom) -> None:
        self._room = room
        self._host = Reader(reads_answers=False)
        self._device = Reader(reads_answers=True)
        self._asked: deque[Any] = deque()
        self._held = bytearray()  # of a request that may be a sale
        self._held_since_s = 0.0
        self._is_passing = False  # the rest of a request that is none
        self._turn: _Turn | None = None

    # ── InlineConversation ──────────────────────────────────────────────────────────────────────

    def from_host(self, data: bytes, now_s: float) -> Sequence[Step | FloorStep]:
        """Bytes the POS sent; passed on at once, but for a sale that we carry a decision into."""
        if not data:
            return ()
        if self._turn is not None:
            self._turn.late += data
            return self._as_it_came(now_s) if len(self._turn.late) > HELD_SIZE_MAX else ()
        if self._room.holds:
            return self._pass_or_keep(data, now_s)
        for message in self._host.feed(data):
            self._ask(message)
        self._note_lost()
        return (ToDevice(data),)

    def from_device(self, data: bytes, now_s: float) -> Sequence[Step | FloorStep]:  # noqa: ARG002 - the contract
        """Bytes the server answered; passed on at once, and what they say is closed."""
        if not data:
            return ()
        steps: list[Step | FloorStep] = [Tell(data) if self._turn is not None else ToHost(data)]
        for message in self._device.feed(data):
            if self._asked and message.method:
                steps += self._answer(self._asked.popleft(), message)
        open_ended = self._device.so_far()
        if open_ended is not None and self._asked and open_ended.body.rstrip().endswith(b"}"):
            # It ends with the connection, which nobody tells us: what reads as a whole is whole.
            steps += self._answer(self._asked[0], open_ended)
        return steps

    def tick(self, now_s: float) -> Sequence[Step | FloorStep]:
        """A request whose rest does not come, or that nobody has a word on, goes as it is."""
        if self._turn is not None:
            return self._as_it_came(now_s) if now_s >= self._turn.until_s else ()
        if self._held and now_s - self._held_since_s > HELD_S_MAX:
            return self._let_go()
        return ()

    def offered(self, asked: Document, offer: InsideOffer | None, now_s: float) -> Sequence[Step | FloorStep]:
        """What may be taken off the sale that is kept back; a word on another one is dropped."""
        if self._turn is None or asked is not self._turn.about:
            return ()
        return self._deliver(self._room.carry(self._turn.message, self._turn.raw, offer), now_s)

    def host_gone(self, now_s: float) -> Sequence[Step | FloorStep]:
        """The POS closed its connection; a sale in our hands goes on as it came, answers that still come are read."""
        if self._turn is not None:
            return self._as_it_came(now_s)
        return self._let_go() if self._held else ()

    # ── a sale in our hands ─────────────────────────────────────────────────────────────────────

    def _pass_or_keep(self, data: bytes, now_s: float) -> Sequence[Step | FloorStep]:
        """Pass request after request; one that may be a sale is kept until it is whole."""
        out, rest = bytearray(), data
        while rest:
            message, following = self._host.feed_one(rest)
            if not self._held:
                self._held_since_s = now_s
            self._held += rest[: len(rest) - len(following)]
            rest = following
            if message is None:
                if self._is_passing or self._host.is_lost or not self._may_be_sale():
                    self._is_passing = not (self._host.is_lost or self._host.is_between)
                    out += self._take_held()
                break
            was_passing, self._is_passing = self._is_passing, False
            raw = self._take_held()
            is_candidate = not was_passing and self._room.may_be_sale(message.method, message.target)
            found = self._room.preview(message, raw) if is_candidate else None
            if found is not None:
                ahead: list[Step | FloorStep] = [ToDevice(bytes(out))] if out else []
                return [*ahead, TakeFloor(), *self._begin(found, message, raw, rest, now_s)]
            self._ask(message)
            out += raw
        self._note_lost()
        return [ToDevice(bytes(out))] if out else []

    def _begin(
        self, found: Document | Carry, message: Message, raw: bytes, late: bytes, now_s: float
    ) -> Sequence[Step | FloorStep]:
        if isinstance(found, Carry):
            return self._deliver(found, now_s, late=late)
        self._turn = _Turn(message, raw, found, now_s + OFFER_S_MAX, bytearray(late))
        return (AskOffer(found),)

    def _as_it_came(self, now_s: float) -> Sequence[Step | FloorStep]:
        """Nobody has a word on it, or it cannot be waited for."""
        if self._turn is None:
            return ()
        return self._deliver(self._room.carry(self._turn.message, self._turn.raw, None), now_s)

    def _deliver(self, ready: Carry, now_s: float, *, late: bytes = b"") -> Sequence[Step | FloorStep]:
        """The sale goes to the server, and what the POS has sent after it is read as always."""
        if self._turn is not None:
            late, self._turn = bytes(self._turn.late), None
        self._device.expect("POST")
        self._asked.append(ready.asked)
        return [Deliver(ready.sent), GiveFloor(late), *(self.from_host(late, now_s) if late else ())]

    def _may_be_sale(self) -> bool:
        """Whether what is kept may still become one."""
        line, end, _ = bytes(self._held[:_LINE_SIZE_MAX]).partition(b"\r\n")
        if len(self._held) > HELD_SIZE_MAX:
            return False
        if not end:
            return len(line) < _LINE_SIZE_MAX and (line.startswith(b"POST ") or b"POST ".startswith(line))
        words = line.decode("latin-1").split(" ")
        return len(words) == _WORDS and self._room.may_be_sale(words[0], words[1])

    def _take_held(self) -> bytes:
        data = bytes(self._held)
        self._held.clear()
        return data

    def _let_go(self) -> Sequence[Step | FloorStep]:
        """The request passes as far as it has come, and so does the rest of it."""
        self._is_passing = True
        return (ToDevice(self._take_held()),)

    # ── parts ───────────────────────────────────────────────────────────────────────────────────

    def _ask(self, message: Message) -> None:
        if self._device.is_lost:
            self._asked.clear()
            return
        self._device.expect(message.method)
        self._asked.append(self._room.asked(message))

    def _answer(self, asked: Any, message: Message) -> Sequence[Step]:
        return self._room.answered(asked, message) if asked is not None else ()

    def _note_lost(self) -> None:
        if self._host.is_lost:
            self._device.give_up()  # answers cannot be matched with requests any more
