"""A chain of shops through some days: tills, shoppers, a centre, and everything that goes wrong between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from sqlalchemy import select

from agent.snapshot import LinkState
from central import schema
from drivers.vocabulary.centre import EnrolAnswer
from simulation.book import Book
from simulation.cashier import Cashier
from simulation.centre import Centre
from simulation.checks import Checks
from simulation.network import Network, SimulatedLine
from simulation.outcome import Outcome
from simulation.shoppers import PROGRAMME, Shoppers
from simulation.till import SimulatedTill, TillClock
from simulation.world import DAY_S, HOUR_S, Plan, World

__all__ = ["Fleet"]

OPEN_S: Final = (8 * HOUR_S, 22 * HOUR_S)
TURN_S: Final = (1_800.0, 4_200.0)  # between two looks at the centre when nobody buys anything
NIGHT_TURN_S: Final = 9_000.0
BACKUP_S: Final = 3 * HOUR_S
LOOKS_S: Final = (2 * HOUR_S, 5 * HOUR_S)  # how often the operator looks at the centre's page
HEALING_S: Final = 2_400.0  # of one round at the end; longer than any request is late
ROUNDS_MAX: Final = 40

#: What befalls one till, so often in a day.
CRASHES, POWER_CUTS, JUMPS, OUTAGES = 0.4, 0.2, 0.15, 0.3
CUT_LASTS_S: Final = ((60.0, 1_800.0), (1_800.0, 6 * HOUR_S), (6 * HOUR_S, 40 * HOUR_S))
CLOCK_JUMPS: Final = (
    timedelta(),
    timedelta(minutes=7),
    timedelta(hours=-3),
    timedelta(days=-3),
    timedelta(days=2),
    timedelta(days=40),
)


def _ignore(_: object) -> None:
    """What becomes of a story, or of progress, that nobody looks at."""


@dataclass(slots=True)
class Fleet:
    """One world.

    Args:
        plan: which.
        folder: empty; everybody's files lie there.
        keep: told each line of the story.
    """

    plan: Plan
    folder: Path
    keep: Callable[[str], None] = _ignore
    world: World = field(init=False)
    network: Network = field(init=False)
    centre: Centre = field(init=False)
    shoppers: Shoppers = field(init=False)
    book: Book = field(init=False)
    checks: Checks = field(init=False)
    tills: list[SimulatedTill] = field(default_factory=list)
    sales: list[str] = field(default_factory=list)
    noticed: set[str] = field(default_factory=set)
    offline_most: int = 0
    _copied_at: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.world = World(self.plan, self.keep)
        self.network = Network(self.world)
        self.centre = Centre(self.folder, self.world)
        self.shoppers = Shoppers(self.plan.customers, self.plan.tills, self.world.random)
        self.book = Book(self.shoppers.opening)
        self.checks = Checks(self.world, self.centre, self.book)

    def run(self, progress: Callable[[float], None] = _ignore) -> Outcome:
        """Through all the days and to a good end; `progress` is told the share of the time that is over.

        Raises:
            Broken: a promise does not hold.
        """
        try:
            self._set_up()
            hours = int(self.world.end_s // HOUR_S)
            for hour in range(1, hours + 1):
                self.world.run_until(hour * HOUR_S)
                self.centre.tend()
                self.offline_most = max(self.offline_most, self._offline())
                self.checks.hourly()
                progress(hour / hours)
            self._heal()
            self.checks.final(self.tills, forked=self._forked(), noticed=self.noticed)
            return self._outcome()
        finally:
            self._close()

    def _offline(self) -> int:
        return sum(1 for one in self.tills if one.is_on and one.desk.link is not LinkState.ONLINE)

    def _outcome(self) -> Outcome:
        return Outcome(
            plan=self.plan,
            steps=self.world.steps,
            sales=len(self.book.sales),
            returns=len(self.book.returned),
            spent=self.book.spent_in_all,
            checks=self.checks.done,
            overspent_max=max(self.book.most_overspent.values(), default=0),
            bound=self.plan.points_cap * max(map(len, self.book.unheard.values()), default=0),
            offline_most=self.offline_most,
            counted=dict(sorted(self.world.counted.items())),
        )

    def _close(self) -> None:
        for till in self.tills:
            if till.is_on:
                till.close()
        self.centre.close()

    # ── Before the first customer ───────────────────────────────────────────────────────────────

    def _set_up(self) -> None:
        self.centre.set_up(PROGRAMME, self.shoppers.members())
        self.centre.make_snapshot()
        for number in range(self.plan.tills):
            name = f"t{number:03d}"
            till = self._till(number, name, self.folder / name, self.centre.enrol(name))
            till.folder.mkdir()
            till.open()
            till.turn()
            self._begin(till, 0.0)
        self._plan_for_all()

    def _till(self, number: int, label: str, folder: Path, identity: EnrolAnswer) -> SimulatedTill:
        random = self.world.random
        clock = TillClock(
            world=self.world,
            random=Random(f"{self.plan.seed} {label}"),  # noqa: S311 - the same names again are what is wanted
            machine_boot=f"{label}-machine-1",
            offset=timedelta(seconds=random.uniform(-20, 20)),
            drift=random.uniform(-5e-5, 5e-5),
            booted_s=self.world.now_s - random.uniform(0, DAY_S),
        )
        line = SimulatedLine(self.world, self.network, self.centre, label, till=identity.till, token=identity.token)
        till = SimulatedTill(
            world=self.world,
            number=number,
            label=label,
            folder=folder,
            identity=identity,
            line=line,
            clock=clock,
            points_cap=self.plan.points_cap,
        )
        self.tills.append(till)
        return till

    def _begin(self, till: SimulatedTill, begin_s: float) -> None:
        """Everything that happens at one till from now on."""
        world, end_s = self.world, self.world.end_s
        cashier = Cashier(world, self.shoppers, self.book, till, self.sales)
        for at_s in world.times(self.plan.receipts * DAY_S / (OPEN_S[1] - OPEN_S[0]), begin_s, end_s):
            if OPEN_S[0] <= at_s % DAY_S < OPEN_S[1]:
                world.at(at_s, cashier.visit)
        for per_day, befalls in (
            (self.plan.cuts, self._cut),
            (CRASHES, self._crash),
            (POWER_CUTS, self._power_cut),
            (JUMPS, self._jump),
        ):
            for at_s in world.times(per_day, begin_s, end_s):
                world.at(at_s, partial(befalls, till))
        self._turns(till)

    def _plan_for_all(self) -> None:
        world = self.world
        for at_s in world.times(OUTAGES, 0.0, world.end_s):
            world.at(at_s, self._outage)
        for day in range(int(self.plan.days) + 1):
            if day * DAY_S + BACKUP_S < world.end_s:
                world.at(day * DAY_S + BACKUP_S, self.centre.back_up)
        for _ in range(self.plan.restores):
            told = world.happens(0.5)
            at_s = world.random.uniform(BACKUP_S + HOUR_S, world.end_s * 0.95)
            world.at(at_s, partial(self._restore, told=told))
        for _ in range(self.plan.clones):
            number = world.random.randrange(self.plan.tills)
            world.at(world.random.uniform(0.15, 0.7) * world.end_s, partial(self._copy, number))
        self._operator()

    # ── What goes wrong ─────────────────────────────────────────────────────────────────────────

    def _turns(self, till: SimulatedTill) -> None:
        """The sync threads of a till that has nothing else to do."""
        if till.is_gone or self.world.now_s >= self.world.end_s:
            return
        if till.is_on:
            till.turn()
        is_day = OPEN_S[0] <= self.world.now_s % DAY_S < OPEN_S[1]
        pause_s = self.world.random.uniform(*TURN_S) if is_day else NIGHT_TURN_S
        self.world.after(pause_s, partial(self._turns, till))

    def _cut(self, till: SimulatedTill) -> None:
        random = self.world.random
        least_s, most_s = random.choice(CUT_LASTS_S)
        lasts_s = random.uniform(least_s, most_s)
        till.line.cut_until_s = max(till.line.cut_until_s, self.world.now_s + lasts_s)
        self.world.tell(till.label, "line cut", f"for {lasts_s / HOUR_S:.1f} h")

    def _outage(self) -> None:
        lasts_s = self.world.random.uniform(120, 3 * HOUR_S)
        self.network.down_until_s = max(self.network.down_until_s, self.world.now_s + lasts_s)
        self.world.tell("centre", "out of service", f"for {lasts_s / HOUR_S:.1f} h")

    def _crash(self, till: SimulatedTill) -> None:
        if till.is_on and not till.is_gone:
            till.crash()

    def _power_cut(self, till: SimulatedTill) -> None:
        if not till.is_on or till.is_gone:
            return
        self.world.tell(till.label, "power cut")
        till.die()
        self.world.after(self.world.random.uniform(60, 2 * HOUR_S), partial(self._power_back, till))

    def _power_back(self, till: SimulatedTill) -> None:
        if till.is_gone or till.is_on:
            return
        till.clock.machine_boot = f"{till.label}-machine-{till.lives + 1}"
        till.clock.booted_s = self.world.now_s
        till.open()
        self.world.tell(till.label, "power back")

    def _jump(self, till: SimulatedTill) -> None:
        till.clock.offset = self.world.random.choice(CLOCK_JUMPS)
        self.world.tell(till.label, "clock set", f"wrong by {till.clock.offset}")

    def _restore(self, *, told: bool) -> None:
        if self.centre.has_backup:
            self.centre.restore(told=told)

    def _copy(self, number: int) -> None:
        """Somebody clones the machine, and both go on."""
        till = self.tills[number]
        if not till.is_on or till.label in self._copied_at:
            return
        label = f"{till.label}c"
        till.copy_files(self.folder / label)
        copy = self._till(number, label, self.folder / label, till.identity)
        copy.is_copy = copy.is_forked = till.is_forked = True
        copy.open()
        self._copied_at[till.label] = till.desk.store.depth().last_sequence
        self.world.tell(till.label, "copied")
        self._begin(copy, self.world.now_s)

    def _forked(self) -> set[str]:
        """Tills that went on beside their copy, both of them."""
        found: set[str] = set()
        for copy in (one for one in self.tills if one.is_copy):
            original = self.tills[copy.number]
            begun = self._copied_at[original.label]
            both = (copy, original)
            moved = [one.identity.epoch > copy.identity.epoch or _last(one) > begun for one in both]
            if all(moved):
                found.add(original.label)
        return found

    # ── People who mend it ──────────────────────────────────────────────────────────────────────

    def _operator(self) -> None:
        """Looks at the centre's page now and then, and does what it asks for."""
        self._mend()
        if self.world.now_s < self.world.end_s:
            self.world.after(self.world.random.uniform(*LOOKS_S), self._operator)

    def _mend(self) -> None:
        for name, epoch in self.centre.forks():
            till = next(one for one in self.tills if one.label == name)
            if epoch != self.centre.epoch_of(name) or not till.is_on:
                continue
            self.noticed.add(name)
            for copy in self.tills:
                if copy.is_copy and copy.number == till.number and not copy.is_gone:
                    self._remove(copy)
            self._enrol_again(till)
        for till in self.tills:
            if till.is_on and not till.is_copy and not self._is_known(till):
                self._enrol_again(till)

    def _is_known(self, till: SimulatedTill) -> bool:
        """Whether a centre that was restored still knows what it gave to this till."""
        return self.centre.epoch_of(till.identity.till) >= till.identity.epoch

    def _remove(self, copy: SimulatedTill) -> None:
        self.world.tell(copy.label, "taken out of service")
        if copy.is_on:
            copy.close()
        copy.is_gone = True

    def _enrol_again(self, till: SimulatedTill) -> None:
        till.identity = self.centre.enrol(till.identity.till)
        till.line.token = till.identity.token
        till.close()
        till.open()
        till.is_forked = False
        self.world.tell(till.label, "enrolled again", f"epoch {till.identity.epoch}")

    # ── The end ─────────────────────────────────────────────────────────────────────────────────

    def _heal(self) -> None:
        """Lines, power and the network are well; everybody says what is left to say."""
        self.network.is_kind = True
        self.network.down_until_s = 0.0
        quiet = 0
        for _ in range(ROUNDS_MAX):
            self.world.run_until(self.world.now_s + HEALING_S)
            for till in self.tills:
                till.line.cut_until_s = 0.0
                self._power_back(till)
                if till.is_on:
                    till.turn()
            self._mend()
            quiet = quiet + 1 if self._is_quiet() else 0
            if quiet == 3:
                return

    def _is_quiet(self) -> bool:
        live = [one for one in self.tills if not one.is_gone]
        with self.centre.database.read() as connection:
            end = connection.scalar(select(schema.feed.c.cursor))
            instance = connection.scalar(select(schema.feed.c.instance))
        cursor = f"{instance}.{end}"
        return all(one.desk.store.depth().waiting == 0 and _cursor(one) == cursor for one in live)


def _cursor(till: SimulatedTill) -> str:
    meta = till.desk.knowledge.replica.meta()
    return meta.cursor if meta is not None else ""


def _last(till: SimulatedTill) -> int:
    """The last envelope of its first epoch; what a machine that was taken away had is all it has."""
    return till.desk.store.depth().last_sequence if till.is_on else 2**60
