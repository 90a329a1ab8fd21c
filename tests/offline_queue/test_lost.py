"""What the centre had acknowledged and lost to another history: it waits again, and is sealed again in a later epoch."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from queue_samples import NOON, append_one, append_together

from offline_queue.envelope import Envelope
from offline_queue.errors import StoreConflict
from offline_queue.reader import OutboxReader
from offline_queue.store import TillStore

ALL = 1 << 20


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TillStore]:
    """Six envelopes of epoch 1, four of them acknowledged, and the second epoch begun."""
    with TillStore.open(tmp_path / "till.db", epoch=1, ballast_bytes=0) as made:
        append_together(made, 1, 6)
        made.settle(epoch=1, through=4, refused={3: "unknown customer"})
        made.start_epoch(2)
        yield made


def lose(store: TillStore, sequence: int, epoch: int = 1) -> None:
    with store.transaction() as tx:
        tx.lose(epoch=epoch, sequence=sequence)


def waiting(store: TillStore) -> list[tuple[int, int]]:
    """The next run to send."""
    with OutboxReader.open(store.path) as reader:
        return [(one.epoch, one.sequence) for one in reader.batch(envelopes_max=100, bytes_max=ALL)]


def wanted(store: TillStore, sequence: int) -> list[int]:
    with OutboxReader.open(store.path) as reader:
        found = reader.batch_from(epoch=1, sequence=sequence, envelopes_max=100, bytes_max=ALL)
        return [one.sequence for one in found]


def seal_all(store: TillStore) -> list[Envelope | None]:
    with OutboxReader.open(store.path) as reader, store.transaction() as tx:
        run = reader.batch(envelopes_max=100, bytes_max=ALL)
        return [tx.seal_again(one, id=f"again-{one.id}") for one in run]


def test_what_was_lost_waits_again(store: TillStore) -> None:
    """Also in the eyes of whoever opens the file next; pruning leaves it alone."""
    lose(store, 3)

    assert [(1, 3), (1, 4), (1, 5), (1, 6)] == waiting(store)
    assert 4 == store.depth().waiting
    assert 2 == store.prune(now=NOON, keep_days=9_999, keep_bytes=1)
    with OutboxReader.open(store.path) as reader:
        assert (3, None) == (reader.lost_from(1), reader.lost_from(2))


@pytest.mark.parametrize("again", [3, 4, 6])
def test_what_is_known_to_be_lost_is_not_lost_again(store: TillStore, again: int) -> None:
    """What was sealed again of it would wait a second time."""
    lose(store, 3)
    seal_all(store)
    lose(store, again)

    assert [(2, 1), (2, 2), (2, 3), (2, 4)] == waiting(store)


def test_a_run_never_mixes_what_is_sent_with_what_is_sealed_again(store: TillStore) -> None:
    """The centre may ask for what is before it, and never for what is in it."""
    lose(store, 6)

    assert [(1, 5)] == waiting(store)
    assert [[2, 3, 4, 5], [], []] == [wanted(store, 2), wanted(store, 6), wanted(store, 7)]
    store.settle(epoch=1, through=5)
    assert [(1, 6)] == waiting(store)


def test_sealed_again_is_the_same_fact_in_the_same_commit(store: TillStore) -> None:
    """Under a new id and number, found by its old id; the old one waits no more and lies on no shelf."""
    lose(store, 3)
    sealed = seal_all(store)
    old = store.by_id("id-000003")

    assert old is not None
    assert all(sealed)
    first = sealed[0]
    assert first is not None
    assert (2, 1, old.kind, old.occurred_at, old.boot_id, old.body) == (
        first.epoch,
        first.sequence,
        first.kind,
        first.occurred_at,
        first.boot_id,
        first.body,
    )
    assert [first] == store.by_mark("was:id-000003")
    assert (4, 0) == (store.depth().waiting, store.depth().shelved)
    assert [(2, 1), (2, 2), (2, 3), (2, 4)] == waiting(store)
    with OutboxReader.open(store.path) as reader:
        assert reader.verify().broken is None


def test_nothing_of_a_block_that_failed_is_sealed(store: TillStore) -> None:
    """Neither the new envelopes nor the mark of the old ones."""
    lose(store, 3)
    with OutboxReader.open(store.path) as reader:
        run = reader.batch(envelopes_max=2, bytes_max=ALL)
    with contextlib.suppress(InterruptedError), store.transaction() as tx:
        sealed = [tx.seal_again(one, id=f"again-{one.id}") for one in run]
        raise InterruptedError

    assert all(sealed)
    assert [(1, 3), (1, 4), (1, 5), (1, 6)] == waiting(store)
    assert [] == store.by_mark("was:id-000003")


def test_what_was_retried_is_not_sealed_again(store: TillStore) -> None:
    """The fact is in the chain already, behind the refused one, and is lost and found with it."""
    with store.transaction() as tx:
        retried = tx.retry(epoch=1, sequence=3, id="retried")
    lose(store, 3)
    sealed = seal_all(store)

    assert retried is not None
    assert [None] == [one for one in sealed if one is None]
    assert [retried] == store.by_mark("was:id-000003")
    assert 4 == store.depth().waiting


def test_an_id_that_is_taken_is_a_conflict(store: TillStore) -> None:
    """As everywhere."""
    lose(store, 3)
    with OutboxReader.open(store.path) as reader, store.transaction() as tx:
        (old,) = reader.batch(envelopes_max=1, bytes_max=ALL)
        with pytest.raises(StoreConflict):
            tx.seal_again(old, id="id-000001")


@pytest.mark.parametrize(("epoch", "sequence"), [(2, 1), (3, 1), (1, 0), (1, 7), (1, 2)])
def test_only_what_is_kept_of_an_earlier_epoch_can_be_lost(store: TillStore, epoch: int, sequence: int) -> None:
    """The present one is quarantined until a person has looked, and what was pruned cannot be had."""
    store.settle(epoch=1, through=4)
    store._run("DELETE FROM envelope WHERE position <= ?", ((1 << 40) + 2,))
    store._run("UPDATE epoch SET pruned_through = 2 WHERE epoch = 1", ())
    with store.transaction() as tx:
        append_one(tx, 9)
        with pytest.raises(ValueError, match="no earlier epoch that is kept"):
            tx.lose(epoch=epoch, sequence=sequence)

    assert 1 == store.depth().last_sequence


def test_the_places_that_were_acknowledged_are_told_with_their_hashes(store: TillStore) -> None:
    """But for what is sealed again; and "" while nothing of the present epoch was."""
    hashes = {one: store.by_id(f"id-{one:06d}") for one in (2, 4)}
    before = store.acknowledged_places()
    lose(store, 3)
    seal_all(store)
    store.settle(epoch=2, through=1)
    after = store.acknowledged_places()
    (first,) = store.by_mark("was:id-000003")

    assert hashes[2] is not None
    assert hashes[4] is not None
    assert [(1, 4, hashes[4].hash), (2, 0, "")] == before
    assert [(1, 2, hashes[2].hash), (2, 1, first.hash)] == after


def test_a_hash_is_known_although_its_envelope_was_pruned(store: TillStore) -> None:
    """Of the present epoch: the chain is anchored there. Of an earlier one nothing is told that is not kept."""
    with store.transaction() as tx:
        kept = append_one(tx, 7)
    store.settle(epoch=1, through=6)
    store.unshelve(epoch=1, sequence=3)
    store.settle(epoch=2, through=1)
    while store.prune(now=NOON, keep_days=9_999, keep_bytes=1):
        pass

    assert [(2, 1, kept.hash)] == store.acknowledged_places()
