"""Filling a replica from a snapshot: real centre, real files, interruptions; the till has its old replica meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.sync import errors
from agent.sync.downloader import Downloader
from agent.sync.replica_file import ReplicaFile
from central import changes, snapshots
from central.database import Database, open_database
from central.errors import Refusal
from central.members import Member, load_members
from central.tills import enrol, make_code
from drivers.vocabulary import codec
from drivers.vocabulary.centre import ChangesPage, EnrolRequest, SnapshotManifest, SnapshotPart
from offline_queue.replica import ReplicaReader
from offline_queue.replica_build import build_path

MEMBERS = 300


def now() -> datetime:
    return datetime.now(UTC)


def member(number: int, **more: Any) -> Member:
    values = {"name": f"N{number}", "phone": "", "card": f"29{number:08d}", "tier": "", "spent_minor": 0, "points": {}}
    return Member(id=f"m{number:04d}", **(values | more))


def load(database: Database, *members: Member) -> None:
    load_members(database, members, now=now(), progress=lambda _: None)


@pytest.fixture
def centre(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setattr(snapshots, "PART_BYTES", 4_000)
    monkeypatch.setattr(snapshots, "_KEYS", 7)
    database = open_database(f"sqlite:///{tmp_path}/central.db")
    with database.write() as connection:
        code = make_code(connection, shop="s1", till="t1", now=now())
        enrol(connection, EnrolRequest(code=code), currency="RUB", now=now())
    load(database, *(member(number) for number in range(MEMBERS)))
    yield database
    database.close()


@dataclass
class Direct:
    """The centre without a line; `before` may do something before a request, or raise."""

    database: Database
    before: Callable[[str], None] = lambda what: None
    asked: list[str] = field(default_factory=list)

    def _ask(self, what: str, work: Callable[[Any], Any]) -> Any:
        self.asked.append(what)
        self.before(what)
        try:
            with self.database.read() as connection:
                return work(connection)
        except Refusal as refusal:
            raise errors.refused(refusal.status, refusal.problem) from None

    def changes(self, cursor: str, wait_s: int) -> ChangesPage:
        return self._ask("changes", lambda one: changes.read_page(one, till="t1", cursor=cursor, now=now()))

    def snapshot(self) -> SnapshotManifest:
        return self._ask("manifest", lambda one: snapshots.read_manifest(one, till="t1"))

    def snapshot_part(self, manifest: SnapshotManifest, number: int) -> SnapshotPart:
        import gzip

        def work(connection: Any) -> SnapshotPart:
            data = gzip.decompress(snapshots.read_part(connection, snapshot=manifest.id, number=number))
            return codec.decode(data, SnapshotPart)

        return self._ask(f"part {number}", work)

    def abort(self) -> None: ...

    def close(self) -> None: ...


@dataclass
class TillSide:
    """A downloader on a real replica file, and what it told."""

    path: Path
    client: Direct
    told: list[tuple[int, int]] = field(default_factory=list)
    changed: int = 0

    def start(self) -> Downloader:
        def news() -> None:
            self.changed += 1

        work = Downloader(
            connect=lambda: self.client,
            open_replica=lambda: ReplicaFile.open(self.path, now, while_unread=lambda exchange: exchange()),
            changed=news,
            loading=lambda done, of: self.told.append((done, of)),
            wait_s=1,
            monotonic=lambda: 0.0,
        )
        work.open()
        return work

    def until_settled(self, work: Downloader) -> None:
        while work.step().pause_s == 0:
            pass


@pytest.fixture
def till(centre: Database, tmp_path: Path) -> TillSide:
    return TillSide(tmp_path / "replica.db", Direct(centre))


def build(database: Database, **more: Any) -> str:
    return snapshots.build_snapshot(database, now=now, **more)


def documents(path: Path) -> dict[str, bytes]:
    found = {}
    with ReplicaReader.open(path) as reader:
        for number in range(MEMBERS + 1):
            document = reader.get("customer", f"m{number:04d}")
            if document is not None:
                found[f"m{number:04d}"] = document.body
        assert reader.count("customer") == len(found)
        assert reader.count("alias") == len(found)
    return found


def test_a_new_till_is_filled_part_by_part(centre: Database, till: TillSide) -> None:
    """As many requests as parts, and two more; progress goes from nothing to everything."""
    build(centre)
    work = till.start()
    till.until_settled(work)
    work.close()

    parts = [what for what in till.client.asked if what.startswith("part")]
    assert [f"part {number}" for number in range(len(parts))] == parts
    assert len(parts) > 5
    assert MEMBERS == len(documents(till.path))
    assert (0, 2 * MEMBERS) == till.told[0]
    assert (2 * MEMBERS, 2 * MEMBERS) in till.told
    assert (0, 0) == till.told[-1]
    assert not build_path(till.path).exists()


def test_without_a_snapshot_everything_comes_from_the_feed(centre: Database, till: TillSide) -> None:
    """A centre that has made none, or knows of none."""
    work = till.start()
    till.until_settled(work)
    work.close()

    assert ["manifest", "changes"] == till.client.asked[:2]
    assert MEMBERS == len(documents(till.path))


def test_an_interrupted_filling_goes_on_where_it_was(centre: Database, till: TillSide) -> None:
    """The line breaks twice and the agent is stopped in between; no part is fetched twice."""
    build(centre)
    broken = {"part 2", "part 5"}

    def cut(what: str) -> None:
        if what in broken:
            broken.discard(what)
            raise errors.CentreUnavailable("cut")

    till.client.before = cut
    for _ in range(2):
        work = till.start()
        with pytest.raises(errors.CentreUnavailable):
            till.until_settled(work)
        work.close()
    work = till.start()
    till.until_settled(work)
    work.close()

    parts = [what for what in till.client.asked if what.startswith("part")]
    assert len(set(parts)) + 2 == len(parts)
    assert MEMBERS == len(documents(till.path))


def test_what_changes_while_a_snapshot_is_made_and_loaded_is_not_lost(centre: Database, till: TillSide) -> None:
    """A member changed while it was made, another while it was loaded, a third is new."""
    touched = []

    def meanwhile(done: int, of: int) -> None:
        if not touched:
            touched.append(done)
            load(centre, member(0, name="made"), member(MEMBERS - 1, name="made"))

    build(centre, progress=meanwhile)

    def later(what: str) -> None:
        if what == "part 3":
            load(centre, member(1, name="loaded"), member(MEMBERS, name="new"))

    till.client.before = later
    work = till.start()
    till.until_settled(work)
    work.close()

    found = documents(till.path)
    assert MEMBERS + 1 == len(found)
    assert all(b"made" in found[name] for name in ("m0000", f"m{MEMBERS - 1:04d}"))
    assert b"loaded" in found["m0001"]
    assert b"new" in found[f"m{MEMBERS:04d}"]


def test_the_old_replica_serves_until_the_new_one_is_whole(centre: Database, till: TillSide) -> None:
    """The centre was restored: its feed begins anew, the till knows its members all the same."""
    work = till.start()
    till.until_settled(work)
    with centre.write() as connection:
        changes.new_instance(connection)
    build(centre)
    load(centre, member(3, name="fresh"))
    known = []

    def look(what: str) -> None:
        with ReplicaReader.open(till.path) as reader:
            known.append((what, reader.count("customer")))

    till.client.before = look
    till.until_settled(work)
    work.close()

    assert {MEMBERS} == {count for _, count in known}
    assert b"fresh" in documents(till.path)["m0003"]


def test_a_snapshot_that_is_gone_is_begun_anew(centre: Database, till: TillSide) -> None:
    """Two newer ones were made while the till was away."""
    first = build(centre)

    def renew(what: str) -> None:
        if what == "part 3" and first:
            till.client.before = lambda what: None
            load(centre, member(7, name="seven"))
            for _ in range(snapshots.KEPT):
                build(centre)

    till.client.before = renew
    work = till.start()
    till.until_settled(work)
    work.close()

    assert 2 == till.client.asked.count("manifest")
    assert b"seven" in documents(till.path)["m0007"]


def test_a_damaged_build_is_loaded_again(centre: Database, till: TillSide) -> None:
    """A page of the file that is being loaded rots while the agent is off."""
    build(centre)
    work = till.start()
    for _ in range(6):
        work.step()
    work.close()
    path = build_path(till.path)
    data = bytearray(path.read_bytes())
    data[4096:8192] = b"\x5a" * 4096
    path.write_bytes(data)
    work = till.start()
    till.until_settled(work)
    work.close()

    assert MEMBERS == len(documents(till.path))


def test_only_one_snapshot_is_made_at_a_time_and_two_are_kept(centre: Database) -> None:
    """A second builder is sent away; a builder that died is forgotten."""
    refused = []

    def second(done: int, of: int) -> None:
        if not refused:
            with pytest.raises(Refusal) as caught:
                build(centre)
            refused.append(caught.value.problem.code)

    names = [build(centre, progress=second), build(centre), build(centre)]
    with centre.read() as connection:
        kept = {row.id for row in connection.execute(snapshots.select(snapshots.schema.snapshot))}

    assert ["snapshot_busy"] == refused
    assert set(names[1:]) == kept
