"""A whole agent reads a register that it was away from: every receipt once, in order, with progress, after any cut."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent import equipment
from agent.assembly import Agent, check
from agent.cli import main
from agent.settings import DeviceSettings, DoorsSettings, Settings, TillSettings
from drivers.polling import Pace
from drivers.vocabulary.checkout import ConfirmRequest
from drivers.vocabulary.errors import SettingsError
from drivers.vocabulary.money import Money, Quantity
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt
from tests.agent.pull_rig import Counter, place_of, receipts_of

pytestmark = pytest.mark.net

PATIENCE_S = 60.0


class Shop:
    """A till's folder, a device, and an agent that is started, stopped and looked at."""

    def __init__(self, folder: Path, counter: Counter, driver: str, **own: Any) -> None:
        self.folder = folder
        self.counter = counter
        device = DeviceSettings(
            name="register", driver=driver, device=counter.address, way="pull", begin_after=0, **own
        )
        self.settings = Settings(
            till=TillSettings(state_folder=str(folder)), doors=DoorsSettings(port=0), devices=(device,)
        )
        self.agent: Agent | None = None
        self.seen: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.details: list[str] = []

    def open(self) -> Agent:
        self.agent = Agent(self.settings)
        self.agent.start()
        self.agent.till.subscribe(self._note)
        return self.agent

    def _note(self, snapshot: Any) -> None:
        detail = snapshot.devices[0].detail
        if self.details[-1:] != [detail]:
            self.details.append(detail)
        self.seen.put(detail)

    def close(self) -> None:
        if self.agent is not None:
            self.agent.stop()
            self.agent = None

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        ends = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < ends, (self.place(), self.details[-5:])
            with contextlib.suppress(queue.Empty):
                self.seen.get(timeout=0.2)

    def place(self) -> dict[str, Any]:
        return place_of(self.folder)

    def has_read(self, number: int) -> Callable[[], bool]:
        return lambda: self.place()["number"] >= number

    def receipts(self) -> list[dict[str, Any]]:
        return receipts_of(self.folder)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shop polls once a second; a test does not wait for it."""
    whole = equipment.PollingWorker

    def quick(**parts: Any) -> Any:
        return whole(**parts, pace=Pace(poll_s=0.02, quiet_s=0.0))

    monkeypatch.setattr(equipment, "PollingWorker", quick)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    made: list[Shop] = []

    def make(driver: str = "shtrih", model: str = "cashcore", **own: Any) -> Shop:
        one = Shop(tmp_path / "till", Counter(driver, model=model), driver, settings={"model": model}, **own)
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()
        one.counter.close()


@pytest.mark.parametrize(
    ("driver", "model", "count"),
    [
        ("shtrih", "cashcore", 150),
        pytest.param("shtrih", "cashcore", 500, marks=pytest.mark.thorough),
        pytest.param("isl", "datecs-p", 500, marks=pytest.mark.soak),
        pytest.param("atol", "atol-80", 500, marks=pytest.mark.soak),
    ],
)
def test_many_documents_after_a_week_come_once_and_in_order(
    shop: Callable[..., Shop], driver: str, model: str, count: int
) -> None:
    """The line is cut in the middle of a document, the agent is stopped in the middle, and progress is seen."""
    one = shop(driver, model)
    one.counter.twin.sell(count)
    last = count + (0 if driver == "isl" else 1)  # the shift that was opened is a document too
    one.counter.cut_after = 10_000
    one.open()
    one.wait_until(one.has_read(count // 2))
    one.close()
    stopped_at = one.place()["number"]
    one.open()
    one.wait_until(one.has_read(last))
    receipts = one.receipts()

    assert 1 == one.counter.cuts
    assert count // 2 <= stopped_at < last
    assert count == len(receipts) == len({receipt["uid"] for receipt in receipts})
    numbers = [int(receipt["number"]) for receipt in receipts]
    assert sorted(numbers) == numbers
    assert any(detail.startswith("reading closed documents: ") for detail in one.details)
    assert last == one.place()["last"]


def test_progress_is_in_check_and_in_the_status(shop: Callable[..., Shop], capsys: pytest.CaptureFixture[str]) -> None:
    """Store IT sees how far it is, also without the agent; the panel's device says what is wrong in a sentence."""
    one = shop()
    one.counter.twin.sell(20)
    agent = one.open()
    one.wait_until(one.has_read(21))
    config = one.folder / "config.toml"
    config.write_text(
        f'[till]\nstate_folder = {str(one.folder)!r}\n[[devices]]\nname = "register"\ndriver = "shtrih"\n'
        f'device = "{one.counter.address}"\nway = "pull"\n',
        "utf-8",
    )
    assert 0 == main(["check", "--config", str(config)])
    assert "register: read through document 21 of 21, everything was read" in capsys.readouterr().out
    one.counter.twin.be_rude("paper_out")
    one.wait_until(lambda: any("E301" in detail for detail in one.details))
    token = (one.folder / "api.token").read_text().strip()
    answer = httpx.get(
        f"http://127.0.0.1:{agent.port}/v1/status", headers={"authorization": f"Bearer {token}"}, trust_env=False
    )
    (device,) = answer.json()["devices"]

    assert ("register", "shtrih", "on") == (device["name"], device["driver"], device["state"])
    assert "out of paper" in device["detail"]


def test_a_fresh_receipt_has_its_slip_on_the_register(shop: Callable[..., Shop]) -> None:
    """Closed while the agent looks: the loyalty lines come out after it, on the same paper, once."""
    one = shop(slips_of=["register"])
    twin = one.counter.twin
    twin.sell(1)
    one.open()
    one.wait_until(one.has_read(2))
    with one.counter.turn:
        paper = twin.roll.count
        twin.sell(1)
        sold = twin.roll.count
    one.wait_until(lambda: any(line.startswith("✂") for line in twin.roll.since(sold)))
    lines = twin.roll.since(sold)

    assert paper < sold
    assert 1 == sum("Код" in line for line in lines), lines


def test_a_hosted_register_prints_the_slips_of_the_api(tmp_path: Path) -> None:
    """It is asked for its state only; what a POS confirms itself gets its slip there, once."""
    counter = Counter("shtrih", model="shtrih-m")
    device = DeviceSettings(
        name="slips", driver="shtrih", device=counter.address, way="host", slips_of=("api",), settings={}
    )
    agent = Agent(
        Settings(till=TillSettings(state_folder=str(tmp_path)), doors=DoorsSettings(port=0), devices=(device,))
    )
    agent.start()
    money = Money.of("100", "RUB")
    line = Line(number=1, name="goods", quantity=Quantity.ONE, price=money, total=money)
    receipt = Receipt(uid="pos-1", kind=DocumentKind.SALE, total=money, lines=(line,))
    try:
        counter.twin.be_rude("cover_open")
        answer = agent.till.confirm(ConfirmRequest(receipt=receipt), timeout_s=10)
        agent.till.confirm(ConfirmRequest(receipt=receipt), timeout_s=10)
        told = threading.Event()
        agent.till.subscribe(lambda seen: told.set() if "E302" in seen.devices[0].detail else None)
        assert told.wait(10) or "E302" in agent.till.snapshot.devices[0].detail
        assert 0 == counter.twin.roll.count
        counter.twin.be_rude("cover_open", on=False)
        ends = time.monotonic() + 10
        while not any(line.startswith("✂") for line in counter.twin.roll.since(0)):
            assert time.monotonic() < ends, counter.twin.roll.since(0)
            threading.Event().wait(0.05)
    finally:
        agent.stop()
        counter.close()
    lines = counter.twin.roll.since(0)

    assert 1 == sum(answer.claim_code in line for line in lines), lines
    assert not counter.twin.register.memory.documents


def test_a_till_that_sells_meanwhile_is_not_disturbed(shop: Callable[..., Shop]) -> None:
    """A receipt stays open on another port of the register: nothing is read until it is closed, and then everything."""
    from drivers.printers.shtrih.pos_script import classic_receipt

    one = shop()
    one.counter.twin.sell(5)
    register = one.counter.twin.register
    opened, *rest = classic_receipt()
    register.execute(opened)
    asked: list[bytes] = []
    execute = register.execute
    register.execute = lambda body: (asked.append(body[:2]), execute(body))[1]
    one.open()
    one.wait_until(lambda: len(asked) > 20)
    assert not {b"\xff\x3a", b"\xff\x3b"} & set(asked)
    with one.counter.turn:
        refused = [body for body in rest if execute(body)[1]]
    one.wait_until(one.has_read(7))

    assert [] == refused
    assert 6 == len(one.receipts())


@pytest.mark.parametrize(
    ("device", "sentence"),
    [
        ({"driver": "escpos", "way": "pull"}, "cannot be asked"),
        ({"driver": "shtrih", "way": "pull", "settings": {"model": "classic"}}, "no fiscal memory"),
        ({"driver": "isl", "way": "pull", "settings": {"model": "eltrade"}}, "does not read receipts back"),
        ({"driver": "shtrih", "way": "pull", "host": "tcp-listen://127.0.0.1:9100"}, "host is of no use"),
        ({"driver": "shtrih", "way": "host", "begin_after": 5}, 'begin_after is of no use here; it needs way = "pull"'),
        ({"driver": "shtrih", "begin_after": 5, "host": "tcp-listen://127.0.0.1:9100"}, "begin_after is of no use"),
        ({"driver": "shtrih", "way": "host", "device": ""}, "device is missing"),
        ({"driver": "serial_scanner", "way": "inline"}, "is a reader"),
    ],
)
def test_a_way_that_cannot_be_is_said_before_anything_is_opened(device: dict[str, Any], sentence: str) -> None:
    """Settings are checked without a device."""
    given = {"name": "d", "device": "tcp://127.0.0.1:9", **device}
    (problem,) = check(Settings(devices=(DeviceSettings(**given),)))

    assert sentence in problem


def test_slips_of_a_stranger_are_refused() -> None:
    """A typing mistake in a name is found in the file."""
    from agent.settings import parse

    text = '[[devices]]\nname = "a"\ndriver = "shtrih"\ndevice = "tcp://127.0.0.1:9"\nway = "host"\nslips_of = ["b"]\n'
    with pytest.raises(SettingsError, match=r"line 6: slips_of: no device is called 'b'; known are a, api"):
        parse(text.encode(), name="config.toml")
