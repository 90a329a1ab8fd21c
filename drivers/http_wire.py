"""Bytes of HTTP/1.1 → messages, either direction, for looking on: any slicing, bounded memory; no I/O.

It reads what passes between a till and a web server, and it is the parser of our own clients and of the twins. A reader
that meets what it does not understand is lost for the rest of its connection and says so: whoever passes the bytes on
passes them all the same. RFC 9112 §2 to §7.
"""

from __future__ import annotations

import zlib
from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Final

from drivers.json_amounts import BODY_SIZE_MAX

HEAD_SIZE_MAX: Final = 65_536
LINE_SIZE_MAX: Final = 1_024  # of a chunk's size
EXPECTED_MAX: Final = 64  # requests without an answer; a till waits for each, so two are many
_SWITCHING: Final = 101
WITHOUT_BODY: Final = frozenset({204, 304})

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One request or answer.

    Attributes:
        start: its first line.
        headers: names in small letters, in order.
        body: as it came, its transfer coding taken off.
        is_whole: False when the body was longer than is kept.
        method: of the request that this answers, or of the request itself; "" when nobody asked.
    """

    start: str
    headers: Headers
    body: bytes
    is_whole: bool = True
    method: str = ""

    def header(self, name: str) -> str:
        """The first header of that name, or ""."""
        return next((value for key, value in self.headers if key == name), "")

    @property
    def target(self) -> str:
        """Of a request: path and query."""
        words = self.start.split(" ")
        return words[1] if len(words) > 1 else ""

    @property
    def status(self) -> int:
        """Of an answer; 0 for none."""
        words = self.start.split(" ")
        return int(words[1]) if len(words) > 1 and words[1].isascii() and words[1].isdigit() else 0

    @property
    def content(self) -> bytes:
        """The body, its content coding taken off; b"" for a coding that is not known."""
        coding = self.header("content-encoding").strip().lower()
        if not self.is_whole:
            return b""
        if coding in ("", "identity"):
            return self.body
        if coding not in ("gzip", "x-gzip", "deflate"):
            return b""
        try:
            return zlib.decompressobj(47).decompress(self.body, BODY_SIZE_MAX)
        except zlib.error:
            return b""


class _State(Enum):
    HEAD = "head"
    COUNTED = "counted"
    CHUNK_SIZE = "chunk_size"
    CHUNK = "chunk"
    TRAILER = "trailer"
    UNTIL_CLOSE = "until_close"
    LOST = "lost"


class _NotUnderstoodError(Exception):
    """Private to this file: the reader is lost."""


class Reader:
    """One direction of one connection.

    Args:
        reads_answers: True for the server's side; then `expect` names the method of each request in turn.
    """

    def __init__(self, *, reads_answers: bool) -> None:
        self._reads_answers = reads_answers
        self._expected: deque[str] = deque()
        self._kept = bytearray()
        self._searched = 0
        self._state = _State.HEAD
        self._start, self._headers, self._method = "", (), ""
        self._body = bytearray()
        self._is_whole = True
        self._left = 0

    _headers: Headers

    @property
    def is_lost(self) -> bool:
        """True when nothing of this connection is understood any more."""
        return self._state is _State.LOST

    @property
    def is_between(self) -> bool:
        """True when no message has begun."""
        return self._state is _State.HEAD and not self._kept

    @property
    def kept_size(self) -> int:
        """Bytes that are kept; never more than a head and a body."""
        return len(self._kept) + len(self._body)

    def expect(self, method: str) -> None:
        """A request was sent; its answer comes after those of the requests before."""
        if self._state is not _State.LOST:
            self._expected.append(method)
        if len(self._expected) > EXPECTED_MAX:
            self.give_up()

    def give_up(self) -> None:
        """Read no more of this connection."""
        self._state = _State.LOST
        self._kept.clear()
        self._body.clear()
        self._expected.clear()

    def feed(self, data: bytes) -> list[Message]:
        """The messages these bytes complete, in order; never raises."""
        messages: list[Message] = []
        # In pieces, so that what is thrown away is never kept first.
        for start in range(0, len(data), HEAD_SIZE_MAX):
            if self._state is not _State.LOST:
                self._kept += data[start : start + HEAD_SIZE_MAX]
                try:
                    while self._step(messages):
                        pass
                except _NotUnderstoodError:
                    self.give_up()
        return messages

    def feed_one(self, data: bytes) -> tuple[Message | None, bytes]:
        """The first message these bytes complete, and what of them comes after it; (None, b"") for none yet."""
        messages: list[Message] = []
        if self._state is not _State.LOST:
            self._kept += data
            try:
                while not messages and self._step(messages):
                    pass
            except _NotUnderstoodError:
                self.give_up()
        if not messages:
            return None, b""
        rest = bytes(self._kept)
        self._kept.clear()
        return messages[0], rest

    def so_far(self) -> Message | None:
        """An answer without a length, as far as it has come; it ends with the connection."""
        if self._state is not _State.UNTIL_CLOSE or not self._body:
            return None
        return self._message()

    # ── parts ───────────────────────────────────────────────────────────────────────────────────

    def _step(self, messages: list[Message]) -> bool:
        """Take one part out of what is kept; False when more bytes are needed."""
        if self._state is _State.HEAD:
            return self._take_head(messages)
        if self._state in (_State.CHUNK_SIZE, _State.TRAILER):
            return self._take_line(messages)
        if not self._kept:
            return False
        size = len(self._kept) if self._state is _State.UNTIL_CLOSE else min(self._left, len(self._kept))
        if self._is_whole and len(self._body) + size <= BODY_SIZE_MAX:
            self._body += self._kept[:size]
        else:
            self._is_whole = False
            self._body.clear()
        del self._kept[:size]
        self._left -= size
        if self._state is _State.COUNTED and not self._left:
            self._finish(messages)
        elif self._state is _State.CHUNK and not self._left:
            self._state = _State.CHUNK_SIZE
        return True

    def _take_head(self, messages: list[Message]) -> bool:
        while self._kept and self._kept[0] in b"\r\n":
            del self._kept[:1]
        found = self._kept.find(b"\r\n\r\n", max(0, self._searched - 3))
        if found < 0:
            self._searched = len(self._kept)
            if self._searched > HEAD_SIZE_MAX:
                raise _NotUnderstoodError
            return False
        head = bytes(self._kept[:found]).decode("latin-1")
        del self._kept[: found + 4]
        self._searched = 0
        self._start, self._headers = _read_head(head)
        self._body.clear()
        self._is_whole = True
        self._begin_body(messages)
        return True

    def _begin_body(self, messages: list[Message]) -> None:
        head = self._message()
        if self._reads_answers:
            if not self._start.startswith("HTTP/1.") or not head.status or head.status == _SWITCHING:
                raise _NotUnderstoodError
            if head.status < 200:
                return  # 100 Continue: the answer itself follows
            self._method = self._expected.popleft() if self._expected else ""
            if self._method == "HEAD" or head.status in WITHOUT_BODY:
                self._finish(messages)
                return
        else:
            words = self._start.split(" ")
            if len(words) != 3 or not words[2].startswith("HTTP/1."):
                raise _NotUnderstoodError
            self._method = words[0]
        self._choose_body(head, messages)

    def _choose_body(self, head: Message, messages: list[Message]) -> None:
        coding = head.header("transfer-encoding").strip().lower()
        lengths = {value.strip() for key, value in self._headers if key == "content-length"}
        if coding:
            if not coding.endswith("chunked"):
                raise _NotUnderstoodError
            self._state = _State.CHUNK_SIZE
        elif lengths:
            length = lengths.pop()
            if lengths or not length.isascii() or not length.isdigit() or len(length) > 12:
                raise _NotUnderstoodError
            self._left = int(length)
            self._state = _State.COUNTED
            if not self._left:
                self._finish(messages)
        elif self._reads_answers:
            self._state = _State.UNTIL_CLOSE
        else:
            self._finish(messages)

    def _take_line(self, messages: list[Message]) -> bool:
        found = self._kept.find(b"\n")
        if found < 0:
            if len(self._kept) > LINE_SIZE_MAX:
                raise _NotUnderstoodError
            return False
        line = bytes(self._kept[:found]).strip()
        del self._kept[: found + 1]
        if self._state is _State.TRAILER:
            if not line:
                self._finish(messages)
            return True
        if not line:
            return True  # the end of the chunk before
        size = line.split(b";")[0].strip()
        if not 1 <= len(size) <= 8 or size.translate(None, b"0123456789abcdefABCDEF"):
            raise _NotUnderstoodError
        self._left = int(size, 16)
        self._state = _State.CHUNK if self._left else _State.TRAILER
        return True

    def _finish(self, messages: list[Message]) -> None:
        messages.append(self._message())
        self._body.clear()
        self._state = _State.HEAD

    def _message(self) -> Message:
        return Message(
            start=self._start,
            headers=self._headers,
            body=bytes(self._body),
            is_whole=self._is_whole,
            method=self._method,
        )


def _read_head(head: str) -> tuple[str, Headers]:
    lines = head.split("\r\n")
    headers: list[tuple[str, str]] = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise _NotUnderstoodError
        headers.append((name.lower(), value.strip()))
    return lines[0], tuple(headers)
