"""A power cut at every operation the queue sends to its disk: nothing acknowledged is lost, nothing is half there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from queue_rig import MemoryDisk, RigVFS
from queue_samples import NOON, append_one

from offline_queue.database import Tuning
from offline_queue.envelope import GENESIS, verify_chain
from offline_queue.errors import StoreCorrupt
from offline_queue.store import TillStore


@pytest.fixture(scope="module")
def rig() -> Iterator[RigVFS]:
    vfs = RigVFS("tillpoint-power-cut")
    yield vfs
    vfs.unregister()


@dataclass
class Recorded:
    """One run of the workload: the disk with its log, and what was promised at which length of the log."""

    disk: MemoryDisk
    states: list[tuple]
    promised: list[tuple[int, int]] = field(default_factory=list)  # (length of the log, index of the state)

    def promised_at(self, length: int) -> int:
        return max(state for reached, state in self.promised if reached <= length)


def rig_tuning(synchronous: str = "FULL") -> Tuning:
    return Tuning(vfs="tillpoint-power-cut", exclusive=True, synchronous=synchronous, checkpoint_pages=12)


def whole_state(store: TillStore) -> tuple:
    """Everything a customer of the store can see, as one comparable value."""
    rows = store._run("SELECT epoch, sequence, id FROM envelope ORDER BY position", ())
    marks = store._run("SELECT mark, position FROM mark ORDER BY 1, 2", ())
    shelf = store._run("SELECT position, reason FROM shelf ORDER BY 1", ())
    return (tuple(rows), tuple(marks), tuple(shelf), tuple(store.scan("open")), store.depth())


def record(rig: RigVFS, path: Path, blank: bytes, *, synchronous: str = "FULL", rounds: int = 4, **weak: bool):
    """Run appends with documents, settling, a new epoch, pruning and checkpoints; note what was promised when."""
    disk = rig.disk = MemoryDisk({str(path): blank}, **weak)
    store = TillStore.open(path, epoch=1, ballast_bytes=0, tuning=rig_tuning(synchronous))
    run = Recorded(disk, [whole_state(store)])
    run.promised.append((len(disk.log), 0))
    first_promise = len(disk.log)

    def promise() -> None:
        run.states.append(whole_state(store))
        run.promised.append((len(disk.log), len(run.states) - 1))

    number = 0
    for turn in range(1, rounds + 1):
        for _ in range(3):
            number += 1
            with store.transaction() as tx:
                append_one(tx, number, body=b"%d" % number * 900, marks=[f"receipt:{number}", f"turn:{turn}"])
                tx.put("open", f"receipt-{number % 4}", b"x" * (number * 150 % 2_500))
                tx.delete("open", f"receipt-{(number + 2) % 4}")
            promise()
        if turn != rounds:
            depth = store.depth()
            through = max(0, depth.last_sequence - 1)
            store.settle(epoch=store.epoch, through=through, refused={through: "unknown customer"} if through else {})
            promise()
        if turn == 2:
            store.start_epoch(2)
            promise()
        if store.prune(now=NOON + timedelta(days=90), keep_days=30, keep_bytes=1 << 30):
            promise()
        store.tend()  # a checkpoint that no commit brings with it
    store.close()
    return run, first_promise


def check_after_crash(rig: RigVFS, path: Path, run: Recorded, length: int, seed: int, synchronous: str = "FULL") -> int:
    """Open what the crash left; the index of the state found. Raises StoreCorrupt or AssertionError otherwise."""
    rig.disk = MemoryDisk(run.disk.after_crash(length, seed))
    with TillStore.open(path, epoch=1, ballast_bytes=0, tuning=rig_tuning(synchronous)) as store:
        assert store.check() == ""
        state = whole_state(store)
        found = run.states.index(state)
        epoch = store.epoch
        with store.transaction() as tx:  # and it goes on, on the right chain
            envelope = append_one(tx, 900_000 + length)
        assert (epoch, store.depth().last_sequence) == (envelope.epoch, envelope.sequence)
        before = store._run(
            "SELECT hash FROM envelope WHERE epoch = ? AND sequence = ?", (epoch, envelope.sequence - 1)
        )
        assert verify_chain([envelope], before[0][0].hex() if before else GENESIS) is None
    return found


@pytest.fixture(scope="module")
def blank_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A migrated, empty database, as bytes for the memory disk."""
    path = tmp_path_factory.mktemp("rig") / "till.db"
    with TillStore.open(path, epoch=1, ballast_bytes=0):
        pass
    return path, path.read_bytes()


def crash_everywhere(rig: RigVFS, blank_file: tuple[Path, bytes], *, seeds: int, step: int, rounds: int) -> int:
    path, blank = blank_file
    run, first = record(rig, path, blank, rounds=rounds)
    points = 0
    for length in range(first, len(run.disk.log) + 1, step):
        for seed in range(seeds):
            found = check_after_crash(rig, path, run, length, seed)
            promised = run.promised_at(length)
            assert promised <= found <= promised + 1, f"operation {length}, seed {seed}"
            points += 1
    return points


def test_nothing_promised_is_lost_and_nothing_is_half_there(rig: RigVFS, blank_file: tuple[Path, bytes]) -> None:
    """At each operation, whatever part of the unsynced sectors arrives, the file holds the promised state or the next."""
    points = crash_everywhere(rig, blank_file, seeds=2, step=1, rounds=4)

    assert points >= 600


@pytest.mark.soak
def test_nothing_promised_is_lost_with_many_seeds(
    rig: RigVFS, blank_file: tuple[Path, bytes], say: Callable[[str], None]
) -> None:
    """The same, longer, with forty tearings of every operation; the numbers are printed."""
    points = crash_everywhere(rig, blank_file, seeds=40, step=1, rounds=9)
    say(f"crash points: {points} (every operation of the log, seeds 0 to 39); nothing lost, doubled or corrupt")

    assert points >= 10_000


def count_losses(
    rig: RigVFS, blank_file: tuple[Path, bytes], *, synchronous: str = "FULL", **weak: bool
) -> tuple[int, int]:
    """How many crash points lost what was promised, and how many left a damaged file."""
    path, blank = blank_file
    run, first = record(rig, path, blank, synchronous=synchronous, rounds=3, **weak)
    lost = corrupt = 0
    for length in range(first, len(run.disk.log) + 1, 2):
        try:
            found = check_after_crash(rig, path, run, length, 1, synchronous)
        except (StoreCorrupt, AssertionError, ValueError):
            corrupt += 1
        else:
            lost += found < run.promised_at(length)
    return lost, corrupt


def test_the_rig_finds_the_loss_in_a_weakened_queue(rig: RigVFS, blank_file: tuple[Path, bytes]) -> None:
    """With synchronous=NORMAL acknowledged envelopes are lost, and no file is damaged: the rig can tell."""
    lost, corrupt = count_losses(rig, blank_file, synchronous="NORMAL")

    assert lost > 10
    assert 0 == corrupt


def test_the_rig_finds_a_disk_that_lies_about_syncing(rig: RigVFS, blank_file: tuple[Path, bytes]) -> None:
    """A disk that acknowledges a sync it did not do loses, whatever the queue does; the rig can tell that too."""
    lost, corrupt = count_losses(rig, blank_file, lies=True)

    assert lost + corrupt > 10


def test_the_rig_finds_a_disk_that_forgets_names(rig: RigVFS, blank_file: tuple[Path, bytes]) -> None:
    """A WAL that was synced while its name in the folder was not is gone with everything in it; the rig can tell."""
    lost, corrupt = count_losses(rig, blank_file, forgets_names=True)

    assert lost + corrupt > 10


def test_a_second_power_cut_while_recovering(rig: RigVFS, blank_file: tuple[Path, bytes]) -> None:
    """A cut during the opening after a cut leaves what the first one left."""
    path, blank = blank_file
    run, first = record(rig, path, blank, rounds=2)
    points = 0
    for length in range(first, len(run.disk.log), 9):
        left = run.disk.after_crash(length, 3)
        disk = rig.disk = MemoryDisk(left)
        with TillStore.open(path, epoch=1, ballast_bytes=0, tuning=rig_tuning()) as store:
            state = whole_state(store)
        for again in range(0, len(disk.log) + 1, 3):
            rig.disk = MemoryDisk(disk.after_crash(again, again))
            with TillStore.open(path, epoch=1, ballast_bytes=0, tuning=rig_tuning()) as store:
                assert state == whole_state(store)
            points += 1

    assert points >= 20
