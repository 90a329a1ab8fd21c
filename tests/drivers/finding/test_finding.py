"""What is plugged in, from lists of the system: a tree like sysfs, umockdev, a registry; who holds it; hot plug."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent.cli import devices as command
from agent.cli import main
from drivers.finding import linux, windows
from drivers.finding.found import Found, Kind, setting_lines
from drivers.finding.holders import OTHERS_HIDDEN, holders_of
from drivers.finding.known import row_of, rows
from drivers.finding.machine import changes
from drivers.registry import known_drivers
from drivers.transport.address import endpoint

MOCK = Path(__file__).with_name("till.umockdev")
#: What stands in the file: a printer, a scanner as a port, one as HID POS, one that types.
EXPECTED = {
    "serial:{dev}/serial/by-id/usb-Symbol_Bar_Code_Scanner_S1-if00": (Kind.SCANNER, "serial_scanner", "05e0:1701"),
    "usb:04b8:0202?serial=J4AF012345": (Kind.PRINTER, "escpos_slip", "04b8:0202"),
    "hid:0c2e:0b6a": (Kind.SCANNER, "hid_scanner", "0c2e:0b6a"),
    "evdev:{dev}/input/by-id/usb-Newland_EM20-event-kbd": (Kind.KEYBOARD_SCANNER, "keyboard_scanner", "1eab:1303"),
}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SKIPPED LOUDLY: sysfs and /proc are Linux")


def plant(root: Path) -> linux.Tree:
    """The devices of the file as a tree of folders and links like sysfs."""
    tree = linux.Tree(sys=root / "sys", dev=root / "dev")
    for block in MOCK.read_text().split("\n\n"):
        lines = [line.partition(": ")[::2] for line in block.splitlines() if line]
        device = tree.sys / lines[0][1].lstrip("/")
        device.mkdir(parents=True, exist_ok=True)
        for mark, text in lines[1:]:
            name, _, value = text.partition("=")
            if mark == "A":
                (device / name).parent.mkdir(exist_ok=True)
                (device / name).write_text(value.replace("\\n", "\n"))
            elif mark == "H":
                (device / name).write_bytes(bytes.fromhex(value))
            elif mark == "L":
                (device / name).symlink_to(value)
            elif mark == "N":
                node = tree.dev / text
                node.parent.mkdir(parents=True, exist_ok=True)
                node.touch()
            elif mark == "S":
                link = tree.dev / text
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(node)
        subsystem = dict(line.split("=", 1) for mark, line in lines if mark == "E")["SUBSYSTEM"]
        place = tree.sys / ("bus/usb/devices" if subsystem == "usb" else f"class/{subsystem}")
        place.mkdir(parents=True, exist_ok=True)
        (place / device.name).symlink_to(device)
    return tree


@pytest.fixture
def tree(tmp_path):
    return plant(tmp_path)


def summary(found, dev="/dev"):
    return {one.address.replace(str(dev), "{dev}"): (one.kind, one.driver, one.usb_id) for one in found}


def test_everything_is_found_and_named(tree):
    """Each with the driver that would speak with it, under a name that survives replugging."""
    found = linux.find(tree)

    assert EXPECTED == summary(found, tree.dev)
    printer = next(one for one in found if one.kind is Kind.PRINTER)
    assert ("EPSON", "TM-T88V", "1-1") == (printer.maker, printer.model, printer.place)
    assert str(tree.dev / "bus/usb/001/005") == printer.node


def test_every_address_can_be_pasted(tree):
    """The lines are TOML of ours, the driver is registered, the address is one of ours."""
    import tomllib

    for one in linux.find(tree):
        device = tomllib.loads(setting_lines(one))["devices"][0]
        assert device["driver"] in known_drivers()
        assert endpoint(device.get("port") or device["device"]).address == one.address


def test_a_port_without_a_table_row_is_a_port(tmp_path, tree):
    """No scanner is made of a serial adapter: what hangs on it cannot be seen."""
    (tree.sys / "devices/pci0000:00/0000:00:14.0/usb1/1-2/idVendor").write_text("0403\n")
    found = {one.usb_id: one for one in linux.find(tree)}["0403:1701"]

    assert (Kind.SERIAL_ADAPTER, "") == (found.kind, found.driver)
    assert setting_lines(found).startswith('port = "serial:')


def test_a_keyboard_is_nobodys_business(tree):
    """A device that types and is in no table of scanners is not listed."""
    (tree.sys / "devices/pci0000:00/0000:00:14.0/usb1/1-4/idVendor").write_text("046d\n")

    assert not any(one.address.startswith("evdev:") for one in linux.find(tree))


def test_nothing_is_there(tmp_path):
    """A machine without USB lists nothing and does not fail."""
    assert () == linux.find(linux.Tree(sys=tmp_path / "sys", dev=tmp_path / "dev"))


def test_no_device_is_opened(tree, monkeypatch):
    """Looking reads lists: no node of /dev is touched."""
    touched = []
    for node in tree.dev.rglob("*"):
        if node.is_file():
            node.chmod(0)
            touched.append(node.stat().st_atime_ns)
    linux.find(tree)

    assert touched == [node.stat().st_atime_ns for node in tree.dev.rglob("*") if node.is_file()]


@pytest.mark.skipif(
    shutil.which("umockdev-run") is None, reason="SKIPPED LOUDLY: no umockdev (apt-get install umockdev)"
)
def test_the_same_through_umockdev(tmp_path):
    """The whole command in a process for which umockdev plays sysfs."""
    done = subprocess.run(
        ["umockdev-run", "--device", str(MOCK), "--", sys.executable, "-m", "agent.cli", "devices", "--json"],
        capture_output=True, text=True, check=False, timeout=60, cwd=MOCK.parents[3],
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr
    found = {row["address"].replace("/dev", "{dev}"): row for row in json.loads(done.stdout)}

    for address, (kind, driver, usb_id) in EXPECTED.items():
        row = found[address]
        assert (kind.value, driver, usb_id) == (row["kind"], row["driver"], row["usb_id"])


# ── Windows ─────────────────────────────────────────────────────────────────────────────────────


class Registry:
    """A registry in memory; `absent` are devices that were plugged in once."""

    def __init__(self, tree, absent=()):
        self._tree = tree
        self._absent = absent

    def keys(self, path):
        begin = f"{path}\\"
        return sorted({key[len(begin) :].split("\\")[0] for key in self._tree if key.startswith(begin)})

    def values(self, path):
        return dict(self._tree.get(path, {}))

    def is_present(self, instance):
        return instance not in self._absent


ENUM = windows.ENUM
WINDOWS = {
    f"{ENUM}\\USB\\VID_05E0&PID_1701\\S1": {"FriendlyName": "USB Serial Device (COM5)", "Mfg": "@usbser.inf,%m%;Microsoft", "Service": "usbser"},
    f"{ENUM}\\USB\\VID_05E0&PID_1701\\S1\\Device Parameters": {"PortName": "COM5"},
    f"{ENUM}\\USB\\VID_05E0&PID_1701\\OLD": {"FriendlyName": "USB Serial Device (COM4)", "Service": "usbser"},
    f"{ENUM}\\USB\\VID_05E0&PID_1701\\OLD\\Device Parameters": {"PortName": "COM4"},
    f"{ENUM}\\USB\\VID_04B8&PID_0202\\5&1": {"DeviceDesc": "@usbprint.inf,%d%;USB Printing Support", "Service": "usbprint"},
    f"{ENUM}\\USB\\VID_04B8&PID_0E15\\5&2": {"DeviceDesc": "TM-T20II", "Service": "WINUSB"},
    f"{ENUM}\\USB\\ROOT_HUB30\\4&1": {},
    f"{ENUM}\\HID\\VID_0C2E&PID_0B6A\\7&1": {"DeviceDesc": "POS HID Barcode scanner", "HardwareID": "HID\\VID_0C2E&PID_0B6A HID_DEVICE_UP:008C_U:0002"},
    f"{ENUM}\\HID\\VID_1EAB&PID_1303\\7&2": {"DeviceDesc": "HID Keyboard Device", "Service": "kbdhid"},
    f"{ENUM}\\HID\\VID_046D&PID_C31C\\7&3": {"DeviceDesc": "HID Keyboard Device", "Service": "kbdhid"},
    windows.SERIALCOMM: {"\\Device\\Serial0": "COM1", "\\Device\\USBSER000": "COM5"},
}  # fmt: skip


def test_a_windows_machine():
    """COM ports by number, HID by its page, the wedge by its name; what was unplugged long ago is not listed."""
    found = windows.find(Registry(WINDOWS, absent=("USB\\VID_05E0&PID_1701\\OLD",)))

    assert {
        "serial:COM5": (Kind.SCANNER, "serial_scanner", "05e0:1701"),
        "serial:COM1": (Kind.SERIAL_PORT, "", ""),
        "": (Kind.PRINTER, "", "04b8:0202"),
        "usb:04b8:0e15": (Kind.PRINTER, "escpos_slip", "04b8:0e15"),
        "hid:0c2e:0b6a": (Kind.SCANNER, "hid_scanner", "0c2e:0b6a"),
        "rawinput:VID_1EAB&PID_1303": (Kind.KEYBOARD_SCANNER, "keyboard_scanner", "1eab:1303"),
    } == summary(found)
    assert ("Microsoft", "USB Serial Device (COM5)", "S1") == (found[0].maker, found[0].model, found[0].serial)
    assert "spool:NAME" in command.in_words(next(one for one in found if not one.address))


# ── The table ───────────────────────────────────────────────────────────────────────────────────


def test_the_table_says_where_it_knows_from():
    """Each row has a source; the product's own row wins over its vendor's."""
    assert len(rows()) >= 25
    assert all(row.source for row in rows().values())
    assert ("scanner", "printer") == (row_of("0416:C141").kind.value, row_of("0416:5011").kind.value)
    assert row_of("0416:9999") is None


# ── Who holds it ────────────────────────────────────────────────────────────────────────────────


def test_who_holds_a_port_is_named(tmp_path):
    """A program that has the terminal open, by its name and number."""
    far, near = os.openpty()
    name = os.ttyname(near)
    program = (
        "import os, sys; os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=True
    ) as holder:
        holder.stdout.readline()
        held, _ = holders_of([name])
        holder.stdin.close()
        holder.wait(10)
    os.close(far)
    os.close(near)

    assert any(who.endswith(f"({holder.pid})") and who.startswith("python") for who in held[name])


def test_what_may_not_be_seen_is_said(tmp_path):
    """Another user's program hides what it has open: that is told instead of 'nobody'."""
    process = tmp_path / "17"
    (process / "fd").mkdir(parents=True)
    (process / "comm").write_text("frontol\n")
    (process / "fd" / "3").symlink_to("/dev/ttyS7")

    assert ({"/dev/ttyS7": ("frontol (17)",)}, "") == holders_of(["/dev/ttyS7"], proc=tmp_path)
    if os.geteuid() == 0:
        pytest.skip("SKIPPED LOUDLY: root may read everything")
    (process / "fd").chmod(0)
    assert ({}, OTHERS_HIDDEN) == holders_of(["/dev/ttyS7"], proc=tmp_path)


# ── The command ─────────────────────────────────────────────────────────────────────────────────


def test_hot_plug_is_told(tree, capsys):
    """Pulled out and plugged in elsewhere: both are told, until somebody presses Ctrl-C."""
    all_of = linux.find(tree)
    looks = iter([all_of[1:], all_of])

    def pause(seconds):
        pass

    def find():
        try:
            return next(looks)
        except StopIteration:
            raise KeyboardInterrupt from None

    with pytest.raises(KeyboardInterrupt):
        command.watch(all_of, find, pause=pause, as_json=True)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert [("pulled out", "05e0:1701"), ("plugged in", "05e0:1701")] == [(row["event"], row["usb_id"]) for row in told]


def test_another_plug_is_another_place():
    before = Found(address="usb:04b8:0202", place="1-1")
    after = Found(address="usb:04b8:0202", place="1-2")

    assert ([after], [before]) == changes([before], [after])


def test_the_command_lists_and_says_what_to_paste(tree, monkeypatch, capsys):
    monkeypatch.setattr(command, "look", lambda: linux.find(tree))

    assert 0 == main(["devices"])
    text = capsys.readouterr().out
    assert "probably: scanner (Zebra (Symbol) scanner)" in text
    assert 'driver = "escpos_slip"' in text
    assert 0 == main(["devices", "--json"])
    assert 4 == len(json.loads(capsys.readouterr().out))
