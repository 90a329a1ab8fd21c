"""The thread that asks a device: every document once and in order, never in a till's way, slips, states, restarts."""

import threading

import pytest

from drivers.polled import Condition, Memory
from drivers.polling import Pace, PollingWorker
from drivers.transport.memory import memory_pair
from drivers.vocabulary.errors import (
    CheckoutRefused,
    DeviceRefused,
    RemoteProtocolError,
    TransportClosed,
    TransportUnavailable,
)
from drivers.vocabulary.events import DeviceState, DeviceStateChanged, Document
from drivers.vocabulary.receipt import DocumentKind

PAPER_OUT = Condition(code="E301", sentence="out of paper: put in a new roll", maker_code="flags 0")


class Register:
    """A device in a few lines: documents 1 to `last`; a test changes what it says, and reads what it was asked."""

    def __init__(self, last=0):
        self.last = last
        self.memory_name = "memory-1"
        self.now = Condition()
        self.asked = []
        self.slips = []
        self.faults = {}  # number → exceptions, one for each reading
        self.before_ask = lambda: None

    def _note(self, *what):
        self.before_ask()
        self.asked.append(what)

    def condition(self):
        self._note("condition")
        if isinstance(self.now, Exception):
            raise self.now
        return self.now

    def memory(self):
        self._note("memory")
        return Memory(name=self.memory_name, first=1, last=self.last)

    def document(self, number):
        self._note("document", number)
        if self.faults.get(number):
            raise self.faults[number].pop(0)
        return Document(kind=DocumentKind.OTHER, raw=b"", text=(str(number),)) if number != 13 else None

    def print_slip(self, lines):
        self._note("slip")
        self.slips.append(tuple(lines))

    @property
    def read(self):
        return [what[1] for what in self.asked if what[0] == "document"]


class Keeper:
    """A taker that keeps documents in a list, and refuses when told."""

    def __init__(self, after=0, lines=()):
        self.after = after
        self.lines = lines
        self.refusals = []
        self.pulled = []
        self.changed = threading.Condition()

    def place(self, memory):
        return self.after

    def take(self, pulled):
        if self.refusals:
            raise self.refusals.pop(0)
        with self.changed:
            self.pulled.append(pulled)
            self.after = pulled.number
            self.changed.notify_all()
        return self.lines

    @property
    def numbers(self):
        return [one.number for one in self.pulled]

    def wait_for(self, number):
        with self.changed:
            assert self.changed.wait_for(lambda: self.after >= number, 10), self.numbers


class Place:
    """An endpoint that gives a pipe each time, but for the first `absent` times."""

    is_line = True
    address = "serial:test"
    absent = 0

    def open(self, timeout_s):
        if self.absent:
            self.absent -= 1
            raise TransportUnavailable("cannot open serial:test: there is no such port")
        return memory_pair()[0]

    def visitor_waits(self):
        return False

    def close(self):
        pass


class Hands:
    """A worker without its thread, and a clock that is set by hand."""

    def __init__(self, register, keeper=None, **pace):
        self.now_s = 100.0
        self.events = []
        self.worker = PollingWorker(
            name="register",
            endpoint=Place(),
            device_factory=None,
            emit=self.events.append,
            stop=threading.Event(),
            taker=keeper,
            pace=Pace(**({"quiet_s": 0.0} | pace)),
            clock=lambda: self.now_s,
        )
        self.register = register

    def turn(self, times=1, *, step_s=1.0):
        for _ in range(times):
            self.now_s += step_s
            self.worker._turn(self.register)

    @property
    def details(self):
        return [event.detail for event in self.events]


@pytest.fixture
def start(collector, stop_flag):
    """Starts a worker on its thread and stops it afterwards."""
    workers = []

    def begin(register, keeper, place=None):
        def make(*, connect, wait, clock):
            connect()
            return register

        worker = PollingWorker(
            name="register",
            endpoint=place or Place(),
            device_factory=make,
            emit=collector,
            stop=stop_flag,
            taker=keeper,
            pace=Pace(poll_s=0.01, quiet_s=0.0),
            jitter=lambda: 1.0,
        )
        worker.start()
        workers.append(worker)
        return worker

    yield begin
    stop_flag.set()
    assert all(worker.join(5) for worker in workers)


def test_documents_come_once_and_in_order_whatever_is_cut(start):
    """The line goes twice in the middle, and a number that was never given leaves a gap and no hole in the count."""
    register, keeper = Register(40), Keeper()
    register.faults = {7: [TransportClosed("cut")], 21: [TransportClosed("cut"), TransportClosed("cut")]}
    start(register, keeper)
    keeper.wait_for(40)

    assert list(range(1, 41)) == keeper.numbers
    assert {"memory-1"} == {one.memory for one in keeper.pulled}
    assert not any(one.is_fresh for one in keeper.pulled)


def test_it_goes_on_behind_what_is_kept():
    """A taker that has 38 of 40 is given two."""
    keeper = Keeper(after=38)
    Hands(Register(40), keeper).turn(3)

    assert [39, 40] == keeper.numbers


def test_nothing_is_read_before_the_device_was_quiet():
    """A till that has just closed a receipt still asks and prints."""
    register, keeper = Register(3), Keeper()
    hands = Hands(register, keeper, quiet_s=2.0)
    hands.turn(2)
    assert [] == register.read
    register.now = Condition(is_busy=True)
    hands.turn()
    register.now = Condition()
    hands.turn(2)
    assert [] == register.read
    hands.turn()

    assert [1, 2, 3] == keeper.numbers


def test_a_receipt_that_opens_in_the_middle_stops_the_reading():
    """For every moment at which a till may open one: at most the document that was begun is read, then nothing."""
    for moment in range(1, 24):
        register, keeper = Register(9), Keeper()
        opened_after = []

        def open_receipt(register=register, moment=moment, opened_after=opened_after):
            if len(register.asked) == moment:
                register.now = Condition(is_busy=True)
                opened_after.append(len(register.read))

        register.before_ask = open_receipt
        hands = Hands(register, keeper)
        hands.turn(4)
        if opened_after:
            assert len(register.read) <= opened_after[0] + 1, moment
        register.before_ask = lambda: None
        register.now = Condition()
        hands.turn(2)

        assert list(range(1, 10)) == keeper.numbers, moment


def test_a_till_that_cannot_keep_it_is_asked_again_with_the_same_document(start, collector):
    """A full disk is no reason to lose a receipt."""
    register, keeper = Register(3), Keeper()
    keeper.refusals = [CheckoutRefused("no room left on this disk", code="not_recorded")] * 2
    start(register, keeper)
    keeper.wait_for(3)

    assert [1, 2, 3] == keeper.numbers
    assert any("no room" in event.detail for event in collector.all)


def test_a_document_that_never_makes_sense_is_told_and_passed(start):
    """It is handed over as an unread receipt, and those behind it come."""
    register, keeper = Register(4), Keeper()
    register.faults = {2: [RemoteProtocolError("half a tag")] * 9}
    start(register, keeper)
    keeper.wait_for(4)
    (problem,) = keeper.pulled[1].document.problems

    assert [1, 2, 3, 4] == keeper.numbers
    assert DocumentKind.SALE is keeper.pulled[1].document.kind
    assert "half a tag" in problem


def test_a_refusal_is_asked_again_and_never_passed(start, collector):
    """Printing interrupted for an hour must not cost receipts."""
    register, keeper = Register(2), Keeper()
    register.faults = {1: [DeviceRefused("printing was interrupted", code="E315")] * 5}
    start(register, keeper)
    keeper.wait_for(2)

    assert [1, 2] == keeper.numbers
    assert any("interrupted" in event.detail for event in collector.all)


def test_only_what_was_closed_while_we_looked_is_fresh():
    """The customer at the till did not buy what was sold yesterday, nor what came with a reconnected cable."""
    register, keeper = Register(2), Keeper()
    hands = Hands(register, keeper)
    hands.turn(2)
    register.last = 3
    hands.turn()
    register.last = 5
    hands.turn()
    hands.worker._forget_connection()
    register.last = 6
    hands.turn()

    assert [False, False, True, False, True, False] == [one.is_fresh for one in keeper.pulled]


def test_a_document_the_till_could_not_keep_for_a_minute_is_not_fresh_any_more():
    """By then somebody else is at the till."""
    register, keeper = Register(0), Keeper()
    hands = Hands(register, keeper)
    hands.turn()
    register.last = 1
    keeper.refusals = [CheckoutRefused("busy", code="busy")]
    with pytest.raises(CheckoutRefused):
        hands.turn()
    hands.turn(step_s=61.0)

    assert [False] == [one.is_fresh for one in keeper.pulled]


def test_another_memory_is_not_fresh():
    """A register that was exchanged brings its own history."""
    register, keeper = Register(2), Keeper()
    hands = Hands(register, keeper)
    hands.turn()
    register.memory_name, register.last = "memory-2", 9
    hands.turn()

    assert not any(one.is_fresh for one in keeper.pulled)


def test_lines_of_a_document_are_printed_after_it():
    """In the same turn, and once."""
    register, keeper = Register(0), Keeper(lines=("+ 5 points",))
    hands = Hands(register, keeper)
    hands.turn()
    register.last = 1
    hands.turn(3)

    assert [("+ 5 points",)] == register.slips


def test_a_slip_waits_for_paper_but_not_for_long():
    """After a minute it would be in the next customer's hands."""
    register = Register()
    hands = Hands(register)
    register.now = PAPER_OUT
    hands.worker.print_soon(["late"])
    hands.turn(2)
    hands.turn(step_s=55.0)
    hands.worker.print_soon(["in time"])
    hands.turn(5)
    register.now = Condition()
    hands.turn(2)

    assert [("in time",)] == register.slips


def test_no_slip_inside_a_receipt():
    """The lines would become part of it."""
    register = Register()
    hands = Hands(register)
    register.now = Condition(is_busy=True)
    hands.worker.print_soon(["slip"])
    hands.turn(3)
    assert [] == register.slips
    register.now = Condition()
    hands.turn()

    assert [("slip",)] == register.slips


def test_slips_do_not_pile_up():
    """A printer that was off all day does not print the day in the evening."""
    hands = Hands(Register())

    assert 20 == [hands.worker.print_soon(["slip"]) for _ in range(25)].count(True)


def test_its_state_is_told_with_our_code_and_the_sentence():
    """Once for each change, and the maker's code travels along."""
    register = Register()
    hands = Hands(register)
    hands.turn(2)
    register.now = PAPER_OUT
    hands.turn(3)
    register.now = Condition()
    hands.turn(2)

    assert ["", "E301 out of paper: put in a new roll (flags 0)", ""] == hands.details
    assert all(event.state is DeviceState.ON for event in hands.events)


def test_progress_is_told_and_ends():
    """Store IT sees how far a long reading is."""
    register = Register(30)
    hands = Hands(register, Keeper())
    register.before_ask = lambda: setattr(hands, "now_s", hands.now_s + 0.3)
    hands.turn()

    assert any(detail.startswith("reading closed documents: ") and " of 30" in detail for detail in hands.details)
    assert "" == hands.details[-1]


def test_a_device_that_is_not_there_is_off_and_comes_back(start, collector):
    """With the sentence of the port, said once."""
    place = Place()
    place.absent = 3
    start(Register(), Keeper(), place)
    off = collector.wait_for_state(DeviceState.OFF)
    collector.wait_for_state(DeviceState.ON)

    assert "no such port" in off.detail
    assert 1 == sum(getattr(event, "state", None) is DeviceState.OFF for event in collector.all)


def test_a_stop_does_not_wait_for_a_device_that_is_silent(start, stop_flag):
    """Some protocols wait for minutes; the service manager does not."""
    asked = threading.Event()

    class Silent(Register):
        def condition(self):
            asked.set()
            pipe = self.connect()
            while not pipe.read(60.0):
                pass

    register, pipes = Silent(), []

    class Kept(Place):
        def open(self, timeout_s):
            pipes.append(memory_pair())
            return pipes[-1][0]

    def make(*, connect, wait, clock):
        register.connect = connect
        return register

    worker = PollingWorker(
        name="register", endpoint=Kept(), device_factory=make, emit=lambda event: None, stop=stop_flag
    )
    worker.start()
    assert asked.wait(5)
    stop_flag.set()

    assert worker.join(5)


def test_a_fault_of_ours_is_a_state(start, collector):
    """The thread lives on and says so."""
    register = Register()
    register.now = ZeroDivisionError("oh")
    start(register, Keeper())
    failed = collector.wait_for(
        lambda event: isinstance(event, DeviceStateChanged) and event.state is DeviceState.FAILED
    )

    assert "ZeroDivisionError" in failed.detail
