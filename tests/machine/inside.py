"""The story that is played inside the emulated machine, with a whole agent as the service's user; tells the host.

Each step is a line ``STEP {…}`` on the console. The first that fails ends the story: what comes after it builds on it.
"""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
import traceback
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from drivers.printers.escpos import slip_driver
from drivers.transport.evdev import grab
from tests.machine.boot import STEPS
from tests.machine.gadgets import Gadget, HidPosScanner, KeyboardScanner, ReceiptPrinter, SerialScanner, wait_for
from tests.machine.service import HOME, Service, settle, tillpoint

PRODUCTS: Final = ("4600000000015", "4600000000022", "4600000000039")
CARDS: Final = {"hid": "2900000000018", "keys": "2910000000017", "serial": "2920000000016"}
#: A marking code with group separators (GS1 DataMatrix), as it must reach the POS: unchanged.
MARKED: Final = "0104600000000015215AbCdEf\x1d93Abcd"


def main() -> int:
    """Play it."""
    story = Story()
    for name in STEPS:
        if not play(getattr(story, name)):
            return 1
    return 0


def play(step: Callable[[], Any]) -> bool:
    """One step, told on the console; whether it went well."""
    began_s = time.monotonic()
    told: dict[str, Any] = {"name": step.__name__, "ok": True, "said": ""}
    try:
        told["said"] = step() or ""
    except BaseException:  # the host decides what it means
        told |= {"ok": False, "said": traceback.format_exc()}
    told["seconds"] = round(time.monotonic() - began_s, 1)
    print("STEP " + json.dumps(told), flush=True)
    return bool(told["ok"])


class Story:
    """The devices, the agent, and what happens to them."""

    def __init__(self) -> None:
        self.agent = Service()

    # ── The machine ──

    def a_kernel_with_gadgets(self) -> str:
        """The system's own udev with our rules; four devices lie beside the till."""
        subprocess.run(["/bin/mount", "-t", "configfs", "none", "/sys/kernel/config"], check=True)
        self.agent.make_user()
        self.twin = slip_driver.twin(None)
        self.printer = ReceiptPrinter("printer", 0, "04b8:0202", ("EPSON", "TM-T88V", "J4AF012345"), self.twin)
        self.hid = HidPosScanner("hid", 1, "0c2e:0b6a", ("Honeywell", "Vuquest 3310g", "H1"))
        self.keys = KeyboardScanner("keys", 2, "1eab:1303", ("Newland", "EM20", "K1"))
        self.serial = SerialScanner("serial", 3, "05e0:1701", ("Symbol Technologies", "Bar Code Scanner", "S1"))
        return os.uname().release

    @property
    def scanners(self) -> dict[str, Any]:
        return {"hid": self.hid, "keys": self.keys, "serial": self.serial}

    @property
    def every(self) -> tuple[Gadget, ...]:
        return (self.printer, self.hid, self.keys, self.serial)

    # ── Finding ──

    def everything_is_listed(self) -> str:
        """`tillpoint devices` lists nothing, then each with its kind, its name that lasts and the lines to paste."""
        before = json.loads(tillpoint("devices", "--json"))
        assert not [row for row in before if row["usb_id"]], before
        for one in self.every:
            one.put_in()
        settle()
        rows = {row["address"]: row for row in json.loads(tillpoint("devices", "--json")) if row["usb_id"]}
        expected = {
            "usb:04b8:0202?serial=J4AF012345": ("printer", "escpos_slip"),
            "hid:0c2e:0b6a": ("scanner", "hid_scanner"),
            "evdev:/dev/input/by-id/usb-Newland_EM20_K1-event-kbd": ("scanner that types", "keyboard_scanner"),
            "serial:/dev/serial/by-id/usb-Symbol_Technologies_Bar_Code_Scanner_S1-if00": ("scanner", "serial_scanner"),
        }
        assert expected == {address: (row["kind"], row["driver"]) for address, row in rows.items()}, rows
        assert ("EPSON", "TM-T88V") == tuple(rows["usb:04b8:0202?serial=J4AF012345"][key] for key in ("maker", "model"))
        self.agent.paste([row["settings"] for row in rows.values()])
        for one in self.every:
            one.pull_out()
        settle()
        return ", ".join(rows)

    # ── The agent ──

    def the_agent_starts_without_any_of_them(self) -> str:
        """It runs as the service's user, and says of each device that it is not there."""
        user = self.agent.start()
        self.agent.wait_until("off", "slips", *self.scanners)
        return user

    def the_doctor_names_what_is_unplugged(self) -> str:
        """Each of the four."""
        found = self.agent.doctor()
        codes = {name: found[f"device {name}"]["code"] for name in ("slips", *self.scanners)}
        assert set(codes.values()) == {"device_unplugged"}, codes
        return found["device slips"]["what"]

    def plugged_in_they_work(self) -> str:
        """Put in while the agent runs."""
        for one in self.every:
            one.put_in()
        settle()
        self.agent.wait_until("on", "slips", *self.scanners)
        assert b"\xfe\x01" == self.hid.told()[:2], "the scanner was not switched on by its feature report"
        return "groups: " + ", ".join(f"{path} {Path(path).group()}" for path in ("/dev/hidraw0", "/dev/ttyACM0"))

    # ── In use ──

    def scans_arrive(self) -> str:
        """What is no loyalty code reaches the POS byte for byte; a card stays and is shown."""
        return ", ".join(self._scan(name, scanner) for name, scanner in self.scanners.items())

    def _scan(self, name: str, scanner: Any) -> str:
        link = HOME / name
        wait_for(link.exists, f"{link}")
        pos = os.open(link, os.O_RDWR | os.O_NOCTTY)
        try:
            tty.setraw(pos)
            os.set_blocking(pos, False)
            codes = (*PRODUCTS, MARKED) if name != "keys" else PRODUCTS
            began_s = time.monotonic()
            for code in codes:
                scanner.scan(code)
                read_code(pos, code)
            each_ms = (time.monotonic() - began_s) / len(codes) * 1000
            card = CARDS[name]
            scanner.scan(card)
            wait_for(lambda: self.agent.shows(card), f"{name}: the card {card} is shown")
            assert b"" == read_waiting(pos), "a loyalty card went on to the POS"
        finally:
            os.close(pos)
        return f"{name} {each_ms:.0f} ms a code"

    def a_slip_is_printed(self) -> str:
        """A receipt that the POS confirms comes out of the printer."""
        before = len(self.printer.paper)
        self.agent.sell("v-1")
        wait_for(lambda: b"\x1dV" in self.printer.paper[before:], "the slip is cut")
        text = "\n".join(self.twin.roll.since(0))
        assert "124.50" in text or "124,50" in text, text
        return f"{len(self.printer.paper) - before} bytes"

    def paper_out_is_told(self) -> str:
        """The slip waits, the doctor says whom to tell; with a new roll it is printed."""
        self.twin.be_rude("paper_out")
        self.agent.sell("v-2")
        self.agent.wait_until("off", "slips")
        found = self.agent.doctor()["device slips"]
        assert "printer_paper_out" == found["code"], found
        self.agent.sell("v-2b")  # a slip waits two minutes, and the doctor may have taken longer here
        self.twin.be_rude("paper_out", on=False)
        wait_for(lambda: "v-2b" in "\n".join(self.twin.roll.since(0)), "the slip that waited is printed")
        self.agent.wait_until("on", "slips")
        return found["what"]

    def pulled_out_in_use(self) -> str:
        """One after the other; the agent notices each."""
        for one in self.every:
            one.pull_out()
        settle()
        self.agent.wait_until("off", *self.scanners)
        self.agent.sell("v-3")  # nobody can print it now
        self.agent.wait_until("off", "slips")
        return "; ".join(self.agent.device(name)["detail"] for name in ("slips", *self.scanners))

    def the_doctor_names_the_one_that_is_gone(self) -> str:
        """All but the serial one are back: it is the one that is named."""
        for one in (self.printer, self.hid, self.keys):
            one.put_in()
        settle()
        self.agent.wait_until("on", "slips", "hid", "keys")
        found = self.agent.doctor()
        codes = {hop: row["code"] for hop, row in found.items() if hop.startswith("device ")}
        wanted = {"device slips": "", "device hid": "", "device keys": "", "device serial": "device_unplugged"}
        assert wanted == codes, codes
        return f"tell {found['device serial']['who']}: {found['device serial']['say']}"

    def plugged_in_again_they_work(self) -> str:
        """Also in another plug; the same agent, without a restart."""
        self.serial.put_in()
        self.keys.pull_out()
        self.hid.pull_out()
        self.keys.plug_number, self.hid.plug_number = self.hid.plug_number, self.keys.plug_number
        settle()
        self.keys.put_in()
        self.hid.put_in()
        settle()
        self.agent.wait_until("on", "slips", *self.scanners)
        assert self.agent.still_runs()
        return "the same process"

    def scans_arrive_again(self) -> str:
        return self.scans_arrive()

    def the_slip_that_waited_is_printed(self) -> str:
        """What was sold while the printer was unplugged, and what is sold now."""
        lines = "\n".join(self.twin.roll.since(0))
        wait_for(lambda: "v-3" in "\n".join(self.twin.roll.since(0)), f"the slip of v-3 in {lines}")
        before = len(self.printer.paper)
        self.agent.sell("v-4")
        wait_for(lambda: b"\x1dV" in self.printer.paper[before:], "the slip is cut")
        return f"{len(self.printer.paper)} bytes in all"

    def the_doctor_is_content(self) -> str:
        """No device fails; the first that does is the missing centre."""
        found = self.agent.doctor()
        failed = [hop for hop, row in found.items() if row["state"] == "failed"]
        assert not [hop for hop in failed if hop.startswith("device")], found
        return f"fails: {', '.join(failed)}"

    def the_agent_stops(self) -> str:
        """In order, and gives the scanner that types to everybody again."""
        assert is_taken(), "the scanner that types was open to everybody"
        self.agent.stop()
        assert not is_taken()
        for one in self.every:
            one.pull_out()
        return ""


def is_taken() -> bool:
    """Whether somebody has the scanner that types for himself: a second grab is refused."""
    node = os.open("/dev/input/by-id/usb-Newland_EM20_K1-event-kbd", os.O_RDONLY)
    try:
        grab(node)
    except OSError as error:
        assert errno.EBUSY == error.errno  # noqa: PT017 - what another reason would be is a fault
        return True
    finally:
        os.close(node)
    return False


def read_code(pos: int, code: str) -> None:
    """The POS has exactly this, with a line's end."""
    got = b""

    def is_whole() -> bool:
        nonlocal got
        got += read_waiting(pos)
        return got.endswith((b"\r", b"\n"))

    wait_for(is_whole, f"{code!r} at the POS, which has {got!r}")
    assert code.encode() == got.rstrip(b"\r\n"), (code, got)


def read_waiting(pos: int) -> bytes:
    """What lies there."""
    try:
        return os.read(pos, 4096)
    except BlockingIOError:
        return b""


if __name__ == "__main__":
    sys.exit(main())
