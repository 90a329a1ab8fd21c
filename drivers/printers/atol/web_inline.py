"""Between a till and the web server: every byte passes at once both ways, and the tasks are read on the way; no I/O.

What is no task passes like everything else. Nothing is held back, changed or put in, but for one request where the
settings allow it: a sale (web_inside.py). One conversation is one connection; a till that opens one for each request
comes back to the same desk.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import unquote

from drivers.contract import DocumentEnds, FloorStep, GiveFloor, ReceiptDropped, Step, Tell, ToDevice, ToHost
from drivers.http_wire import Message, Reader
from drivers.vocabulary.events import Document
from drivers.vocabulary.inside import InsideOffer

from .desk import Carried, Told
from .tasks import UUID_LENGTH_MAX, TaskRequest, TaskResult, read_request, read_results
from .web_inside import InsideTasks, Ready

HELD_SIZE_MAX: Final = 60_000  # of a request that may be a sale; a longer one passes as it is
HELD_S_MAX: Final = 0.3  # for the rest of it; a till that waits for "100 Continue" waits no longer

#: ``/api/v2/requests[/uuid]``, and the same without the prefix as servers before driver 10.7 have it.
_PATH: Final = re.compile(r"(?:https?://[^/]+)?(?:/api/v\d+)?/requests(?:/([^/?#]+))?/?(?:\?.*)?", re.ASCII)


class DeskDoor(Protocol):
    """What a conversation says to the desk; see `Desk`."""

    def posted(self, request: TaskRequest, carried: Carried | None = None) -> None:
        """A request went to the server."""
        ...

    def answered(self, request: TaskRequest, status: int) -> str:
        """The server's answer to it; the quote that is of no use any more."""
        ...

    def told(self, uuid: str, results: Sequence[TaskResult]) -> Told:
        """Results as the server gave them."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A request of the till that has no answer yet.

    Attributes:
        uuid: whose results it asks for, or "".
        posted: the tasks it brings, None for none.
    """

    uuid: str = ""
    posted: TaskRequest | None = None


class WebConversation:
    """One connection of a till to the web server.

    Args:
        desk: of all connections of the device.
        inside: carries decisions into sales; None leaves every one as the till has it.
    """

    def __init__(self, desk: DeskDoor, *, inside: InsideTasks | None = None) -> None:
        self._desk = desk
        self._inside = inside
        self._host = Reader(reads_answers=False)
        self._device = Reader(reads_answers=True)
        self._asked: deque[_Asked] = deque()
        self._held = bytearray()  # of a request that may be a sale
        self._held_since_s = 0.0
        self._is_passing = False  # the rest of a request that is none

    # ── InlineConversation ──────────────────────────────────────────────────────────────────────

    def from_host(self, data: bytes, now_s: float) -> Sequence[Step | FloorStep]:
        """Bytes the till sent; passed on at once, but for a sale that we carry a decision into."""
        if not data:
            return ()
        if self._inside is not None:
            if self._inside.has_floor:
                self._inside.late += data
                is_too_much = len(self._inside.late) > HELD_SIZE_MAX
                return self._deliver(self._inside.as_it_came(), now_s) if is_too_much else ()
            return self._pass_or_keep(self._inside, data, now_s)
        for message in self._host.feed(data):
            self._ask(message)
        self._note_lost()
        return (ToDevice(data),)

    def from_device(self, data: bytes, now_s: float) -> Sequence[Step | FloorStep]:  # noqa: ARG002 - the contract
        """Bytes the server answered; passed on at once, and the receipts that they say are closed."""
        if not data:
            return ()
        is_ours = self._inside is not None and self._inside.has_floor
        steps: list[Step | FloorStep] = [Tell(data) if is_ours else ToHost(data)]
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
        if self._inside is not None and self._inside.has_floor:
            return self._deliver(self._inside.tick(now_s), now_s)
        if self._held and now_s - self._held_since_s > HELD_S_MAX:
            return self._let_go()
        return ()

    def offered(self, asked: Document, offer: InsideOffer | None, now_s: float) -> Sequence[Step | FloorStep]:
        """What may be taken off the sale that is kept back."""
        return () if self._inside is None else self._deliver(self._inside.offered(asked, offer), now_s)

    def host_gone(self, now_s: float) -> Sequence[Step | FloorStep]:
        """The till closed its connection; a sale in our hands goes on as it came, answers that still come are read."""
        if self._inside is not None and self._inside.has_floor:
            return self._deliver(self._inside.as_it_came(), now_s)
        return self._let_go() if self._held else ()

    # ── a sale in our hands ─────────────────────────────────────────────────────────────────────

    def _pass_or_keep(self, inside: InsideTasks, data: bytes, now_s: float) -> Sequence[Step | FloorStep]:
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
            taken = () if was_passing or not _posts(message) else inside.begin(message, raw, now_s)
            if taken:
                inside.late += rest if isinstance(taken, tuple) else b""
                ahead: list[Step | FloorStep] = [ToDevice(bytes(out))] if out else []
                if isinstance(taken, Ready):
                    return [*ahead, *self._deliver(taken, now_s, rest=rest)]
                return [*ahead, *taken]
            self._ask(message)
            out += raw
        self._note_lost()
        return [ToDevice(bytes(out))] if out else []

    def _deliver(self, ready: Ready | None, now_s: float, *, rest: bytes = b"") -> Sequence[Step | FloorStep]:
        """The sale goes to the server, and what the till has sent after it is read as always."""
        if ready is None:
            return ()
        self._device.expect("POST")
        self._asked.append(_Asked(posted=ready.request))
        self._desk.posted(ready.request, ready.carried)
        *orders, give = ready.orders
        late = (give.rest if isinstance(give, GiveFloor) else b"") + rest
        return [*orders, GiveFloor(late), *(self.from_host(late, now_s) if late else ())]

    def _may_be_sale(self) -> bool:
        """Whether what is kept may still become a posted task."""
        line, end, _ = bytes(self._held[:2_048]).partition(b"\r\n")
        if len(self._held) > HELD_SIZE_MAX:
            return False
        if not end:
            return len(line) < 2_048 and (line.startswith(b"POST ") or b"POST ".startswith(line))
        words = line.decode("latin-1").split(" ")
        found = _PATH.fullmatch(words[1]) if len(words) == 3 and words[0] == "POST" else None
        return found is not None and not found[1]

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
        uuid, posted = "", None
        found = _PATH.fullmatch(message.target)
        if found is not None:
            uuid = unquote(found[1] or "")[:UUID_LENGTH_MAX]
            if message.method == "POST" and not uuid:
                posted = read_request(message.content)
        if posted is not None:
            self._desk.posted(posted)
        self._asked.append(_Asked(uuid=uuid if message.method == "GET" else "", posted=posted))

    def _answer(self, asked: _Asked, message: Message) -> list[Step]:
        dropped, steps = "", list[Step]()
        if asked.posted is not None:
            dropped = self._desk.answered(asked.posted, message.status)
        elif asked.uuid and message.status == 200:
            results = read_results(message.content)
            told = self._desk.told(asked.uuid, results) if results is not None else Told()
            dropped = told.dropped
            steps += [DocumentEnds(document=document, render=_nothing) for document in told.documents]
        return [*steps, ReceiptDropped(dropped)] if dropped else steps

    def _note_lost(self) -> None:
        if self._host.is_lost:
            self._device.give_up()  # answers cannot be matched with requests any more


def _posts(message: Message) -> bool:
    found = _PATH.fullmatch(message.target)
    return message.method == "POST" and found is not None and not found[1]


def _nothing(lines: Sequence[str]) -> bytes:  # noqa: ARG001 - the contract's signature
    """No lines: the receipt is closed, and bytes of ours would meet the till's next request (see README.md)."""
    return b""
