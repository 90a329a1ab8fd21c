"""Time, chance and the order of things: nothing in a simulated world happens but by its one heap and its one seed."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

__all__ = ["DAY_S", "HOUR_S", "MONDAY", "Broken", "Plan", "World"]

MONDAY: Final = datetime(2026, 3, 2, tzinfo=UTC)  # where every world begins: nothing of today's date is in a run
HOUR_S: Final = 3_600.0
DAY_S: Final = 86_400.0
TAIL: Final = 25  # lines of the story that a failure brings along


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What world it is; with the seed it decides everything.

    Attributes:
        receipts: of one till in a day, about.
        points_cap: what a till without a line may risk of one customer's points; 0 spends only what is promised to it.
        returns: share of visits that bring something back.
        clones: tills whose files are copied to a second machine that goes on selling.
        restores: how often the centre is put back to its newest back-up.
        lease_days: how long the centre leases points.
        cuts: how often a till's line is cut in a day; a third of them last for half a day or more.
        plant: name of a bug that is put in, to see it caught; "" is none.
    """

    seed: int = 1
    tills: int = 50
    customers: int = 20_000
    days: float = 7
    receipts: int = 40
    points_cap: int = 0
    returns: float = 0.06
    clones: int = 1
    restores: int = 1
    lease_days: int = 1
    cuts: float = 1.5
    plant: str = ""


class Broken(Exception):  # noqa: N818 - a promise is broken; the message says which, when and how
    """An invariant does not hold.

    Attributes:
        promise: G1 … G5.
        tail: the last lines of the story.
    """

    def __init__(self, promise: str, message: str, tail: tuple[str, ...] = ()) -> None:
        super().__init__(f"{promise} is broken: {message}")
        self.promise = promise
        self.tail = tail


def _forget(line: str) -> None:
    """What becomes of a story that nobody keeps."""


@dataclass(order=True, slots=True)
class _Due:
    at_s: float
    number: int
    work: Callable[[], None] = field(compare=False)


@dataclass(slots=True)
class World:
    """The clock that everybody's clock is made of, what is still to come, and the story so far.

    Attributes:
        keep: told each line of the story.
        counted: how often each thing happened.
    """

    plan: Plan
    keep: Callable[[str], None] = _forget
    random: Random = field(init=False)
    now_s: float = 0.0
    steps: int = 0
    counted: dict[str, int] = field(default_factory=dict)
    _due: list[_Due] = field(default_factory=list)
    _number: int = 0
    _tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL))

    def __post_init__(self) -> None:
        self.random = Random(self.plan.seed)  # noqa: S311 - the same world again is what is wanted

    @property
    def now(self) -> datetime:
        """True time; no till knows it, the centre does."""
        return MONDAY + timedelta(seconds=self.now_s)

    @property
    def end_s(self) -> float:
        """When the shops close for good."""
        return self.plan.days * DAY_S

    def after(self, seconds: float, work: Callable[[], None]) -> None:
        """Do it then."""
        self.at(self.now_s + seconds, work)

    def at(self, at_s: float, work: Callable[[], None]) -> None:
        """Do it at that time; things of one moment happen in the order in which they were said."""
        self._number += 1
        heapq.heappush(self._due, _Due(at_s, self._number, work))

    def run_until(self, end_s: float) -> None:
        """Let everything happen that is due by then."""
        while self._due and self._due[0].at_s <= end_s:
            due = heapq.heappop(self._due)
            self.now_s = max(self.now_s, due.at_s)
            self.steps += 1
            due.work()
        self.now_s = max(self.now_s, end_s)

    def happens(self, share: float) -> bool:
        """A throw of the dice."""
        return self.random.random() < share

    def times(self, per_day: float, begin_s: float, end_s: float) -> list[float]:
        """Moments of something that happens so often, each as likely as any other."""
        found: list[float] = []
        at_s = begin_s
        while per_day > 0:
            at_s += self.random.expovariate(per_day / DAY_S)
            if at_s >= end_s:
                break
            found.append(at_s)
        return found

    def tell(self, who: str, what: str, detail: str = "") -> None:
        """A line of the story, and one more of its kind."""
        self.counted[what] = self.counted.get(what, 0) + 1
        day, rest = divmod(self.now_s, DAY_S)
        hours, rest = divmod(rest, HOUR_S)
        at = f"{int(day) + 1}d {int(hours):02}:{int(rest // 60):02}:{rest % 60:06.3f}"
        line = f"{at} {who:<8} {what} {detail}".rstrip()
        self._tail.append(line)
        self.keep(line)

    def broken(self, promise: str, message: str) -> Broken:
        """A promise that does not hold, with how it came to it."""
        return Broken(promise, f"day {self.now_s / DAY_S:.2f}, step {self.steps}: {message}", tuple(self._tail))
