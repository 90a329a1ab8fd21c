"""Measures filling a replica from a real centre over loopback, and looking customers up in it; asserts nothing.

Run ``python tests/bench_replica.py [--customers N] [folder]``. The centre's members are put straight into its tables;
everything after that is the product's own: the snapshot, the server, the client, the files. The till's process is
killed twice on the way. A look-up is compared with reading one bare 4 KiB page of the same file in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from agent.sync.bootstrap import Bootstrap, Outcome
from agent.sync.client import CentreClient
from agent.sync.enrol import enrol
from agent.sync.identity import load
from agent.sync.line import Line
from agent.sync.replica_file import ReplicaFile
from central.app import build
from central.database import open_database
from central.serve import listening_socket, make_server
from central.snapshots import build_snapshot
from central.tills import make_code
from drivers.vocabulary.customer import Identifier, IdentifierKind, keyed_hash
from offline_queue.replica import ReplicaReader

CUSTOMERS = 200_000
BATCH = 20_000
ROUNDS = 3
WARM = 5_000  # look-ups a round
COLD = 150
PAGE = 4_096
TIERS = ("basic", "silver", "gold")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def now() -> datetime:
    return datetime.now(UTC)


def name_of(number: int) -> str:
    return f"m{number:08d}"


def hash_of(key: bytes, number: int) -> str:
    return keyed_hash(key, Identifier(kind=IdentifierKind.CARD, value=f"29{number:010d}"))


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


# ── The centre ──────────────────────────────────────────────────────────────────────────────────


def put_members(path: Path, key: bytes, count: int) -> None:
    """Straight into the tables, each with a card, two lots and counters, as five years of shopping leave them."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-1500000")
    tables = {
        "customer": "(id, name, phone, tier, spent_minor, blocked, segments, deficits, birthday, purchases)"
        " VALUES (?, ?, ?, ?, ?, 0, '[]', '{}', ?, ?)",
        "lot": "(customer, id, unit, amount, expires_at) VALUES (?, ?, 'bonus', ?, '2027-05-01T00:00:00.000000Z')",
    }
    for start in range(0, count, BATCH):
        numbers = range(start, min(start + BATCH, count))
        connection.execute("BEGIN")
        connection.executemany(
            f"INSERT INTO customer {tables['customer']}",
            (
                (name_of(one), f"Name {one % 977} P.", f"+7 *** ***-{one % 97:02d}-{one % 89:02d}", TIERS[one % 3],
                 one * 7 % 9_000_000, f"{one % 12 + 1:02d}-{one % 28 + 1:02d}", one % 400)
                for one in numbers
            ),
        )  # fmt: skip
        connection.executemany(
            f"INSERT INTO lot {tables['lot']}",
            ((name_of(one), f"{lot}-{one}", one % 5_000 + lot) for one in numbers for lot in (1, 2)),
        )
        connection.execute("COMMIT")
    aliases = sorted((hash_of(key, one), name_of(one)) for one in range(count))
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO alias (hash, customer, mask, generation) VALUES (?, ?, '*', 1)", aliases)
    connection.execute("COMMIT")
    connection.close()


class Served:
    """The real server on loopback, in this process; the till is another one."""

    def __init__(self, database: Any) -> None:
        self.socket = listening_socket("127.0.0.1:0")
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        ready = threading.Event()
        self.server = make_server(build(database), ready=ready.set)
        self.thread = threading.Thread(target=lambda: self.server.run(sockets=[self.socket]))
        self.thread.start()
        ready.wait(30)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(30)
        self.socket.close()


# ── The till, a process of its own ──────────────────────────────────────────────────────────────


class Spent:
    """How long what took, told after each request as a line of JSON."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def timed(self, what: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **more: Any) -> Any:
            began = time.perf_counter()
            try:
                return work(*args, **more)
            finally:
                self.seconds[what] = self.seconds.get(what, 0.0) + time.perf_counter() - began

        return run

    def tell(self, **more: Any) -> None:
        status = Path("/proc/self/status").read_text().splitlines()
        kib = {line.split(":")[0]: int(line.split()[1]) for line in status if line.startswith(("VmRSS", "VmHWM"))}
        say(
            json.dumps(
                {"seconds": self.seconds, "rss_mib": kib["VmRSS"] / 1024, "peak_mib": kib["VmHWM"] / 1024} | more
            )
        )


def till(folder: Path) -> int:
    """Fill the replica; go on where an earlier process was."""
    spent = Spent()
    identity = load(folder)
    client = CentreClient(Line(identity.url), identity, version="0")
    replica = ReplicaFile.open(folder / "replica.db", now, while_unread=lambda exchange: exchange())
    making = replica.build()
    for what, name in (("transfer", "snapshot"), ("transfer", "snapshot_part"), ("changes", "changes")):
        setattr(client, name, spent.timed(what, getattr(client, name)))
    writer = making.file._writer
    for what, name in (("insert", "load"), ("check", "check"), ("reset", "reset")):
        setattr(writer, name, spent.timed(what, getattr(writer, name)))
    place = {"done": 0, "of": 0}
    bootstrap = Bootstrap(client, making, lambda done, of: place.update(done=done, of=of or place["of"]))
    while True:
        began = time.perf_counter()
        outcome = bootstrap.step()
        if outcome is Outcome.DONE:
            spent.seconds["exchange"] = (
                time.perf_counter() - began - spent.seconds.get("check", 0) - spent.seconds.get("changes", 0)
            )
        spent.tell(**place)
        if outcome is not Outcome.GOES_ON:
            return 0 if outcome is Outcome.DONE else 1


def fill(folder: Path) -> tuple[dict[str, float], list[dict[str, Any]], float]:
    """Run the till until its replica is in use, killing it at a third and at two thirds; seconds by part, its words."""
    totals: dict[str, float] = {}
    words: list[dict[str, Any]] = []
    marks = [1 / 3, 2 / 3]
    began = time.perf_counter()
    while True:
        last: dict[str, Any] = {}
        command = [sys.executable, __file__, "--till", str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            for line in child.stdout or ():
                last = json.loads(line)
                words.append(last)
                if marks and last["of"] and last["done"] / last["of"] >= marks[0]:
                    marks.pop(0)
                    child.send_signal(signal.SIGKILL)
                    break
        for what, seconds in last.get("seconds", {}).items():
            totals[what] = totals.get(what, 0.0) + seconds
        if child.returncode == 0:
            return totals, words, time.perf_counter() - began
        if child.returncode != -signal.SIGKILL:
            raise SystemExit(f"the till ended with {child.returncode}")


# ── Looking up ──────────────────────────────────────────────────────────────────────────────────


def look_ups(path: Path, key: bytes, count: int) -> Iterator[tuple[str, list[float]]]:
    """(what, seconds each): one page bare, a card, a card and its customer; warm, and with nothing in memory."""
    pages = path.stat().st_size // PAGE
    chance = random.Random(7)
    descriptor = os.open(path, os.O_RDONLY)
    found: dict[str, list[float]] = {}

    def forget(reader: ReplicaReader) -> None:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        if reader._connection is not None:
            reader._connection.execute("PRAGMA shrink_memory")

    with ReplicaReader.open(path) as reader:

        def bare() -> None:
            os.pread(descriptor, PAGE, chance.randrange(pages) * PAGE)

        def card() -> None:
            assert reader.get("alias", hash_of(key, chance.randrange(count))) is not None

        def customer() -> None:
            alias = reader.get("alias", hash_of(key, chance.randrange(count)))
            assert alias is not None
            assert reader.get("customer", json.loads(alias.body)) is not None

        kinds = {"a bare page": bare, "a card": card, "a card and its customer": customer}
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_WILLNEED)
        with path.open("rb") as whole:
            while whole.read(1 << 20):
                pass
        for temperature, times in (("warm", WARM), ("cold", COLD)):
            for _ in range(ROUNDS):
                for what, work in kinds.items():
                    for _ in range(times):
                        if temperature == "cold":
                            forget(reader)
                        began = time.perf_counter()
                        work()
                        found.setdefault(f"{what}, {temperature}", []).append(time.perf_counter() - began)
    os.close(descriptor)
    yield from found.items()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=CUSTOMERS)
    parser.add_argument("--till", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("folder", type=Path, nargs="?")
    args = parser.parse_args()
    if not hasattr(os, "posix_fadvise"):
        say("this bench needs Linux: it tells the system to forget a file, and kills a process without warning")
        return 0
    if args.till is not None:
        return till(args.till)
    with tempfile.TemporaryDirectory(prefix="bench-replica-", dir=args.folder) as folder:
        return measure(Path(folder), args.customers)


def measure(folder: Path, count: int) -> int:
    central = folder / "central.db"
    database = open_database(f"sqlite:///{central}")
    began = time.perf_counter()
    put_members(central, database.tenant_key, count)
    say(f"{count:,} customers put into the centre's tables in {time.perf_counter() - began:.1f} s (not the product)")
    began = time.perf_counter()
    build_snapshot(database, now=now)
    built = time.perf_counter() - began
    with database.read() as connection:
        sizes = connection.exec_driver_sql("SELECT count(*), sum(length(data)), sum(size) FROM snapshot_part").one()
    say(f"{'build at the centre':<32}{built:9.1f} s   {sizes[0]} parts, {sizes[1] / 2**20:.0f} MiB gzipped")
    state = folder / "till"
    with database.write() as connection:
        code = make_code(connection, shop="s1", till="t1", now=now())
    served = Served(database)
    try:
        enrol(served.url, code, state)
        totals, words, whole = fill(state)
    finally:
        served.stop()
        database.close()
    for what in ("transfer", "insert", "changes", "check", "exchange"):
        say(f"{what:<32}{totals.get(what, 0.0):9.1f} s")
    say(f"{'all, with two kills':<32}{whole:9.1f} s   build not counted")
    loading = [one["rss_mib"] for one in words if one["done"]]
    tenth = max(1, len(loading) // 10)
    say(
        f"{'memory of the till':<32}{statistics.mean(loading[:tenth]):9.1f} MiB at the beginning, "
        f"{statistics.mean(loading[-tenth:]):.1f} at the end, {max(one['peak_mib'] for one in words):.1f} at most"
    )
    path = state / "replica.db"
    size = path.stat().st_size
    say(f"{'size on disk':<32}{size / 2**20:9.1f} MiB, {size / count:.0f} bytes a customer")
    found = dict(look_ups(path, database.tenant_key, count))
    for what, seconds in found.items():
        bare = found[f"a bare page, {what.rsplit(', ', 1)[1]}"]
        median, last = statistics.median(seconds) * 1e6, quantile(seconds, 0.99) * 1e6
        ratio = statistics.median(seconds) / statistics.median(bare)
        say(f"{what:<32}{median:9.1f} µs median, {last:.1f} for 99 of 100, {ratio:.1f} of a bare page")
    return 0


if __name__ == "__main__":
    sys.exit(main())
