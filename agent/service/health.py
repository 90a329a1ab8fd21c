"""What will stop working unless store IT sees to it: disk, clocks, memory, threads; told before the cashier notices.

It looks when it is asked, every half minute, and opens nothing. Its words name no person, no card and no receipt.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

__all__ = ["CARES", "CLOCK_OFF_S", "DISK_LEAST", "DISK_LOW", "Health", "HealthWarning"]

log = logging.getLogger(__name__)

DISK_LEAST: Final = 64 * 1024 * 1024  # a day of receipts and the room SQLite needs for its log
DISK_LOW: Final = 512 * 1024 * 1024
CLOCK_OFF_S: Final = 120.0  # more is no drift
CLOCK_BROKEN_S: Final = 600.0  # signatures and leases are judged by less
REGISTER_OFF_S: Final = 600.0  # registers are set by hand; five minutes are usual
REGISTER_RECEIPTS: Final = 3  # a receipt printed again has an old time: the best of so many counts
LATE_S: Final = 93_600.0  # 26 h: a time further away than any zone is another day's receipt, not a clock
SILENT_S: Final = 600.0  # a device's or the line's thread; a register read back after a week takes its time
MEMORY_SHARE: Final = 0.8
QUEUE_OLD_S: Final = 86_400.0

#: Kind of warning → what the panel is told, for the few that a cashier may pass on.
CARES: Final[Mapping[str, str]] = {"disk_full": "disk", "clock": "clock"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthWarning:
    """One thing that should be mended.

    Attributes:
        code: the kind, one of the doctor's (`agent/doctor/advice.toml`).
        severity: "failed" when something does not work by now.
        words: what was seen; nothing about any person.
    """

    code: str
    severity: Literal["warning", "failed"]
    words: str


@dataclass(slots=True, kw_only=True)
class Health:
    """How the machine and the agent on it are.

    Args:
        folder: the state folder.
        memory_max_mb: the ceiling of ``[service]``; 0 is none.
        ages_s: name of a thread → seconds since it came round.
        memory_mb: how much the process holds.
        waiting_oldest_at: birth of the oldest envelope that waits (RFC 3339), "" for none.
        shelved: how many the centre refused.
        troubles: sentences about parts that could not start.
        free: free bytes where a folder lies.
        now: the wall clock.
    """

    folder: Path
    memory_max_mb: int
    ages_s: Callable[[], Mapping[str, float]]
    memory_mb: Callable[[], int]
    waiting_oldest_at: Callable[[], str]
    shelved: Callable[[], int]
    troubles: Callable[[], int]
    free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _offset_s: float | None = field(default=None, init=False)
    _registers: dict[str, deque[float]] = field(default_factory=dict, init=False)
    _said: frozenset[str] = field(default=frozenset(), init=False)
    _turn: threading.Lock = field(default_factory=threading.Lock, init=False)

    # ── Told ────────────────────────────────────────────────────────────────────────────────────

    def centre_told(self, moment: datetime) -> None:
        """The Date of an answer of the centre's, just come; from any thread."""
        self._offset_s = (self.now() - moment).total_seconds()

    def register_told(self, device: str, moment: datetime) -> None:
        """The time on a receipt that a printer or a register has just made; from any thread, never waits."""
        off_s = (self.now() - moment).total_seconds()
        if abs(off_s) <= LATE_S:
            self._registers.setdefault(device, deque(maxlen=REGISTER_RECEIPTS)).append(off_s)

    # ── Asked ───────────────────────────────────────────────────────────────────────────────────

    def clock_offset_s(self) -> float | None:
        """How far the till's clock is ahead of the centre's, to a second; None before the centre has answered."""
        return self._offset_s

    def register_offsets_s(self) -> dict[str, float]:
        """How far the till's clock is ahead of each printer's; the nearest of its last receipts counts."""
        return {
            device: min(offsets.copy(), key=abs)
            for device, offsets in list(self._registers.items())
            if len(offsets) == REGISTER_RECEIPTS
        }

    def disk_free_bytes(self) -> int | None:
        """Where the state folder lies; None when the system does not say."""
        try:
            return self.free(self.folder)
        except OSError:
            return None

    def warnings(self) -> tuple[HealthWarning, ...]:
        """Everything that should be mended, the worst first."""
        found = [*self._disk(), *self._clocks(), *self._inside(), *self._queue()]
        return tuple(sorted(found, key=lambda one: one.severity != "failed"))

    def look(self) -> tuple[str, ...]:
        """Log what is new, and return what the panel shows of it, each word once."""
        found = self.warnings()
        with self._turn:
            codes = frozenset(one.code for one in found)
            for one in found:
                if one.code not in self._said:
                    log.warning("health.%s %s", one.code, one.words)
            for gone in sorted(self._said - codes):
                log.info("health.%s is well again", gone)
            self._said = codes
        return tuple(dict.fromkeys(CARES[one.code] for one in found if one.code in CARES))

    # ── Kinds ───────────────────────────────────────────────────────────────────────────────────

    def _disk(self) -> list[HealthWarning]:
        left = self.disk_free_bytes()
        if left is None or left >= DISK_LOW:
            return []
        words = f"{left // (1024 * 1024)} MiB are free on the till's disk"
        return [HealthWarning(code="disk_full", severity="failed" if left < DISK_LEAST else "warning", words=words)]

    def _clocks(self) -> list[HealthWarning]:
        found = []
        off_s = self._offset_s
        if off_s is not None and abs(off_s) > CLOCK_OFF_S:
            words = f"the till's clock is {_off(off_s)} the centre's"
            severity: Literal["warning", "failed"] = "failed" if abs(off_s) > CLOCK_BROKEN_S else "warning"
            found.append(HealthWarning(code="clock", severity=severity, words=words))
        for device, offset_s in self.register_offsets_s().items():
            if abs(offset_s) > REGISTER_OFF_S:
                words = f"the till's clock is {_off(offset_s)} that of {device}, as its receipts show"
                found.append(HealthWarning(code="register_clock", severity="warning", words=words))
        return found

    def _inside(self) -> list[HealthWarning]:
        found = []
        held, most = self.memory_mb(), self.memory_max_mb
        if most and held > most * MEMORY_SHARE:
            words = f"{held} of {most} MB (service.memory_max_mb) are held"
            found.append(HealthWarning(code="memory", severity="warning", words=words))
        for name, age_s in self.ages_s().items():
            if age_s > SILENT_S:
                words = f"thread {name} has not come round for {age_s // 60:.0f} min"
                found.append(HealthWarning(code="thread_silent", severity="warning", words=words))
        if self.troubles():
            words = f"{self.troubles()} part(s) could not start"
            found.append(HealthWarning(code="part_broken", severity="failed", words=words))
        return found

    def _queue(self) -> list[HealthWarning]:
        found = []
        born = self.waiting_oldest_at()
        age_s = (self.now() - datetime.fromisoformat(born)).total_seconds() if born else 0.0
        if age_s > QUEUE_OLD_S:
            words = f"receipts have waited for the centre for {age_s // 3600:.0f} h"
            found.append(HealthWarning(code="queue_old", severity="failed", words=words))
        if self.shelved():
            words = f"the centre has refused {self.shelved()} envelope(s)"
            found.append(HealthWarning(code="queue_shelved", severity="warning", words=words))
        return found


def ages(turns: Mapping[str, float | None], now_s: float | None = None) -> dict[str, float]:
    """Moments of a monotonic clock as ages; a thread that has not begun has none."""
    now_s = time.monotonic() if now_s is None else now_s
    return {name: max(0.0, now_s - turn) for name, turn in turns.items() if turn is not None}


def _off(seconds: float) -> str:
    way = "ahead of" if seconds > 0 else "behind"
    size = abs(seconds)
    amount = f"{size:.0f} s" if size < 600 else f"{size / 60:.0f} min" if size < 7200 else f"{size / 3600:.1f} h"
    return f"{amount} {way}"
