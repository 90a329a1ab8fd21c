"""One agent watched: which of its threads live, what should be mended, numbers for a monitoring system, a quiet moment.

It belongs to the composition root, since it knows every part; it opens nothing and changes nothing but what the panel
shows of it.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from agent.service.beats import Beats
from agent.service.health import Health, ages
from agent.service.pulse import Pulse, resident_mb
from agent.settings import Settings
from agent.snapshot import Screen
from agent.till import Till
from agent.till_loop import CareChanged

if TYPE_CHECKING:
    from agent.doors.server import DoorServer
    from agent.service.logs import Counts
    from agent.sync.service import SyncService
    from drivers.vocabulary.fleet import TillReport

__all__ = ["Watching"]

#: Threads that run from start to stop; a visit, a look-up, a warm-up comes and goes.
_OURS: Final = ("till", "doors", "sync-", "reader-", "inline-", "polling-", "slips-", "visits-", "reports-", "ledger-")
#: After the last word of a till or byte of a receipt; between two receipts at a queue there is more.
QUIET_S: Final = 15.0
#: A till asks its printer how it is with a few bytes, all day long; a receipt comes in larger pieces.
ASKING_BYTES_MAX: Final = 8


@dataclass(slots=True, kw_only=True)
class Watching:
    """See the file.

    Args:
        settings: of the whole agent.
        till: the till thread and what it shows.
        beats: the flag that every thread looks at.
        doors: the doors, once they are open.
        sync: the sync, once it runs.
        troubles: sentences about parts that could not start.
        log_counts: lines of the log, None without a log of our own.
    """

    settings: Settings
    till: Till
    beats: Beats
    doors: Callable[[], DoorServer | None]
    sync: Callable[[], SyncService | None]
    troubles: Callable[[], Sequence[str]]
    log_counts: Counts | None = None
    health: Health = field(init=False)
    _started_s: float = field(default_factory=time.monotonic, init=False)
    _began_at: datetime = field(default_factory=lambda: datetime.now(UTC), init=False)
    _printing_s: float = field(default=-math.inf, init=False)
    _others: frozenset[threading.Thread] = field(default_factory=lambda: frozenset(threading.enumerate()), init=False)
    _care: tuple[str, ...] = field(default=(), init=False)

    def __post_init__(self) -> None:
        self.health = Health(
            folder=self.settings.state_folder,
            memory_max_mb=self.settings.service.memory_max_mb,
            ages_s=self.ages_s,
            memory_mb=resident_mb,
            waiting_oldest_at=lambda: self.till.snapshot.waiting_oldest_at,
            shelved=lambda: self.till.snapshot.shelved,
            troubles=lambda: len(self.troubles()),
        )
        self.till.told_time = self.health.register_told

    def pulse(self) -> Pulse:
        """What tells whether all of this lives; made once everything has been started."""
        awaited = [one for one in threading.enumerate() if one.name.startswith(_OURS) and one not in self._others]
        return Pulse(
            turns=self._judged,
            gone=lambda: tuple(sorted(one.name for one in awaited if not one.is_alive())),
            memory_mb=resident_mb,
            memory_max_mb=self.settings.service.memory_max_mb,
        )

    def ages_s(self) -> dict[str, float]:
        """Name of each thread that runs from start to stop → seconds since it came round."""
        turns: dict[str, float | None] = dict(self._judged())
        alive = {one.name for one in threading.enumerate()}
        turns |= {name: turn for name, turn in self.beats.turns.items() if name.startswith(_OURS) and name in alive}
        sync = self.sync()
        turns |= sync.turns if sync is not None else {}
        return ages(turns)

    def heard(self, count: int) -> None:
        """A till has sent so many bytes to its printer; from any thread, never waits."""
        if count > ASKING_BYTES_MAX:
            self._printing_s = time.monotonic()

    def is_quiet(self, now_s: float) -> bool:
        """Whether nobody is at the till: no receipt in progress, nothing asked and nothing printed for a while."""
        seen = self.till.snapshot
        is_idle = seen.screen is Screen.IDLE and seen.customer is None and seen.quote is None
        is_summing = seen.sale is not None and seen.sale.total is not None
        return is_idle and not is_summing and now_s - max(self.till.asked_s, self._printing_s) >= QUIET_S

    def look(self) -> None:
        """Log new warnings and show the panel what concerns it; called now and then."""
        care = self.health.look()
        if care != self._care:
            self._care = care
            self.till.emit(CareChanged(care))

    def report(self) -> TillReport:
        """What the centre is told of this till; on a thread that may wait for the disk."""
        from agent.fleet_report import make_report
        from agent.sync.client import own_version

        return make_report(
            version=own_version(),
            folder=self.settings.state_folder,
            snapshot=self.till.snapshot,
            warnings=self.health.warnings(),
            memory_mb=resident_mb(),
            started_at=self._began_at,
        )

    def metrics(self) -> str:
        """All numbers as text; on a thread that may wait for the disk."""
        from agent.service.metrics import Collector
        from agent.sync.client import own_version

        return Collector(
            version=own_version(),
            folder=self.settings.state_folder,
            snapshot=lambda: self.till.snapshot,
            health=self.health,
            ages_s=self.ages_s,
            memory_bytes=lambda: resident_mb() * 1024 * 1024,
            tally=self.till.tally,
            written=lambda: self.till.written,
            dropped=lambda: self.till.dropped_events,
            log_counts=self.log_counts,
            started_s=self._started_s,
        ).text()

    def _judged(self) -> Mapping[str, float | None]:
        """The threads that a till cannot be without; the others wait for devices and lines, as long as those take."""
        doors = self.doors()
        return {"till": self.till.came_round_s, "doors": doors.came_round_s if doors is not None else None}
