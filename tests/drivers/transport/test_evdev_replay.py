"""What a kernel recorded of a scanner that types, replayed by umockdev: the real device file, the real grab, our worker."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
EVENTS = HERE / "scanner.events"
DEVICES = HERE.parent / "finding" / "till.umockdev"
#: The program that umockdev runs: the driver on its thread, until three codes came.
PROGRAM = """
import json, queue, sys, threading
from drivers.registry import load_driver
from drivers.transport.address import endpoint
from drivers.vocabulary.events import CodeScanned
from drivers.worker import ReaderWorker

driver = load_driver("keyboard_scanner").driver
told, stop = queue.Queue(), threading.Event()
own = driver.settings_type()
worker = ReaderWorker(
    name="scanner", endpoint=endpoint(sys.argv[1]), emit=told.put, stop=stop,
    conversation_factory=lambda: driver.conversation(own, device="scanner"),
)
worker.start()
codes, states = [], []
while len(codes) < int(sys.argv[2]):
    event = told.get(timeout=20)
    if isinstance(event, CodeScanned):
        codes.append(event.code)
    else:
        states.append(f"{event.state.value} {event.detail}".strip())
        if not codes and event.state.value == "off":
            break
stop.set()
worker.join(5)
print(json.dumps({"codes": codes, "states": states}))
"""

pytestmark = pytest.mark.skipif(
    shutil.which("umockdev-run") is None,
    reason="SKIPPED LOUDLY: no umockdev, recorded scans were not replayed (apt-get install umockdev)",
)


def replay(address: str, *, events: Path, codes: int) -> dict[str, list[str]]:
    words = [
        "umockdev-run", "--device", str(DEVICES), "--evemu-events", f"/dev/input/event7={events}", "--",
        sys.executable, "-c", PROGRAM, address, str(codes),
    ]  # fmt: skip
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, cwd=HERE.parents[2])
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout)


def test_recorded_scans_are_codes():
    """By the name that survives replugging, taken for us alone, at the pace of the recording."""
    told = replay("evdev:/dev/input/by-id/usb-Newland_EM20-event-kbd", events=EVENTS, codes=3)

    assert ["2000000000015", "TP1:CARD-17", "4600000000015"] == told["codes"]
    assert "on" == told["states"][-1]


def test_a_code_without_its_end_is_no_code(tmp_path):
    """The second code lost its Enter: the pause ends it, and the third is whole."""
    lines = EVENTS.read_text("ascii").splitlines()
    enters = [place for place, line in enumerate(lines) if line.endswith("0001 001c 0001")]
    (tmp_path / "cut.events").write_text("\n".join(lines[: enters[1] - 1] + lines[enters[1] + 5 :]) + "\n", "ascii")
    told = replay("evdev:/dev/input/event7", events=tmp_path / "cut.events", codes=2)

    assert ["2000000000015", "4600000000015"] == told["codes"]


def test_a_device_that_is_not_plugged_in():
    """Another plug's name: the worker says that it is not there."""
    told = replay("evdev:/dev/input/by-id/usb-Newland_EM99-event-kbd", events=EVENTS, codes=1)

    assert ([], "off") == (told["codes"], told["states"][-1].split()[0])
    assert "there is no such device" in told["states"][-1]
