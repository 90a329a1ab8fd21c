"""The queues that `bench_queue.py` compares, each behind the same five words, as its own guide shows them.

Run as a program it is the child of the bench: it does one job with one queue, so that syncs and memory are that queue's
alone. ``python tests/bench_queue_contenders.py NAME JOB FOLDER COUNT`` prints one JSON object.
"""

from __future__ import annotations

import json
import os
import sqlite3
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

BODY = b"r" * 2_048
BATCH = 100  # what our uploader takes at once; the others know single messages only
DRAIN_S_MAX = 8.0  # of one drain; a queue that is slower is measured over what it managed
CLONE = "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) "


class Bare:
    """The least any durable queue can do: append and sync."""

    promises = "append and fdatasync; nothing else"

    def __init__(self, folder: Path) -> None:
        self.file = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.sync = getattr(os, "fdatasync", os.fsync)

    def put(self, number: int) -> None:
        os.write(self.file, BODY)
        self.sync(self.file)


class Tillpoint:
    """Ours: an envelope with a search word on a chain of hashes, acknowledged by a high-water mark."""

    promises = "survives a power cut; lease, send, settle; chained, searchable, kept for the journal"

    def __init__(self, folder: Path) -> None:
        from offline_queue.reader import OutboxReader
        from offline_queue.store import TillStore

        self.store = TillStore.open(folder / "till.db", epoch=1)
        self.reader = OutboxReader.open(folder / "till.db")

    def put(self, number: int) -> None:
        self.append([number])

    def rest(self) -> None:
        """The agent's idle moment between two receipts."""
        self.store.tend()

    def fill(self, count: int) -> None:
        for first in range(1, count + 1, 500):
            self.append(range(first, min(first + 500, count + 1)))

    def append(self, numbers: Any) -> None:
        with self.store.transaction() as tx:
            for number in numbers:
                tx.append(
                    id=f"018f0000-0000-7000-8000-{number:012d}",
                    kind="receipt.confirmed",
                    occurred_at="2026-03-01T12:00:00+03:00",
                    boot_id="boot-1",
                    uptime_ms=number,
                    programme_version=7,
                    body=BODY,
                    marks=[f"receipt:{number * 2_654_435_761 % (1 << 32):08x}"],
                )

    def take(self) -> int:
        batch = self.reader.batch(envelopes_max=BATCH, bytes_max=1 << 20)
        if batch:
            self.store.settle(epoch=batch[-1].epoch, through=batch[-1].sequence)
        return len(batch)


class PersistQueue:
    """persist-queue's SQLiteAckQueue, as its guide shows it; its default is SQLite's own, which is durable."""

    promises = "survives a power cut; get, then ack; acknowledged rows stay, and each get walks over them"

    def __init__(self, folder: Path) -> None:
        from persistqueue import SQLiteAckQueue

        self.make: Callable[[], Any] = lambda: SQLiteAckQueue(str(folder / "persist"))
        self.file = folder / "persist" / "data.db"
        self.queue = self.make()

    def put(self, number: int) -> None:
        self.queue.put(BODY)

    def fill(self, count: int) -> None:
        self.queue.put(BODY)
        self.queue.close()
        clone(
            self.file,
            CLONE + "INSERT INTO ack_queue_default (data, timestamp, status)"
            " SELECT data, timestamp, status FROM n, ack_queue_default WHERE _id = 1",
            count,
        )
        self.queue = self.make()

    def take(self) -> int:
        self.queue.ack(self.queue.get(block=False))
        return 1


class LiteQueue:
    """litequeue as its guide shows it: synchronous=NORMAL, written into its code."""

    promises = "loses the last messages in a power cut; pop, then done"
    synchronous = ""

    def __init__(self, folder: Path) -> None:
        from litequeue import LiteQueue as Queue

        self.make: Callable[[], Any] = lambda: Queue(str(folder / "lite.db"))
        self.file = folder / "lite.db"
        self.open()

    def open(self) -> None:
        self.queue = self.make()
        if self.synchronous:
            self.queue.conn.execute(f"PRAGMA synchronous = {self.synchronous}")

    def put(self, number: int) -> None:
        self.queue.put(BODY.decode())

    def fill(self, count: int) -> None:
        self.queue.put(BODY.decode())
        self.queue.close()
        clone(
            self.file,
            CLONE + "INSERT INTO Queue (data, message_id, status, in_time)"
            " SELECT data, printf('%s-%012d', message_id, i), status, in_time FROM n, Queue WHERE Queue.rowid = 1",
            count,
        )
        self.open()

    def take(self) -> int:
        self.queue.done(self.queue.pop().message_id)
        return 1


class LiteQueueFull(LiteQueue):
    """The same with the durable setting put in by hand."""

    promises = "survives a power cut, by a setting its guide does not name; pop, then done"
    synchronous = "FULL"


class Huey:
    """huey's SqliteStorage as SqliteHuey makes it."""

    promises = "survives a power cut; dequeue deletes before the work is done: a crash there loses it"
    settings: ClassVar[dict[str, Any]] = {}

    def __init__(self, folder: Path) -> None:
        from huey.storage import SqliteStorage

        self.file = folder / "huey.db"
        self.queue = SqliteStorage(filename=str(self.file), **self.settings)

    def put(self, number: int) -> None:
        self.queue.enqueue(BODY)

    def fill(self, count: int) -> None:
        self.queue.enqueue(BODY)
        clone(
            self.file,
            CLONE + "INSERT INTO task (queue, data, priority) SELECT queue, data, priority FROM n, task WHERE id = 1",
            count,
        )

    def take(self) -> int:
        self.queue.dequeue()
        return 1


class HueyDurable(Huey):
    """The same with its own durable settings."""

    promises = "the same, in strict order"
    settings: ClassVar[dict[str, Any]] = {"fsync": True, "strict_fifo": True}


CONTENDERS: dict[str, type[Any]] = {
    "bare append": Bare,
    "tillpoint": Tillpoint,
    "persist-queue": PersistQueue,
    "litequeue": LiteQueue,
    "litequeue FULL": LiteQueueFull,
    "huey": Huey,
    "huey fsync": HueyDurable,
}


def clone(file: Path, sql: str, count: int) -> None:
    """Fill a queue with copies of its first message: a backlog of 200,000 in seconds, in its own tables."""
    with sqlite3.connect(file) as connection:
        connection.execute(sql.format(count=count))
    connection.close()


def puts(queue: Any, count: int) -> dict[str, float]:
    """One message a commit, timed each; between them the queue may rest, as a till does between two receipts."""
    rest = getattr(queue, "rest", None) if "rest" in sys.argv else None
    queue.put(1)
    os.write(2, b"BEGIN-PUTS\n")
    taken = []
    for number in range(2, count + 2):
        start = time.perf_counter()
        queue.put(number)
        taken.append(time.perf_counter() - start)
        if rest is not None:
            os.write(2, b"REST\n")
            rest()
            os.write(2, b"AWAKE\n")
    os.write(2, b"END-PUTS\n")
    return {"rate": count / sum(taken), "median_us": statistics.median(taken) * 1e6}


def drain(queue: Any, count: int) -> dict[str, float]:
    """Take and acknowledge until nothing waits, or the time is over."""
    queue.fill(count)
    done = 0
    start = time.perf_counter()
    while done < count and time.perf_counter() - start < DRAIN_S_MAX:
        done += queue.take()
    return {"rate": done / (time.perf_counter() - start), "done": done, "memory_mib": peak_memory_mib()}


def peak_memory_mib() -> float:
    """The most memory this process ever had."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    """One job."""
    name, job, folder, count = sys.argv[1:5]
    queue = CONTENDERS[name](Path(folder))
    result = puts(queue, int(count)) if job == "put" else drain(queue, int(count))
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
