"""The story of the installed service, played inside the emulated machine as root beside it; tells the host."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from drivers.printers.escpos import slip_driver
from tests.machine.gadgets import HidPosScanner, ReceiptPrinter, wait_for
from tests.machine.inside import play
from tests.machine.installed import INSTALLED_STEPS
from tests.machine.service import settle

STATE: Final = Path("/var/lib/tillpoint")
CARD: Final = "2900000000018"
START_S: Final = 600.0


def main() -> int:
    """Play it."""
    story = Story()
    for name in INSTALLED_STEPS:
        if not play(getattr(story, name)):
            return 1
    print("MACHINE ended with 0", flush=True)
    return 0


class Story:
    """A printer and a scanner, and the service as the package brought it."""

    pid = 0

    def the_package_s_service_runs(self) -> str:
        """With nothing plugged in, as its own user, behind its hardened unit."""
        subprocess.run(["mount", "-t", "configfs", "none", "/sys/kernel/config"], check=False)
        self.twin = slip_driver.twin(None)
        self.printer = ReceiptPrinter("printer", 0, "04b8:0202", ("EPSON", "TM-T88V", "J4AF012345"), self.twin)
        self.hid = HidPosScanner("hid", 1, "0c2e:0b6a", ("Honeywell", "Vuquest 3310g", "H1"))
        wait_for(lambda: "active" == show("ActiveState"), "the service is ready", START_S)
        self.pid = int(show("MainPID"))
        assert "tillpoint" == Path(f"/proc/{self.pid}").owner()
        assert "yes" == show("NoNewPrivileges")
        wait_until("off", "slips", "hid")
        return f"MemoryCurrent {int(show('MemoryCurrent')) / 1e6:.0f} MB"

    def plugged_in_later_they_work(self) -> str:
        """udev gives them to the service's group, and the unit lets it open them."""
        for one in (self.printer, self.hid):
            one.put_in()
        settle()
        wait_until("on", "slips", "hid")
        assert b"\xfe\x01" == self.hid.told()[:2], "the scanner was not switched on by its feature report"
        return f"/dev/hidraw0 is {Path('/dev/hidraw0').group()}'s"

    def a_scan_arrives(self) -> None:
        """A card is shown."""
        self.hid.scan(CARD)
        wait_for(lambda: (ask("/v1/status").get("mask") or "").endswith(CARD[-4:]), f"the card {CARD} is shown")

    def a_slip_is_printed(self) -> str:
        """A receipt that the POS confirms comes out of the printer."""
        return self._slip("v-1")

    def pulled_and_plugged_in_again_they_work(self) -> str:
        """In use, and in the other's plug."""
        for one in (self.printer, self.hid):
            one.pull_out()
        settle()
        wait_until("off", "hid")
        self.printer.plug_number, self.hid.plug_number = self.hid.plug_number, self.printer.plug_number
        for one in (self.printer, self.hid):
            one.put_in()
        settle()
        wait_until("on", "hid")
        return self._slip("v-2")

    def it_was_the_same_process_all_along(self) -> str:
        """No restart, no end."""
        assert (str(self.pid), "0") == (show("MainPID"), show("NRestarts"))
        for one in (self.printer, self.hid):
            one.pull_out()
        return show("StatusText")

    def _slip(self, uid: str) -> str:
        before = len(self.printer.paper)
        line = {"number": 1, "name": "Bread", "quantity": "1", "price": "124.50 RUB", "total": "124.50 RUB"}
        receipt = {"uid": uid, "kind": "sale", "total": "124.50 RUB", "number": uid, "lines": [line]}
        ask("/v1/confirm", {"receipt": receipt})
        wait_for(lambda: b"\x1dV" in self.printer.paper[before:], f"the slip of {uid} is cut", START_S)
        return f"{len(self.printer.paper) - before} bytes"


def show(name: str) -> str:
    """What systemd says of the service."""
    words = ["systemctl", "show", f"--property={name}", "--value", "tillpoint"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def ask(path: str, body: Any = None) -> Any:
    """The service's own door."""
    note = json.loads((STATE / "runtime.json").read_text())
    door = http.client.HTTPConnection("127.0.0.1", note["port"], timeout=60)
    headers = {
        "Authorization": f"Bearer {(STATE / 'api.token').read_text().strip()}",
        "Content-Type": "application/json",
    }
    door.request("GET" if body is None else "POST", path, None if body is None else json.dumps(body), headers)
    answer = door.getresponse()
    text = answer.read()
    door.close()
    assert answer.status == 200, text
    return json.loads(text)


def wait_until(state: str, *names: str) -> None:
    """Wait until it says so of each of them."""

    def is_so() -> bool:
        devices = {one["name"]: one["state"] for one in ask("/v1/status")["devices"]}
        return all(devices.get(name) == state for name in names)

    wait_for(is_so, f"{', '.join(names)}: {state}", START_S)


if __name__ == "__main__":
    sys.exit(main())
