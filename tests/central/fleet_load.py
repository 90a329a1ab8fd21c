"""Many simulated tills against real server processes, one of which is killed; counts what is lost and doubled.

Each till has its own connection and its own chain of envelopes, sealed and compressed before the clock starts, so that
the measured time is the server's. The tills of a dead process go on at the others with the batch they had in hand.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Raw
from sqlalchemy import insert

from central import schema
from central.database import open_database
from central.members import Member, load_members
from central.totals import Totals, read_totals
from drivers.vocabulary import codec
from drivers.vocabulary.centre import Upload, WireEnvelope
from drivers.vocabulary.decision import Decision, PointsEarned, PointsSpent
from drivers.vocabulary.facts import ReceiptConfirmed
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt
from offline_queue.envelope import GENESIS, chain_hash
from tests.own_loop import run_alone

PROJECT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NAMES = ("bread", "milk 3.2 %", "apples", "tea, black, 100 bags", "rye flour 2 kg")
KNOWN_SHARE = 0.6  # of receipts with a customer
OPENING = 10_000  # points of each customer: nobody runs out, so the sums are known beforehand
RETRY_S = 0.2  # of a till whose server died; a real till waits longer


@dataclass(frozen=True, kw_only=True)
class Load:
    """How much: `rate` is batches per second of all tills together, 0 for as fast as the answers come."""

    tills: int
    batches: int
    size: int = 20
    customers: int = 20_000
    processes: int = 2
    kill_at: float = 0.4  # of all batches; 0 kills nobody
    rate: float = 0

    @property
    def envelopes(self) -> int:
        return self.tills * self.batches * self.size


@dataclass(kw_only=True)
class Outcome:
    """What happened; `latencies` are of single requests that were answered 200, in seconds."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    answers: dict[int, int] = field(default_factory=dict)
    broken: int = 0
    lost: int = 0
    doubled: int = 0
    earned_wrong: int = 0
    totals: Totals | None = None

    def percentile(self, share: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


@dataclass
class Fleet:
    """Every batch of every till, ready to send, and what they must add up to."""

    load: Load
    batches: list[list[bytes]] = field(default_factory=list)
    earned: int = 0
    spent: int = 0

    def seal(self) -> Fleet:
        rng = random.Random(7)
        for number in range(self.load.tills):
            head, sequence, mine = GENESIS, 0, []
            for _ in range(self.load.batches):
                envelopes = []
                for _ in range(self.load.size):
                    sequence += 1
                    body = codec.encode(self._sale(rng, f"s{number}-{sequence}"))
                    values: dict[str, Any] = {
                        "id": f"{number:08x}-0000-7000-8000-{sequence:012x}",
                        "epoch": 1,
                        "sequence": sequence,
                        "kind": "receipt.confirmed",
                        "occurred_at": NOW.isoformat(),
                        "boot_id": "boot-1",
                        "uptime_ms": sequence,
                        "programme_version": 1,
                    }
                    digest = chain_hash(head, **values, body=body)
                    envelopes.append(WireEnvelope(previous=head, hash=digest, body=Raw(body), **values))
                    head = digest
                mine.append(gzip.compress(codec.encode(Upload(envelopes=tuple(envelopes))), 5))
            self.batches.append(mine)
        return self

    def _sale(self, rng: random.Random, uid: str) -> ReceiptConfirmed:
        lines = tuple(
            Line(
                number=place + 1,
                name=rng.choice(NAMES),
                quantity=Quantity.ONE,
                price=Money(minor, "RUB"),
                total=Money(minor, "RUB"),
            )
            for place, minor in enumerate(rng.randrange(3_000, 90_000) for _ in range(rng.randrange(1, 6)))
        )
        total = Money(sum(line.total.minor for line in lines), "RUB")
        known = rng.random() < KNOWN_SHARE
        effects: list[Any] = []
        if known and rng.random() < 0.2:
            effects.append(PointsSpent(unit="bonus", amount=1, worth=Money(100, "RUB")))
            self.spent += 1
        if known:
            effects.append(PointsEarned(unit="bonus", amount=5, rule="base"))
            self.earned += 5
        return ReceiptConfirmed(
            receipt=Receipt(uid=uid, kind=DocumentKind.SALE, total=total, lines=lines),
            decision=Decision(
                programme_version=1, total=total, discount=Money(0, "RUB"), payable=total, effects=tuple(effects)
            ),
            claim_code="7K4M22",
            source="api",
            customer_id=f"c{rng.randrange(self.load.customers)}" if known else None,
        )


def token_of(number: int) -> str:
    return f"token-{number}"


def prepare(url: str, load: Load) -> None:
    """Tills that are enrolled, members with points."""
    database = open_database(url)
    try:
        with database.write() as connection:
            rows = [
                {
                    "id": f"t{number}",
                    "shop": f"s{number % 100}",
                    "epoch": 1,
                    "token_hash": hashlib.sha256(token_of(number).encode()).hexdigest(),
                    "token_used": True,
                    "machine": "",
                    "enrolled_at": NOW,
                    "version": "",
                }
                for number in range(load.tills)
            ]
            connection.execute(insert(schema.till), rows)
        members = (
            Member(id=f"c{number}", name="", phone="", card="", tier="", spent_minor=0, points={"bonus": OPENING})
            for number in range(load.customers)
        )
        load_members(database, members, now=NOW, progress=lambda _: None)
    finally:
        database.close()


class Process:
    """`tillpoint central run`, on a free port or on one it had before."""

    def __init__(self, url: str, listen: str = "127.0.0.1:0") -> None:
        command = [sys.executable, "-c", "import sys; from central.cli import main; sys.exit(main())", "run"]
        self._is_killed = False
        self._child = subprocess.Popen(
            [*command, "--listen", listen, "--database", url], cwd=PROJECT, stdout=subprocess.PIPE, text=True
        )
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        self.listen = line.rpartition("//")[2].strip()
        if not self.listen:
            raise RuntimeError("the server did not start")

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def fell(self) -> str:
        """How it ended by itself; "" while it runs, and when we killed it."""
        code = self._child.poll()
        return "" if code is None or self._is_killed else f"a server process ended by itself with {code}"

    def kill(self) -> None:
        """Without a word."""
        self._is_killed = True
        self._child.kill()
        self._end()

    def stop(self) -> None:
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGINT)
        self._end()

    def _end(self) -> None:
        self._child.wait(30)
        assert self._child.stdout is not None
        self._child.stdout.close()


class Driver:
    """The tills, on one event loop."""

    def __init__(self, url: str, fleet: Fleet) -> None:
        self._url = url
        self._fleet = fleet
        self._load = fleet.load
        self._processes = [Process(url) for _ in range(fleet.load.processes)]
        self._alive = list(self._processes)
        self._done = 0
        self._kill = asyncio.Event()
        self.outcome = Outcome()

    def run(self) -> Outcome:
        try:
            run_alone(self._drive)
        finally:
            for process in self._alive:
                process.stop()
        return self.outcome

    async def _drive(self) -> None:
        began = time.perf_counter()
        killer = asyncio.create_task(self._killer())
        async with asyncio.TaskGroup() as group:
            for number in range(self._load.tills):
                group.create_task(self._till(number, began))
        self.outcome.seconds = time.perf_counter() - began
        self._kill.set()
        await killer

    async def _killer(self) -> None:
        await self._kill.wait()
        if not self._load.kill_at:
            return
        victim = self._alive[0]
        await asyncio.to_thread(victim.kill)
        if len(self._alive) > 1:
            self._alive.remove(victim)
        else:
            self._alive[0] = await asyncio.to_thread(Process, self._url, victim.listen)

    async def _till(self, number: int, began: float) -> None:
        """Batch after batch, each until it is answered."""
        line = _Line(self._alive, number)
        total = self._load.tills * self._load.batches
        for place, body in enumerate(self._fleet.batches[number]):
            if self._load.rate:
                due = began + (place * self._load.tills + number) / self._load.rate
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
            while True:
                asked = time.perf_counter()
                try:
                    status = await line.post(f"/v1/tills/t{number}/envelopes", body)
                except (OSError, asyncio.IncompleteReadError, ValueError):
                    self.outcome.broken += 1
                    line.drop()
                    fallen = next((one.fell for one in self._alive if one.fell), "")
                    if fallen:  # nobody would ever answer: a result, not a wait
                        raise RuntimeError(fallen) from None
                    await asyncio.sleep(RETRY_S)
                    continue
                self.outcome.answers[status] = self.outcome.answers.get(status, 0) + 1
                if status == 200:
                    self.outcome.latencies.append(time.perf_counter() - asked)
                    break
                if status != 503:
                    raise RuntimeError(f"till t{number}: {status} {line.said[:300]!r}")
                await asyncio.sleep(line.retry_s * (0.5 + random.random()))
            self._done += 1
            if self._done >= total * self._load.kill_at:
                self._kill.set()
        line.drop()


class _Line:
    """One till's kept-alive connection; plain HTTP/1.1 by hand, because a client library would need more than the server."""

    def __init__(self, alive: list[Process], number: int) -> None:
        self._alive = alive
        self._number = number
        self._token = token_of(number)
        self._pair: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.said = b""
        self.retry_s = RETRY_S

    async def post(self, path: str, body: bytes) -> int:
        if self._pair is None:
            port = self._alive[self._number % len(self._alive)].port
            self._pair = await asyncio.open_connection("127.0.0.1", port)
        reader, writer = self._pair
        head = (
            f"POST {path} HTTP/1.1\r\nhost: centre\r\nauthorization: Bearer {self._token}\r\n"
            f"content-encoding: gzip\r\ntillpoint-version: 1\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        sizes = [line.partition(":")[2] for line in lines if line.startswith("content-length:")]
        waits = [line.partition(":")[2] for line in lines if line.startswith("retry-after:")]
        self.retry_s = float(waits[0]) if waits else RETRY_S
        self.said = await reader.readexactly(int(sizes[0]))
        return int(lines[0].split()[1])

    def drop(self) -> None:
        if self._pair is not None:
            self._pair[1].close()
            self._pair = None


def measure(url: str, fleet: Fleet) -> Outcome:
    """Prepare, drive, count."""
    prepare(url, fleet.load)
    outcome = Driver(url, fleet).run()
    database = open_database(url)
    try:
        totals = outcome.totals = database.reading(read_totals)
        held = database.reading(lambda connection: dict(_receipts_of(connection)))
    finally:
        database.close()
    outcome.lost = max(0, fleet.load.envelopes - totals.envelopes) + max(0, fleet.load.envelopes - totals.receipts)
    outcome.doubled = max(0, totals.envelopes - fleet.load.envelopes) + sum(count - 1 for count in held.values())
    points = totals.points.get("bonus", {})
    outcome.earned_wrong = abs(points.get("earned", 0) - fleet.earned) + abs(points.get("spent", 0) + fleet.spent)
    return outcome


def _receipts_of(connection: Any) -> list[tuple[str, int]]:
    """How often each receipt earned."""
    from sqlalchemy import func, select

    table = schema.ledger
    earned = select(table.c.receipt_uid, func.count()).where(table.c.reason == "earned").group_by(table.c.receipt_uid)
    return [(uid, count) for uid, count in connection.execute(earned)]
