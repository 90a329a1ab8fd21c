"""The thread that reads a folder of reports: growing, halved, replaced, locked and lost files; nothing lost, nothing twice."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from drivers.tills import folders
from drivers.tills.contract import Story, StoryLine, TwinContext
from drivers.tills.files import LoadState, load_state, write_load
from drivers.tills.folders import ReportWorker
from drivers.tills.frontol import system
from drivers.tills.frontol.report import FrontolBook
from drivers.tills.frontol.report_twin import FrontolReportTwin
from drivers.tills.reports import Progress, ReportContext, Reported, ReportSettings
from drivers.vocabulary.errors import CheckoutRefused
from drivers.vocabulary.events import DeviceState, DeviceStateChanged
from drivers.vocabulary.money import Money, Quantity

MOSCOW = ZoneInfo("Europe/Moscow")
HEADER = b"#\r\n1\r\n1\r\n"


class Taker:
    """Keeps numbers as the agent does, and lives through restarts of the worker."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.number = 0
        self.progress: Mapping[str, Progress] = {}
        self.refuses_at: int | None = None

    def begin(self) -> tuple[datetime | None, Mapping[str, Progress]]:
        return None, self.progress

    def take(self, told: Sequence[Reported]) -> None:
        for one in told:
            self._take(one)

    def _take(self, one: Reported) -> None:
        if one.number <= self.number and not one.is_late:
            return
        if self.refuses_at == len(self.taken):
            self.refuses_at = None
            raise CheckoutRefused("the till is busy", code="busy")
        document = one.read()
        self.taken.append(document.receipt.number if document.receipt is not None else document.problems[0])
        self.number = max(self.number, one.number)

    def settle(self, progress: Mapping[str, Progress]) -> None:
        self.progress = dict(progress)


class Desk:
    """A folder, a POS that writes into it, and a worker that is looked with by hand."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.settings = ReportSettings(folder=str(folder), **settings)
        self.taker = Taker()
        self.events: list[DeviceStateChanged] = []
        self.now_s = 0.0
        self.pos = FrontolReportTwin(None, TwinContext(key="k", zone=MOSCOW, currency="RUB"))
        self.path = folder / "report.txt"
        self.restart()

    def restart(self) -> None:
        """As after a kill: only the taker's places are left."""
        assert system.reports is not None
        context = ReportContext(zone=MOSCOW, currency="RUB")
        self.worker = ReportWorker(
            name="pos-reports",
            reports=system.reports,
            settings=self.settings,
            book=lambda: FrontolBook(self.settings, context),
            taker=self.taker,
            emit=self.events.append,
            stop=threading.Event(),
            clock=lambda: self.now_s,
        )

    def look(self, after_s: float = 1.0) -> list[str]:
        self.now_s += after_s
        self.worker.look()
        return self.taker.taken

    def rest(self) -> list[str]:
        """Two looks with the settling time between."""
        self.look()
        return self.look(60)

    def sell(self, number: int, **more: Any) -> bytes:
        line = StoryLine(code="1001", name="Coffee", price=Money.of("40.00", "RUB"), quantity=Quantity.parse("2"))
        at = datetime(2026, 3, 2, 12, 0, number % 60, tzinfo=MOSCOW)
        return self.pos.play(Story(uid=f"story-{number:06d}", number=number, at=at, lines=(line,), **more))

    def write(self, data: bytes, path: Path | None = None) -> None:
        (path or self.path).write_bytes(data)

    def append(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(data)

    @property
    def detail(self) -> str:
        return self.events[-1].detail


@pytest.fixture
def desk(tmp_path: Path) -> Callable[..., Desk]:
    folder = tmp_path / "exchange"
    folder.mkdir()
    return lambda **settings: Desk(folder, **settings)


def test_a_growing_file_is_read_on(desk: Callable[..., Desk]) -> None:
    one = desk()
    one.write(HEADER + one.sell(1))
    assert ["1"] == one.look()
    more = one.sell(2) + one.sell(3)
    one.append(more[: len(more) // 2 - 30])
    assert ["1"] == one.look()
    one.append(more[len(more) // 2 - 30 :])

    assert ["1", "2", "3"] == one.look()
    assert (DeviceState.ON, "") == (one.events[-1].state, one.detail)


def test_after_a_kill_at_any_byte_each_document_comes_once(desk: Callable[..., Desk]) -> None:
    """The worker dies after each piece of the file, and begins anew with the places alone."""
    one = desk()
    data = HEADER + b"".join(one.sell(number) for number in range(1, 6))
    for cut in range(0, len(data) + 97, 97):
        one.write(data[:cut])
        one.restart()
        one.look()

    assert ["1", "2", "3", "4", "5"] == one.taker.taken


def test_half_a_file_is_said_and_waited_for(desk: Callable[..., Desk]) -> None:
    one = desk(when_read="delete")
    data = HEADER + one.sell(1)
    one.write(data[:-40])
    one.rest()

    assert "report.txt ends in the middle of a line; the rest is waited for" == one.detail
    assert one.path.exists()
    one.append(data[-40:])
    assert ["1"] == one.rest()
    assert not one.path.exists()


def test_a_file_replaced_by_the_next_report(desk: Callable[..., Desk]) -> None:
    """The POS writes its next transactions under the same name, while the last were not read to their end."""
    one = desk()
    first, second = one.sell(1), one.sell(2)
    one.write(HEADER + first + second[:100])
    assert ["1"] == one.look()
    one.write(HEADER.replace(b"1\r\n1", b"1\r\n2") + second + one.sell(3))

    assert ["1", "2", "3"] == one.look()


def test_a_file_replaced_between_two_reads_of_one_look(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read of the old one and of the new one is no receipt; the new one is read whole at the next look."""
    monkeypatch.setattr(folders, "READ_BYTES", 700)
    one = desk()
    old, new = HEADER + one.sell(1) + one.sell(2) + one.sell(3), b""
    new = HEADER.replace(b"1\r\n1", b"1\r\n2") + one.sell(4) + one.sell(5)
    one.write(old)
    take = one.taker.take

    def replacing(each: Reported) -> None:
        take(each)
        if one.path.read_bytes() == old:
            one.write(new)

    one.taker.take = replacing  # type: ignore[method-assign]
    one.look()
    one.look()

    assert {"1", "4", "5"} <= set(one.taker.taken)
    assert len(one.taker.taken) == len(set(one.taker.taken))


def test_a_document_across_two_reports_outlives_a_kill(desk: Callable[..., Desk]) -> None:
    """Its beginning is kept beside the reports before the first of them is given back."""
    one = desk(when_read="delete")
    whole = one.sell(1)
    cut = whole.index(b"\r\n", len(whole) // 2) + 2
    one.write(HEADER + whole[:cut])
    one.rest()
    assert not one.path.exists()
    one.restart()
    one.write(HEADER + whole[cut:])

    assert ["1"] == one.rest()
    assert [] == sorted(path.name for path in one.folder.iterdir())


def test_the_mark_says_that_it_was_read(desk: Callable[..., Desk]) -> None:
    one = desk(when_read="mark")
    one.write(HEADER + one.sell(1))
    one.look()
    assert one.path.read_bytes().startswith(b"#\r\n")
    one.look(60)
    assert one.path.read_bytes().startswith(b"@\r\n")
    one.append(one.sell(2))

    assert ["1", "2"] == one.rest()


def test_what_is_appended_while_it_is_deleted_is_not_lost(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = desk(when_read="delete")
    one.write(HEADER + one.sell(1))
    rename = Path.rename

    def late(path: Path, target: Path) -> Path:
        if path == one.path and one.path.stat().st_size < 3000 and "2" not in one.taker.taken:
            one.append(one.sell(2))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", late)
    one.rest()
    monkeypatch.undo()

    assert ["1", "2"] == one.rest()
    assert not one.path.exists()


def test_what_is_appended_while_the_pos_begins_a_new_file_is_not_lost(
    desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The POS held the file open, wrote into it under its other name, and then began a new one; and we were killed."""
    one = desk(when_read="delete")
    one.write(HEADER + one.sell(1))
    rename = Path.rename
    second, third = one.sell(2), one.sell(3)

    def late(path: Path, target: Path) -> Path:
        renamed = rename(path, target)
        if path == one.path:
            with renamed.open("ab") as file:
                file.write(second)
            one.write(HEADER + third)
        return renamed

    monkeypatch.setattr(Path, "rename", late)
    one.rest()
    monkeypatch.undo()
    assert ["report.txt", "report.txt.tillpoint-read"] == sorted(path.name for path in one.folder.iterdir())
    one.restart()

    assert ["1", "2", "3"] == one.rest()
    assert [] == list(one.folder.iterdir())


def test_a_gap_is_said_and_filled_by_a_report_that_comes_late(desk: Callable[..., Desk]) -> None:
    one = desk()
    first, second, third = one.sell(1), one.sell(2), one.sell(3)
    one.write(HEADER + first, one.folder / "report1.txt")
    one.write(HEADER + third, one.folder / "report3.txt")
    assert ["1", "3"] == one.look()
    assert "transactions 5 to 8 of 1 are missing: ask the POS for them again" == one.detail
    one.restart()
    one.write(HEADER + second, one.folder / "report2.txt")

    assert ["1", "3", "2"] == one.look()
    assert "" == one.detail


def test_a_refusal_of_the_till_loses_nothing(desk: Callable[..., Desk]) -> None:
    """The store was busy in the middle of a report that fills a gap."""
    one = desk()
    first, second, third = one.sell(1), one.sell(2), one.sell(3)
    one.write(HEADER + first + third)
    one.look()
    one.taker.refuses_at = 2
    one.write(HEADER + second, one.folder / "report2.txt")
    with pytest.raises(CheckoutRefused):
        one.look()
    one.worker._forget()  # what `run` does then

    assert ["1", "3", "2"] == one.look()


def test_a_wrong_encoding_is_a_sentence_and_the_file_stays(desk: Callable[..., Desk]) -> None:
    one = desk(encoding="utf-8", when_read="delete")
    one.write(HEADER + one.sell(1) + "2;Хлеб\r\n".encode("cp1251"))
    one.rest()

    assert ["1"] == one.taker.taken
    assert one.detail.startswith("report.txt, line 8: this is not utf-8; set reports.encoding")
    assert one.path.exists()


def test_a_file_of_another_kind_keeps_nobody_back(desk: Callable[..., Desk]) -> None:
    one = desk(pattern="*.txt")
    one.write(b"\x89PNG and so on\n" * 9, one.folder / "a.txt")
    one.write(HEADER + one.sell(1))
    one.rest()

    assert ["1"] == one.taker.taken
    assert "a.txt, line 1: no Frontol report" in one.detail


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="rights do not bind this user")
def test_a_locked_file_is_tried_again(desk: Callable[..., Desk]) -> None:
    one = desk()
    one.write(HEADER + one.sell(1))
    one.path.chmod(0)
    one.look()
    assert one.detail.startswith("report.txt is locked")
    one.path.chmod(0o600)

    assert ["1"] == one.look()


def test_a_file_the_pos_holds_is_tried_again(desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch) -> None:
    """As Windows says it: another program has the file."""
    one = desk()
    one.write(HEADER + one.sell(1))
    whole = Path.open

    def held(path: Path, *args: Any, **more: Any) -> Any:
        if path == one.path:
            raise PermissionError(13, "another program uses this file")
        return whole(path, *args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", held)
        one.look()
    assert "report.txt is locked (another program uses this file); it is tried again" == one.detail

    assert ["1"] == one.look()


def test_a_network_folder_goes_and_comes_back(desk: Callable[..., Desk]) -> None:
    """A thread of its own says so, and goes on where it was."""
    one = desk(poll_s=0.2)
    one.write(HEADER + one.sell(1))
    away = one.folder.with_name("away")
    seen = threading.Event()
    wanted: list[Callable[[DeviceStateChanged], bool]] = []

    def note(event: DeviceStateChanged) -> None:
        one.events.append(event)
        if wanted and wanted[0](event):
            seen.set()

    def until(is_it: Callable[[DeviceStateChanged], bool]) -> None:
        seen.clear()
        wanted[:] = [is_it]
        if not (one.events and is_it(one.events[-1])):
            assert seen.wait(20), one.events

    one.worker._emit = note
    one.worker._clock = __import__("time").monotonic
    one.worker.start()
    try:
        until(lambda event: event.state is DeviceState.ON)
        one.folder.rename(away)
        until(lambda event: event.state is DeviceState.OFF and "is the folder there" in event.detail)
        with (away / "report.txt").open("ab") as file:
            file.write(one.sell(2))
        away.rename(one.folder)
        until(lambda event: event.state is DeviceState.ON)
    finally:
        one.worker._stop.set()
        assert one.worker.join(10)

    assert ["1", "2"] == one.taker.taken


def test_a_report_is_asked_for_with_a_flag(desk: Callable[..., Desk]) -> None:
    """The POS takes the flag away; asked again only after a while, and not while something is unread."""
    one = desk(request_file="flag.txt", request_every_s=300, when_read="delete")
    flag = one.folder / "flag.txt"
    one.look()
    assert b"$$$NEWTRANSACTIONS\r\n" == flag.read_bytes()
    flag.unlink()
    one.write(HEADER + one.sell(1))
    one.look()
    assert not flag.exists()
    one.look(301)
    assert not one.path.exists()

    one.look(1)
    assert flag.exists()
    one.look(700)
    assert "the POS has not taken flag.txt for 11 minutes: is it running, with its exchange on?" == one.detail


def test_a_request_that_names_a_day(desk: Callable[..., Desk]) -> None:
    """Yesterday at first; today; and yesterday once more after midnight, when its last sales were not told yet."""
    one = desk(request_file="query.txt", request_every_s=300)
    one.worker._reports = replace(one.worker._reports, request=b"date: {date}\r\n")
    flag, days = one.folder / "query.txt", []
    for day in (5, 5, 5, 6, 6, 8, 8, 8):
        one.worker._today = lambda day=day: date(2024, 3, day)
        one.look(301)
        days.append(int(flag.read_bytes()[6:8]))
        flag.unlink()

    assert [4, 5, 5, 5, 6, 6, 7, 8] == days


def test_an_agent_that_was_off_asks_for_every_day_it_missed(desk: Callable[..., Desk]) -> None:
    """From the business day of the last purchase it counted; quickly through what is over, then as ever."""
    one = desk(request_file="query.txt", request_every_s=900)
    one.worker._reports = replace(one.worker._reports, request=b"date: {date}\r\n")
    newest = datetime(2024, 3, 5, 21, 30, tzinfo=MOSCOW)
    one.taker.progress = {"1.2": Progress(last=7, newest_at=newest), "1.3": Progress(last=4, newest_at=None)}
    one.worker._today = lambda: date(2024, 3, 9)
    flag, asked = one.folder / "query.txt", []
    for after_s in (1, 59, 1, 60, 60, 60, 60, 839, 1):
        one.look(after_s)
        if flag.exists():
            asked.append((after_s, int(flag.read_bytes()[6:8])))
            flag.unlink()

    assert [(1, 4), (1, 5), (60, 6), (60, 7), (60, 8), (1, 9)] == asked


def test_an_agent_that_was_off_for_a_year_asks_for_a_hundred_days(desk: Callable[..., Desk]) -> None:
    one = desk(request_file="query.txt", request_every_s=900)
    one.worker._reports = replace(one.worker._reports, request=b"date: {date}\r\n")
    one.taker.progress = {"1.2": Progress(last=7, newest_at=datetime(2023, 3, 5, 21, 30, tzinfo=MOSCOW))}
    one.worker._today = lambda: date(2024, 4, 10)
    one.look(1)

    assert b"date: 01.01.2024\r\n" == (one.folder / "query.txt").read_bytes()


def test_a_load_file_is_whole_and_its_flag_comes_last(tmp_path: Path) -> None:
    """Nothing is written while the POS has not taken the one before."""
    data, flag = tmp_path / "load.txt", tmp_path / "load.flag"

    assert LoadState.NONE is write_load(data, flag, b"##@@&&\r\n#\r\n1")
    assert LoadState.WAITS is write_load(data, flag, b"##@@&&\r\n#\r\n2")
    assert b"##@@&&\r\n#\r\n1" == data.read_bytes()
    flag.unlink()
    assert LoadState.LOADED is write_load(data, flag, b"##@@&&\r\n#\r\n2")
    assert ["load.flag", "load.txt"] == sorted(path.name for path in tmp_path.iterdir())
    alone = tmp_path / "alone.txt"
    write_load(alone, None, b"##@@&&\r\n#\r\n3")
    assert LoadState.WAITS is load_state(alone, None)
    alone.write_bytes(b"##@@&&\r\n@\r\n3")

    assert LoadState.LOADED is load_state(alone, None)
