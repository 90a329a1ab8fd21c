"""How fast a POS's report of a million lines is read and counted, in how much memory, killed on the way; a script.

The files are made by the rooms' own twins. "split" is what a line costs at the least in Python: cutting it at its
semicolons; the ratio to it holds on any machine. Counting is done by a whole agent in a process of its own, which is
killed twice and goes on; what is in its queue at the end must be each document once.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from agent.assembly import Agent
from agent.settings import DoorsSettings, Settings, TillSettings, TillSystemSettings
from drivers import registry
from drivers.tills.contract import Story, StoryLine, TillSystem, TwinContext
from drivers.tills.folders import ReportWorker
from drivers.tills.reports import Progress, ReportContext, Reported
from drivers.vocabulary import codec
from drivers.vocabulary.money import Money, Quantity
from offline_queue.errors import StoreError
from offline_queue.reader import OutboxReader

LINES = 1_000_000
MOSCOW = ZoneInfo("Europe/Moscow")
GOODS = tuple(
    StoryLine(
        code=str(1000 + place), name="Товар", price=Money.of(f"{place}9.90", "RUB"), quantity=Quantity.parse("1.5")
    )
    for place in range(1, 9)
)


def main() -> None:
    """Measure and print a table."""
    print(f"a report of {LINES:,} lines, lines/s; memory from the first documents to the most")
    print(
        f"  {'room':<15}{'MB':>7}{'split':>12}{'passed over':>14}{'put together':>14}{'to split':>12}{'memory, MB':>12}"
    )
    for name in ("frontol", "shtrih_kassir"):
        system = registry.load_system(name)
        if isinstance(system, TillSystem):
            _reading(system)
    _counting(None, LINES)


def _stories(count: int) -> Iterator[Story]:
    began = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
    for number in range(1, count + 1):
        at = began + timedelta(seconds=30 * number)
        yield Story(uid=f"story-{number:012d}", number=number, at=at, lines=GOODS, customer="2900000000018")


def _write(system: TillSystem, path: Path, lines: int) -> int:
    assert system.report_twin is not None
    settings = codec.convert({}, system.settings_type)
    twin = system.report_twin(settings, TwinContext(key="k", zone=MOSCOW, currency="RUB"))
    told = 0
    with path.open("wb") as file:
        file.write(twin.header())
        for story in _stories(lines):
            data = twin.play(story)
            file.write(data)
            told += data.count(b"\n")
            if told >= lines:
                break
    return told


class _Taker:
    """Passes over, or puts together, and looks how much memory is used."""

    def __init__(self, *, puts_together: bool) -> None:
        self.puts_together = puts_together
        self.documents = 0
        self.memory: list[int] = []

    def begin(self) -> tuple[None, dict[str, Progress]]:
        return None, {}

    def take(self, told: Sequence[Reported]) -> None:
        for one in told:
            self.documents += 1
            if self.puts_together:
                document = one.read()
                assert document.receipt is not None, document.problems
            if self.documents % 5_000 == 1:
                self.memory.append(_resident_kb())

    def settle(self, progress: Any) -> None:
        pass


def _reading(system: TillSystem) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "report.txt")
        lines = _write(system, path, LINES)
        split_s = _timed(lambda: [line.split(";") for line in path.open(encoding="cp1251")][:0])
        passed, built = _Taker(puts_together=False), _Taker(puts_together=True)
        passed_s, built_s = (_timed(lambda taker=taker: _look(system, folder, taker)) for taker in (passed, built))
        size = path.stat().st_size / 1e6
    rates = [f"{lines / took_s:,.0f}" for took_s in (split_s, passed_s, built_s)]
    memory = f"{passed.memory[0] // 1024} to {max(built.memory) // 1024}"
    ratio = f"{built_s / split_s:.1f} x"
    print(f"  {system.name:<15}{size:>7.0f}{rates[0]:>12}{rates[1]:>14}{rates[2]:>14}{ratio:>12}{memory:>12}")


def _look(system: TillSystem, folder: str, taker: _Taker) -> None:
    reports = system.reports
    assert reports is not None
    own = codec.convert({"reports": {"folder": folder}}, system.settings_type)
    context = ReportContext(zone=MOSCOW, currency="RUB")
    ReportWorker(
        name="bench",
        reports=reports,
        settings=own.reports,
        book=lambda: reports.book(own, context),
        taker=taker,
        emit=lambda _event: None,
        stop=threading.Event(),
    ).look()


def _timed(work: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s


def _resident_kb(process: int | str = "self") -> int:
    try:
        pages = Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return 0
    return int(pages) * 4


def _cpu_s(process: int) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(slots=True, kw_only=True)
class _Life:
    """One life of the agent that reads: from its start until it was killed, or until all was counted."""

    documents: int
    took_s: float
    cpu_s: float
    memory_mb: tuple[int, int]


def _run_agent(settings: Settings) -> None:
    Agent(settings).start()
    threading.Event().wait()


def _counting(beside: Path | None, lines: int) -> None:
    """From the file into the queue for the centre, each document with its place; killed twice on the way."""
    system = registry.load_system("frontol")
    assert isinstance(system, TillSystem)
    with tempfile.TemporaryDirectory(dir=beside) as folder:
        exchange, state = Path(folder, "exchange"), Path(folder, "state")
        exchange.mkdir()
        told = _write(system, exchange / "report.txt", lines)
        documents = told // (len(GOODS) + 3)
        own = {"reports": {"folder": str(exchange), "read_from": "all", "poll_s": 0.2}}
        pos = TillSystemSettings(name="pos", system="frontol", settings=own)
        settings = Settings(
            till=TillSettings(state_folder=str(state)), doors=DoorsSettings(port=0), till_systems=(pos,)
        )
        lives = [_life(settings, state, share * told // 3, len(GOODS) + 3) for share in (1, 2, 3)]
        counted = _numbers(state)
        size_mb = (state / "till.db").stat().st_size / 1e6
    place = "this disk" if beside is None else "memory"
    print(f"counted by a whole agent on {place}, {told:,} lines, killed at a third and at two thirds of them:")
    for life in lives:
        rate = life.documents / life.took_s
        print(
            f"  {life.documents:>7,} documents  {rate:>6,.0f}/s  {rate * (len(GOODS) + 3):>7,.0f} lines/s"
            f"  {1000 * life.cpu_s / max(1, life.documents):.2f} ms of processor each"
            f"  memory {life.memory_mb[0]} to {life.memory_mb[1]} MB"
        )
    whole = counted == [str(number) for number in range(1, documents + 1)]
    print(
        f"  each once, in order: {'yes' if whole else 'NO'}; {size_mb:,.0f} MB of till.db for {documents:,} documents"
    )
    if not whole:
        raise SystemExit(1)


def _life(settings: Settings, state: Path, until: int, lines_each: int) -> _Life:
    """An agent in a process of its own, until the transaction `until` is counted; then kill -9."""
    context = multiprocessing.get_context("spawn")
    began = _place(state)
    process = context.Process(target=_run_agent, args=(settings,), daemon=True)
    process.start()
    assert process.pid is not None
    first, began_s, memory, cpu_s = began, 0.0, [0, 0], 0.0
    while (place := _place(state)) < until - until % lines_each:
        if not process.is_alive():
            raise SystemExit("the agent ended by itself")
        if place > first and not began_s:  # it goes over what was counted before it counts on
            first, began_s, cpu_s = place, time.perf_counter(), _cpu_s(process.pid)
        now_kb = _resident_kb(process.pid)
        if began_s and not memory[0]:
            memory[0] = now_kb
        memory[1] = max(memory[1], now_kb)
        time.sleep(0.1)
    took_s, cpu_s = time.perf_counter() - began_s, _cpu_s(process.pid) - cpu_s
    process.kill()
    process.join()
    return _Life(
        documents=(place - first) // lines_each,
        took_s=took_s,
        cpu_s=cpu_s,
        memory_mb=(memory[0] // 1024, memory[1] // 1024),
    )


def _place(state: Path) -> int:
    """The transaction that closed the last document that is on the disk."""
    try:
        with OutboxReader.open(state / "till.db") as reader:
            data = reader.document("pulled", "pos/1")
    except StoreError:
        return 0
    return 0 if data is None else int(codec.decode(data, dict[str, Any])["number"])


def _numbers(state: Path) -> list[str]:
    """Of all receipts in the queue for the centre, in its order."""
    found: list[str] = []
    with OutboxReader.open(state / "till.db") as reader:
        after = (0, 0)
        while page := reader.page(after=after, limit=500):
            found += [
                codec.decode(one.body, dict[str, Any])["receipt"]["number"]
                for one in page
                if one.kind == "receipt.confirmed"
            ]
            after = (page[-1].epoch, page[-1].sequence)
    return found


if __name__ == "__main__":
    main()
