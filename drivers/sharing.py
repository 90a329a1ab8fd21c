"""One scanner for two readers: what is ours is kept, everything else goes on to the POS, unchanged and at once; no I/O.

A serial scanner's bytes pass as they come. As long as a code may still turn out to be ours, its bytes are held: for a
product that is none or a few characters, for a customer's card it is the whole code, which the POS then never sees.
A scanner that sends reports or keys gives whole codes; they go on as text with an end of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final, Protocol

from drivers.vocabulary.events import CodeScanned, Event

__all__ = ["CodeLink", "Fate", "Judge", "SharedBytes", "SharedCodes", "SharedReader", "StreamLink"]

SWALLOW_S = 0.5  # what a scanner sends after the end of a code (LF after CR) comes within milliseconds
HELD_MAX = 4_096  # no code of ours has 200 characters of four bytes and more noise than that around it
_ENDINGS: Final = frozenset(b"\r\n\t\x03")


class Fate(Enum):
    """Whose a code is; BOTH is told to both."""

    OURS = "ours"
    POS = "pos"
    BOTH = "both"


class Judge(Protocol):
    """Says whose a code is; pure, and quick enough for every character."""

    def fate(self, scanned: CodeScanned) -> Fate:
        """Of a whole code."""
        ...

    def may_be_kept(self, beginning: str) -> bool:
        """Whether a code that begins so may still turn out to be ours."""
        ...


class StreamLink(Protocol):
    """A conversation with a scanner whose bytes are text: the serial one."""

    def feed(self, data: bytes, now_s: float) -> Sequence[Event]:
        """As `drivers.contract.ReaderConversation`."""
        ...

    def tick(self, now_s: float) -> Sequence[Event]:
        """As `drivers.contract.ReaderConversation`."""
        ...

    @property
    def beginning(self) -> str | None:
        """What has come of the code that is being sent; None when that cannot be told yet."""
        ...

    @property
    def is_between(self) -> bool:
        """Whether no code is being sent."""
        ...


class CodeLink(Protocol):
    """A conversation with a scanner that gives whole codes."""

    def codes(self, data: bytes, now_s: float) -> Sequence[tuple[bytes, Event | None]]:
        """Each code as bytes, and what it was read as."""
        ...

    def outgoing(self) -> bytes:
        """As `drivers.contract.ReaderConversation`."""
        ...


class SharedReader(Protocol):
    """A conversation that says, beside its events, what goes on to the POS."""

    def feed(self, data: bytes, now_s: float) -> tuple[bytes, Sequence[Event]]:
        """Bytes of the scanner in any slicing: (what the POS is sent, what we are told)."""
        ...

    def tick(self, now_s: float) -> tuple[bytes, Sequence[Event]]:
        """Time passed without bytes."""
        ...

    def outgoing(self, from_pos: bytes) -> bytes:
        """What the scanner is sent; `from_pos` is what the POS sent to it."""
        ...


class SharedBytes:
    """Shares a scanner whose bytes are text; see `SharedReader`."""

    def __init__(self, link: StreamLink, judge: Judge) -> None:
        self._link = link
        self._judge = judge
        self._held = bytearray()
        self._is_passing = False  # the rest of this code goes on as it comes
        self._is_swallowing = False  # a code was kept: what ends it is kept too
        self._heard_at_s = 0.0

    def feed(self, data: bytes, now_s: float) -> tuple[bytes, Sequence[Event]]:
        """As the contract says."""
        passed, events = bytearray(), list[Event]()
        self._silence(now_s, passed, events)
        if data:
            self._heard_at_s = now_s
        for byte in data:
            self._take(byte, now_s, passed, events)
        if self._held and not self._link.is_between:
            beginning = self._link.beginning
            is_too_long = len(self._held) > HELD_MAX
            if is_too_long or (beginning is not None and not self._judge.may_be_kept(beginning)):
                self._release(passed)
                self._is_passing = True
        return bytes(passed), events

    def tick(self, now_s: float) -> tuple[bytes, Sequence[Event]]:
        """As the contract says."""
        passed, events = bytearray(), list[Event]()
        self._silence(now_s, passed, events)
        return bytes(passed), events

    def outgoing(self, from_pos: bytes) -> bytes:
        """What the POS sends (a beep, a trigger) reaches its scanner unchanged."""
        return from_pos

    def _silence(self, now_s: float, passed: bytearray, events: list[Event]) -> None:
        found = self._link.tick(now_s)
        if found:
            self._settle(found, passed, events)
        if self._link.is_between:  # silence ended the code, or threw half of one away: the POS gets what there was
            self._release(passed)
            self._is_passing = False
        if now_s - self._heard_at_s >= SWALLOW_S:
            self._is_swallowing = False
            if not self._link.beginning:  # a frame that was opened and holds nothing
                self._release(passed)

    def _take(self, byte: int, now_s: float, passed: bytearray, events: list[Event]) -> None:
        self._is_swallowing = self._is_swallowing and byte in _ENDINGS
        if not self._is_swallowing:
            (passed if self._is_passing else self._held).append(byte)
        found = self._link.feed(bytes((byte,)), now_s)
        if found:
            self._settle(found, passed, events)
        elif self._link.is_between:
            self._release(passed)
            self._is_passing = False
        elif _ENDINGS.issuperset(self._held):  # the rest of an end (LF after CR) belongs to the code before it
            self._release(passed)

    def _settle(self, found: Sequence[Event], passed: bytearray, events: list[Event]) -> None:
        for event in found:
            fate = self._judge.fate(event) if isinstance(event, CodeScanned) else Fate.POS
            if fate is Fate.OURS:
                self._held.clear()
                self._is_swallowing = True
            else:
                self._release(passed)
            if fate is not Fate.POS:
                events.append(event)
        self._is_passing = False

    def _release(self, passed: bytearray) -> None:
        passed += self._held
        self._held.clear()


class SharedCodes:
    """Shares a scanner that gives whole codes; see `SharedReader`.

    Args:
        link: the scanner's conversation.
        judge: says whose a code is.
        suffix: what the POS takes for the end of a code.
    """

    def __init__(self, link: CodeLink, judge: Judge, *, suffix: bytes = b"\r") -> None:
        self._link = link
        self._judge = judge
        self._suffix = suffix

    def feed(self, data: bytes, now_s: float) -> tuple[bytes, Sequence[Event]]:
        """As the contract says."""
        passed, events = bytearray(), list[Event]()
        for code, event in self._link.codes(data, now_s):
            fate = self._judge.fate(event) if isinstance(event, CodeScanned) else Fate.POS
            if fate is not Fate.OURS:
                passed += code + self._suffix
            if fate is not Fate.POS and event is not None:
                events.append(event)
        return bytes(passed), events

    def tick(self, now_s: float) -> tuple[bytes, Sequence[Event]]:
        """As the contract says."""
        return self.feed(b"", now_s)

    def outgoing(self, from_pos: bytes) -> bytes:
        """What the POS sends means nothing to a scanner of another kind: thrown away."""
        del from_pos
        return self._link.outgoing()
