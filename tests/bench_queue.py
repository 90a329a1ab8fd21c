"""Measures the queue and the replica against what the disk itself can do, in the same run; asserts nothing.

Run ``python tests/bench_queue.py [folder]``. The folder should lie on the disk of the till: a RAM disk syncs for
nothing and flatters everything. Ratios travel from machine to machine, milliseconds do not.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench_queue_contenders import CONTENDERS

from offline_queue.reader import OutboxReader
from offline_queue.replica import ReplicaReader, ReplicaWriter
from offline_queue.store import TillStore

COMMITS = 400
CHILD = Path(__file__).with_name("bench_queue_contenders.py")
RESTED = ", rested"
ROUNDS = 3  # of each, one after the other, so that a noisy neighbour disturbs both
BODY = os.urandom(1_024) + b"r" * 1_024
BACKLOGS = (2_000, 20_000, 200_000)
COUNTED = 200  # puts under strace
SLOW_PUTS = 150
REPLICA_ROWS = 1_000_000
LOOKUPS = 20_000
NOW = "2026-03-01T12:00:00+03:00"


def say(text: str, *, end: str = "\n") -> None:
    sys.stdout.write(text + end)
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


def verifying(folder: Path, count: int) -> None:
    """Walking the chain, and asking how long the queue is."""
    path = folder / "verify.db"
    with TillStore.open(path, epoch=1) as store, OutboxReader.open(path) as reader:
        append(store, 1, count, each=500)
        depth = statistics.median(measure(lambda _: store.depth() and None, 500))
        start = time.perf_counter()
        report = reader.verify()
        seconds = time.perf_counter() - start
        say(f"{'verifying the chain':26} {report.checked / seconds:8,.0f}/s   depth() {depth * 1e6:.0f} µs")


# ── beside what a user would otherwise pick ─────────────────────────────────────────────────────────────────────────


def job(name: str, what: str, folder: Path, count: int, *more: str, strace: Sequence[str] = ()) -> dict[str, float]:
    """One job of one queue in a process and a folder of its own."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        command = [*strace, sys.executable, str(CHILD), name, what, own, str(count), *more]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr[-500:]}")
    result: dict[str, float] = json.loads(done.stdout)
    return result


def syncs_per_put(name: str, folder: Path, *more: str) -> float:
    """Counted by strace between two marks, without what happens while the till rests."""
    log = folder / "trace"
    calls = "trace=fsync,fdatasync,msync,write"
    job(name, "put", folder, COUNTED, *more, strace=["strace", "-f", "-o", str(log), "-e", calls])
    syncs = 0
    counting = False
    for line in log.read_text("utf-8", "replace").splitlines():
        if "BEGIN-PUTS" in line or "AWAKE" in line:
            counting = True
        elif "END-PUTS" in line or "REST" in line:
            counting = False
        elif counting and ("fsync(" in line or "fdatasync(" in line or "msync(" in line):
            syncs += 1
    return syncs / COUNTED


def best(names: Sequence[str], folder: Path, count: int, field: str, strace: Sequence[str] = ()) -> dict[str, float]:
    """The best of several rounds, one queue after the other in each: a noisy neighbour disturbs all or none."""
    better = max if field == "rate" else min
    found: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(ROUNDS):
        for name, values in found.items():
            own, *more = name.split(RESTED)[:1] + ["rest"] * name.endswith(RESTED)
            values.append(job(own, "put", folder, count, *more, strace=strace)[field])
    return {name: better(values) for name, values in found.items()}


def slow_disk() -> list[str]:
    """Each sync takes 10 ms longer, the same for all."""
    calls = "fsync,fdatasync,msync"
    command = ["strace", "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", f"trace={calls}"]
    return [*command, "-e", f"inject={calls}:delay_enter=10000"]


def beside_others(folder: Path) -> None:
    """The table: what a put costs, what it syncs, how a backlog drains, how much memory that takes, what is promised."""
    ours = f"tillpoint{RESTED}"
    names = [*list(CONTENDERS)[:2], ours, *list(CONTENDERS)[2:]]
    traced = shutil.which("strace") is not None
    if not traced:
        say("strace is not installed: syncs are NOT counted, the 10 ms disk is NOT modelled (apt-get install strace)")
    fast = best(names, folder, COMMITS, "median_us")
    slow = best(names, folder, SLOW_PUTS, "rate", slow_disk()) if traced else {}
    say(f"\n{'':18}{'put µs':>8}{'syncs':>7}{'/s at 10 ms':>13}{'of bare':>9}", end="")
    say("".join(f"{f'drain {count:,}':>15}" for count in BACKLOGS) + f"{'MiB first/last':>18}")
    for name in names:
        say(f"{name:18}{fast[name]:8.0f}", end="")
        if traced:
            syncs = syncs_per_put(name.split(RESTED)[0], folder, *(["rest"] if name == ours else []))
            say(f"{syncs:7.2f}{slow[name]:13.1f}{slow[name] / slow['bare append']:9.2f}", end="")
        else:
            say(f"{'?':>7}{'?':>13}{'?':>9}", end="")
        say(drains(name, folder) if name in CONTENDERS and name != "bare append" else "")
    for name, one in CONTENDERS.items():
        say(f"  {name:16} {one.promises}")
    say(f"  {ours:16} the same with an idle moment between two receipts, as a till has: the checkpoint falls there")


def drains(name: str, folder: Path) -> str:
    """Taken and acknowledged a second at each backlog, and the memory at the smallest and the largest."""
    found = [job(name, "drain", folder, count) for count in BACKLOGS]
    rates = "".join(f"{one['rate']:15,.0f}" for one in found)
    return rates + f"{found[0]['memory_mib']:11.0f} / {found[-1]['memory_mib']:.0f}"


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
        verifying(folder, 20_000)
        beside_others(folder)
        replica(folder, REPLICA_ROWS)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
