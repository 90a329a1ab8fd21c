"""USB printers over a bus in memory: found by name, claimed, written, read, pulled out, and each refusal named."""

import errno
import threading

import pytest
import usb.backend.libusb1

from drivers.printers.escpos import slip_driver
from drivers.transport.address import endpoint
from drivers.transport.usb import UsbEndpoint, UsbName
from drivers.vocabulary.errors import SettingsError, TransportClosed, TransportError, TransportUnavailable
from tests.usb_double import Bus, Printer

EPSON = UsbName(vendor=0x04B8, product=0x0202)


def place_for(bus, name=EPSON):
    return UsbEndpoint(f"usb:{name}", name, backend=bus)


@pytest.fixture
def printer():
    return Printer(slip_driver.twin(None))


def test_a_slip_is_printed_and_the_status_is_read(printer):
    """Bytes go out over the bulk pipe, the answer comes back over the other one."""
    line = place_for(Bus(printer)).open(1.0)
    line.write(b"\x1b@Hello\n\x1dV\x00\x10\x04\x01", 1.0)

    assert b"\x12" == line.read(1.0)
    assert ("Hello",) == printer.twin.paper[0].lines
    line.close()


def test_the_kernels_driver_gets_the_printer_back(printer):
    """It is detached while we print, and attached again when we close."""
    bus = Bus(printer)
    line = place_for(bus).open(1.0)
    while_open = printer.kernel_has_it, printer.claimed
    line.close()
    line.close()

    assert ((False, True), (True, False), 0) == (while_open, (printer.kernel_has_it, printer.claimed), printer.opened)


def test_of_two_alike_the_serial_number_tells(printer):
    """`?serial=` chooses; one that is not there is named."""
    other = Printer(slip_driver.twin(None), serial="J2")
    bus = Bus(printer, other)
    line = place_for(bus, UsbName(vendor=0x04B8, product=0x0202, serial="J2")).open(1.0)
    line.write(b"second\n\x1dV\x00", 1.0)
    line.close()

    assert ((), ("second",)) == (printer.twin.paper, other.twin.paper[0].lines)
    with pytest.raises(TransportUnavailable, match="serial number J3") as caught:
        place_for(bus, UsbName(vendor=0x04B8, product=0x0202, serial="J3")).open(1.0)
    assert "missing" == caught.value.reason


def test_a_printer_that_only_listens_is_silent(printer):
    """One pipe out: writing works, reading waits and gives nothing, and a close ends it."""
    mute = Printer(slip_driver.twin(None), one_way=True)
    line = place_for(Bus(mute)).open(1.0)
    line.write(b"x\n\x1dV\x00", 1.0)

    assert b"" == line.read(0.01)
    closing = threading.Timer(0.05, line.close)
    closing.start()
    with pytest.raises(TransportClosed):
        line.read(10.0)


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        ({"refuses": errno.EACCES}, "permission", "udev rules"),
        ({"claims_refused": errno.EBUSY}, "busy", "in use by another program"),
        ({"interface_class": 3}, "", "no interface that prints"),
        ({"refuses": errno.ENODEV}, "missing", "went away"),
    ],
)
def test_each_refusal_has_its_word_and_its_sentence(printer, change, reason, words):
    """Store IT is told what to do, a program what it was."""
    for key, value in change.items():
        setattr(printer, key, value)

    with pytest.raises(TransportUnavailable, match=words) as caught:
        place_for(Bus(printer)).open(1.0)

    assert reason == caught.value.reason


def test_nothing_plugged_in(printer):
    """The name of the device that is missing stands in the sentence."""
    with pytest.raises(TransportUnavailable, match="no USB device 04b8:0202 is plugged in") as caught:
        place_for(Bus()).open(1.0)

    assert "missing" == caught.value.reason


def test_no_library_on_this_machine(monkeypatch, printer):
    """Without libusb the sentence says what to install."""
    monkeypatch.setattr(usb.backend.libusb1, "get_backend", lambda *_, **__: None)
    for name in ("libusb0", "openusb"):
        module = __import__(f"usb.backend.{name}", fromlist=["get_backend"])
        monkeypatch.setattr(module, "get_backend", lambda *_, **__: None)

    with pytest.raises(TransportUnavailable, match="libusb") as caught:
        endpoint("usb:04b8:0202").open(1.0)

    assert "driver" == caught.value.reason


def test_the_plug_is_pulled_while_reading_and_writing(printer):
    """Both end with TransportClosed; plugged in again it opens as before."""
    bus = Bus(printer)
    place = place_for(bus)
    line = place.open(1.0)
    threading.Timer(0.05, bus.pull, [printer]).start()
    with pytest.raises(TransportClosed, match="check its cable"):
        line.read(10.0)
    with pytest.raises(TransportClosed):
        line.write(b"x", 1.0)
    line.close()
    bus.plug(printer)

    assert place.open(1.0).address == "usb:04b8:0202"


def test_a_stuck_printer_is_no_lost_one(printer):
    """No byte taken in time: the line is there, the printer is not."""
    line = place_for(Bus(printer)).open(1.0)
    printer.is_stuck = True

    with pytest.raises(TransportError, match="out of paper") as caught:
        line.write(b"x", 0.01)

    assert not isinstance(caught.value, TransportClosed)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("usb:04b8", "names no vendor and product"),
        ("usb:04b8:0202?port=1", "known is serial"),
        ("spool:", "names no print queue"),
    ],
)
def test_addresses_that_cannot_be_meant(address, words):
    with pytest.raises(SettingsError, match=words):
        endpoint(address)
