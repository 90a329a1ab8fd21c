"""The store against a model of a few dictionaries: any order of appending, settling, pruning, reopening and looking."""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from queue_samples import append_one

from offline_queue.envelope import Envelope
from offline_queue.reader import OutboxReader
from offline_queue.store import TillStore

KEYS = st.text(st.sampled_from("ab\uffff\U0010ffff-1"), min_size=1, max_size=4)
MARKS = st.lists(st.sampled_from(["claim:A", "claim:B", "receipt:1"]), max_size=3)


class OopsError(Exception):
    """A mistake inside a block."""


class StoreAgainstModel(RuleBasedStateMachine):
    """`envelopes` and `documents` are what must be on disk; the marks per epoch say what was settled and pruned."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="tillpoint-model-"))
        self.path = self.folder / "till.db"
        self.epoch = 1
        self.number = 0
        self.envelopes: dict[tuple[int, int], Envelope] = {}
        self.marks: dict[str, list[Envelope]] = {}
        self.last: dict[int, int] = {1: 0}
        self.settled: dict[int, int] = {1: 0}
        self.shelf: dict[tuple[int, int], str] = {}
        self.documents: dict[str, bytes] = {}
        self.store = self.open()
        self.reader = OutboxReader.open(self.path)

    def open(self) -> TillStore:
        return TillStore.open(self.path, epoch=1, ballast_bytes=0)

    def teardown(self) -> None:
        self.reader.close()
        self.store.close()
        shutil.rmtree(self.folder)

    @rule(marks=MARKS, puts=st.dictionaries(KEYS, st.binary(max_size=20), max_size=2), count=st.integers(0, 3))
    def commit(self, marks: list[str], puts: dict[str, bytes], count: int) -> None:
        with self.store.transaction() as tx:
            for _ in range(count):
                self.number += 1
                envelope = append_one(tx, self.number, marks=marks)
                self.last[self.epoch] += 1
                assert (self.epoch, self.last[self.epoch]) == (envelope.epoch, envelope.sequence)
                self.envelopes[envelope.epoch, envelope.sequence] = envelope
                for mark in set(marks):
                    self.marks.setdefault(mark, []).insert(0, envelope)
            for key, value in puts.items():
                tx.put("open", key, value)
        self.documents |= puts

    @rule(marks=MARKS, key=KEYS)
    def fail(self, marks: list[str], key: str) -> None:
        with pytest.raises(OopsError), self.store.transaction() as tx:  # noqa: PT012 - the exception must come last
            append_one(tx, 900_000, marks=marks)
            tx.put("open", key, b"never")
            tx.delete("open", key)
            raise OopsError

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        with self.store.transaction() as tx:
            assert (key in self.documents) == tx.delete("open", key)
        self.documents.pop(key, None)

    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        epoch = data.draw(st.sampled_from(sorted(self.last)))
        through = data.draw(st.integers(0, self.last[epoch]))
        refused = data.draw(st.sets(st.integers(1, through), max_size=2)) if through else set()
        self.store.settle(epoch=epoch, through=through, refused=dict.fromkeys(refused, "no"))
        for sequence in refused:
            if sequence > self.settled[epoch]:
                self.shelf[epoch, sequence] = "no"
        self.settled[epoch] = max(self.settled[epoch], through)

    @rule()
    def start_epoch(self) -> None:
        self.epoch += 1
        self.last[self.epoch] = self.settled[self.epoch] = 0
        self.store.start_epoch(self.epoch)

    @rule()
    def reopen(self) -> None:
        self.store.reopen()

    @rule()
    def restart(self) -> None:
        self.reader.close()
        self.store.close()
        self.store = self.open()
        self.reader = OutboxReader.open(self.path)

    @rule()
    def prune(self) -> None:
        while self.store.prune(now=datetime(2030, 1, 1, tzinfo=UTC), keep_days=1, keep_bytes=1 << 40):
            pass
        for place in [place for place in self.envelopes if place[1] <= self.settled[place[0]]]:
            if place not in self.shelf:
                gone = self.envelopes.pop(place)
                for found in self.marks.values():
                    if gone in found:
                        found.remove(gone)

    @rule(prefix=st.one_of(st.just(""), KEYS), after=st.one_of(st.just(""), KEYS), limit=st.integers(1, 5))
    def scan(self, prefix: str, after: str, limit: int) -> None:
        wanted = sorted(item for item in self.documents.items() if item[0].startswith(prefix) and item[0] > after)
        assert wanted[:limit] == self.store.scan("open", prefix, after=after, limit=limit)

    @rule(mark=st.sampled_from(["claim:A", "claim:B", "receipt:1"]))
    def find(self, mark: str) -> None:
        expected = sorted(self.marks.get(mark, []), key=lambda found: (found.epoch, found.sequence), reverse=True)
        assert expected[:100] == self.store.by_mark(mark) == self.reader.by_mark(mark)

    @invariant()
    def the_numbers_agree(self) -> None:
        waiting = [place for place in sorted(self.envelopes) if place[1] > self.settled[place[0]]]
        depth = self.store.depth()
        assert depth == self.reader.depth()
        assert (len(waiting), len(self.shelf)) == (depth.waiting, depth.shelved)
        assert (self.last[self.epoch], self.settled[self.epoch]) == (depth.last_sequence, depth.acknowledged_through)
        assert (self.envelopes[waiting[0]].occurred_at if waiting else "") == depth.waiting_oldest_at

    @invariant()
    def the_outbox_agrees(self) -> None:
        waiting = [place for place in sorted(self.envelopes) if place[1] > self.settled[place[0]]]
        epoch = waiting[0][0] if waiting else 0
        expected = [self.envelopes[place] for place in waiting if place[0] == epoch][:5]
        assert expected == self.reader.batch(envelopes_max=5, bytes_max=1 << 20)

    @invariant()
    def everything_kept_is_readable_and_chained(self) -> None:
        assert [self.envelopes[place] for place in sorted(self.envelopes)] == self.reader.envelopes(
            newest_first=False, limit=1_000
        )
        assert sorted(self.shelf) == [(s.envelope.epoch, s.envelope.sequence) for s in self.reader.shelf()]
        assert self.reader.verify().broken is None


COMMON = {"deadline": None, "suppress_health_check": list(HealthCheck)}


def test_the_store_agrees_with_the_model() -> None:
    """Any order of operations, short version."""
    run_state_machine_as_test(StoreAgainstModel, settings=settings(max_examples=20, stateful_step_count=25, **COMMON))


@pytest.mark.soak
def test_the_store_agrees_with_the_model_for_long() -> None:
    """Any order of operations, long version."""
    run_state_machine_as_test(StoreAgainstModel, settings=settings(max_examples=400, stateful_step_count=50, **COMMON))
