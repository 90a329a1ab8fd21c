"""The conversation between a till and its ISL printer: every byte passes at once, commands are read on the way.

Nothing is put between the till's commands: a slip of ours would take a number of the till's sequence. The loyalty
lines of a sale are printed by whoever is the host (`host.py`), or shown on the panel.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from drivers.contract import DocumentEnds, Step, ToDevice, ToHost

from .frames import Frame, FrameReader
from .models import Model
from .receipts import Desk
from .status import Condition

#: A till has one command under way; one that sends without waiting must not fill memory.
REQUESTS_MAX: Final = 512


class IslConversation:
    """One till, one printer, one connection; no I/O, no clock of its own; see `drivers.contract.InlineConversation`.

    Args:
        model: the row.
        desk: what the printer is busy with; it is handed from one connection to the next.
    """

    def __init__(self, *, model: Model, desk: Desk) -> None:
        self._desk = desk
        self._from_host = FrameReader(model.frame, is_host=True)
        self._from_device = FrameReader(model.frame, is_host=False)
        self._requests: deque[Frame] = deque(maxlen=REQUESTS_MAX)

    @property
    def condition(self) -> Condition:
        """How the printer is, from its last answer."""
        return self._desk.condition

    def from_host(self, data: bytes, now_s: float) -> Sequence[Step]:  # noqa: ARG002 - the contract's signature
        """Bytes the till sent; passed on as they are."""
        if not data:
            return ()
        for item in self._from_host.feed(data):
            if isinstance(item, Frame):
                self._desk.asked(item)
                self._requests.append(item)
        return (ToDevice(data),)

    def from_device(self, data: bytes, now_s: float) -> Sequence[Step]:  # noqa: ARG002
        """Bytes the printer answered; passed on as they are, and the documents that ended with them."""
        if not data:
            return ()
        steps: list[Step] = [ToHost(data)]
        for item in self._from_device.feed(data):
            request = self._request_of(item) if isinstance(item, Frame) else None
            if request is not None and isinstance(item, Frame):
                steps += [
                    DocumentEnds(document=document, render=_nothing) for document in self._desk.answered(request, item)
                ]
        return steps

    def tick(self, now_s: float) -> Sequence[Step]:  # noqa: ARG002
        """Nothing is kept back and no document ends by silence: the device says when it ends."""
        return ()

    def host_gone(self, now_s: float) -> Sequence[Step]:  # noqa: ARG002
        """The till closed its connection; an open receipt stays open, as in the device."""
        self._from_host.reset()
        return ()

    def _request_of(self, answer: Frame) -> Frame | None:
        """The command that is answered; those before it were never answered."""
        wanted = (answer.sequence, answer.command)
        if not any((request.sequence, request.command) == wanted for request in self._requests):
            return None
        while True:
            request = self._requests.popleft()
            if (request.sequence, request.command) == wanted:
                return request


def _nothing(lines: Sequence[str]) -> bytes:  # noqa: ARG001 - the shape of render
    """No bytes: see the first lines of this file."""
    return b""
