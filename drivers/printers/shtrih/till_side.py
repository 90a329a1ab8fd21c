"""The till while a request of its is in our hands: what it hears, what it says meanwhile; a class a protocol, pure.

Protocol 1: the till gets its ACK at once, and ENQ is answered with ACK, "an answer is being prepared"; it has the
answer when it acknowledges it, or goes on without a word. Protocol 2 knows no such words: the till waits, and sends the
same number again when it has waited for long; after the answer the register itself repeats it.
"""

from __future__ import annotations

from typing import Protocol

from .frames import ACK, ENQ, Control, Decoder, Frame, Frame2, encode, encode2


class TillSide(Protocol):
    """See the module."""

    @property
    def taken(self) -> bytes:
        """What the till hears at once."""
        ...

    @property
    def is_thankful(self) -> bool:
        """Whether it says that it has the answer."""
        ...

    def framed(self, body: bytes) -> bytes:
        """An answer to its request as a frame."""
        ...

    def answer(self, body: bytes) -> bytes:
        """The same, and from here on it is the answer."""
        ...

    def hear(self, data: bytes) -> tuple[bytes, bytes | None]:
        """What the till hears to what it says now; and what it says beyond, once it has the answer."""
        ...


class TillSide1:
    """A till on protocol 1; `request` is its frame."""

    taken = bytes([ACK])
    is_thankful = True

    def __init__(self, request: Frame) -> None:
        self._request = request
        self._decoder = Decoder()
        self._answer = b""

    def framed(self, body: bytes) -> bytes:
        """See `TillSide`."""
        return encode(body)

    def answer(self, body: bytes) -> bytes:
        """See `TillSide`."""
        self._answer = encode(body)
        return self._answer

    def hear(self, data: bytes) -> tuple[bytes, bytes | None]:
        """See `TillSide`."""
        told = b""
        for at in range(len(data)):
            for item in self._decoder.feed(data[at : at + 1]):
                if self._answer and item == Control(ACK):
                    return told, data[at + 1 :]
                if item == Control(ENQ):
                    told += bytes([ACK]) + self._answer
                elif item == self._request:
                    told += bytes([ACK])  # sent again because our ACK was not heard
            if self._answer and not self._decoder.is_between:
                return told, data[at:]  # it goes on without a word: it has the answer
        return told, None


class TillSide2:
    """A till on protocol 2."""

    taken = b""
    is_thankful = False

    def __init__(self, request: Frame2) -> None:
        self._number = request.number

    def framed(self, body: bytes) -> bytes:
        """See `TillSide`."""
        return encode2(self._number, body)

    answer = framed

    def hear(self, data: bytes) -> tuple[bytes, bytes | None]:  # noqa: ARG002 - the shape of a till
        """A register that works says nothing."""
        return b"", None


def till_side(request: Frame | Frame2) -> TillSide:
    """For the protocol of this request."""
    return TillSide2(request) if isinstance(request, Frame2) else TillSide1(request)
