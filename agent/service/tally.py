"""How long the till thread takes for what it is asked: counts in fixed classes, written by that one thread."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

__all__ = ["BUCKETS_S", "Tally", "Times"]

#: Upper ends of the classes, in seconds; the promise is 0.05 for a quote, and a second is a disk in trouble.
BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


@dataclass(slots=True)
class Times:
    """One kind of question: how many took how long."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    total_s: float = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        place = next((number for number, end in enumerate(BUCKETS_S) if seconds <= end), len(BUCKETS_S))
        self.counts[place] += 1
        self.total_s += seconds


@dataclass(slots=True)
class Tally:
    """What was asked → its times; a handful of fixed words, so it does not grow."""

    times: dict[str, Times] = field(default_factory=dict)

    def add(self, what: str, seconds: float) -> None:
        """Count one question."""
        found = self.times.get(what)
        if found is None:
            found = self.times[what] = Times()
        found.add(seconds)
