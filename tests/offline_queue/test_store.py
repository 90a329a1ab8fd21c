"""The store on a real file: the promise of a transaction, settling, epochs, pruning, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from queue_samples import NOON, append_each, append_one, append_together, moment

from offline_queue.envelope import GENESIS, verify_chain
from offline_queue.errors import StoreConflict, StoreUnavailable
from offline_queue.reader import OutboxReader
from offline_queue.rows import QueueDepth
from offline_queue.store import TillStore

FAR = NOON + timedelta(days=400)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "till.db"


def open_store(path: Path, epoch: int = 1) -> TillStore:
    return TillStore.open(path, epoch=epoch, ballast_bytes=64 * 1024)


def test_an_empty_queue_has_nothing_waiting(path: Path) -> None:
    """All numbers are zero, and the file is in the promised mode."""
    with open_store(path) as store:
        assert (
            QueueDepth(waiting=0, waiting_oldest_at="", shelved=0, archived=0, last_sequence=0, acknowledged_through=0)
            == store.depth()
        )
        assert [("wal",)] == store._run("PRAGMA journal_mode", ())
        assert [(2,)] == store._run("PRAGMA synchronous", ())
        assert [(0,)] == store._run("PRAGMA foreign_keys", ())
        assert store.ballast_present


def test_sequences_are_contiguous_and_chained_across_openings(path: Path) -> None:
    """Sequence and hash are given inside the commit, and go on after a restart."""
    with open_store(path) as store:
        envelopes = append_each(store, 1, 3)
    with open_store(path) as store:
        envelopes += append_together(store, 4, 6)
        assert 6 == store.depth().last_sequence

    assert [1, 2, 3, 4, 5, 6] == [envelope.sequence for envelope in envelopes]
    assert verify_chain(envelopes, GENESIS) is None


def test_a_failed_block_leaves_no_trace_and_no_gap(path: Path) -> None:
    """What was appended before the exception is gone, and its sequence is given to the next."""
    with open_store(path) as store:
        append_each(store, 1, 1)
        with pytest.raises(KeyError), store.transaction() as tx:  # noqa: PT012 - the exception must come last
            append_one(tx, 2, marks=["claim:ABCDEF"])
            tx.put("open", "receipt", b"half")
            raise KeyError

        assert store.get("open", "receipt") is None
        assert [] == store.by_mark("claim:ABCDEF")
        assert [2] == [envelope.sequence for envelope in append_each(store, 2, 2)]


def test_documents_and_envelopes_share_one_commit(path: Path) -> None:
    """Put, get, delete and scan, inside and outside of a transaction."""
    with open_store(path) as store:
        with store.transaction() as tx:
            append_one(tx, 1)
            for key in ("a-1", "a-2", "b-1"):
                tx.put("open", key, key.encode())
            tx.put("open", "a-1", b"again")
            assert b"again" == tx.get("open", "a-1")
            assert tx.delete("open", "b-1")
            assert not tx.delete("open", "b-1")

        assert [("a-1", b"again"), ("a-2", b"a-2")] == store.scan("open")
        assert [("a-2", b"a-2")] == store.scan("open", "a-", after="a-1")
        assert [("a-1", b"again")] == store.scan("open", "a", limit=1)
        assert [] == store.scan("open", "c")
        assert [] == store.scan("ledger")
        assert store.get("ledger", "a-1") is None


def test_an_id_is_queued_once(path: Path) -> None:
    """A second append of the same id is refused and says where the first is; the transaction goes on."""
    with open_store(path) as store:
        append_each(store, 1, 1)
        with store.transaction() as tx:
            with pytest.raises(StoreConflict, match="id-000001 is already in the queue as 1/1"):
                append_one(tx, 1)
            append_one(tx, 2)

        assert 2 == store.depth().last_sequence


@pytest.mark.parametrize(
    "changed",
    [
        {"occurred_at": "2026-03-01T12:00:00"},
        {"occurred_at": "yesterday"},
        {"kind": "x\x1fy"},
        {"marks": ["two\nlines"]},
        {"marks": [str(number) for number in range(17)]},
        {"body": bytes(512 * 1024 + 1)},
    ],
)
def test_what_could_never_be_sent_is_never_queued(path: Path, changed: dict) -> None:
    """An illegal field is refused before anything is written."""
    fields = {
        "id": "id-1",
        "kind": "k",
        "occurred_at": moment(1),
        "boot_id": "b",
        "uptime_ms": 1,
        "programme_version": 1,
        "body": b"x",
    }
    with open_store(path) as store:
        with store.transaction() as tx, pytest.raises(ValueError):
            tx.append(**(fields | changed))

        assert 0 == store.depth().last_sequence


def test_marks_find_envelopes_newest_first(path: Path) -> None:
    """A claim code typed at the till finds what it was printed on."""
    with open_store(path) as store:
        with store.transaction() as tx:
            first = append_one(tx, 1, marks=["claim:7K4M22", "receipt:r-1", "claim:7K4M22"])
            second = append_one(tx, 2, marks=["receipt:r-1"])

        assert [first] == store.by_mark("claim:7K4M22")
        assert [second, first] == store.by_mark("receipt:r-1")
        assert [second] == store.by_mark("receipt:r-1", limit=1)
        assert [] == store.by_mark("receipt:r-2")
        assert second == store.by_id("id-000002")
        assert store.by_id("id-000003") is None


def test_settling_moves_the_mark_and_shelves_what_was_refused(path: Path) -> None:
    """Everything through the mark leaves the outbox, refused ones too; the rest waits."""
    with open_store(path) as store:
        append_each(store, 1, 5)
        store.settle(epoch=1, through=3, refused={2: "unknown customer"})

        assert (
            QueueDepth(
                waiting=2, waiting_oldest_at=moment(4), shelved=1, archived=3, last_sequence=5, acknowledged_through=3
            )
            == store.depth()
        )
        assert store.unshelve(epoch=1, sequence=2)
        assert not store.unshelve(epoch=1, sequence=2)
        assert 0 == store.depth().shelved


def test_settling_again_or_less_changes_nothing(path: Path) -> None:
    """An answer that comes twice or late: the shelf does not grow, the mark does not go back."""
    with open_store(path) as store:
        append_each(store, 1, 5)
        store.settle(epoch=1, through=4, refused={2: "first"})
        store.unshelve(epoch=1, sequence=2)
        before = store.depth()
        store.settle(epoch=1, through=4, refused={2: "first"})
        store.settle(epoch=1, through=2, refused={2: "first"})

        assert before == store.depth()


@pytest.mark.parametrize(("epoch", "through", "refused"), [(1, 6, {}), (2, 1, {}), (1, 3, {4: "no"}), (1, -1, {})])
def test_an_answer_beyond_what_exists_is_refused(path: Path, epoch: int, through: int, refused: dict) -> None:
    """What was never sent cannot be acknowledged: nothing moves."""
    with open_store(path) as store:
        append_each(store, 1, 5)
        with pytest.raises(ValueError, match="cannot settle"):
            store.settle(epoch=epoch, through=through, refused=refused)

        assert 5 == store.depth().waiting


def test_a_new_epoch_starts_from_one_and_keeps_the_old_waiting(path: Path) -> None:
    """Old envelopes keep their epoch and can still be settled."""
    with open_store(path) as store:
        append_each(store, 1, 3)
        store.start_epoch(4)
        (envelope,) = append_each(store, 4, 4)

        assert (4, 1, GENESIS) == (envelope.epoch, envelope.sequence, envelope.previous)
        assert (4, 4) == (store.depth().waiting, store.epoch)
        store.settle(epoch=1, through=3)
        assert (1, moment(4)) == (store.depth().waiting, store.depth().waiting_oldest_at)


def test_an_epoch_never_goes_back(path: Path) -> None:
    """A lower epoch is an error when asked for, and ignored when an old identity opens the file."""
    with open_store(path, epoch=3) as store:
        store.start_epoch(3)
        with pytest.raises(ValueError, match="in epoch 3 already"):
            store.start_epoch(2)
    with open_store(path, epoch=2) as store:
        assert 3 == store.epoch
    with open_store(path, epoch=5) as store:
        assert 5 == store.epoch


def prune_all(store: TillStore, **limits: int) -> int:
    total = 0
    while removed := store.prune(now=FAR, **limits):
        total += removed
    return total


def test_pruning_by_age_leaves_what_waits_and_what_is_shelved(path: Path) -> None:
    """Only acknowledged envelopes go, in chunks; the shelf keeps its own until somebody dealt with them."""
    with open_store(path) as store:
        append_together(store, 1, 300)
        store.settle(epoch=1, through=290, refused={5: "no"})

        assert 128 == store.prune(now=FAR, keep_days=30, keep_bytes=1 << 40)
        assert 162 == prune_all(store, keep_days=30, keep_bytes=1 << 40)
        assert [(11,)] == store._run("SELECT count(*) FROM envelope", ())
        assert (10, 0, 1) == (store.depth().waiting, store.depth().archived, store.depth().shelved)
        assert store.unshelve(epoch=1, sequence=5)
        assert [(10,)] == store._run("SELECT count(*) FROM envelope", ())


def test_pruning_stops_at_the_first_young_envelope(path: Path) -> None:
    """Age is judged in order; an envelope from the future does not hold back older ones behind it."""
    with open_store(path) as store:
        with store.transaction() as tx:
            for number in (0, 900_000_000, 1, 40_000_000, 2):
                append_one(tx, number)
        store.settle(epoch=1, through=5)
        cut = NOON + timedelta(seconds=40_000_100)

        assert 3 == store.prune(now=cut, keep_days=30, keep_bytes=1 << 40)
        assert 0 == store.prune(now=cut, keep_days=30, keep_bytes=1 << 40)


def test_pruning_by_size_takes_young_ones_too(path: Path) -> None:
    """While the file is larger than allowed, acknowledged envelopes go; marks go with them."""
    with open_store(path) as store:
        with store.transaction() as tx:
            for number in range(1, 301):
                append_one(tx, number, body=bytes(2_000), marks=[f"receipt:{number}"])
        store.settle(epoch=1, through=300)

        assert 0 == store.prune(now=NOON, keep_days=30, keep_bytes=10_000_000)
        assert 300 == prune_all(store, keep_days=9_999, keep_bytes=1)
        assert [] == store.by_mark("receipt:7")
        assert [(0,)] == store._run("SELECT count(*) FROM mark", ())
        assert [301] == [envelope.sequence for envelope in append_each(store, 301, 301)]


def test_transactions_do_not_nest_and_do_not_outlive_their_block(path: Path) -> None:
    """Both are mistakes of the programmer, and both say so."""
    with open_store(path) as store:
        with store.transaction() as tx:
            with pytest.raises(RuntimeError, match="nest"), store.transaction():
                pass
            with pytest.raises(RuntimeError, match="nest"):
                store.settle(epoch=1, through=0)
        with pytest.raises(RuntimeError, match="over"):
            tx.put("open", "key", b"value")
        with pytest.raises(RuntimeError, match="over"):
            append_one(tx, 1)


def test_together_is_one_commit_for_several_transactions(path: Path) -> None:
    """Nobody else sees anything of it before the end; a part that fails takes back only what it wrote itself."""
    with open_store(path) as store:
        append_each(store, 1, 1)
        with store.together(), OutboxReader.open(path) as reader:
            append_each(store, 2, 3)
            with pytest.raises(KeyError), store.transaction() as tx:  # noqa: PT012 - the exception must come last
                append_one(tx, 4)
                raise KeyError
            envelopes = append_each(store, 5, 5)
            assert 1 == reader.depth().last_sequence
            with pytest.raises(RuntimeError, match="nest"), store.together():
                pass
        with OutboxReader.open(path) as reader:
            assert 4 == reader.depth().last_sequence
    assert [4] == [envelope.sequence for envelope in envelopes], "the failed one left no gap"


def test_together_is_all_or_nothing(path: Path) -> None:
    """An exception out of the block takes back every transaction of it, and the store goes on."""
    with open_store(path) as store:
        append_each(store, 1, 1)
        with pytest.raises(KeyError), store.together():  # noqa: PT012 - the exception must come last
            append_each(store, 2, 3)
            raise KeyError
        assert 1 == store.depth().last_sequence
        assert [2] == [envelope.sequence for envelope in append_each(store, 7, 7)]
    with open_store(path) as store:
        assert 2 == store.depth().last_sequence


def test_what_sqlite_took_back_by_itself_is_no_half_commit(path: Path) -> None:
    """As on a full disk: the whole transaction is gone, so the next part must not begin one of its own."""
    with open_store(path) as store:
        append_each(store, 1, 1)
        with pytest.raises(StoreUnavailable, match="taken back"), store.together():  # noqa: PT012 - two parts
            append_each(store, 2, 2)
            store._run("ROLLBACK", ())
            append_each(store, 3, 3)
        with pytest.raises(StoreUnavailable, match="taken back"), store.together():  # noqa: PT012 - two parts
            append_each(store, 2, 2)
            store._run("ROLLBACK", ())
        assert 1 == store.depth().last_sequence


def test_a_closed_store_says_so(path: Path) -> None:
    """Closing twice is harmless; using it is not."""
    store = open_store(path)
    store.close()
    store.close()

    with pytest.raises(StoreUnavailable, match="is not open"):
        store.depth()
    with pytest.raises(StoreUnavailable, match="was closed"):
        store.reopen()


def test_reopening_keeps_everything(path: Path) -> None:
    """A healthy store may be reopened; it is the same queue."""
    with open_store(path) as store:
        append_each(store, 1, 3)
        before = store.depth()
        store.reopen()

        assert before == store.depth()
        assert "" == store.failed
        assert [4] == [envelope.sequence for envelope in append_each(store, 4, 4)]


def test_closing_leaves_one_file_that_can_be_copied(path: Path) -> None:
    """After a clean stop no WAL is left beside the database; lock and ballast are."""
    with open_store(path) as store:
        append_each(store, 1, 3)

    assert ["till.db", "till.db.ballast", "till.db.lock"] == sorted(file.name for file in path.parent.iterdir())


def test_tending_checkpoints_and_lays_the_ballast_again(path: Path) -> None:
    """An idle moment is used so that the next commit is quick."""
    with open_store(path) as store:
        append_each(store, 1, 3)
        path.with_name("till.db.ballast").unlink()
        assert not store.ballast_present
        store.tend()

        assert store.ballast_present
        assert "" == store.check()


def test_depth_and_settling_do_not_walk_the_backlog(path: Path) -> None:
    """SQLite executes as many instructions for 5 000 waiting envelopes as for 5."""
    with open_store(path) as store:
        spent: list[int] = []
        for last in (5, 5_000):
            append_together(store, store.depth().last_sequence + 1, last)
            ticks = [0]

            def tick(ticks: list[int] = ticks) -> bool:
                ticks[0] += 1
                return False

            store._connection.set_progress_handler(tick, 10)
            store.depth()
            store.settle(epoch=1, through=last - 2)
            store._connection.set_progress_handler(None)
            spent.append(ticks[0])

        assert spent[1] <= spent[0] + 5


def test_a_refused_envelope_is_sent_once_more(path: Path) -> None:
    """The same fact under a new id at the end of the chain; found by its old words and by its old name."""
    with TillStore.open(path, epoch=1, ballast_bytes=0) as store, OutboxReader.open(path) as reader:
        with store.transaction() as tx:
            old = append_one(tx, 1, marks=["receipt:1"])
            append_one(tx, 2)
        store.settle(epoch=1, through=2, refused={1: "unknown customer"})
        with store.transaction() as tx:
            new = tx.retry(epoch=1, sequence=1, id="again")
            assert tx.retry(epoch=1, sequence=1, id="and-again") is None
            assert tx.retry(epoch=1, sequence=2, id="and-again") is None

        assert new is not None
        assert (3, "again", old.kind, old.occurred_at, old.body) == (
            new.sequence,
            new.id,
            new.kind,
            new.occurred_at,
            new.body,
        )
        assert [new] == store.by_mark("was:id-000001")
        assert [new, old] == store.by_mark("receipt:1")
        assert (0, 1, []) == (store.depth().shelved, store.depth().waiting, reader.shelf())
        assert reader.verify().broken is None
