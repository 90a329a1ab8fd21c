"""Between a till and the web server: every byte passes at once both ways, and the tasks are read on the way; no I/O.

Nothing is held back, changed or put in, and what is no task passes like everything else. One conversation is one
connection; a till that opens one for each request comes back to the same desk.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import unquote

from drivers.contract import DocumentEnds, Step, ToDevice, ToHost
from drivers.vocabulary.events import Document

from .http_wire import Message, Reader
from .tasks import UUID_LENGTH_MAX, TaskRequest, TaskResult, read_request, read_results

#: ``/api/v2/requests[/uuid]``, and the same without the prefix as servers before driver 10.7 have it.
_PATH: Final = re.compile(r"(?:https?://[^/]+)?(?:/api/v\d+)?/requests(?:/([^/?#]+))?/?(?:\?.*)?", re.ASCII)


class DeskDoor(Protocol):
    """What a conversation says to the desk; see `Desk`."""

    def posted(self, request: TaskRequest) -> None:
        """A request went to the server."""
        ...

    def answered(self, request: TaskRequest, status: int) -> None:
        """The server's answer to it."""
        ...

    def told(self, uuid: str, results: Sequence[TaskResult]) -> list[Document]:
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
    """One connection of a till to the web server."""

    def __init__(self, desk: DeskDoor) -> None:
        self._desk = desk
        self._host = Reader(reads_answers=False)
        self._device = Reader(reads_answers=True)
        self._asked: deque[_Asked] = deque()

    # ── InlineConversation ──────────────────────────────────────────────────────────────────────

    def from_host(self, data: bytes, now_s: float) -> Sequence[Step]:  # noqa: ARG002 - the contract's signature
        """Bytes the till sent; passed on at once."""
        if not data:
            return ()
        for message in self._host.feed(data):
            self._ask(message)
        if self._host.is_lost:
            self._device.give_up()  # answers cannot be matched with requests any more
        return (ToDevice(data),)

    def from_device(self, data: bytes, now_s: float) -> Sequence[Step]:  # noqa: ARG002 - the contract's signature
        """Bytes the server answered; passed on at once, and the receipts that they say are closed."""
        if not data:
            return ()
        steps: list[Step] = [ToHost(data)]
        for message in self._device.feed(data):
            if self._asked and message.method:
                steps += self._answer(self._asked.popleft(), message)
        open_ended = self._device.so_far()
        if open_ended is not None and self._asked and open_ended.body.rstrip().endswith(b"}"):
            # It ends with the connection, which nobody tells us: what reads as a whole is whole.
            steps += self._answer(self._asked[0], open_ended)
        return steps

    def tick(self, now_s: float) -> Sequence[Step]:  # noqa: ARG002 - the contract's signature
        """Nothing here ends by silence."""
        return ()

    def host_gone(self, now_s: float) -> Sequence[Step]:  # noqa: ARG002 - the contract's signature
        """The till closed its connection; answers that still come are read."""
        return ()

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
        if asked.posted is not None:
            self._desk.answered(asked.posted, message.status)
        if not asked.uuid or message.status != 200:
            return []
        results = read_results(message.content)
        documents = self._desk.told(asked.uuid, results) if results is not None else []
        return [DocumentEnds(document=document, render=_nothing) for document in documents]


def _nothing(lines: Sequence[str]) -> bytes:  # noqa: ARG001 - the contract's signature
    """No lines: the receipt is closed, and bytes of ours would meet the till's next request (see README.md)."""
    return b""
