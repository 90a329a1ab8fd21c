"""The doctor's fault table: each fault made for real where that can be done, and named rightly, with whom to tell what."""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
from datetime import timedelta

import pytest

from agent.cli import main
from agent.doctor import devices as doctor_devices
from agent.doctor.report import State, advice
from drivers.finding.found import Found, Kind
from drivers.printers.escpos import slip_driver
from drivers.transport.address import endpoint
from drivers.transport.usb import UsbEndpoint, UsbName
from drivers.vocabulary import checkout as contract
from tests.agent.sync.test_tls import Authority
from tests.usb_double import Bus, Printer

SCANNER = '[[devices]]\nname = "scanner"\ndriver = "serial_scanner"\nport = "{address}"\n'
SLIPS = '[[devices]]\nname = "slips"\ndriver = "escpos_slip"\ndevice = "{address}"\n'


def first(report):
    """(hop, kind of trouble) of the first that failed."""
    assert report.first is not None, report.findings
    assert (report.first.who, report.first.say) == (advice()[report.first.code].who, advice()[report.first.code].say)
    return report.first.hop, report.first.code


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
    (tmp_path / "port").touch()
    patient.devices = SCANNER.format(address=f"serial:{tmp_path / 'port'}")
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


# ── The way to the centre ───────────────────────────────────────────────────────────────────────


def test_every_hop_works(patient, centre, by_hop):
    """From the settings to the token; the till's own token was shown."""
    good = centre()
    patient.enrol(good.url)
    report = patient.examine()

    assert None is report.first, report.first
    found = by_hop(report)
    hops = (found.enrolment, found.dns, found.tcp, found.tls, found.clock, found.centre, found.token)
    assert [State.OK] * 7 == [one.state for one in hops]
    assert good.asked[-1].startswith("Bearer tt-secret")


def test_not_enrolled(patient):
    assert ("enrolment", "not_enrolled") == first(patient.examine())


def test_dns_gone(patient, by_hop):
    """The provider is told; what hangs on the name is not tried."""
    patient.enrol("https://centre.example")

    def resolve(host, port):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    report = patient.examine(resolve=resolve)

    assert ("dns", "dns") == first(report)
    assert "centre.example" in report.first.what
    assert [State.SKIPPED] * 2 == [by_hop(report).tcp.state, by_hop(report).token.state]


def test_dns_that_never_answers(patient, monkeypatch):
    """A dead resolver keeps the system waiting for half a minute; not the doctor."""
    patient.enrol("https://centre.example")
    monkeypatch.setattr("agent.doctor.centre.DNS_S", 0.05)
    hold = threading.Event()
    report = patient.examine(resolve=lambda host, port: hold.wait(10) and [])
    hold.set()

    assert ("dns", "dns") == first(report)


def test_the_port_is_closed(patient):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    patient.enrol(f"http://127.0.0.1:{port}")

    assert ("tcp", "tcp") == first(patient.examine())


def test_the_proxy_is_off(patient):
    """The proxy is the first connection: it is named, not the centre."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    patient.enrol("http://127.0.0.1:9")
    patient.central = f'[central]\nproxy = "http://127.0.0.1:{port}"\n'

    assert ("tcp", "proxy") == first(patient.examine())


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path, "chain-authority")


def server_tls(authority, **more):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("centre", **more))
    return context


@pytest.mark.parametrize(
    ("behind_days", "code"),
    [(10, "clock"), (0, "tls")],
)
def test_tls_fails_for_the_clock_or_for_the_certificate(patient, centre, authority, behind_days, code):
    """Expired as our clock sees it: the centre's own clock says which of the two is wrong."""
    far = centre(server_tls(authority, days=(-30, -3)), clock=timedelta(days=behind_days))
    patient.enrol(far.url)
    patient.central = f"[central]\nca_file = {json.dumps(str(authority.file))}\n"
    report = patient.examine()

    assert ("tls", code) == first(report)
    assert "expired" in report.first.what
    assert code != "clock" or "ahead of the centre's" in report.first.what


def test_somebody_else_answers(patient, centre, authority):
    """A certificate of an authority nobody here trusts: a filter, or an antivirus program."""
    patient.enrol(centre(server_tls(authority)).url)

    assert ("tls", "tls_foreign") == first(patient.examine())


def test_a_trusted_line(patient, centre, authority, by_hop):
    patient.enrol(centre(server_tls(authority)).url)
    patient.central = f"[central]\nca_file = {json.dumps(str(authority.file))}\n"
    report = patient.examine()

    assert None is report.first, report.first
    assert "TLSv1.3" in by_hop(report).tls.what


def test_the_clock_is_wrong(patient, centre):
    """Three minutes are no drift."""
    patient.enrol(centre(clock=timedelta(minutes=3)).url)
    report = patient.examine()

    assert ("clock", "clock") == first(report)
    assert re.search(r"18\d s ahead of", report.first.what)


@pytest.mark.parametrize(
    ("status", "problem", "hop", "code"),
    [
        (401, {"code": "unauthorised", "message": "the token is not valid"}, "token", "token_refused"),
        (502, {}, "centre", "centre_broken"),
        (500, {}, "centre", "centre_broken"),
        (403, {"html": "please log in to the hotel"}, "centre", "tls_foreign"),
        (409, {"code": "fork", "message": "another history"}, "token", "centre_refused"),
    ],
)
def test_what_the_centre_answers(patient, centre, status, problem, hop, code):
    """401 is ours to mend with the operator, 502 is the operator's, a hotel's page is neither."""
    patient.enrol(centre(status=status, problem=problem).url)
    report = patient.examine()

    assert (hop, code) == first(report)
    assert code != "centre_broken" or str(status) in report.first.what


# ── This machine ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("left", "state"), [(10**6, State.FAILED), (10**8, State.WARNING), (10**10, State.OK)])
def test_disk_full(patient, by_hop, left, state):
    found = by_hop(patient.examine(free=lambda _: left)).disk

    assert (state, "" if state is State.OK else "disk_full") == (found.state, found.code)


@pytest.mark.parametrize(("hours", "state"), [(25, State.FAILED), (2, State.WARNING), (0, State.OK)])
def test_queue_old(rig, patient, by_hop, hours, state):
    """Receipts that wait for over a day are told, though each hop may work by now."""
    rig.desk.confirm(contract.ConfirmRequest(receipt=rig.sale("r-1", "100.00")), source="api")
    patient.folder = rig.folder
    rig.folder.chmod(0o700)
    later = rig.clock.at + timedelta(hours=hours, minutes=1)
    found = by_hop(patient.examine(now=lambda: later)).queue

    assert (state, "" if state is State.OK else "queue_old") == (found.state, found.code)
    assert "1 envelope(s) wait" in found.what


def test_a_damaged_database(patient):
    (patient.folder / "till.db").write_bytes(b"this is no database" * 100)
    patient.enrol("http://127.0.0.1:9")
    report = patient.examine()

    assert "store_broken" in {one.code for one in report.findings}


def test_settings_that_cannot_be_read(patient, tmp_path):
    """The file, the line and the nearest key; nothing else is tried."""
    patient.central = "[central]\nproxi = 1\n"
    report = patient.examine()

    assert ("settings", "settings_wrong") == first(report)
    assert "did you mean 'proxy'?" in report.first.what
    assert 1 == len(report.findings)


def test_the_first_of_several(patient):
    """A device, no enrolment, a full disk: the disk comes first on the way."""
    patient.devices = SCANNER.format(address="serial:/dev/serial/by-id/usb-gone")
    report = patient.examine(free=lambda _: 1)

    assert ("disk", "disk_full") == first(report)
    assert {"device_unplugged", "not_enrolled"} <= {one.code for one in report.findings}


# ── The command ─────────────────────────────────────────────────────────────────────────────────


def test_the_command_and_its_exit_codes(patient, centre, capsys):
    """0 and "Every hop works", or 1 with the first that failed and the words for whoever mends it."""
    patient.enrol(centre().url)
    config = str(patient.write())
    assert 0 == main(["doctor", "--config", config])
    told = capsys.readouterr().out
    assert "Every hop works." in told
    assert "that is the risk" in told
    patient.devices = SCANNER.format(address="serial:/dev/serial/by-id/usb-gone")
    assert 1 == main(["doctor", "--config", str(patient.write()), "--json"])
    told = json.loads(capsys.readouterr().out)

    assert (False, "device scanner", "device_unplugged") == (told["ok"], told["first"]["hop"], told["first"]["code"])
    assert "whoever stands at the till" == told["first"]["who"]


def test_every_trouble_has_its_words_in_the_guide(project):
    """Each code of the doctor stands in the page for store IT; a retired one does not."""
    guide = (project / "docs" / "guides" / "store-it.md").read_text("utf-8")

    assert [] == [code for code in advice() if f"`{code}`" not in guide]
