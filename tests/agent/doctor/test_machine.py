"""The doctor's fault table, this machine: disk, queue, database, settings; the order of hops; the command."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from agent.cli import main
from agent.doctor.report import State, advice
from agent.doctor.running import running_agent
from drivers.vocabulary import checkout as contract
from tests.agent.doctor.told import SCANNER, SLIPS, first

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


@pytest.mark.parametrize(
    "device",
    [
        SCANNER.format(address="COM5"),
        SCANNER.format(address="serial:x").replace("serial_scanner", "serial_scaner"),
        SLIPS.format(address="usb:04b8:0202") + 'settings = { profile = "TM-T99" }\n',
        SLIPS.format(address="usb:04b8:0202") + "settings = { profile = 7 }\n",
    ],
)
def test_a_device_whose_settings_are_wrong_is_not_tried(patient, device):
    """The mistake is named once, as a mistake of the settings; nothing falls over it."""
    patient.devices = device

    assert ("settings", "settings_wrong") == first(patient.examine())


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


@pytest.mark.net
def test_an_agent_that_is_silent_about_its_numbers_is_no_silent_agent(tmp_path: Path) -> None:
    """An older version, or one cut in between: what it said of itself counts."""

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/v1/status":
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b'{"version": "0.1"}')

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        (tmp_path / "runtime.json").write_text(json.dumps({"pid": 7, "port": server.server_port}))
        (tmp_path / "api.token").write_text("x")
        found = running_agent(tmp_path)
        server.shutdown()

    assert ("running", {"version": "0.1"}, "") == (found.state, found.status, found.metrics)
