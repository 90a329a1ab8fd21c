"""The thread of a printer of our own: prints, waits for paper, drops what nobody waits for, blocks nobody."""

import threading

import pytest

from drivers.printers.escpos import slip_driver
from drivers.slips import WAITING_MAX, SlipWorker
from drivers.transport.usb import UsbEndpoint, UsbName
from drivers.vocabulary.errors import TransportUnavailable
from drivers.vocabulary.events import DeviceState
from drivers.vocabulary.slips import PartKind, Slip, SlipPart
from tests.usb_double import Bus, Printer

EPSON = UsbName(vendor=0x04B8, product=0x0202)
PATIENCE_S = 10.0


class Clock:
    """Seconds that are moved by hand, and creep by themselves so that no wait is for ever."""

    def __init__(self):
        self.now_s = 0.0
        self._lock = threading.Lock()

    def __call__(self):
        with self._lock:
            self.now_s += 0.001
            return self.now_s


class Nowhere:
    """A place where nothing can be opened."""

    is_line = True
    address = "usb:04b8:0202"

    def __init__(self):
        self.tries = threading.Semaphore(0)

    def open(self, timeout_s):
        self.tries.release()
        raise TransportUnavailable("cannot open usb:04b8:0202: it is not plugged in", reason="missing")

    def visitor_waits(self):
        return False

    def close(self):
        pass


def a_slip(name="1", text="hello"):
    return Slip(name=name, parts=(SlipPart(PartKind.TEXT, text),))


@pytest.fixture
def start(stop_flag):
    """Starts a worker; its events can be waited for."""
    workers = []

    def begin(place, factory=lambda: slip_driver.conversation(None, device="slips"), **more):
        news = threading.Condition()
        events = []

        def emit(event):
            with news:
                events.append(event)
                news.notify_all()

        worker = SlipWorker(
            name="slips", endpoint=place, conversation_factory=factory, emit=emit, stop=stop_flag,
            jitter=lambda: 1.0, **more,
        )  # fmt: skip
        worker.events = events

        def wait_for(wanted):
            with news:
                assert news.wait_for(lambda: any(map(wanted, events)), PATIENCE_S), events

        worker.wait_for = wait_for
        workers.append(worker)
        worker.start()
        return worker

    yield begin
    stop_flag.set()
    for worker in workers:
        assert worker.join(5)


def wait_until(holds):
    tick = threading.Event()
    for _ in range(int(PATIENCE_S / 0.01)):
        if holds():
            return
        tick.wait(0.01)
    raise AssertionError("it never came to hold")


def usb(printer):
    bus = Bus(printer)
    return bus, UsbEndpoint("usb:04b8:0202", EPSON, backend=bus)


def test_the_printer_is_let_go_after_each_slip(start):
    """Others may print on it, and the kernel's driver has it between our slips."""
    printer = Printer(slip_driver.twin(None))
    _, place = usb(printer)
    worker = start(place)
    worker.print(a_slip())
    wait_until(lambda: worker.printed == 1)

    assert ("hello",) == printer.twin.paper[0].lines
    wait_until(lambda: printer.kernel_has_it and not printer.opened)


def test_pulled_out_and_plugged_in_again(start):
    """A slip that comes while the plug is out is printed when it is in again; the panel is told both."""
    printer = Printer(slip_driver.twin(None))
    bus, place = usb(printer)
    worker = start(place)
    worker.wait_for(lambda event: event.state is DeviceState.ON)
    bus.pull(printer)
    worker.print(a_slip())
    worker.wait_for(lambda event: event.state is DeviceState.OFF and "is plugged in; check its cable" in event.detail)
    bus.plug(printer)
    wait_until(lambda: worker.printed == 1)

    assert ["on", "off", "on"] == [event.state.value for event in worker.events]


def test_a_slip_nobody_waits_for_any_more_is_dropped(start):
    """After two minutes its customer has gone; it is counted and said."""
    clock = Clock()
    place = Nowhere()
    worker = start(place, clock=clock)
    worker.print(a_slip())
    assert place.tries.acquire(timeout=PATIENCE_S)
    clock.now_s += 121
    wait_until(lambda: worker.dropped == 1)
    worker.wait_for(lambda event: event.detail.endswith("(slips not printed: 1)"))

    assert 0 == worker.printed
    assert worker.trouble.startswith("cannot open usb:04b8:0202")


def test_with_too_many_the_oldest_is_dropped_and_nobody_waits(start):
    """Printing takes no time of whoever closes a receipt."""
    worker = start(Nowhere())
    for number in range(WAITING_MAX + 3):
        worker.print(a_slip(str(number)))

    assert 3 == worker.dropped


def test_paper_that_runs_out_in_the_middle_is_told(start):
    """The slip was handed over; its end may be missing."""
    printer = Printer(slip_driver.twin(None))
    _, place = usb(printer)

    class RunsOut:
        """A conversation that has the paper run out while the slip is printed."""

        def __init__(self):
            self._inner = slip_driver.conversation(None, device="slips")

        def render(self, slip):
            printer.twin.be_rude("paper_out")
            return self._inner.render(slip)

        def __getattr__(self, name):
            return getattr(self._inner, name)

    worker = start(place, RunsOut)
    worker.print(a_slip())
    worker.wait_for(lambda event: event.detail.endswith("the last slip may be cut short"))

    assert 1 == worker.printed


@pytest.mark.parametrize("rude", ["silence", "half_answer", "duplicate_answer", "paper_near_end"])
def test_a_printer_that_answers_badly_prints_all_the_same(start, rude):
    """Only a printer that says it cannot print is believed."""
    printer = Printer(slip_driver.twin(None, rude=[rude]))
    _, place = usb(printer)
    worker = start(place)
    worker.print(a_slip())
    wait_until(lambda: worker.printed == 1)

    assert 1 == len(printer.twin.paper)
    assert (rude == "paper_near_end") == any(event.detail.startswith("W301") for event in worker.events)


def test_a_fault_of_ours_drops_the_slip_and_is_a_state(start):
    """The same slip would fail again; the next one is tried later."""

    class Broken:
        columns = 42
        is_told = True
        trouble = None

        def ask(self):
            return b""

        def feed(self, data, now_s):
            pass

        def render(self, slip):
            raise ZeroDivisionError("broken")

    printer = Printer(slip_driver.twin(None))
    _, place = usb(printer)
    worker = start(place, Broken)
    worker.print(a_slip())
    worker.wait_for(lambda event: event.state is DeviceState.FAILED and "ZeroDivisionError" in event.detail)

    assert 1 == worker.dropped
