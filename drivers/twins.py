"""What a twin shows of itself and can be told, so that anybody can use any of them without knowing its protocol.

`drivers.contract.Twin` is enough to take a device's place on a wire. A twin that keeps `ShownTwin` as well can be
started by `tillpoint simulate` and is played through every trouble by the conformance suite; one of a polled driver
keeps `PulledTwin` too. They are found by shape, so a new driver registers nothing more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from drivers.contract import Twin

__all__ = ["CUT", "Act", "PulledTwin", "Roll", "ServerTwin", "ShownTwin", "Trial", "TwinConnection"]

CUT: Final = "✂"  # a line that begins with it is where the paper was cut
LINES_MAX: Final = 20_000  # a demonstration runs for days; the oldest paper is thrown away


class Roll:
    """The paper that came out: lines, counted from the beginning even when the oldest are gone."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=LINES_MAX)
        self.count = 0

    def put(self, *lines: str) -> None:
        """Print lines."""
        self._lines += lines
        self.count += len(lines)

    def cut(self, columns: int) -> None:
        """Cut, unless it was cut just now."""
        if self._lines and not self._lines[-1].startswith(CUT):
            self.put(CUT + "-" * (columns - 1))

    def since(self, count: int) -> tuple[str, ...]:
        """What was printed after the first `count` lines."""
        fresh = min(max(0, self.count - count), len(self._lines))
        return tuple(self._lines)[len(self._lines) - fresh :]


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A step of a trial: switch a rudeness, then let a till send bytes.

    Attributes:
        rude: the name of a rudeness, "" for none.
        is_on: whether it is switched on or off.
        from_host: what the till sends then.
    """

    rude: str = ""
    is_on: bool = True
    from_host: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Trouble in the middle of a till's work, from its beginning to the time after it.

    Attributes:
        documents: how many documents an in-line driver must have seen to end when all is over.
    """

    name: str
    acts: tuple[Act, ...]
    documents: int


@runtime_checkable
class ShownTwin(Twin, Protocol):
    """A twin with paper that people look at, and with troubles they switch."""

    roll: Roll

    def tick(self, now_s: float) -> bytes:
        """What it says because time passed, b"" for nothing."""
        ...

    def facts(self) -> Mapping[str, str]:
        """How it is, in a few words each (``{"shift": "open", "documents": "12"}``)."""
        ...

    def rudenesses(self) -> Mapping[str, bool]:
        """The name of every rudeness, and whether it holds now.

        Names that mean the same have the same name everywhere: paper_out, cover_open, shift_over_24h,
        printing_interrupted, silence, half_answer, wrong_checksum, duplicate_answer, restart.
        """
        ...

    def set_rude(self, name: str, *, is_on: bool) -> bytes:
        """Switch one; what the device says by itself because of it. Raises ValueError for a name there is not."""
        ...

    def trials(self) -> Sequence[Trial]:
        """Every trouble that a till may meet: no paper, open cover, a shift over 24 hours, interrupted printing."""
        ...


class TwinConnection(Protocol):
    """One of several connections to a twin that serves them at once."""

    is_closed: bool

    def feed(self, data: bytes) -> bytes:
        """Bytes of the other side; what the twin answers."""
        ...


@runtime_checkable
class ServerTwin(ShownTwin, Protocol):
    """A twin that many may be connected to, as to a server; `feed` is for one that is alone."""

    def connection(self) -> TwinConnection:
        """A new connection."""
        ...


@runtime_checkable
class PulledTwin(ShownTwin, Protocol):
    """A twin with a memory of closed documents."""

    def sell(self, count: int) -> None:
        """Close so many receipts as if a till had; other documents (a shift) may come with them."""
        ...
