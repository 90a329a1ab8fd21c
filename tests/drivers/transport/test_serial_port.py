"""Serial ports on real pseudo-terminals, and the causes a port does not open for."""

import errno
import os
import sys
import threading

import pytest

from drivers.transport import serial_port
from drivers.transport.address import endpoint
from drivers.vocabulary.errors import TransportClosed, TransportUnavailable

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


@pytest.fixture
def line():
    """An open port and the descriptor of the device behind it."""
    import tty

    device, ours = os.openpty()
    tty.setraw(ours)
    name = os.ttyname(ours)
    port = endpoint(f"serial:{name}?baud=115200").open(1)
    os.close(ours)
    yield port, device, name
    port.close()
    os.close(device)


def test_bytes_pass_both_ways(line):
    """Every byte value survives both ways."""
    port, device, _ = line
    every = bytes(range(256))
    os.write(device, every)
    port.write(every, 1)
    heard = b""
    while len(heard) < 256:
        heard += port.read(2)

    assert (every, every) == (heard, os.read(device, 512))


def test_nothing_in_time_is_no_bytes(line):
    """A read ends after its time with b""."""
    assert line[0].read(0.01) == b""


def test_closing_wakes_a_reader(line):
    """A read that waits ends when another thread closes."""
    ended = []

    def read():
        try:
            line[0].read(30)
        except TransportClosed as error:
            ended.append(str(error))

    reader = threading.Thread(target=read)
    reader.start()
    line[0].close()
    reader.join(5)

    assert [f"{line[0].address} was closed"] == ended


def test_a_pulled_plug_is_noticed():
    """When the other side hangs up, reading says that the device is gone."""
    device, ours = os.openpty()
    port = endpoint(f"serial:{os.ttyname(ours)}").open(1)
    os.close(ours)
    os.close(device)
    with pytest.raises(TransportClosed, match="the device is gone"):
        port.read(2)
    port.close()


def test_a_port_is_ours_alone(line):
    """The second program that opens a port is told that it is in use."""
    with pytest.raises(TransportUnavailable, match="in use by another program"):
        endpoint(f"serial:{line[2]}").open(1)


def test_a_missing_port_names_those_there_are(monkeypatch):
    """The message helps to choose."""
    monkeypatch.setattr(serial_port, "list_ports", lambda: (serial_port.PortInfo(device="/dev/ttyACM0"),))
    with pytest.raises(TransportUnavailable, match="there is no such port; this machine has /dev/ttyACM0"):
        endpoint("serial:/dev/ttyNONE").open(1)


def test_a_file_is_no_port():
    """What is no serial port is named so."""
    with pytest.raises(TransportUnavailable, match="it is no serial port"):
        endpoint("serial:/dev/null").open(1)


def test_a_forbidden_port_names_the_group(monkeypatch):
    """The commonest mistake on Linux has its cure in the sentence."""
    import serial

    def fail(**_):
        raise serial.SerialException(errno.EACCES, "permission denied")

    monkeypatch.setattr(serial, "Serial", fail)
    with pytest.raises(TransportUnavailable, match="group dialout"):
        endpoint("serial:/dev/ttyUSB0").open(1)


def test_wine_reports_a_wait_as_an_error():
    """Error 1460 is silence, not a fault."""
    waited = OSError("GetOverlappedResult failed (TimeoutError(22, 'Timeout.', None, 1460))")

    assert serial_port._is_timeout(waited)
    assert not serial_port._is_timeout(OSError("GetOverlappedResult failed (OSError(22, 'Broken', None, 31))"))


def test_ports_have_names_that_survive_replugging(monkeypatch, tmp_path):
    """The name under by-id is preferred, with maker, model and USB id."""

    class Port:
        device = str(tmp_path / "ttyACM0")
        vid, pid, manufacturer, product, description = 0x0C2E, 0x0901, "Example", "Scanner 1", "n/a"

    (tmp_path / "ttyACM0").touch()
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    (by_id / "usb-Example_Scanner").symlink_to(tmp_path / "ttyACM0")
    monkeypatch.setattr(serial_port, "_BY_ID", by_id)
    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [Port])
    expected = serial_port.PortInfo(
        device=str(by_id / "usb-Example_Scanner"), maker="Example", model="Scanner 1", usb_id="0C2E:0901"
    )

    assert (expected,) == serial_port.list_ports()


def test_a_listing_that_fails_gives_the_registry(monkeypatch):
    """Where the library's listing fails the list is what the registry says, never an exception."""

    def fail():
        raise AttributeError("CM_MapCrToWin32Err")

    monkeypatch.setattr("serial.tools.list_ports.comports", fail)
    monkeypatch.setattr(serial_port, "_registry_ports", lambda: ["COM3", "COM33"])

    assert ["serial:COM3", "serial:COM33"] == [port.address for port in serial_port.list_ports()]
