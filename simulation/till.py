"""A till of a simulated world: the real desk, files and sync steps; threads, sockets and the machine are invented."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from agent.checkout.codes.recogniser import Recogniser
from agent.checkout.customers.knowledge import Knowledge
from agent.checkout.desk import Desk
from agent.checkout.programmes import Programmes
from agent.checkout.state import DeskRules, TillName
from agent.clock import uuid7
from agent.slips.compose import SlipStyle
from agent.snapshot import LinkState
from agent.sync.downloader import Downloader
from agent.sync.errors import CentreRefused, CentreUnavailable
from agent.sync.lease_turn import EVERY_S, LeaseTurn
from agent.sync.link import Link
from agent.sync.loop import Step
from agent.sync.replica_file import ReplicaFile
from agent.sync.uploader import Settlement, Uploader
from drivers.vocabulary import checkout as contract
from drivers.vocabulary import phones
from drivers.vocabulary.centre import EnrolAnswer, HoldGrant, HoldWanted
from offline_queue.database import Tuning
from offline_queue.envelope import Envelope
from offline_queue.reader import OutboxReader
from offline_queue.replica import ReplicaReader
from offline_queue.store import TillStore
from simulation.network import Crashed, SimulatedLine
from simulation.world import World

__all__ = ["SimulatedTill", "TillClock"]

HOLD_TTL_S: Final = 900  # as the agent asks for it
STEPS_MAX: Final = 400  # of one sync thread in one turn: a whole month of envelopes, or a whole replica
LEASES_EVERY_S: Final = 3_600.0  # instead of each minute: what a till is given it is given a little later
KEEP: Final = timedelta(days=90)

#: What would be lost with the power is the matter of the crash rigs; here nothing waits for a disk.
_NO_WAIT: Final = Tuning(synchronous="OFF")


@dataclass(slots=True)
class TillClock:
    """A wall clock that is wrong and jumps, an uptime that drifts and begins anew with the machine.

    Attributes:
        offset: how wrong the wall clock is.
        drift: of the uptime, as a share.
    """

    world: World
    random: Random
    machine_boot: str
    offset: timedelta = timedelta()
    drift: float = 0.0
    booted_s: float = 0.0
    boot_id: str = "start-1"

    def now(self) -> datetime:
        """The wall clock."""
        return self.world.now + self.offset

    def uptime_s(self) -> float:
        """Since the machine was started."""
        return (self.world.now_s - self.booted_s) * (1 + self.drift)

    def random_bytes(self, count: int) -> bytes:
        """The same for the same seed."""
        return self.random.randbytes(count)


@dataclass(slots=True, kw_only=True)
class SimulatedTill:
    """One machine beside one till.

    Attributes:
        number: of the till; a copy has the number of its original.
        label: for the story and for the uids of its receipts.
        is_on: the machine has power and the agent runs.
        is_copy: its files are a copy of another machine's.
        is_forked: it, or a copy of it, goes on with the same identity: what both spend is counted apart.
        is_gone: the operator has taken it out of service.
    """

    world: World
    number: int
    label: str
    folder: Path
    identity: EnrolAnswer
    line: SimulatedLine
    clock: TillClock
    points_cap: int = 0
    is_on: bool = False
    is_copy: bool = False
    is_forked: bool = False
    is_gone: bool = False
    desk: Desk = field(init=False)
    link: Link = field(init=False)
    uploader: Uploader = field(init=False)
    downloader: Downloader = field(init=False)
    lives: int = 0

    # ── The machine ─────────────────────────────────────────────────────────────────────────────

    def open(self) -> None:
        """Start the agent on what is on disk."""
        self.lives += 1
        self.clock.boot_id = f"{self.label}-{self.lives}"
        store = TillStore.open(self.folder / "till.db", epoch=self.identity.epoch, ballast_bytes=0, tuning=_NO_WAIT)
        replica = ReplicaReader.open(self.folder / "replica.db")
        self.desk = Desk(
            store=store,
            knowledge=Knowledge(replica, store, bytes.fromhex(self.identity.tenant_key)),
            clock=self.clock,
            name=TillName(shop="s1", till=self.identity.till),
            rules=DeskRules(
                currency="RUB",
                hide_after=timedelta(seconds=60),
                forget_after=timedelta(minutes=15),
                points_cap=self.points_cap,
                refuses_single_use=False,
                hold_for=timedelta(minutes=15),
                keep=KEEP,
                columns=42,
                slip=SlipStyle(language="en", zone=ZoneInfo("Europe/Moscow"), title="shown"),
            ),
            recogniser=Recogniser(normalise_phone=partial(phones.normalise, region="RU")),
            programmes=Programmes(
                store=store, replica=replica, clock=self.clock, enrolled=self.identity.programme_keys, url="centre"
            ),
        )
        self.link = Link(self.desk.link_changed)
        self.uploader = Uploader(
            connect=lambda: self.line,
            open_source=lambda: OutboxReader.open(self.folder / "till.db"),
            settle=self._settle,
            epoch=self.identity.epoch,
            lose=self._lose,
            reseal=self._reseal,
            leases=LeaseTurn(
                report=self.desk.lease_report,
                keep=self.desk.take_leases,
                monotonic=lambda: self.clock.uptime_s() * EVERY_S / LEASES_EVERY_S,
            ),
        )
        self.downloader = Downloader(
            connect=lambda: self.line,
            open_replica=lambda: ReplicaFile.open(
                self.folder / "replica.db", self.clock.now, while_unread=self._while_unread
            ),
            changed=self.desk.replica_changed,
            loading=lambda done, of: None,  # noqa: ARG005 - named for the reader
            monotonic=self.clock.uptime_s,
        )
        self.uploader.open()
        self.downloader.open()
        self.is_on = True

    def close(self) -> None:
        """End in good order."""
        self.is_on = False
        self.uploader.close()
        self.downloader.close()
        self.desk.close()

    def die(self) -> None:
        """As `kill -9` does it: what is on disk at this moment is all that there is afterwards."""
        left = self.folder.with_name(f"{self.folder.name}.{self.lives}")
        self.copy_files(left)
        self.close()
        shutil.rmtree(self.folder)
        left.rename(self.folder)

    def copy_files(self, target: Path) -> None:
        """What is on disk now, the logs that SQLite recovers from included."""
        target.mkdir()
        for name in ("till.db", "till.db-wal", "replica.db", "replica.db-wal"):
            if (self.folder / name).exists():
                shutil.copyfile(self.folder / name, target / name)
        for build in self.folder.glob("replica.db.*"):
            if build.suffix not in {".lock", ".db-shm"}:
                shutil.copyfile(build, target / build.name)

    def crash(self) -> None:
        """The agent dies and is started again at once."""
        self.world.tell(self.label, "crashed")
        self.die()
        self.open()

    # ── Sync ────────────────────────────────────────────────────────────────────────────────────

    def turn(self) -> None:
        """What the two sync threads do when they wake up, and the till when nothing happens."""
        try:
            self.desk.tick()
            for work in (self.uploader, self.downloader):
                self._work(work)
        except Crashed:
            self.crash()

    def _work(self, work: Step) -> None:
        """As `agent.sync.loop` does it, without its waiting."""
        for _ in range(STEPS_MAX):
            try:
                done = work.step()
            except CentreUnavailable as error:
                self.link.down(work.name, str(error))
                return
            except CentreRefused as error:
                self.link.trouble(work.name, str(error))
                return
            if done.answered:
                self.link.up(work.name)
            if done.pause_s > 0:
                return
        raise self.world.broken("G6", f"{self.label}: the {work.name} does not come to an end")

    def _settle(self, settlement: Settlement) -> None:
        for sequence, reason in settlement.refused.items():
            self.world.tell(self.label, "refused", f"envelope {sequence}: {reason}")
        self.desk.store.settle(epoch=settlement.epoch, through=settlement.through, refused=settlement.refused)

    def _lose(self, epoch: int, sequence: int) -> None:
        """As `agent.sync.service` does it; dying after it is one of the faults."""
        had = self.desk.store.acknowledged().get(epoch, 0)
        with self.desk.store.transaction() as transaction:
            transaction.lose(epoch=epoch, sequence=sequence)
        what = "acknowledged and lost" if sequence <= had else "not taken"
        self.world.tell(self.label, what, f"epoch {epoch} from {sequence}, {had} were acknowledged")
        self._die_now_and_then()

    def _reseal(self, envelopes: Sequence[Envelope]) -> None:
        """The same."""
        with self.desk.store.transaction() as transaction:
            for old in envelopes:
                transaction.seal_again(old, id=uuid7(self.clock.now(), self.clock.random_bytes(10)))
        self.world.tell(self.label, "sealed again", f"{len(envelopes)} envelopes")
        self._die_now_and_then()

    def _die_now_and_then(self) -> None:
        if not self.line.network.is_kind and self.world.happens(0.3):
            raise Crashed

    def _while_unread(self, exchange: Callable[[], None]) -> None:
        self.desk.knowledge.replica.close()
        exchange()

    # ── The checkout, as `agent.till` and `agent.sync.service` join it ──────────────────────────

    def quote(self, request: contract.QuoteRequest) -> tuple[contract.QuoteAnswer, bool]:
        """(the quote, whether the centre gave its word on the points)."""
        answer, wanted = self.desk.quote_and_want(request, ())
        if wanted is None:
            return answer, False
        grant = self._ask_hold(wanted)
        return self.desk.secure(request, answer, (), grant), grant is not None

    def _ask_hold(self, wanted: contract.HoldRequest) -> HoldGrant | None:
        if self.link.state is not LinkState.ONLINE:
            return None
        asked = HoldWanted(
            receipt_uid=wanted.receipt_uid,
            customer_id=wanted.customer_id,
            unit=wanted.unit,
            points=wanted.points,
            ttl_s=HOLD_TTL_S,
        )
        try:
            return self.line.hold(asked)
        except CentreRefused as refused:
            return HoldGrant(id="", points=0, reason=refused.problem.code)
        except CentreUnavailable:
            return None
