"""How fast a POS's report of a million lines is read, in how much memory, and what counting a document costs; a script.

The files are made by the rooms' own twins. "split" is what a line costs at the least in Python: cutting it at its
semicolons; the ratio to it holds on any machine.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
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
from offline_queue.reader import OutboxReader

LINES = 1_000_000
COUNTED = 500
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
    for folder, where in ((None, "on this disk"), (Path("/dev/shm"), "in memory")):
        if folder is None or folder.is_dir():
            print(f"counted by a whole agent {where}: {_counting(folder):,.0f} documents/s")


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

    def take(self, one: Reported) -> None:
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


def _resident_kb() -> int:
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return 0
    return int(pages) * 4


def _counting(beside: Path | None) -> float:
    """Documents a second from the file into the queue for the centre, each with its place."""
    system = registry.load_system("frontol")
    assert isinstance(system, TillSystem)
    with tempfile.TemporaryDirectory(dir=beside) as folder:
        exchange, state = Path(folder, "exchange"), Path(folder, "state")
        exchange.mkdir()
        lines = _write(system, exchange / "report.txt", COUNTED * (len(GOODS) + 3))
        own = {"reports": {"folder": str(exchange), "read_from": "all", "poll_s": 0.2}}
        pos = TillSystemSettings(name="pos", system="frontol", settings=own)
        agent = Agent(
            Settings(till=TillSettings(state_folder=str(state)), doors=DoorsSettings(port=0), till_systems=(pos,))
        )
        began_s = time.perf_counter()
        agent.start()
        try:
            while True:
                with OutboxReader.open(state / "till.db") as reader:
                    data = reader.document("pulled", "pos/1")
                if data is not None and codec.decode(data, dict[str, Any])["number"] >= lines:
                    return COUNTED / (time.perf_counter() - began_s)
                time.sleep(0.05)
        finally:
            agent.stop()


if __name__ == "__main__":
    main()
