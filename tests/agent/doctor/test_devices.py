"""The doctor's fault table, devices: each fault made for real where that can be done, and named rightly."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys

import pytest

from agent.doctor import devices as doctor_devices
from agent.doctor.report import State
from drivers.finding.found import Found, Kind
from drivers.printers.escpos import slip_driver
from drivers.transport.address import endpoint
from drivers.transport.usb import UsbEndpoint, UsbName
from tests.agent.doctor.told import SCANNER, SLIPS, first
from tests.usb_double import Bus, Printer

# ── Devices, opened by the doctor ───────────────────────────────────────────────────────────────


def test_an_unplugged_device(patient):
    """Nothing is where the settings say, and nothing else is plugged in."""
    patient.devices = SCANNER.format(address="serial:/dev/serial/by-id/usb-gone")
    report = patient.examine()

    assert ("device scanner", "device_unplugged") == first(report)
    assert "there is no such port" in report.first.what
    assert "whoever stands at the till" == report.first.who


def test_a_wrong_port(patient):
    """The port of the settings is not there, and a scanner is plugged in elsewhere: its address is named."""
    patient.devices = SCANNER.format(address="serial:/dev/serial/by-id/usb-gone")
    other = Found(address="serial:/dev/serial/by-id/usb-Symbol_S1", kind=Kind.SCANNER, usb_id="05e0:1701")
    report = patient.examine(find=lambda: (other,))

    assert ("device scanner", "device_wrong_port") == first(report)
    assert "serial:/dev/serial/by-id/usb-Symbol_S1 (scanner)" in report.first.what


@pytest.mark.skipif(sys.platform == "win32", reason="SKIPPED LOUDLY: Windows has no pseudo-terminals")
def test_a_busy_port(patient):
    """Another program has it: its name is told where the system tells it."""
    import serial

    far, near = os.openpty()
    with serial.Serial(os.ttyname(near), exclusive=True):
        patient.devices = SCANNER.format(address=f"serial:{os.ttyname(near)}")
        report = patient.examine()
    os.close(far)
    os.close(near)

    assert ("device scanner", "device_busy") == first(report)
    assert "in use by another program" in report.first.what


@pytest.fixture
def usb(monkeypatch):
    """Puts a bus in memory under the doctor's USB addresses."""

    def put(printer):
        bus = Bus(printer)
        name = UsbName(vendor=0x04B8, product=0x0202)
        monkeypatch.setattr(
            doctor_devices,
            "endpoint",
            lambda address: (
                UsbEndpoint(address, name, backend=bus) if address.startswith("usb:") else endpoint(address)
            ),
        )
        return bus

    return put


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"refuses": errno.EACCES}, "device_no_permission"),
        ({"claims_refused": errno.EBUSY}, "device_busy"),
    ],
)
def test_no_permission_and_a_printer_somebody_holds(patient, usb, change, code):
    """The rules to install are named."""
    printer = Printer(slip_driver.twin(None))
    for key, value in change.items():
        setattr(printer, key, value)
    usb(printer)
    patient.devices = SLIPS.format(address="usb:04b8:0202")
    report = patient.examine()

    assert ("device slips", code) == first(report)
    assert code != "device_no_permission" or "udev rules" in report.first.what


@pytest.mark.parametrize(
    ("rude", "state", "code"),
    [
        ("paper_out", State.FAILED, "printer_paper_out"),
        ("cover_open", State.FAILED, "printer_cover_open"),
        ("cutter_jammed", State.FAILED, "printer_trouble"),
        ("paper_near_end", State.WARNING, "printer_trouble"),
        ("silence", State.OK, ""),
    ],
)
def test_what_a_printer_says_of_itself(patient, usb, by_hop, rude, state, code):
    """Out of paper is the cashier's to mend, in the printer's own words; a mute printer opens, and that is all."""
    usb(Printer(slip_driver.twin(None, rude=[rude])))
    patient.devices = SLIPS.format(address="usb:04b8:0202")
    found = by_hop(patient.examine()).device_slips

    assert (state, code) == (found.state, found.code)
    assert rude != "paper_out" or "put in a new roll" in found.what


def test_letters_a_slip_would_lose(patient, usb, monkeypatch, by_hop):
    """Thai slips on a machine without a Thai font: a warning before the first customer sees question marks."""
    from drivers.printers.escpos import drawing

    usb(Printer(slip_driver.twin(None)))
    patient.central = '[slip]\nlanguage = "th"\n'
    patient.devices = SLIPS.format(address="usb:04b8:0202")
    monkeypatch.setattr(drawing, "fonts", lambda own="": ())
    drawing._font_with.cache_clear()
    try:
        found = by_hop(patient.examine()).device_slips
    finally:
        drawing._font_with.cache_clear()

    assert (State.WARNING, "letters_missing") == (found.state, found.code)
    assert "ค" in found.what


@pytest.mark.net
def test_a_network_printer_that_is_off_or_elsewhere(patient):
    """Refused, and a name nobody knows."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    patient.devices = SLIPS.format(address=f"tcp://127.0.0.1:{port}")
    assert ("device slips", "device_refused") == first(patient.examine())
    patient.devices = SLIPS.format(address="tcp://no-such-printer.invalid:9100")

    assert ("device slips", "device_name_unknown") == first(patient.examine())


@pytest.mark.net
def test_the_tills_side_of_a_printer_in_line(patient, by_hop):
    """The doctor sees whether the agent could listen there, and lets go of it."""
    device = '[[devices]]\nname = "receipt"\ndriver = "escpos"\nhost = "tcp-listen://127.0.0.1:{}"\ndevice = "{}"\n'
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as printer:
        patient.devices = device.format(taken.getsockname()[1], f"tcp://127.0.0.1:{printer.getsockname()[1]}")
        found = [one for one in patient.examine().findings if one.hop == "device receipt"]

    assert ["", "device_busy"] == [one.code for one in found]


# ── Devices, as a running agent sees them ───────────────────────────────────────────────────────


class Door:
    """The door of a running agent: answers /v1/status with `status`."""

    def __init__(self, patient, centre, **status):
        self.server = centre(status=200, problem=status)
        (patient.folder / "api.token").write_text("tp_" + "0" * 64)
        self._note = patient.folder / "runtime.json"
        self._note.write_text(json.dumps({"pid": os.getpid(), "port": self.server.port}))


def view(state, detail=""):
    return {"devices": [{"name": "scanner", "driver": "serial_scanner", "state": state, "detail": detail}]}


def test_the_running_agent_is_asked_and_no_port_is_touched(patient, centre, monkeypatch, by_hop):
    """Its token goes along; nothing is opened here."""
    patient.devices = SCANNER.format(address="serial:/dev/null")
    door = Door(patient, centre, **view("on"))
    monkeypatch.setattr(doctor_devices, "endpoint", lambda address: pytest.fail(f"opened {address}"))
    report = patient.examine()

    assert "running" == report.agent
    assert State.OK is by_hop(report).device_scanner.state
    assert door.server.asked[0] == "Bearer tp_" + "0" * 64


@pytest.mark.parametrize(
    ("state", "detail", "code"),
    [
        ("off", "E301 out of paper: put in a new roll", "printer_paper_out"),
        ("off", "cannot open serial:/dev/null: it is no serial port", "device_off"),
        ("failed", "a fault of ours, ValueError: x; please report it", "device_off"),
        ("on", "W301 paper is nearly out: have a new roll at hand", "printer_trouble"),
        ("off", "waiting for the device at tcp-listen://127.0.0.1:9100", ""),
    ],
)
def test_what_the_agent_says_of_a_device(patient, centre, by_hop, tmp_path, state, detail, code):
    """In its own words; whom to tell is ours."""
    if sys.platform == "win32" and code == "device_off":
        pytest.skip("Windows has no files that stand for ports: the port of this test is not there")
    (tmp_path / "port").touch()
    patient.devices = SCANNER.format(address=f"serial:{(tmp_path / 'port').as_posix()}")
    Door(patient, centre, **view(state, detail))
    found = by_hop(patient.examine()).device_scanner

    assert (code, True) == (found.code, detail[:20] in found.what)


def test_a_device_the_agent_lost_is_looked_for(patient, centre):
    """What can be seen from outside is: the plug is out."""
    patient.devices = SCANNER.format(address="serial:/dev/serial/by-id/usb-gone")
    Door(patient, centre, **view("off", "cannot open …: there is no such port"))

    assert ("device scanner", "device_unplugged") == first(patient.examine())


@pytest.mark.skipif(sys.platform == "win32", reason="SKIPPED LOUDLY: Windows does not tell who holds a port")
def test_a_port_that_somebody_took_from_the_agent(patient, centre):
    """The agent says it cannot open it; who has it open is seen from outside."""
    far, near = os.openpty()
    program = (
        "import os, sys; os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); print('open', flush=True); sys.stdin.read()"
    )
    patient.devices = SCANNER.format(address=f"serial:{os.ttyname(near)}")
    Door(patient, centre, **view("off", "cannot open it: in use by another program"))
    with subprocess.Popen(
        [sys.executable, "-c", program, os.ttyname(near)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        holder.stdout.readline()
        report = patient.examine()
        holder.stdin.close()
        holder.wait(10)
    os.close(far)
    os.close(near)

    assert ("device scanner", "device_busy") == first(report)
    assert f"({holder.pid})" in report.first.what


def test_a_device_added_after_the_start(patient, centre):
    patient.devices = SCANNER.format(address="serial:/dev/null")
    Door(patient, centre, devices=[])

    assert ("device scanner", "part_broken") == first(patient.examine())


def test_an_agent_that_does_not_answer(patient, centre):
    """Its process is there and its door is not: neither running nor stopped."""
    Door(patient, centre, **view("on")).server.status = 500

    assert ("agent", "agent_silent") == first(patient.examine())


def test_a_note_of_an_agent_that_was_killed(patient, by_hop):
    """No such process: it is stopped."""
    (patient.folder / "api.token").write_text("tp_" + "0" * 64)
    (patient.folder / "runtime.json").write_text(json.dumps({"pid": 2**22 + 1, "port": 1}))

    assert State.OK is by_hop(patient.examine()).agent.state
