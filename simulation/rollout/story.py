"""The story of three releases on a fleet in three rings: a good one, a bad one that stops by itself, the mended one."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from central.releases.fleet import fleet
from drivers.vocabulary.errors import TillpointError
from simulation.rollout.archives import Ill
from simulation.rollout.centre import RolloutCentre
from simulation.rollout.machine import Machine

__all__ = ["Figures", "Plan", "play"]

FIRST, GOOD, BAD, MENDED = "1.0.0", "1.1.0", "1.2.0", "1.2.1"
STEP: Final = timedelta(hours=1)
DAYS_MAX: Final = 14  # of one release; a gate that never opens ends the story
NOON: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How large it is.

    Attributes:
        pilot, early: tills in the first two rings; all others are in the third.
        away: tills of the last ring that are off until the first release is through.
        soak_hours: how long a gate waits.
        ill: what is wrong with the bad release.
        closed: when every shop is, in UTC.
        check_every_s: how often a till asks.
        sell_every_h: at noon, and so many hours after it.
        after_stop_h: how long one looks on after the bad release stopped.
    """

    tills: int = 100
    pilot: int = 5
    early: int = 25
    away: int = 6
    soak_hours: float = 12.0
    ill: Ill = "start"
    closed: str = "22:00-07:00"
    check_every_s: int = 9_000
    sell_every_h: int = 24
    after_stop_h: int = 24


@dataclass(slots=True)
class Figures:
    """What came of it.

    Attributes:
        hours: simulated, from the start of a release until every till that is on has it, or until it stopped.
        tried_bad: tills that switched to the bad release and went back.
        receipts: sold and taken by the centre.
        broken: what did not hold, in words; none when all is well.
    """

    tills: int
    hours: dict[str, float] = field(default_factory=dict)
    opened: dict[str, list[str]] = field(default_factory=dict)
    tried_bad: int = 0
    stop_reason: str = ""
    late: int = 0
    receipts: int = 0
    seconds: float = 0.0
    broken: list[str] = field(default_factory=list)


def play(plan: Plan, folder: Path, told: Callable[[str], None] = lambda line: None) -> Figures:  # noqa: ARG005
    """Tell it once; `told` gets a line for each turn of it."""
    began = time.monotonic()
    morning = datetime.now(UTC).replace(hour=10, minute=0, second=0, microsecond=0)
    centre = RolloutCentre(folder, morning, closed=plan.closed, check_every_s=plan.check_every_s)
    centre.open()
    try:
        story = _Story(plan, centre, told)
        story.tell()
        story.figures.seconds = time.monotonic() - began
        return story.figures
    finally:
        centre.close()


class _Story:
    def __init__(self, plan: Plan, centre: RolloutCentre, told: Callable[[str], None]) -> None:
        self._centre = centre
        self._told = told
        self.figures = Figures(tills=plan.tills)
        names = [f"till-{number:03}" for number in range(plan.tills)]
        self._machines = [centre.enrol(name, FIRST) for name in names]
        self._plan = plan
        pilot, early = names[: plan.pilot], names[plan.pilot : plan.pilot + plan.early]
        centre.ring("pilot", healthy=max(1, plan.pilot // 2), hours=plan.soak_hours, tills=pilot)
        centre.ring("early", healthy=max(1, plan.early // 2), hours=plan.soak_hours, tills=early)
        centre.ring("all", healthy=1, hours=0, tills=[])
        self._away = self._machines[-plan.away :] if plan.away else []
        for machine in self._away:
            machine.is_on = False
        told(f"{plan.tills} tills on {FIRST}; pilot {len(pilot)}, early {len(early)}, {len(self._away)} are off")

    def tell(self) -> None:
        """Good, bad, mended."""
        self._good()
        self._those_who_were_away()
        self._bad()
        self._mended()
        self._look_at_the_fleet()

    def _good(self) -> None:
        on = [one for one in self._machines if one.is_on]
        self._roll(GOOD, until=lambda: all(one.version == GOOD for one in on))
        self._expect(len(self.figures.opened[GOOD]) == 3, f"{GOOD} opened for three rings")

    def _those_who_were_away(self) -> None:
        for machine in self._away:
            machine.is_on = True
        began = self._centre.world.now
        self._pass(lambda: all(one.version == GOOD for one in self._away))
        hours = (self._centre.world.now - began).total_seconds() / 3600
        self.figures.late = sum(one.version == GOOD for one in self._away)
        self._told(f"{self.figures.late} tills that were off have {GOOD} {hours:.0f} h after they came back")

    def _bad(self) -> None:
        sold = {one.name: one.receipts for one in self._machines}
        self._roll(BAD, ill=self._plan.ill, until=lambda: self._centre.progress(BAD).state == "stopped")
        found = self._centre.progress(BAD)
        self.figures.stop_reason = found.reason
        self._told(f"{BAD} stopped by itself: {found.reason}")
        # Afterwards everybody sells, and nobody tries it.
        self._pass(lambda: False, days=self._plan.after_stop_h / 24)
        tried = [one for one in self._machines if any(BAD in switch for switch in one.switches)]
        self.figures.tried_bad = len({one.name for one in tried} | {one.till for one in found.failures})
        first_ring = {f"till-{number:03}" for number in range(self._plan.pilot)}
        self._expect({one.name for one in tried} <= first_ring, f"nobody beyond the first ring tried {BAD}")
        self._expect(bool(found.failures), f"a till said what was wrong with {BAD}")
        self._expect(self.figures.opened[BAD] == ["pilot"], f"{BAD} opened for the first ring alone")
        for one in self._machines:
            self._expect(one.version == GOOD, f"{one.name} runs {GOOD} after {BAD}, not {one.version or 'nothing'}")
            self._expect(one.receipts > sold[one.name], f"{one.name} sold on")
        self._centre.withdraw(BAD, found.reason)

    def _mended(self) -> None:
        self._roll(MENDED, until=lambda: all(one.version == MENDED for one in self._machines))
        for one in self._machines:
            self._expect(one.version == MENDED, f"{one.name} runs {MENDED} in the end, not {one.version}")

    def _look_at_the_fleet(self) -> None:
        view = self._centre.database.reading(lambda connection: fleet(connection, now=self._centre.world.now))
        self._expect(view.whole == len(self._machines), f"{view.whole} tills in the fleet view")
        self._expect(view.by_version == {MENDED: len(self._machines)}, f"the fleet view says {view.by_version}")
        self.figures.receipts = sum(one.receipts for one in self._machines)

    # ── Time ────────────────────────────────────────────────────────────────────────────────────

    def _roll(self, version: str, *, until: Callable[[], bool], ill: Ill = "") -> None:
        """Start a release and let time pass."""
        began = self._centre.world.now
        self._centre.release(version, ill)
        self._pass(until)
        self.figures.hours[version] = (self._centre.world.now - began).total_seconds() / 3600
        rings = self._centre.progress(version).rings
        self.figures.opened[version] = [one.ring for one in rings if one.opened_at is not None]
        runs = Counter(one.version for one in self._machines)
        self._told(f"{version} after {self.figures.hours[version]:.0f} h: {dict(runs)}")

    def _pass(self, until: Callable[[], bool], *, days: float = DAYS_MAX) -> None:
        """Hour by hour until it is so; at noon every till that is on sells."""
        end = self._centre.world.now + timedelta(days=days)
        while not until() and self._centre.world.now < end:
            self._centre.pass_time(STEP)
            for one in self._machines:
                if one.is_on:
                    self._live(one)
        if days == DAYS_MAX and not until():
            raise TillpointError(f"{DAYS_MAX} days were not enough: {Counter(one.version for one in self._machines)}")

    def _live(self, one: Machine) -> None:
        one.visit()
        is_time = (self._centre.world.now.hour - NOON) % self._plan.sell_every_h == 0
        if is_time and not one.sell():
            self.figures.broken.append(f"{one.name} could not sell at {self._centre.world.now:%d.%m. %H:%M}")

    def _expect(self, ok: bool, words: str) -> None:  # noqa: FBT001 - what is expected
        if not ok:
            self.figures.broken.append(f"not so: {words}")
