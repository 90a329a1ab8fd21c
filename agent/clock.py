"""Time as the agent sees it: wall clock, monotonic clock, name of this start; passed in, never called in pure code."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

__all__ = ["Clock", "SystemClock", "uuid7"]


class Clock(Protocol):
    """What the agent asks of time."""

    @property
    def boot_id(self) -> str:
        """Names this start of the agent."""
        ...

    @property
    def machine_boot(self) -> str:
        """Names this start of the machine, or "" when the system does not tell."""
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


def _machine_boot() -> str:
    """Linux names each start (random(4), boot_id); Windows counts them (BootId, written at each start)."""
    if sys.platform == "win32":
        import winreg

        path = r"SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters"
        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path) as key:
                return str(winreg.QueryValueEx(key, "BootId")[0])
        except OSError:
            return ""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's own."""

    boot_id: str = field(default_factory=lambda: os.urandom(8).hex())
    machine_boot: str = field(default_factory=_machine_boot)

    def now(self) -> datetime:
        """The wall clock, aware, UTC."""
        return datetime.now(UTC)

    def uptime_s(self) -> float:
        """Seconds that never go back, and go on while the machine sleeps."""
        if sys.platform == "linux":
            return time.clock_gettime(time.CLOCK_BOOTTIME)
        return time.monotonic()  # on Windows it counts sleep too

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
