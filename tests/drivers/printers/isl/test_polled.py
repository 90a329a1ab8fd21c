"""The device as one that the agent asks: what it says of itself, receipts by number, slips, never in a till's way."""

import pytest

from drivers.printers.isl.driver import driver
from drivers.printers.isl.frames import Frame, encode
from drivers.printers.isl.polled import LEFT_SLIP_S, PolledPrinter
from drivers.printers.isl.pos_script import SOLD, sale_commands
from drivers.printers.isl.settings import IslSettings
from drivers.printers.isl.simulator import IslTwin
from drivers.vocabulary.errors import SettingsError
from drivers.vocabulary.receipt import DocumentKind


class Pipe:
    """A transport straight into a twin; time goes on only while nothing is heard."""

    address = "memory:pipe"

    def __init__(self, twin):
        self.twin = twin
        self.now_s = 0.0
        self.incoming = b""

    def clock(self):
        return self.now_s

    def read(self, timeout_s):
        data, self.incoming = self.incoming, b""
        if not data:
            self.now_s += timeout_s
            data = self.twin.tick(self.now_s)
        return data

    def write(self, data, timeout_s):
        self.incoming += self.twin.feed(data, self.now_s)


def polled(**settings):
    """(polled printer, its pipe, its twin)."""
    chosen = IslSettings(**settings)
    twin = IslTwin(chosen)
    pipe = Pipe(twin)
    device = PolledPrinter(chosen, device="printer", connect=lambda: pipe, wait=lambda _: None, clock=pipe.clock)
    return device, pipe, twin


@pytest.mark.parametrize("model", ["datecs-p", "datecs-c"])
def test_receipts_are_read_by_number(model):
    device, _, twin = polled(model=model, zone="Europe/Sofia")
    twin.sell(3)
    memory = device.memory()
    documents = [device.document(number) for number in range(1, memory.last + 1)]

    assert (1, 3, "DT000001-02000001") == (memory.first, memory.last, memory.name)
    assert [DocumentKind.SALE] * 3 == [one.kind for one in documents]
    assert 3 == len({one.receipt.uid for one in documents})
    assert documents[0].receipt.uid == device.document(1).receipt.uid
    assert 7200 == documents[0].receipt.closed_at.utcoffset().total_seconds()
    assert device.document(99) is None


@pytest.mark.parametrize("last", range(0x20, 0x80))
def test_any_first_number_works(last, monkeypatch):
    """Also the one that the device saw last, from whoever asked before: it repeats an old answer then."""
    monkeypatch.setattr("drivers.printers.isl.polled.secrets.choice", lambda numbers: numbers[3])
    device, pipe, twin = polled()
    twin.feed(encode(Frame(sequence=last, command=0x71, data=b""), twin.model.frame), 0.0)

    assert "" == device.condition().code
    assert 0 == device.memory().last
    assert pipe.now_s < 2


def test_an_empty_journal_has_nothing():
    device, _, _ = polled()

    assert (1, 0) == (device.memory().first, device.memory().last)


@pytest.mark.parametrize(
    ("model", "rude", "code"),
    [
        (model, rude, code)
        for model in ("datecs-p", "datecs-x", "daisy", "eltrade")
        for rude, code in (("paper_out", "E301"), ("cover_open", "E302"), ("paper_near_end", "W301"))
        if (model, rude) != ("daisy", "cover_open")  # its status has no bit for the cover
    ],
)
def test_what_is_wrong_is_said(model, rude, code):
    device, _, twin = polled(model=model)
    assert "" == device.condition().code
    twin.be_rude(rude)
    found = device.condition()

    assert code == found.code
    assert found.sentence
    assert found.maker_code


def test_a_printer_with_an_open_receipt_is_busy():
    device, _, twin = polled()
    opened = sale_commands(twin.model, SOLD, None)[0]
    twin.till.carry_out(*opened)
    assert device.condition().is_busy
    twin.till.carry_out(twin.model.cancel_command, b"")

    assert not device.condition().is_busy


def test_a_service_receipt_that_was_left_open_is_closed_after_a_while():
    device, pipe, twin = polled()
    twin.till.carry_out(0x26, b"")
    assert device.condition().is_busy
    assert twin.till.slip is not None
    pipe.now_s += LEFT_SLIP_S
    device.condition()

    assert twin.till.slip is None
    assert not device.condition().is_busy


def test_a_slip_is_a_service_receipt():
    device, _, twin = polled()
    device.print_slip(["+ 5 точки"])

    assert ("+ 5 точки",) == twin.till.paper[-1]


def test_what_cannot_be_pulled_is_said_in_the_settings():
    assert "does not read receipts back" in driver.polling.refusal(IslSettings(model="eltrade"))
    assert "" == driver.polling.refusal(IslSettings())
    with pytest.raises(SettingsError, match="Europe/Sofia"):
        driver.polling.refusal(IslSettings(zone="Europe/Nowhere"))
