"""Reading beside the writer: batches in order, the journal, the shelf, the chain, and never a word to the disk."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

import pytest
from queue_samples import NOON, append_each, append_one, append_together, moment

from offline_queue.envelope import Envelope
from offline_queue.errors import StoreCorrupt, StoreUnavailable
from offline_queue.reader import ChainReport, OutboxReader
from offline_queue.store import TillStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "till.db"


def open_store(path: Path) -> TillStore:
    return TillStore.open(path, epoch=1, ballast_bytes=0)


def sequences(envelopes: list) -> list[tuple[int, int]]:
    return [(envelope.epoch, envelope.sequence) for envelope in envelopes]


def test_a_file_nobody_has_made_yet_is_named(path: Path) -> None:
    """The reader makes nothing."""
    with pytest.raises(StoreUnavailable, match=r"till\.db is not there; start the agent once"):
        OutboxReader.open(path)
    assert not path.exists()


def test_an_empty_file_has_older_tables(path: Path) -> None:
    """A reader never migrates."""
    path.touch()
    with pytest.raises(StoreUnavailable, match="has older tables"):
        OutboxReader.open(path)


def test_a_batch_is_what_follows_the_mark(path: Path) -> None:
    """Contiguous, bounded by number, again and again the same until it is settled."""
    with open_store(path) as store, OutboxReader.open(path) as reader:
        assert [] == reader.batch(envelopes_max=10, bytes_max=1 << 20)
        written = append_together(store, 1, 25)

        assert written[:10] == reader.batch(envelopes_max=10, bytes_max=1 << 20)
        assert written[:10] == reader.batch(envelopes_max=10, bytes_max=1 << 20)
        store.settle(epoch=1, through=10)
        assert written[10:20] == reader.batch(envelopes_max=10, bytes_max=1 << 20)
        store.settle(epoch=1, through=25)
        assert [] == reader.batch(envelopes_max=10, bytes_max=1 << 20)


def test_a_batch_is_bounded_by_bytes_but_never_empty(path: Path) -> None:
    """A large envelope travels alone; it does not block the queue."""
    with open_store(path) as store, OutboxReader.open(path) as reader:
        append_each(store, 1, 5, body=b"x" * 1_000)

        assert [(1, 1), (1, 2)] == sequences(reader.batch(envelopes_max=10, bytes_max=2_999))
        assert [(1, 1), (1, 2), (1, 3)] == sequences(reader.batch(envelopes_max=10, bytes_max=3_000))
        assert [(1, 1)] == sequences(reader.batch(envelopes_max=10, bytes_max=10))


def test_a_batch_holds_one_epoch_and_the_oldest_goes_first(path: Path) -> None:
    """What waits from before a restore is not forgotten."""
    with open_store(path) as store, OutboxReader.open(path) as reader:
        append_each(store, 1, 2)
        store.start_epoch(2)
        append_each(store, 3, 4)

        assert [(1, 1), (1, 2)] == sequences(reader.batch(envelopes_max=10, bytes_max=1 << 20))
        store.settle(epoch=1, through=2)
        assert [(2, 1), (2, 2)] == sequences(reader.batch(envelopes_max=10, bytes_max=1 << 20))
        assert store.depth() == reader.depth()


def test_a_hole_in_the_queue_is_never_sent(path: Path) -> None:
    """A damaged file must not look to the centre like a till that skips numbers."""
    with open_store(path) as store, OutboxReader.open(path) as reader:
        append_each(store, 1, 5)
        store._run("DELETE FROM envelope WHERE sequence = 3", ())

        with pytest.raises(StoreCorrupt, match="a hole before envelope 1/4"):
            reader.batch(envelopes_max=10, bytes_max=1 << 20)


def test_the_journal_is_found_by_time_and_kind(path: Path) -> None:
    """Acknowledged or not, in the order of the queue, from both ends; zones are understood."""
    with open_store(path) as store, OutboxReader.open(path) as reader:
        with store.transaction() as tx:
            for number in range(1, 9):
                append_one(tx, number, kind="drawer" if number % 4 == 0 else "receipt")
        store.settle(epoch=1, through=5)
        expected = {number: (1, number) for number in range(1, 9)}

        assert [expected[n] for n in (8, 7, 6)] == sequences(reader.envelopes(limit=3))
        assert [expected[n] for n in (1, 2)] == sequences(reader.envelopes(limit=2, newest_first=False))
        assert [expected[n] for n in (8, 4)] == sequences(reader.envelopes(kind="drawer"))
        window = reader.envelopes(since=moment(3), until=moment(6), newest_first=False)
        assert [expected[n] for n in (3, 4, 5)] == sequences(window)
        assert [expected[4]] == sequences(reader.envelopes(since=moment(3), until=moment(6), kind="drawer"))
        assert [expected[8]] == sequences(reader.envelopes(since="2026-03-01T15:00:08+03:00"))


def test_the_journal_of_one_day_does_not_read_ninety(path: Path) -> None:
    """A window walks the narrow index and then only the bodies it found."""
    with open_store(path) as store, OutboxReader.open(path) as reader:
        append_together(store, 1, 3)
        plan = reader._run(
            "EXPLAIN QUERY PLAN SELECT position FROM envelope INDEXED BY envelope_occurred"
            " WHERE occurred_ms >= ? AND kind = ? ORDER BY position DESC LIMIT ?",
            (0, "receipt", 5),
        )

    assert "USING COVERING INDEX envelope_occurred (occurred_ms>?)" in plan[0][3]


def test_the_shelf_shows_what_was_refused_and_why(path: Path) -> None:
    """Oldest first, and still there after pruning."""
    with open_store(path) as store, OutboxReader.open(path) as reader:
        written = append_together(store, 1, 5)
        store.settle(epoch=1, through=4, refused={4: "too late", 2: "unknown customer"})

        shelf = reader.shelf()
        assert [(written[1], "unknown customer"), (written[3], "too late")] == [(s.envelope, s.reason) for s in shelf]
        assert written[1] == reader.by_id("id-000002")
        assert [shelf[0]] == reader.shelf(limit=1)


def test_marks_and_ids_are_found_by_the_reader_too(path: Path) -> None:
    """The panel looks a claim code up on its own connection."""
    with open_store(path) as store, OutboxReader.open(path) as reader:
        with store.transaction() as tx:
            envelope = append_one(tx, 1, marks=["claim:7K4M22"])

        assert [envelope] == reader.by_mark("claim:7K4M22")
        assert envelope == reader.by_id("id-000001")
        assert reader.by_id("nobody") is None


@pytest.mark.parametrize(
    ("damage", "broken", "checked", "why"),
    [
        ("UPDATE envelope SET body = x'00' WHERE position = (1 << 40 | 700)", (1, 700), 699, "was changed"),
        (
            "UPDATE envelope SET occurred_at = '2026-01-01T00:00:00Z' WHERE position = (1 << 40 | 1)",
            (1, 1),
            0,
            "was changed",
        ),
        ("UPDATE envelope SET body = 'text' WHERE position = (1 << 40 | 5)", (1, 5), 4, "cannot be read"),
        ("DELETE FROM envelope WHERE position = (1 << 40 | 300)", (1, 300), 299, "is missing"),
        ("DELETE FROM envelope WHERE position > (1 << 40 | 690)", (1, 691), 690, "is missing"),
        ("UPDATE envelope SET hash = x'00' WHERE position = (1 << 40 | 256)", (1, 256), 255, "cannot be read"),
        (
            "UPDATE epoch SET head = zeroblob(32) WHERE epoch = 1",
            (1, 701),
            700,
            "does not end where the till's own mark says",
        ),
    ],
)
def test_every_damage_to_the_chain_is_named(
    path: Path, damage: str, broken: tuple[int, int], checked: int, why: str
) -> None:
    """Changed, removed from the middle, cut off at the end, across the borders of what is read at once."""
    with open_store(path) as store, OutboxReader.open(path) as reader:
        append_together(store, 1, 700)
        assert ChainReport(checked=700, broken=None) == reader.verify()
        store._run(damage, ())

        assert ChainReport(checked=checked, broken=broken, why=why) == reader.verify()


def test_verifying_says_how_far_it_is(path: Path) -> None:
    """For a progress bar: over all epochs, up to everything."""
    told: list[tuple[int, int]] = []
    with open_store(path) as store, OutboxReader.open(path) as reader:
        append_together(store, 1, 400)
        store.start_epoch(2)
        append_together(store, 401, 410)
        reader.verify(lambda done, total: told.append((done, total)))

    assert [(256, 410), (400, 410), (410, 410)] == told


def test_pages_walk_through_everything_once(path: Path) -> None:
    """Oldest first, over epochs, whatever the centre has of it."""
    with open_store(path) as store, OutboxReader.open(path) as reader:
        written = append_together(store, 1, 5)
        store.settle(epoch=1, through=3)
        store.start_epoch(2)
        written += append_together(store, 6, 8)
        seen: list[Envelope] = []
        while page := reader.page(after=(seen[-1].epoch, seen[-1].sequence) if seen else (0, 0), limit=3):
            seen += page

        assert written == seen
        assert {1: 3, 2: 0} == reader.acknowledged()


def test_the_chain_is_anchored_where_it_was_pruned(path: Path) -> None:
    """What pruning left is verified from the hash of the last pruned envelope, over all epochs."""
    with open_store(path) as store, OutboxReader.open(path) as reader:
        append_together(store, 1, 200)
        store.settle(epoch=1, through=150, refused={3: "no"})
        store.start_epoch(2)
        append_together(store, 201, 210)
        assert 128 == store.prune(now=NOON, keep_days=9_999, keep_bytes=1)
        assert ChainReport(checked=82, broken=None) == reader.verify()
        store._run("DELETE FROM envelope WHERE position = (1 << 40 | 129)", ())
        assert ChainReport(checked=0, broken=(1, 129), why="is missing") == reader.verify()


def test_a_reader_on_another_thread_sees_only_whole_transactions(path: Path) -> None:
    """While one thread appends three at a time, another never sees a part of three, nor a broken chain."""
    seen: list[int] = []
    with open_store(path) as store:

        def look() -> None:
            with OutboxReader.open(path) as reader:
                while not seen or seen[-1] < 300:
                    batch = reader.batch(envelopes_max=500, bytes_max=1 << 20)
                    seen.append(len(batch))
                    assert reader.verify().broken is None

        thread = Thread(target=look)
        thread.start()
        for first in range(1, 300, 3):
            append_together(store, first, first + 2)
        thread.join()

    assert {0} == {number % 3 for number in seen}


def test_a_reader_never_writes(path: Path) -> None:
    """Neither a statement nor a checkpoint on closing, even when it closes last."""
    store = open_store(path)
    append_each(store, 1, 3)
    reader = OutboxReader.open(path)
    with pytest.raises(StoreUnavailable, match="read-only"):
        reader._run("DELETE FROM envelope", ())
    store._disconnect(checkpoint=False)
    wal = path.with_name("till.db-wal").read_bytes()
    reader.close()

    assert wal == path.with_name("till.db-wal").read_bytes()
    store.close()
    with open_store(path) as again:
        assert 3 == again.depth().last_sequence


def test_a_centre_that_lost_something_can_ask_from_any_kept_place(path: Path) -> None:
    """Acknowledged envelopes are read again from where they are wanted; what was pruned or never was is not there."""
    with open_store(path) as store, OutboxReader.open(path) as reader:
        written = append_together(store, 1, 140)
        store.settle(epoch=1, through=135)
        assert 128 == store.prune(now=NOON, keep_days=9_999, keep_bytes=1)

        def wanted(epoch: int, sequence: int) -> list:
            return reader.batch_from(epoch=epoch, sequence=sequence, envelopes_max=3, bytes_max=1 << 20)

        assert written[129:132] == wanted(1, 130)
        assert written[138:] == wanted(1, 139)
        assert [[], [], [], []] == [wanted(1, 128), wanted(1, 141), wanted(1, 0), wanted(2, 1)]
