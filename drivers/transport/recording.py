"""Captures of a line as JSON lines, for support and for golden files; nothing is written before it is redacted.

One line a chunk: ``{"at_ms": 1042, "from": "device", "hex": "1b40…"}``. Numbers that may be a phone, a card or a tax
number keep their length and lose their digits, and so does the first part of an e-mail address: a capture must still
parse like the stream it was taken from. A number may be cut by the line at any place, so bytes are held back until
the number they may belong to has ended.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from drivers.transport.contract import Endpoint, Transport

__all__ = ["Chunk", "RecordingEndpoint", "RecordingTransport", "Redactor", "read_capture", "redact"]

CAPTURE_BYTES_MAX = 16_777_216  # a till prints about 2 MB a day; a forgotten recording must not fill the disk
HELD_BYTES_MAX = 1_024  # what may be held back of one number; the longest match is below 256
_MATCH_BYTES_MAX = 256

# Nine digits and more with at most two separators between them: a phone, a card, a tax number. Prices are shorter.
_NUMBER: Final = rb"\+?\d(?:[ \-().]{0,2}\d){8,39}"
_EMAIL: Final = rb"[A-Za-z0-9._%+\-]{1,64}(?=@[A-Za-z0-9])"
_SECRET: Final = re.compile(rb"(?:" + _NUMBER + rb")|(?:" + _EMAIL + rb")")
_TAIL: Final = re.compile(rb"[0-9A-Za-z+\-().@_% ]*\Z")
_MASK: Final = bytes.maketrans(
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    b"0" * 10 + b"x" * 52,
)


def redact(data: bytes) -> bytes:
    """`data` with the digits of numbers and the first part of e-mail addresses masked; the length stays."""
    return _SECRET.sub(lambda match: match.group().translate(_MASK), data)


class Redactor:
    """Redacts a stream that comes in pieces."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What may be written down now; the rest is held back until it is known what it is."""
        whole = self._held + data
        tail = _TAIL.search(whole)
        split = tail.start() if tail is not None else len(whole)
        if len(whole) - split > HELD_BYTES_MAX:
            split = self._safe_split(whole, len(whole) - _MATCH_BYTES_MAX)
        masked = redact(whole)
        self._held = whole[split:]
        return masked[:split]

    def flush(self) -> bytes:
        """The rest, when the stream has ended."""
        rest, self._held = redact(self._held), b""
        return rest

    @staticmethod
    def _safe_split(whole: bytes, split: int) -> int:
        for match in _SECRET.finditer(whole):
            if match.start() < split < match.end():
                return match.start()
        return split


class Chunk(NamedTuple):
    """One line of a capture: milliseconds since the start, "host" or "device", the bytes."""

    at_ms: int
    sender: str
    data: bytes


def read_capture(lines: Iterable[str]) -> list[Chunk]:
    """The chunks of a capture, in order; raises ValueError or KeyError for what is none."""
    chunks = []
    for line in lines:
        if line.strip():
            row = json.loads(line)
            chunks.append(Chunk(int(row["at_ms"]), str(row["from"]), bytes.fromhex(row["hex"])))
    return chunks


class _Recorder:
    """Writes one way of one line; a lock keeps lines whole, for two threads write them."""

    def __init__(self, write_line: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._write_line = write_line
        self._clock = clock
        self._started_s = clock()
        self._ways = {"host": Redactor(), "device": Redactor()}
        self._left = CAPTURE_BYTES_MAX
        self._one_at_a_time = threading.Lock()

    def take(self, sender: str, data: bytes) -> None:
        with self._one_at_a_time:
            self._write(sender, self._ways[sender].feed(data))

    def end(self) -> None:
        with self._one_at_a_time:
            for sender, way in self._ways.items():
                self._write(sender, way.flush())

    def _write(self, sender: str, data: bytes) -> None:
        if not data or self._left <= 0:
            return
        self._left -= len(data)
        at_ms = int((self._clock() - self._started_s) * 1000)
        self._write_line(json.dumps({"at_ms": at_ms, "from": sender, "hex": data.hex()}))


class RecordingTransport:
    """Passes everything on and writes it down.

    Args:
        inner: the transport that is recorded.
        write_line: takes one line of the capture, without the line break.
        clock: seconds that only grow.
        reads: who is heard here: "device" at the printer's side, "host" at the till's side.
    """

    def __init__(
        self,
        inner: Transport,
        *,
        write_line: Callable[[str], None],
        clock: Callable[[], float],
        reads: str = "device",
    ) -> None:
        self._inner = inner
        self._recorder = _Recorder(write_line, clock)
        self._reads = reads
        self._writes = "host" if reads == "device" else "device"

    @property
    def address(self) -> str:
        """The inner address."""
        return self._inner.address

    def read(self, timeout_s: float) -> bytes:
        """Read, and write it down."""
        data = self._inner.read(timeout_s)
        if data:
            self._recorder.take(self._reads, data)
        return data

    def write(self, data: bytes, timeout_s: float) -> None:
        """Write, and write down what was handed over."""
        self._inner.write(data, timeout_s)
        self._recorder.take(self._writes, data)

    def finish(self) -> None:
        """Finish the inner transport."""
        self._inner.finish()

    def abort(self) -> None:
        """Abort the inner transport; the capture is kept."""
        self._recorder.end()
        self._inner.abort()

    def close(self) -> None:
        """Close the inner transport and write down what was held back."""
        self._recorder.end()
        self._inner.close()


class RecordingEndpoint:
    """Records every transport that is opened at an endpoint; see `RecordingTransport` for the arguments."""

    def __init__(
        self,
        inner: Endpoint,
        *,
        write_line: Callable[[str], None],
        clock: Callable[[], float],
        reads: str = "device",
    ) -> None:
        self._inner = inner
        self._write_line = write_line
        self._clock = clock
        self._reads = reads

    @property
    def address(self) -> str:
        """The inner address."""
        return self._inner.address

    @property
    def is_line(self) -> bool:
        """As the inner endpoint."""
        return self._inner.is_line

    def open(self, timeout_s: float) -> Transport | None:
        """Open the inner endpoint and record what it gives."""
        opened = self._inner.open(timeout_s)
        if opened is None:
            return None
        return RecordingTransport(opened, write_line=self._write_line, clock=self._clock, reads=self._reads)

    def visitor_waits(self) -> bool:
        """As the inner endpoint."""
        return self._inner.visitor_waits()

    def close(self) -> None:
        """Close the inner endpoint."""
        self._inner.close()
