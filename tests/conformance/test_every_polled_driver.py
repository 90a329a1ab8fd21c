"""One suite for every driver that the agent asks, against its own twin, over every kind of line, good and bad."""

import random
import sys
import threading

import pytest

from drivers.registry import LoadedDriver, known_drivers, load_driver
from drivers.transport.faulty import Delayed, DisconnectAfter, Duplicating, Lossy, OneByteAtATime
from drivers.twins import PulledTwin
from drivers.vocabulary.events import DeviceState, DeviceStateChanged

SOLD = 7
no_terminals = pytest.mark.skipif(
    sys.platform == "win32", reason="SKIPPED LOUDLY: Windows has no pseudo-terminals; COM ports untested"
)
PATIENCE_S = 30.0


def _lossy(inner, line):
    # Seldom, for each loss costs a time-out of the protocol.
    return Lossy(inner, rate=0.002, random=random.Random(5).random)


def _cut_once(inner, line):
    """The first connection breaks in the middle of an answer."""
    line.connections = getattr(line, "connections", 0) + 1
    return DisconnectAfter(inner, bytes_read_max=700) if line.connections == 1 else inner


LINES = {
    "as it comes": None,
    "one byte at a time": lambda inner, line: OneByteAtATime(inner),
    "late": lambda inner, line: Delayed(inner, delay_s=0.005, wait=threading.Event().wait),
    "loses bytes": _lossy,
    "doubles chunks": lambda inner, line: Duplicating(inner, every=5),
    "cut in the middle": _cut_once,
}
#: Bad lines cost seconds of time-outs; which wire the bytes were lost on, no driver can see.
SLOW = {"loses bytes": "memory", "cut in the middle": "tcp"}
WIRES_AND_LINES = [
    pytest.param(wire, line, marks=marks)
    for wire, marks in (("memory", ()), ("terminal", no_terminals), ("tcp", pytest.mark.net))
    for line in LINES
    if SLOW.get(line, wire) == wire
]
TROUBLES = {"paper_out": "E301", "cover_open": "E302"}


def _polled():
    """The row of every driver that offers it."""
    rows = [loaded.driver for name in known_drivers() if isinstance(loaded := load_driver(name), LoadedDriver)]
    return [pytest.param(driver, id=driver.name) for driver in rows if driver.polling is not None]


def _pulled():
    """Those whose closed documents can be read; one that cannot says why, loudly."""
    for row in _polled():
        (driver,) = row.values
        why = driver.polling.refusal(driver.settings_type())
        yield pytest.param(driver, id=driver.name, marks=pytest.mark.skip(f"SKIPPED LOUDLY: {why}") if why else ())


every_polled_driver = pytest.mark.parametrize("driver", _polled())
every_pulled_driver = pytest.mark.parametrize("driver", list(_pulled()))


class Keeper:
    """A taker that keeps documents in a list and lets a test wait for the last one."""

    def __init__(self):
        self.pulled = []
        self._changed = threading.Condition()

    def place(self, memory):
        with self._changed:
            return self.pulled[-1].number if self.pulled else 0

    def take(self, pulled):
        with self._changed:
            self.pulled.append(pulled)
            self._changed.notify_all()
        return ()

    def wait_for(self, is_so):
        with self._changed:
            assert self._changed.wait_for(lambda: is_so(self), PATIENCE_S), [one.number for one in self.pulled]

    @property
    def receipts(self):
        return [one.document.receipt for one in self.pulled if one.document.receipt is not None]


def _has(count):
    return lambda keeper: len(keeper.receipts) >= count


def _unique(keeper):
    return len({receipt.uid for receipt in keeper.receipts})


@every_pulled_driver
def test_its_twin_can_be_pulled(driver):
    """It keeps receipts, and the driver's default settings can be used."""
    twin = driver.twin(driver.settings_type())
    twin.sell(1)

    assert isinstance(twin, PulledTwin)
    assert twin.roll.count
    assert "" == driver.polling.refusal(driver.settings_type())


@every_pulled_driver
@pytest.mark.parametrize(("wire", "line"), WIRES_AND_LINES)
def test_every_receipt_comes_once_and_in_order(driver, wire, line, bench, serve):
    """What was sold before, and what is sold while it is looked at."""
    if line == "loses bytes" and driver.visitors_max > 1:
        pytest.skip(
            f"SKIPPED LOUDLY: {driver.name} speaks with a server over TCP, which loses no byte without breaking"
        )
    bench = bench(driver)
    keeper, twin = Keeper(), bench.twin()
    twin.sell(SOLD)
    bench.start_polling(wire, taker=keeper, wrap=LINES[line])
    device = serve(bench.plug_in(), twin)
    if line == "cut in the middle":
        bench.wait_for(lambda event: getattr(event, "state", None) is DeviceState.OFF)
        device.leave()
        device = serve(bench.plug_in(), twin)
    keeper.wait_for(_has(SOLD))
    device.sell(1)
    keeper.wait_for(_has(SOLD + 1))
    numbers = [one.number for one in keeper.pulled]

    assert list(range(numbers[0], numbers[-1] + 1)) == numbers
    assert SOLD + 1 == _unique(keeper) == len(keeper.receipts)
    assert keeper.pulled[0].last < keeper.pulled[-1].last
    assert {1} == {len({one.memory for one in keeper.pulled})}


@every_pulled_driver
def test_a_device_restart_is_survived(driver, wire, bench, serve):
    """It goes in the middle of a reading and comes back with all it had."""
    bench = bench(driver)
    keeper, twin = Keeper(), bench.twin()
    twin.sell(SOLD)
    bench.start_polling(wire, taker=keeper)
    device = serve(bench.plug_in(), twin)
    keeper.wait_for(lambda keeper: len(keeper.pulled) >= 2)
    device.leave()
    twin.set_rude("restart", is_on=True)
    twin.set_rude("restart", is_on=False)
    device = serve(bench.plug_in(), twin)
    keeper.wait_for(_has(SOLD))

    assert SOLD == _unique(keeper) == len(keeper.receipts)


@every_pulled_driver
@pytest.mark.parametrize("rude", ["silence", "half_answer", "wrong_checksum", "duplicate_answer", "restart"])
def test_a_rude_answer_loses_and_doubles_nothing(driver, rude, bench, serve):
    """In the middle of the reading, and the reading goes on."""
    bench = bench(driver)
    keeper, twin = Keeper(), bench.twin()
    if rude not in twin.rudenesses():
        pytest.skip(f"SKIPPED LOUDLY: the protocol of {driver.name} knows no {rude}")
    twin.sell(SOLD)
    bench.start_polling("memory", taker=keeper)
    device = serve(bench.plug_in(), twin)
    keeper.wait_for(lambda keeper: len(keeper.pulled) >= 2)
    device.set_rude(rude, is_on=True)
    device.wait_for(len(device.received) + 1)  # something is asked meanwhile, whichever it is
    device.set_rude(rude, is_on=False)
    keeper.wait_for(_has(SOLD))

    assert SOLD == _unique(keeper) == len(keeper.receipts)


@every_polled_driver
@pytest.mark.parametrize("rude", TROUBLES)
def test_what_is_wrong_is_a_state_with_a_sentence(driver, wire, rude, bench, serve):
    """Our code, what the cashier should do, and its end."""
    bench = bench(driver)
    bench.start_polling(wire)
    device = serve(bench.plug_in(), bench.twin())
    bench.wait_for(_says(""))
    device.set_rude(rude, is_on=True)
    told = bench.wait_for(lambda event: TROUBLES[rude] in getattr(event, "detail", ""))
    device.set_rude(rude, is_on=False)
    bench.wait_for(lambda event: TROUBLES[rude] not in getattr(event, "detail", TROUBLES[rude]))

    assert told.state is DeviceState.ON
    assert ":" in told.detail


@every_polled_driver
def test_a_slip_waits_for_paper_and_comes_once(driver, wire, bench, serve):
    """Printing that was impossible is done when the paper is back."""
    bench = bench(driver)
    twin = bench.twin()
    bench.start_polling(wire)
    device = serve(bench.plug_in(), twin)
    device.set_rude("paper_out", is_on=True)
    bench.wait_for(lambda event: "E301" in getattr(event, "detail", ""))
    bench.print_soon(["+ 5 points", "42 in all"])
    device.wait_for(len(device.received) + 100)  # it is asked on and on
    assert not any("points" in line for line in twin.roll.since(0))
    device.set_rude("paper_out", is_on=False)
    _continue(driver, device, twin)
    for _ in range(200):
        if any("42 in all" in line for line in twin.roll.since(0)):
            break
        threading.Event().wait(0.05)
    lines = [line.strip() for line in twin.roll.since(0)]

    assert 1 == lines.count("+ 5 points") == lines.count("42 in all")


def _continue(driver, device, twin):
    """A till that shares the device continues what it had interrupted."""
    if twin.rudenesses().get("printing_interrupted"):
        device.set_rude("printing_interrupted", is_on=False)


def _says(detail):
    return lambda event: (
        isinstance(event, DeviceStateChanged) and event.state is DeviceState.ON and event.detail == detail
    )
