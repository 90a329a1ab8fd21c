"""Measures the queue and the replica against what the disk itself can do, in the same run; asserts nothing.

Run ``python tests/bench_queue.py [folder]``. The folder should lie on the disk of the till: a RAM disk syncs for
nothing and flatters everything. Ratios travel from machine to machine, milliseconds do not.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from offline_queue.reader import OutboxReader
from offline_queue.replica import ReplicaReader, ReplicaWriter
from offline_queue.store import TillStore

COMMITS = 400
ROUNDS = 5  # of each, one after the other, so that a noisy neighbour disturbs both
BODY = os.urandom(1_024) + b"r" * 1_024
BACKLOGS = (2_000, 20_000)
REPLICA_ROWS = 1_000_000
LOOKUPS = 20_000
NOW = "2026-03-01T12:00:00+03:00"


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def append(store: TillStore, first: int, count: int, *, each: int = 1) -> None:
    for start in range(first, first + count, each):
        with store.transaction() as tx:
            for number in range(start, min(start + each, first + count)):
                tx.append(
                    id=f"018f0000-0000-7000-8000-{number:012d}",
                    kind="receipt.confirmed",
                    occurred_at=NOW,
                    boot_id="boot-1",
                    uptime_ms=number,
                    programme_version=7,
                    body=BODY,
                    marks=[f"receipt:{blake2b(b'%d' % number, digest_size=8).hexdigest()}"],
                )


@contextmanager
def bare_file(path: Path) -> Iterator[Callable[[], None]]:
    """The least any durable queue can do: append and sync."""
    sync = getattr(os, "fdatasync", os.fsync)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def put() -> None:
        os.write(descriptor, BODY)
        sync(descriptor)

    try:
        yield put
    finally:
        os.close(descriptor)


def measure(action: Callable[[int], None], count: int) -> list[float]:
    """Seconds of each call."""
    taken = []
    for number in range(count):
        start = time.perf_counter()
        action(number)
        taken.append(time.perf_counter() - start)
    return taken


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def commits(folder: Path) -> None:
    """One envelope of 2 KB with its mark a commit, against a bare append and sync of the same bytes."""
    queue: list[float] = []
    bare: list[float] = []
    with TillStore.open(folder / "commits.db", epoch=1) as store, bare_file(folder / "bare") as put:
        for turn in range(ROUNDS):
            base = turn * COMMITS
            queue += measure(lambda number, base=base: append(store, base + number + 1, 1), COMMITS)
            bare += measure(lambda _: put(), COMMITS)
    for name, values in (("bare append + fdatasync", bare), ("commit of one envelope", queue)):
        say(
            f"{name:26} {len(values) / sum(values):8,.0f}/s   median {statistics.median(values) * 1e6:6.0f} µs"
            f"   p99 {percentile(values, 0.99) * 1e6:6.0f} µs"
        )
    say(
        f"{'ratio':26} rate {sum(bare) / sum(queue):.2f} of the limit,"
        f" median {statistics.median(queue) / statistics.median(bare):.2f} x"
    )


def drain(folder: Path, backlog: int) -> None:
    """Read batches of 100 and settle each, until nothing waits: the rate at the start, in the middle, at the end."""
    path = folder / f"drain-{backlog}.db"
    with TillStore.open(path, epoch=1) as store, OutboxReader.open(path) as reader:
        append(store, 1, backlog, each=500)
        taken = []
        while True:
            start = time.perf_counter()
            batch = reader.batch(envelopes_max=100, bytes_max=1 << 20)
            if not batch:
                break
            store.settle(epoch=batch[-1].epoch, through=batch[-1].sequence)
            taken.append((time.perf_counter() - start) / len(batch))
        third = max(1, len(taken) // 3)
        rates = [1 / statistics.mean(part) for part in (taken[:third], taken[third : 2 * third], taken[2 * third :])]
        depth = statistics.median(measure(lambda _: store.depth() and None, 500))
        say(
            f"{f'drain of {backlog:,} waiting':26} {1 / statistics.mean(taken):8,.0f}/s"
            f"   thirds {rates[0]:,.0f} / {rates[1]:,.0f} / {rates[2]:,.0f}   depth() {depth * 1e6:.0f} µs"
        )
        start = time.perf_counter()
        report = reader.verify()
        say(f"{'  verifying its chain':26} {report.checked / (time.perf_counter() - start):8,.0f}/s")


def alias(number: int) -> str:
    return blake2b(number.to_bytes(8), digest_size=16).hexdigest()


def replica(folder: Path, rows: int) -> None:
    """Look-ups by keyed hash among a million aliases, against reading one random page of the same file."""
    path = folder / "replica.db"
    with ReplicaWriter.open(path) as writer:
        start = time.perf_counter()
        keys = sorted(alias(number) for number in range(rows))
        writer.apply(
            cursor="c",
            reflects=0,
            epoch=1,
            changes=(("alias", key, 1, b'"c-%012d"' % number) for number, key in enumerate(keys)),
            stored_at=NOW,
        )
        seconds = time.perf_counter() - start
        size = path.stat().st_size
        say(f"{'replica in key order':26} {rows / seconds:8,.0f} rows/s   {size / rows:.0f} bytes a row, {rows:,} rows")
        fresh = [("alias", alias(-1 - n & (1 << 63) - 1), 1, b"x") for n in range(10_000)]
        start = time.perf_counter()
        writer.apply(cursor="d", reflects=1, epoch=1, changes=fresh, stored_at=NOW)
        say(f"{'  changes at random keys':26} {len(fresh) / (time.perf_counter() - start):8,.0f} rows/s")
    lookups(path, size, rows)


def lookups(path: Path, size: int, rows: int) -> None:
    rng = random.Random(1)
    wanted = [alias(rng.randrange(rows)) for _ in range(LOOKUPS)]
    pages = [rng.randrange(size // 4096) * 4096 for _ in range(LOOKUPS)]
    with ReplicaReader.open(path) as reader:
        for _ in range(2):  # the first pass warms both
            found = measure(lambda number: reader.get("alias", wanted[number]) and None, LOOKUPS)
            page = measure_pages(path, pages)
    for name, values in (("bare 4 KiB pread, warm", page), ("look-up by keyed hash", found)):
        say(
            f"{name:26} median {statistics.median(values) * 1e6:6.1f} µs   p99 {percentile(values, 0.99) * 1e6:6.1f} µs"
        )
    say(f"{'ratio':26} {statistics.median(found) / statistics.median(page):.1f} x")


def measure_pages(path: Path, offsets: list[int]) -> list[float]:
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        if hasattr(os, "pread"):
            return measure(lambda number: os.pread(descriptor, 4096, offsets[number]) and None, len(offsets))

        def seek_and_read(number: int) -> None:
            os.lseek(descriptor, offsets[number], os.SEEK_SET)
            os.read(descriptor, 4096)

        return measure(seek_and_read, len(offsets))
    finally:
        os.close(descriptor)


def main() -> int:
    """Measure everything in a folder of its own below the one named on the command line."""
    parent = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(prefix="tillpoint-bench-", dir=parent) as name:
        folder = Path(name)
        commits(folder)
        for backlog in BACKLOGS:
            drain(folder, backlog)
        replica(folder, REPLICA_ROWS)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
