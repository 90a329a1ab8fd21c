"""The centre of a simulated world: the real code on a real database, asked as its web server asks it, without a web."""

from __future__ import annotations

import gzip
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Connection, select

from central import changes, schema, snapshots, tills
from central.accounts import imbalances
from central.database import Database, open_database
from central.errors import Fork, Refusal
from central.holds import grant_hold
from central.ingest import ingest, quarantine
from central.lease_reports import report_leases
from central.leases import LeaseRules, prune_leases, set_lease_rules
from central.members import Member, load_members
from central.programmes import set_programme
from central.restoration import note_alive, notice_restoration
from central.value_reports import report_values
from drivers.vocabulary import codec
from drivers.vocabulary.centre import (
    ChangesPage,
    EnrolAnswer,
    EnrolRequest,
    HoldGrant,
    HoldWanted,
    SnapshotManifest,
    SnapshotPart,
    Upload,
    UploadAnswer,
)
from drivers.vocabulary.leases import LeaseAnswer, LeaseReport
from drivers.vocabulary.value_leases import ValueAnswer, ValueReport
from simulation.plants import plant
from simulation.world import World

__all__ = ["Centre"]

T = TypeVar("T")

#: As everything between a till and the centre, sixty times rarer here than in a shop (`simulation.till`).
DOWN_AFTER: Final = timedelta(hours=3)
DOUBT: Final = timedelta(hours=2)


class Centre:
    """One database and everything that happens to it.

    Args:
        folder: where its file and its back-ups lie.
        world: its clock is the true one.
    """

    def __init__(self, folder: Path, world: World) -> None:
        self._world = world
        self._folder = folder
        self._path = folder / "central.db"
        self._kept = folder / "backup.db"
        self.database = self._open()
        self.has_backup = False
        self._drawn = 0

    def _open(self) -> Database:
        database = open_database(f"sqlite:///{self._path.as_posix()}")
        # Power never fails in the middle of a write here (the crash rigs do that), so nothing waits for the disk.
        for engine in (database.writer, database.reader):
            raw = engine.raw_connection()
            raw.cursor().execute("PRAGMA synchronous=OFF")
            raw.close()
        return database

    def close(self) -> None:
        """Give the file back."""
        self.database.close()

    # ── The owner ───────────────────────────────────────────────────────────────────────────────

    def set_up(self, programme: bytes, members: Iterable[Member]) -> None:
        """What every centre has before its first till."""
        with self._repeatably(), self.database.write() as connection:
            changes.new_instance(connection)
            set_programme(connection, programme, name="programme.toml", currency="RUB", now=self._world.now)
            set_lease_rules(connection, LeaseRules(days=self._world.plan.lease_days, share=50))
        load_members(self.database, members, now=self._world.now, progress=lambda _: None)

    def enrol(self, till: str) -> EnrolAnswer:
        """A till gets its identity; one that had one gets the next epoch."""
        with self.database.write() as connection:
            code = tills.make_code(connection, shop="s1", till=till, now=self._world.now)
            return tills.enrol(connection, EnrolRequest(code=code), currency="RUB", now=self._world.now)

    def make_snapshot(self) -> None:
        """What new tills begin with."""
        snapshots.build_snapshot(self.database, now=lambda: self._world.now)

    def back_up(self) -> None:
        """As an operator does it every night."""
        source = self.database.reader.raw_connection()
        with sqlite3.connect(self._kept) as target:
            inner = source.driver_connection
            assert isinstance(inner, sqlite3.Connection)
            inner.backup(target)
        target.close()
        source.close()
        self.has_backup = True
        self._world.tell("centre", "backed up")

    def restore(self, *, told: bool) -> None:
        """Put the newest back-up in the place of the database; `told` when the operator says so as the guide asks."""
        self.database.close()
        for left in self._folder.glob("central.db-*"):
            left.unlink()
        shutil.copyfile(self._kept, self._path)
        self.database = self._open()
        self.tend()
        if told:
            with self._repeatably(), self.database.write() as connection:
                changes.new_instance(connection)
        self._world.tell("centre", "restored", "and told" if told else "and nobody said so")

    def tend(self) -> None:
        """What the server does before its first request and now and then."""
        with self.database.write() as connection:
            note_alive(connection, self._world.now, down_after=DOWN_AFTER, doubt=DOUBT)
            prune_leases(connection, self._world.now)

    # ── Tills ask ───────────────────────────────────────────────────────────────────────────────

    def upload(self, till: str, token: str, batch: Upload) -> UploadAnswer:
        """A batch of envelopes."""

        def work(connection: Connection) -> UploadAnswer:
            who = self._who(connection, till, token)
            tills.note_seen(connection, who.id, tills.Vitals(), self._world.now)
            return ingest(
                connection, batch.envelopes, till=who.id, epoch_max=who.epoch, currency="RUB", now=self._world.now
            )

        try:
            return self._write(work)
        except Fork as fork:
            self._quarantine(fork)
            raise
        except Refusal as refusal:
            if refusal.problem.code == "gap":
                with self._repeatably(), self.database.write() as connection:
                    notice_restoration(connection, till, why="a gap", now=self._world.now)
            raise

    def leases(self, till: str, token: str, report: LeaseReport) -> LeaseAnswer:
        """What a till holds and may hold."""

        def work(connection: Connection) -> LeaseAnswer:
            who = self._who(connection, till, token)
            tills.note_seen(connection, who.id, tills.Vitals(), self._world.now)
            tills.require_no_fork(connection, who)
            return report_leases(connection, report, till=who.id, now=self._world.now)

        try:
            return self._write(work)
        except Fork as fork:
            self._quarantine(fork)
            raise

    def values(self, till: str, token: str, report: ValueReport) -> ValueAnswer:
        """Which coupons and certificates a till holds and may hold."""

        def work(connection: Connection) -> ValueAnswer:
            who = self._who(connection, till, token)
            tills.require_no_fork(connection, who)
            return report_values(
                connection, report, till=who.id, new_id=lambda: secrets.token_hex(16), now=self._world.now
            )

        return self._write(work)

    def hold(self, till: str, token: str, wanted: HoldWanted) -> HoldGrant:
        """Points kept for a receipt."""
        self._drawn += 1
        new_id = f"hold-{self._drawn}"

        def work(connection: Connection) -> HoldGrant:
            who = self._who(connection, till, token)
            tills.require_no_fork(connection, who)
            return grant_hold(connection, wanted, till=who.id, new_id=new_id, now=self._world.now)

        return self._write(work)

    def changes(self, till: str, token: str, cursor: str) -> ChangesPage:
        """A page of the feed."""
        try:
            with self.database.read() as connection:
                who = self._who(connection, till, token)
                return changes.read_page(connection, till=who.id, cursor=cursor, now=self._world.now)
        except changes.CursorAhead as ahead:
            with self._repeatably(), self.database.write() as connection:
                notice_restoration(connection, till, why="its cursor", now=self._world.now, of=ahead.instance)
            raise

    def snapshot(self, till: str, token: str) -> SnapshotManifest:
        """What there is for a till that begins."""
        with self.database.read() as connection:
            return snapshots.read_manifest(connection, till=self._who(connection, till, token).id)

    def snapshot_part(self, name: str, number: int) -> SnapshotPart:
        """A part of it."""
        with self.database.read() as connection:
            data = snapshots.read_part(connection, snapshot=name, number=number)
        return codec.decode(gzip.decompress(data), SnapshotPart)

    # ── People look ─────────────────────────────────────────────────────────────────────────────

    def forks(self) -> list[tuple[str, int]]:
        """(till, epoch) of every quarantine."""
        table = schema.till_cursor
        with self.database.read() as connection:
            rows = connection.execute(select(table.c.till, table.c.epoch).where(table.c.fork.is_not(None)))
            return [(row.till, row.epoch) for row in rows]

    def epoch_of(self, till: str) -> int:
        """The present one."""
        with self.database.read() as connection:
            return connection.scalar(select(schema.till.c.epoch).where(schema.till.c.id == till)) or 0

    def imbalances(self) -> list[str]:
        """Where ledger and lots disagree."""
        with self.database.read() as connection:
            return imbalances(connection)

    # ── Inside ──────────────────────────────────────────────────────────────────────────────────

    def _quarantine(self, fork: Fork) -> None:
        self._world.tell("centre", "fork", f"{fork.till} epoch {fork.epoch}")
        with self.database.write() as connection:
            quarantine(connection, fork=fork)

    def _who(self, connection: Connection, till: str, token: str) -> tills.Till:
        return tills.authenticate(connection, till=till, authorization=f"Bearer {token}")

    def _write(self, work: Callable[[Connection], T]) -> T:
        with self._repeatably(), self.database.write() as connection:
            plant(self._world.plan.plant, connection, self._world.now)
            return work(connection)

    @contextmanager
    def _repeatably(self) -> Iterator[None]:
        """The centre draws names from the system's randomness; the same seed must draw the same names."""
        real = secrets.token_hex

        def drawn(nbytes: int | None = None) -> str:
            return f"{self._world.random.getrandbits(8 * (nbytes or 8)):0{2 * (nbytes or 8)}x}"

        secrets.token_hex = drawn
        try:
            yield
        finally:
            secrets.token_hex = real
