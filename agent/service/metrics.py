"""What `/metrics` tells a monitoring system: numbers of this till in Prometheus's text form, made when asked.

No label names a customer, a card or a receipt. Source: Prometheus, "Text-based format" (version 0.0.4).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agent.service.health import Health
from agent.service.tally import BUCKETS_S, Tally
from agent.snapshot import LinkState, Snapshot

if TYPE_CHECKING:
    from agent.service.logs import Counts

__all__ = ["METRICS", "Collector", "Sample", "render"]

#: Name → (type, help); docs/monitoring.md has the same table, and a test compares.
METRICS: Final[Mapping[str, tuple[str, str]]] = {
    "tillpoint_info": ("gauge", "1; version, till and shop are its labels."),
    "tillpoint_up_seconds": ("gauge", "Since the agent started."),
    "tillpoint_envelopes_total": ("counter", "Written since the start, by kind; receipts are receipt.confirmed."),
    "tillpoint_decision_seconds": ("histogram", "What the till thread took for a question, by what was asked."),
    "tillpoint_dropped_events_total": ("counter", "Events that a full inbox did not take."),
    "tillpoint_queue_envelopes": ("gauge", "Waiting for the centre."),
    "tillpoint_queue_oldest_seconds": ("gauge", "Age of the oldest of them."),
    "tillpoint_queue_refused": ("gauge", "Refused by the centre."),
    "tillpoint_centre_up": ("gauge", "1 while the centre answers."),
    "tillpoint_offline_seconds": ("gauge", "For so long it has not answered; 0 while it does."),
    "tillpoint_device_up": ("gauge", "1 while the device can be used."),
    "tillpoint_thread_age_seconds": ("gauge", "Since a thread came round."),
    "tillpoint_memory_bytes": ("gauge", "Held by the process."),
    "tillpoint_disk_free_bytes": ("gauge", "Where the state folder lies."),
    "tillpoint_file_bytes": ("gauge", "Size of the databases, their logs counted."),
    "tillpoint_replica_age_seconds": ("gauge", "Since the last news of the centre were stored."),
    "tillpoint_clock_offset_seconds": ("gauge", "The till's clock minus the centre's."),
    "tillpoint_register_clock_offset_seconds": ("gauge", "The till's clock minus the one on a printer's receipts."),
    "tillpoint_warnings": ("gauge", "1 for each kind of warning that stands."),
    "tillpoint_log_lines_total": ("counter", "Lines of the log at warning, and at error or above."),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One number: the name of a row of `METRICS` (with a histogram's ending), its labels, its value."""

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


def render(samples: Iterable[Sample]) -> str:
    """The text: each metric's help and type once, before its samples; the order is that of the table."""
    rows: dict[str, list[str]] = {}
    for one in samples:
        base = one.name
        for ending in ("_bucket", "_sum", "_count"):
            if base not in METRICS:
                base = one.name.removesuffix(ending)
        rows.setdefault(base, []).append(f"{one.name}{_labels(one.labels)} {_number(one.value)}")
    lines = []
    for name, (kind, words) in METRICS.items():
        if name in rows:
            lines += [f"# HELP {name} {words}", f"# TYPE {name} {kind}", *rows[name]]
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    escaped = {
        key: value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") for key, value in labels.items()
    }
    return "{" + ",".join(f'{key}="{value}"' for key, value in escaped.items()) + "}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(round(value, 6))


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """Gathers the numbers of one agent; on the asking thread, in a few milliseconds.

    Args:
        version: the agent's.
        folder: the state folder.
        snapshot: the newest.
        health: disk, clocks, warnings.
        ages_s: name of a thread → seconds since it came round.
        memory_bytes: held by the process.
        tally: the till thread's times.
        written: kind of envelope → how many since the start.
        dropped: events that were not taken.
        log_counts: lines of the log; None without a log of our own.
        started_s: when the agent started, in seconds of a monotonic clock.
        now: the wall clock.
    """

    version: str
    folder: Path
    snapshot: Callable[[], Snapshot]
    health: Health
    ages_s: Callable[[], Mapping[str, float]]
    memory_bytes: Callable[[], int]
    tally: Tally
    written: Callable[[], Mapping[str, int]]
    dropped: Callable[[], int]
    log_counts: Counts | None
    started_s: float
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def text(self) -> str:
        """All of it."""
        return render(self.samples())

    def samples(self) -> Iterator[Sample]:
        """All of it, as values."""
        seen = self.snapshot()
        yield Sample("tillpoint_info", 1, {"version": self.version, "till": seen.till, "shop": seen.shop})
        yield Sample("tillpoint_up_seconds", time.monotonic() - self.started_s)
        for kind, count in sorted(self.written().items()):
            yield Sample("tillpoint_envelopes_total", count, {"kind": kind})
        yield from self._decisions()
        yield Sample("tillpoint_dropped_events_total", self.dropped())
        yield from self._centre(seen)
        for device in seen.devices:
            yield Sample("tillpoint_device_up", device.state == "on", {"device": device.name, "driver": device.driver})
        for name, age_s in sorted(self.ages_s().items()):
            yield Sample("tillpoint_thread_age_seconds", age_s, {"thread": name})
        yield from self._machine()
        if self.log_counts is not None:
            yield Sample("tillpoint_log_lines_total", self.log_counts.warnings, {"level": "warning"})
            yield Sample("tillpoint_log_lines_total", self.log_counts.errors, {"level": "error"})

    def _decisions(self) -> Iterator[Sample]:
        name = "tillpoint_decision_seconds"
        for what, times in sorted(self.tally.times.items()):
            counts = list(times.counts)
            for place, end in enumerate(BUCKETS_S):
                yield Sample(f"{name}_bucket", sum(counts[: place + 1]), {"what": what, "le": f"{end:g}"})
            yield Sample(f"{name}_bucket", sum(counts), {"what": what, "le": "+Inf"})
            yield Sample(f"{name}_sum", times.total_s, {"what": what})
            yield Sample(f"{name}_count", sum(counts), {"what": what})

    def _centre(self, seen: Snapshot) -> Iterator[Sample]:
        yield Sample("tillpoint_queue_envelopes", seen.waiting)
        yield Sample("tillpoint_queue_oldest_seconds", self._age_s(seen.waiting_oldest_at))
        yield Sample("tillpoint_queue_refused", seen.shelved)
        yield Sample("tillpoint_centre_up", seen.link is LinkState.ONLINE)
        yield Sample("tillpoint_offline_seconds", self._age_s(seen.offline_since))
        stored_at = _replica_stored_at(self.folder / "replica.db")
        if stored_at:
            yield Sample("tillpoint_replica_age_seconds", self._age_s(stored_at))

    def _machine(self) -> Iterator[Sample]:
        yield Sample("tillpoint_memory_bytes", self.memory_bytes())
        left = self.health.disk_free_bytes()
        if left is not None:
            yield Sample("tillpoint_disk_free_bytes", left)
        for name in ("till.db", "replica.db"):
            yield Sample("tillpoint_file_bytes", _bytes_of(self.folder, name), {"file": name})
        offset_s = self.health.clock_offset_s()
        if offset_s is not None:
            yield Sample("tillpoint_clock_offset_seconds", offset_s)
        for device, off_s in self.health.register_offsets_s().items():
            yield Sample("tillpoint_register_clock_offset_seconds", off_s, {"device": device})
        for code in sorted({one.code for one in self.health.warnings()}):
            yield Sample("tillpoint_warnings", 1, {"code": code})

    def _age_s(self, moment: str) -> float:
        return max(0.0, (self.now() - datetime.fromisoformat(moment)).total_seconds()) if moment else 0.0


def _replica_stored_at(path: Path) -> str:
    """When the last page was stored, "" before the first."""
    from offline_queue.errors import StoreError
    from offline_queue.replica_reader import ReplicaReader

    try:
        with ReplicaReader.open(path) as reader:
            meta = reader.meta()
    except StoreError:
        return ""
    return meta.stored_at if meta is not None else ""


def _bytes_of(folder: Path, name: str) -> int:
    """A database with its write-ahead log."""
    total = 0
    for path in (folder / name, folder / f"{name}-wal"):
        try:
            total += path.stat().st_size
        except OSError:
            continue
    return total
