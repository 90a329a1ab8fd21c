"""Whether the agent is alive: each thread that must go on says so, and what has stopped is named.

A till that hangs is worse than one that starts again: the receipt passes in both, and loyalty is back in seconds.
So whoever watches (systemd, the babysitter on Windows) hears of life only while all of it lives.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Pulse", "resident_mb"]

#: A disk may keep the till thread this long (a card reader's memory card, a virus scanner) and still be a disk.
SILENCE_S: Final = 60.0
#: Of the ceiling: the service manager's own (MemoryMax=) is a third above it, and ends the agent without a word.
HEAVY_SHARE: Final = 1.25
_PAGE_KB: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """Looks at the signs of life.

    Args:
        turns: name of a thread → when it last came round, in seconds of `clock_s`; None before its first turn.
        gone: names of threads that have ended and should not have.
        memory_mb: how much the process holds now, 0 when that is not known.
        memory_max_mb: more than that is a leak; 0 is no limit.
    """

    turns: Callable[[], Mapping[str, float | None]]
    gone: Callable[[], tuple[str, ...]]
    memory_mb: Callable[[], int]
    memory_max_mb: int

    def troubles(self, now_s: float) -> list[str]:
        """A sentence for each thing that is not as it should be; empty while all lives."""
        return [*self.dead(now_s), *self.heavy()]

    def dead(self, now_s: float) -> list[str]:
        """What has stopped: no receipt is read and no question answered by it."""
        found = [f"thread {name} has ended" for name in self.gone()]
        found += [
            f"thread {name} has not come round for {now_s - turn:.0f} s"
            for name, turn in self.turns().items()
            if turn is not None and now_s - turn > SILENCE_S
        ]
        return found

    def heavy(self) -> list[str]:
        """More memory than there may be; the sale goes on, so a quiet moment can be waited for."""
        held = self.memory_mb()
        if not self.memory_max_mb or held <= self.memory_max_mb:
            return []
        return [f"{held} MB are held, more than service.memory_max_mb = {self.memory_max_mb}"]

    @property
    def is_too_heavy_to_wait(self) -> bool:
        """So much that the machine itself is in danger: nothing is waited for."""
        return bool(self.memory_max_mb) and self.memory_mb() > self.memory_max_mb * HEAVY_SHARE


if sys.platform == "win32":

    def resident_mb() -> int:
        """The working set of this process (GetProcessMemoryInfo), in MB; 0 when it cannot be asked."""
        import ctypes
        from ctypes import wintypes

        class Counters(ctypes.Structure):
            _fields_ = (
                ("cb", wintypes.DWORD),
                ("PageFaultCount", wintypes.DWORD),
                *((name, ctypes.c_size_t) for name in ("PeakWorkingSetSize", "WorkingSetSize")),
                *((f"quota{number}", ctypes.c_size_t) for number in range(4)),
                *((name, ctypes.c_size_t) for name in ("PagefileUsage", "PeakPagefileUsage")),
            )

        counters = Counters()
        counters.cb = ctypes.sizeof(counters)
        kernel, psapi = ctypes.windll.kernel32, ctypes.windll.psapi
        kernel.GetCurrentProcess.restype = wintypes.HANDLE
        psapi.GetProcessMemoryInfo.argtypes = (wintypes.HANDLE, ctypes.c_void_p, wintypes.DWORD)
        if not psapi.GetProcessMemoryInfo(kernel.GetCurrentProcess(), ctypes.byref(counters), counters.cb):
            return 0
        return int(counters.WorkingSetSize) // (1 << 20)

else:

    def resident_mb() -> int:
        """The resident set of this process, in MB; 0 when it cannot be asked."""
        try:
            pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        except (OSError, ValueError, IndexError):
            return 0
        return pages * _PAGE_KB // 1024
