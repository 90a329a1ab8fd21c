"""A whole agent reads a POS's reports: each sale once, whatever kills it, with the customers they name."""

from __future__ import annotations

import multiprocessing
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.assembly import Agent, check
from agent.cli.check import pulled_devices
from agent.doors.keys import till_key
from agent.settings import DoorsSettings, Settings, TillSettings, TillSystemSettings
from agent.till_systems import open_door, system_of
from drivers.tills.contract import Story, StoryLine, TwinContext
from drivers.tills.frontol.report_twin import FrontolReportTwin
from drivers.vocabulary.money import Money, Quantity
from offline_queue.errors import StoreError
from offline_queue.reader import OutboxReader
from tests.agent.pull_rig import receipts_of
from tests.shop import play

pytestmark = pytest.mark.net

MOSCOW = ZoneInfo("Europe/Moscow")
PATIENCE_S = 60.0
LOOK_S = 0.02 if sys.platform != "win32" else 0.5  # opening takes so long there that reader after reader would lock it
SALES = 150


def settings_of(state: Path, exchange: Path, **reports: Any) -> Settings:
    own = {"reports": {"folder": str(exchange), "poll_s": 0.2, "settle_s": 0.2, **reports}}
    return Settings(
        till=TillSettings(state_folder=str(state)),
        doors=DoorsSettings(port=0),
        till_systems=(TillSystemSettings(name="pos", system="frontol", settings=own),),
    )


class Pos:
    """Frontol beside the agent: it appends to its report."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.path = folder / "report.txt"
        self.twin = FrontolReportTwin(None, TwinContext(key="k", zone=MOSCOW, currency="RUB"))
        self.path.write_bytes(self.twin.header())

    def sell(self, *numbers: int) -> None:
        line = StoryLine(code="1001", name="Coffee", price=Money.of("40.00", "RUB"), quantity=Quantity.ONE)
        at = datetime.now(MOSCOW).replace(microsecond=0)
        with self.path.open("ab") as file:
            for number in numbers:
                file.write(self.twin.play(Story(uid=f"story-{number:06d}", number=number, at=at, lines=(line,))))


def counted(state: Path) -> list[str]:
    try:
        return [receipt["number"] for receipt in receipts_of(state)]
    except StoreError:
        return []


def place(state: Path) -> int:
    """The number of the transaction that closed the last document that was taken."""
    try:
        with OutboxReader.open(state / "till.db") as reader:
            data = reader.document("pulled", "pos/1")
    except StoreError:
        return 0
    import json

    return int(json.loads(data or b'{"number": 0}')["number"])


def until(is_so: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < ends
        threading.Event().wait(LOOK_S)


@pytest.fixture
def pos(tmp_path: Path) -> Pos:
    return Pos(tmp_path / "exchange")


@pytest.fixture
def agents() -> Iterator[Callable[[Settings], Agent]]:
    made: list[Agent] = []

    def make(settings: Settings) -> Agent:
        agent = Agent(settings)
        agent.start()
        made.append(agent)
        return agent

    yield make
    for agent in made:
        agent.stop()


def test_what_is_sold_from_now_on_is_counted(tmp_path: Path, pos: Pos, agents: Callable[[Settings], Agent]) -> None:
    """What the file held before is another time's; the panel says how the reading is."""
    old = datetime(2026, 1, 5, 12, 0, tzinfo=MOSCOW)
    line = StoryLine(code="1001", name="Coffee", price=Money.of("40.00", "RUB"), quantity=Quantity.ONE)
    with pos.path.open("ab") as file:
        file.write(pos.twin.play(Story(uid="story-000900", number=900, at=old, lines=(line,))))
    settings = settings_of(tmp_path / "state", pos.path.parent)
    seen: queue.SimpleQueue[Any] = queue.SimpleQueue()
    agent = agents(settings)
    agent.till.subscribe(seen.put)
    until(lambda: place(tmp_path / "state") > 0)
    threading.Event().wait(1.1)  # a POS writes whole seconds: its clock must be behind the agent's first look
    pos.sell(1, 2)
    until(lambda: counted(tmp_path / "state") == ["1", "2"])
    (view,) = [one for one in agent.till.snapshot.devices if one.name == "pos-reports"]

    assert ("frontol", "on", "") == (view.driver, view.state, view.detail)


def _run_agent(settings: Settings) -> None:
    Agent(settings).start()
    threading.Event().wait()


def test_killed_in_the_middle_and_resumed_without_a_repeat(tmp_path: Path, pos: Pos) -> None:
    """kill -9 three times while it reads; the last life reads to the end."""
    pos.sell(*range(1, SALES + 1))
    state = tmp_path / "state"
    settings = settings_of(state, pos.path.parent, read_from="all")
    context = multiprocessing.get_context("spawn")
    places = []
    for share in (0.2, 0.5, 1.0):
        process = context.Process(target=_run_agent, args=(settings,), daemon=True)
        process.start()
        until(lambda wanted=int(SALES * 4 * share): place(state) >= wanted)
        process.kill()
        process.join(PATIENCE_S)
        places.append(place(state))
    numbers = counted(state)

    assert SALES * 4 > places[0]
    assert [str(number) for number in range(1, SALES + 1)] == numbers


def test_a_kill_in_the_first_reading_makes_no_gap(
    tmp_path: Path, pos: Pos, agents: Callable[[Settings], Agent], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frontol counts from a million; what was taken before the first look was over is no reason to miss the million."""
    pos.twin.go_on(b"1600000;\r\n")
    pos.sell(1, 2, 3)
    settings = settings_of(tmp_path / "state", pos.path.parent, read_from="all")
    with monkeypatch.context() as patch:
        patch.setattr("agent.reporting.TillReports.settle", lambda *_: None)
        first = Agent(settings)
        first.start()
        until(lambda: place(tmp_path / "state") >= 1_600_012)
        first.stop()
    agent = agents(settings)
    until(lambda: any(one.name == "pos-reports" and one.state == "on" for one in agent.till.snapshot.devices))
    (view,) = [one for one in agent.till.snapshot.devices if one.name == "pos-reports"]

    assert "" == view.detail
    assert ["1", "2", "3"] == counted(tmp_path / "state")
    until(lambda: "read through transaction 1600012 (" in pulled_devices(settings)["pos-reports"])


def test_a_call_and_the_report_are_one_sale(tmp_path: Path, pos: Pos, agents: Callable[[Settings], Agent]) -> None:
    """Confirmed over the local API under another uid, then told by the report."""
    from drivers.vocabulary.checkout import ConfirmRequest
    from drivers.vocabulary.receipt import DocumentKind, Line, Receipt

    agent = agents(settings_of(tmp_path / "state", pos.path.parent, read_from="all"))
    price = Money.of("40.00", "RUB")
    line = Line(number=1, name="Coffee", quantity=Quantity.ONE, price=price, total=price)
    at = datetime.now(MOSCOW)
    receipt = Receipt(
        uid="api-1", kind=DocumentKind.SALE, total=price, lines=(line,), number="1", shift=1, closed_at=at
    )
    agent.till.confirm(ConfirmRequest(receipt=receipt), timeout_s=10)
    pos.sell(1, 2)
    until(lambda: place(tmp_path / "state") >= 8)
    with OutboxReader.open(tmp_path / "state" / "till.db") as reader:
        uids = [key for key, _ in reader.documents("closed")]

    assert ["1", "2"] == counted(tmp_path / "state")
    assert "api-1" in uids


def test_what_the_calls_told_and_what_they_missed(
    tmp_path: Path, pos: Pos, agents: Callable[[Settings], Agent]
) -> None:
    """Frontol asks over the Priority API and writes its report; of three sales and returns the second pair was never called."""
    settings = settings_of(tmp_path / "state", pos.path.parent, read_from="all")
    agent = agents(settings)
    (known,) = [system_of(one, settings.till) for one in settings.till_systems]
    door = open_door(known, settings, agent.till, folder=tmp_path / "state", clock=agent.clock)
    assert door is not None
    assert known.system.twin is not None
    key = agent.settings.till_systems[0].key or till_key(tmp_path / "state", "pos", agent.clock)
    called = known.system.twin(known.own, TwinContext(key=key, zone=MOSCOW, currency="RUB"))
    line = StoryLine(code="1001", name="Coffee", price=Money.of("40.00", "RUB"), quantity=Quantity.parse("2"))
    for number in (10, 20, 30):
        at = datetime.now(MOSCOW).replace(microsecond=0)
        uid = f"5a188de4-49b8-4cb4-800e-{number:012x}"
        story = Story(uid=uid, number=number, at=at, lines=(line,), refund=((1, Quantity.ONE),))
        if number != 20:
            outcome, _ = play(
                called.play(story),
                lambda one: door.door.answer(one, door.checkout, now=agent.clock.now(), timeout_s=10),
            )
            assert outcome.failures == []
        with pos.path.open("ab") as file:
            file.write(pos.twin.play(story))
    until(lambda: place(tmp_path / "state") >= 24)
    receipts = receipts_of(tmp_path / "state")

    assert {"10", "11", "20", "21", "30", "31"} == {receipt["number"] for receipt in receipts}
    assert 6 == len(receipts)
    assert ["20", "21"] == [receipt["number"] for receipt in receipts if receipt["uid"].startswith("frontol-")]


@pytest.mark.parametrize(
    ("reports", "sentence"),
    [
        ({"folder": "exchange"}, "'exchange' is not a whole path"),
        ({"folder": "/x", "pol_s": 1}, "unknown key 'pol_s'; did you mean 'poll_s'?"),
        ({"folder": "/x", "read_from": "yesterday"}, "read_from"),
    ],
)
def test_settings_are_checked_without_the_folder(tmp_path: Path, reports: dict[str, Any], sentence: str) -> None:
    system = TillSystemSettings(name="pos", system="frontol", settings={"reports": reports})
    (problem,) = check(Settings(till=TillSettings(state_folder=str(tmp_path)), till_systems=(system,)))

    assert sentence in problem
