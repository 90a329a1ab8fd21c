"""Time as the agent sees it: wall clock, monotonic clock, name of this start; passed in, never called in pure code."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

__all__ = ["Clock", "SystemClock", "uuid7"]


class Clock(Protocol):
    """What the agent asks of time."""

    @property
    def boot_id(self) -> str:
        """Names this start of the agent."""
        ...

    def now(self) -> datetime:
        """The wall clock, aware, UTC."""
        ...

    def uptime_s(self) -> float:
        """Seconds that never go back."""
        ...

    def random_bytes(self, count: int) -> bytes:
        """Randomness for identifiers."""
        ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's own."""

    boot_id: str = field(default_factory=lambda: os.urandom(8).hex())

    def now(self) -> datetime:
        """The wall clock, aware, UTC."""
        return datetime.now(UTC)

    def uptime_s(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def random_bytes(self, count: int) -> bytes:
        """The system's randomness."""
        return os.urandom(count)


def uuid7(now: datetime, random: bytes) -> str:
    """A UUID version 7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, then 74 random bits; sorts by time."""
    value = int(now.timestamp() * 1000).to_bytes(6, "big") + random[:10]
    number = int.from_bytes(value, "big")
    number = (number & ~(0xF << 76)) | (7 << 76)
    number = (number & ~(0x3 << 62)) | (0x2 << 62)
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
