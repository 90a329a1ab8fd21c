"""Every till system that tells its sales in files: read in any pieces, once, whatever happens in between."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from drivers import registry
from drivers.tills.contract import Story, StoryLine, TillSystem, TwinContext
from drivers.tills.folders import ReportWorker
from drivers.tills.reports import Progress, ReportBook, ReportContext, Reported, Reports, ReportTwin
from drivers.vocabulary import codec
from drivers.vocabulary.errors import DriverLoadError
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import DocumentKind

MOSCOW = ZoneInfo("Europe/Moscow")
CONTEXT = ReportContext(zone=MOSCOW, currency="RUB")
CARD = "2900000000018"


def _systems() -> dict[str, TillSystem]:
    found = {}
    for name in registry.known_systems():
        system = registry.load_system(name)
        assert not isinstance(system, DriverLoadError), system
        if system.reports is not None:
            found[name] = system
    return found


SYSTEMS = _systems()


class Pos:
    """A POS, and the reading of what it writes."""

    def __init__(self, system: TillSystem, **reports: Any) -> None:
        assert system.reports is not None
        assert system.report_twin is not None
        self.reports: Reports = system.reports
        self.own = codec.convert({"reports": reports}, system.settings_type)
        self.twin: ReportTwin = system.report_twin(self.own, TwinContext(key="k", zone=MOSCOW, currency="RUB"))

    def book(self) -> ReportBook:
        return self.reports.book(self.own, CONTEXT)

    def sell(self, number: int, **more: Any) -> bytes:
        lines = (
            StoryLine(code="1001", name="Кофе", price=Money.of("40.00", "RUB"), quantity=Quantity.parse("10")),
            StoryLine(code="1002", name="Сыр", price=Money.of("299.90", "RUB"), quantity=Quantity.parse("0.355")),
        )
        at = datetime(2026, 3, 2, 12, 0, tzinfo=MOSCOW) + timedelta(minutes=number)
        return self.twin.play(
            Story(uid=f"story-{number:06d}", number=number, at=at, lines=lines, customer=CARD, **more)
        )


@pytest.fixture(params=SYSTEMS)
def system(request: pytest.FixtureRequest) -> TillSystem:
    return SYSTEMS[request.param]


def only_appended(system: TillSystem) -> None:
    """For what can only be where a file grows."""
    if system.reports is not None and system.reports.whole_files:
        pytest.skip(f"{system.title} writes each file whole")


def told(found: list[Reported]) -> list[tuple[Any, ...]]:
    documents = [one.read() for one in found]
    return [
        (one.kind, one.receipt.number, one.receipt.total.amount, one.receipt.uid, one.codes)
        for one in documents
        if one.receipt is not None
    ]


@pytest.mark.parametrize("step", [1, 7, 64, 100_000])
def test_a_sale_and_its_return_in_any_pieces(system: TillSystem, step: int) -> None:
    pos = Pos(system)
    data = pos.twin.header() + pos.sell(7, refund=((1, Quantity.parse("5")),)) + pos.twin.footer()
    book = pos.book()
    file = book.file("report.txt")
    found = [one for start in range(0, len(data), step) for one in file.feed(data[start : start + step])]
    sold, back = told(found)

    assert (DocumentKind.SALE, "7", "506.46") == sold[:3]
    assert (DocumentKind.RETURN, "200.00") == (back[0], back[2])
    assert (CARD,) == sold[4]
    assert sold[3] != back[3]
    assert ("", "", 0, b"") == (file.problem, book.complaint, file.held, book.unfinished())


def test_what_is_told_again_is_called_the_same(system: TillSystem) -> None:
    """In a later file, by another book, in another encoding."""
    pos = Pos(system)
    data = pos.twin.header() + pos.sell(1) + pos.sell(2)
    first = told(list(pos.book().file("a").feed(data)))
    other = data if pos.reports.whole_files else data.decode("cp1251").encode("utf-16")
    again = told(list(pos.book().file("b").feed(other)))

    assert 2 == len(first)
    assert first == again


def test_a_document_goes_on_in_the_next_file(system: TillSystem) -> None:
    """At any line, with a restart between."""
    only_appended(system)
    pos = Pos(system)
    header, lines = pos.twin.header(), pos.sell(1).splitlines(keepends=True)
    whole = told(list(pos.book().file("whole").feed(header + b"".join(lines))))
    for cut in range(1, len(lines)):
        first, second = pos.book(), pos.book()
        assert [] == list(first.file("1").feed(header + b"".join(lines[:cut])))
        second.file("left").feed(first.unfinished())
        assert whole == told(list(second.file("2").feed(header + b"".join(lines[cut:]))))


def test_an_abandoned_sale_is_none(system: TillSystem) -> None:
    pos = Pos(system)

    assert [] == list(pos.book().file("r").feed(pos.twin.header() + pos.sell(1, abandon=True)))


def test_half_a_last_line_is_nothing(system: TillSystem) -> None:
    """Whatever it is cut at: the receipt comes with the rest and not before, and the file says that it is not whole."""
    pos = Pos(system)
    data = pos.twin.header() + pos.sell(1)
    begins = data.rstrip(b"\r\n").rindex(b"\n") + 1
    for cut in range(begins + 1, len(data) - 3):
        file = pos.book().file("r")
        assert [] == [*file.feed(data[:cut]), *file.end()], cut
        assert file.held
        assert 1 == len(file.feed(data[cut:]))


@pytest.mark.parametrize(
    "data", [b"\x89PNG\r\n\x1a\n" * 50, b"{}\r\n" * 9, b"a;b;c;d;e;f;g;h;i;j;k;l;m;n;o;p;\r\n" * 9, b"\x00" * 200_000]
)
def test_other_files_are_said_and_read_no_further(system: TillSystem, data: bytes) -> None:
    file = Pos(system).book().file("other.txt")

    assert [] == list(file.feed(data))
    assert file.problem.startswith("other.txt, line ")
    assert [] == [*file.feed(data), *file.end()]


def test_a_wrong_encoding_is_said(system: TillSystem) -> None:
    only_appended(system)
    pos = Pos(system, encoding="utf-8")
    file = pos.book().file("r.txt")

    assert 1 == len(file.feed(pos.twin.header() + pos.sell(1) + "7;Хлеб\r\n".encode("cp1251")))
    assert "is not utf-8; set reports.encoding" in file.problem


class _Taker:
    def __init__(self) -> None:
        self.taken: list[str] = []
        self.number = 0
        self.progress: Mapping[str, Progress] = {}

    def begin(self) -> tuple[None, Mapping[str, Progress]]:
        return None, self.progress

    def take(self, told: Sequence[Reported]) -> None:
        for one in told:
            if one.number > self.number:
                document = one.read()
                assert document.receipt is not None, document.problems
                self.taken.append(document.receipt.number)
                self.number = one.number

    def settle(self, progress: Mapping[str, Progress]) -> None:
        self.progress = dict(progress)


def test_a_folder_is_read_on_after_each_kill(system: TillSystem, tmp_path: Path) -> None:
    """Real files; the thread's memory is lost after each look, the taker's is not."""
    pos, taker = Pos(system, folder=str(tmp_path)), _Taker()
    path = tmp_path / pos.reports.pattern.replace("*", "")
    data = pos.twin.header() + b"".join(pos.sell(number) for number in range(1, 10))
    for cut in [*range(0, len(data), 331), len(data)]:
        path.write_bytes(data[:cut])
        ReportWorker(
            name="pos",
            reports=pos.reports,
            settings=pos.own.reports,
            book=pos.book,
            taker=taker,
            emit=lambda _event: None,
            stop=threading.Event(),
        ).look()

    assert [str(number) for number in range(1, 10)] == taker.taken


def test_a_file_that_is_replaced_while_it_is_read_loses_nothing(system: TillSystem, tmp_path: Path) -> None:
    """Half of the first one is read when the POS puts another in its place, longer or shorter; each counts once."""
    pos, taker = Pos(system, folder=str(tmp_path)), _Taker()
    path = tmp_path / pos.reports.pattern.replace("*", "")
    head, foot = pos.twin.header(), pos.twin.footer()
    sold = [pos.sell(number) for number in range(1, 9)]
    first = head + sold[0] + sold[1] + sold[2][: len(sold[2]) // 2]
    second, third = head + sold[2] + sold[3] + foot, head + b"".join(sold[4:]) + foot
    worker = ReportWorker(
        name="pos",
        reports=pos.reports,
        settings=pos.own.reports,
        book=pos.book,
        taker=taker,
        emit=lambda _event: None,
        stop=threading.Event(),
    )
    for data in (first, second, third):
        new = path.with_name("being-written")
        new.write_bytes(data)
        new.replace(path)
        worker.look()

    assert [str(number) for number in range(1, 9)] == taker.taken
