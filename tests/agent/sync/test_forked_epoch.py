"""A till that was copied, a centre that was put back: what the centre lost is sealed again, once, wherever it breaks off.

The outbox and the uploader are real; the centre keeps chains by the rules of the contract and nothing else.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.sync.errors import CentreUnavailable, refused
from agent.sync.lease_turn import LeaseTurn
from agent.sync.uploader import Settlement, Uploader
from drivers.vocabulary.centre import Problem, UploadAnswer, Verdict, VerdictState
from drivers.vocabulary.leases import LeaseAnswer, LeaseReport, Place
from offline_queue.envelope import Envelope
from offline_queue.reader import OutboxReader
from offline_queue.store import TillStore

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
STEPS_MAX = 80


def append(store: TillStore, first: int, last: int, word: str = "fact") -> list[Envelope]:
    made = []
    for number in range(first, last + 1):
        with store.transaction() as tx:
            made.append(
                tx.append(
                    id=f"{word}-{number}",
                    kind="receipt.unread",
                    occurred_at=NOON.isoformat(),
                    boot_id="boot",
                    uptime_ms=number,
                    programme_version=0,
                    body=f"{word}-{number}".encode(),
                )
            )
    return made


@dataclass
class Centre:
    """What it has of each epoch, which of them are quarantined, and how many requests it answered.

    Attributes:
        cut_at: the answer to this request, and no other, is lost.
    """

    chains: dict[int, list[Envelope]] = field(default_factory=dict)
    forked: set[int] = field(default_factory=set)
    uploads: int = 0
    cut_at: int = 0

    def upload(self, envelopes: Sequence[Envelope]) -> UploadAnswer:
        self.uploads += 1
        first = envelopes[0]
        chain = self.chains.setdefault(first.epoch, [])
        for one in envelopes:
            if one.sequence <= len(chain):
                same = chain[one.sequence - 1].hash == one.hash
            else:
                head = chain[-1].hash if chain else "0" * 64
                same = one.previous == head and first.epoch not in self.forked
            if not same:
                self.forked.add(first.epoch)
                raise refused(409, Problem(code="fork", message="two histories"))
            if one.sequence > len(chain):
                chain.append(one)
        if self.uploads == self.cut_at:
            raise CentreUnavailable("the answer was lost")
        last = envelopes[-1]
        verdicts = tuple(Verdict(sequence=one.sequence, id=one.id, state=VerdictState.APPLIED) for one in envelopes)
        return UploadAnswer(
            till="t1", epoch=first.epoch, through=len(chain), head=last.hash, server_time=NOON, verdicts=verdicts
        )

    def leases(self, report: LeaseReport) -> LeaseAnswer:
        """Only the last acknowledged envelopes are looked at."""
        wanted = None
        for one in report.earlier:
            chain = self.chains.get(one.epoch, [])
            if one.hash != (chain[one.sequence - 1].hash if one.sequence <= len(chain) else ""):
                wanted = Place(epoch=one.epoch, sequence=one.sequence)
        return LeaseAnswer(leases=(), recalled=(), server_time=NOON, send_from=wanted)

    def bodies(self) -> list[str]:
        return [one.body.decode() for chain in self.chains.values() for one in chain]

    def abort(self) -> None: ...

    def close(self) -> None: ...


@dataclass
class Till:
    """One till's files, and the agent that is started on them again and again."""

    path: Path
    centre: Any
    number: int = 0
    die_after: int = 0
    changes: int = 0

    def run(self, epoch: int) -> None:
        """Until there is nothing to do. It dies after so many changes of its file, and is started again."""
        for _ in range(3):
            with (
                TillStore.open(self.path, epoch=epoch, ballast_bytes=0) as store,
                contextlib.suppress(CentreUnavailable, InterruptedError),
            ):
                self._live(store, epoch)
                return
        raise AssertionError("it does not come to an end")

    def _live(self, store: TillStore, epoch: int) -> None:
        minutes = iter(range(0, 6_000_000, 60))
        uploader = Uploader(
            connect=lambda: self.centre,
            open_source=lambda: OutboxReader.open(self.path),
            settle=lambda one: self._changed(store.settle, one),
            epoch=epoch,
            lose=lambda of, sequence: self._changed(self._lose, store, of, sequence),
            reseal=lambda envelopes: self._changed(self._reseal, store, envelopes),
            leases=LeaseTurn(
                report=lambda: self._report(store), keep=lambda answer: None, monotonic=lambda: float(next(minutes))
            ),
        )
        uploader.open()
        quiet = 0
        try:
            for _ in range(STEPS_MAX):
                before = (self.changes, self.centre.uploads)
                uploader.step()
                quiet = quiet + 1 if before == (self.changes, self.centre.uploads) else 0
                if quiet == 3:
                    return
            raise AssertionError("it does not come to an end")
        finally:
            uploader.close()

    def _changed(self, work: Any, *args: Any) -> None:
        if isinstance(args[0], Settlement):
            work(epoch=args[0].epoch, through=args[0].through, refused=args[0].refused)
        else:
            work(*args)
        self.changes += 1
        if self.changes == self.die_after:
            raise InterruptedError

    @staticmethod
    def _lose(store: TillStore, epoch: int, sequence: int) -> None:
        with store.transaction() as tx:
            tx.lose(epoch=epoch, sequence=sequence)

    def _reseal(self, store: TillStore, envelopes: Sequence[Envelope]) -> None:
        with store.transaction() as tx:
            for one in envelopes:
                self.number += 1
                tx.seal_again(one, id=f"again-{self.number}")

    @staticmethod
    def _report(store: TillStore) -> LeaseReport:
        *earlier, acknowledged = [
            Place(epoch=epoch, sequence=sequence, hash=hash_) for epoch, sequence, hash_ in store.acknowledged_places()
        ]
        return LeaseReport(
            acknowledged=acknowledged,
            last=Place(epoch=store.epoch, sequence=store.depth().last_sequence),
            earlier=tuple(earlier),
        )


@dataclass
class Story:
    """The till wrote `wrote`; `acknowledged` of them were, the centre was put back to `kept`, a copy took the rest."""

    till: Till
    mine: list[str]
    clones: list[str]


def story(folder: Path, *, kept: int, acknowledged: int, wrote: int, clones: int = 3, pruned: int = 0) -> Story:
    """It ends with the fork in the centre's books, and the till still in its first epoch."""
    path = folder / "till.db"
    with TillStore.open(path, epoch=1, ballast_bytes=0) as store:
        mine = append(store, 1, wrote)
        store.settle(epoch=1, through=acknowledged)
        if pruned:
            store._run("DELETE FROM envelope WHERE position <= ?", ((1 << 40) + pruned,))
            anchor = bytes.fromhex(mine[pruned - 1].hash)
            store._run("UPDATE epoch SET pruned_through = ?, pruned_hash = ?", (pruned, anchor))
    with TillStore.open(folder / "clone.db", epoch=1, ballast_bytes=0) as store:
        shared = append(store, 1, kept)
        copied = [*shared, *append(store, kept + 1, kept + clones, "clone")]
    centre = Centre({1: copied}, forked={1})
    return Story(Till(path, centre), [one.body.decode() for one in mine], [one.body.decode() for one in copied])


def expect_all_once(one: Story, *, but: int = 0) -> None:
    """Each fact of the till, but for the first so many, is at the centre once; the copy's are there too."""
    found = one.till.centre.bodies()

    assert sorted(set(one.clones) | set(one.mine[but:])) == sorted(found)
    with TillStore.open(one.till.path, epoch=2, ballast_bytes=0) as store:
        assert 0 == store.depth().waiting


@pytest.mark.parametrize(
    ("kept", "acknowledged", "wrote"),
    [(4, 9, 9), (4, 9, 12), (0, 9, 12), (8, 9, 12), (9, 9, 12), (9, 9, 9), (4, 5, 5), (0, 1, 1), (4, 20, 23)],
)
@pytest.mark.parametrize("clones", [1, 3, pytest.param(30, marks=pytest.mark.thorough)])
def test_what_the_centre_lost_is_sealed_again_once(
    tmp_path: Path, kept: int, acknowledged: int, wrote: int, clones: int
) -> None:
    """Acknowledged or not, with something waiting or not, whether the copy wrote more than the till or less."""
    one = story(tmp_path, kept=kept, acknowledged=acknowledged, wrote=wrote, clones=clones)
    one.till.run(epoch=2)

    expect_all_once(one)
    assert one.mine[kept:] == [envelope.body.decode() for envelope in one.till.centre.chains.get(2, [])]


@pytest.mark.parametrize("change", range(1, 5))
def test_a_crash_after_any_change_of_the_file_doubles_nothing(tmp_path: Path, change: int) -> None:
    """Known as lost, sealed again, settled: each is one commit, and the next start goes on behind it."""
    one = story(tmp_path, kept=4, acknowledged=9, wrote=12)
    one.till.die_after = change
    one.till.run(epoch=2)

    assert one.till.changes >= min(change, 3)
    expect_all_once(one)


@pytest.mark.parametrize("request_number", range(1, 9))
def test_a_lost_answer_doubles_nothing(tmp_path: Path, request_number: int) -> None:
    """Also in the middle of looking for the first envelope that is not there."""
    one = story(tmp_path, kept=4, acknowledged=9, wrote=12)
    one.till.centre.cut_at = request_number
    one.till.run(epoch=2)

    expect_all_once(one)


@pytest.mark.parametrize("wrote", [9, 12])
def test_what_was_pruned_is_not_asked_for_for_ever(tmp_path: Path, wrote: int) -> None:
    """It cannot be sealed again; the rest is, and the till names that epoch no more."""
    one = story(tmp_path, kept=2, acknowledged=9, wrote=wrote, pruned=6)
    one.till.run(epoch=2)

    expect_all_once(one, but=6)
    with TillStore.open(one.till.path, epoch=2, ballast_bytes=0) as store:
        assert [2] == [epoch for epoch, _, _ in store.acknowledged_places()]


def test_a_centre_that_is_put_back_once_more_gets_the_rest(tmp_path: Path) -> None:
    """To before even that which the copy had left it; what was sealed again before is not sealed a second time."""
    one = story(tmp_path, kept=6, acknowledged=9, wrote=12)
    one.till.run(epoch=2)
    centre = one.till.centre
    sealed = [envelope.body.decode() for envelope in centre.chains[2]]
    centre.chains[1] = centre.chains[1][:3]
    one.clones = one.clones[:3]
    one.till.run(epoch=2)

    assert one.mine[6:] == sealed
    expect_all_once(one)


def test_the_usual_fork_asks_a_few_questions_only(tmp_path: Path) -> None:
    """Nothing that was acknowledged is lost: a till keeps tens of thousands of envelopes, and sends none of them."""
    one = story(tmp_path, kept=200, acknowledged=200, wrote=203)
    one.till.run(epoch=2)

    expect_all_once(one)
    assert one.till.centre.uploads < 8


def test_the_search_takes_few_questions_however_much_was_lost(tmp_path: Path) -> None:
    """One for each doubling of what is kept."""
    one = story(tmp_path, kept=7, acknowledged=150, wrote=150)
    one.till.run(epoch=2)

    expect_all_once(one)
    assert one.till.centre.uploads < 14
