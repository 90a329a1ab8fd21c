"""Windows' own calls behind the HID and raw input transports: run where Python is a Windows program, Wine included.

Wine has a keyboard and a mouse as HID devices, so there a key that is pressed goes the whole way. On real Windows the
devices are whatever is plugged in, and a key that a program presses has no keyboard.
"""

from __future__ import annotations

import ctypes
import re
import sys
import threading

import pytest

from drivers.scanners.keyboard.link import KeyboardScannerLink, KeyboardScannerSettings
from drivers.transport.address import endpoint
from drivers.transport.hid import HidName
from drivers.transport.raw_input import RawInputEndpoint
from drivers.vocabulary.errors import TransportClosed, TransportError, TransportUnavailable

if sys.platform != "win32":
    pytest.skip("SKIPPED LOUDLY: Windows' HID and raw input were not called here", allow_module_level=True)

from drivers.transport import hid_windows, raw_input_windows

GENERIC_DESKTOP = 0x01


def press_keys(digits: str) -> list[tuple[int, int]]:
    """Press and release each digit, then Enter; the scan codes and flags that raw input must tell."""
    user32 = ctypes.WinDLL("user32")
    pressed = [(0x30 + int(digit), 2 + (int(digit) - 1) % 10) for digit in digits] + [(0x0D, 28)]
    for virtual, scan in pressed:
        user32.keybd_event(virtual, scan, 0, 0)
        user32.keybd_event(virtual, scan, 2, 0)
    return [(scan, is_up) for _, scan in pressed for is_up in (0, 1)]


def test_every_structure_has_its_size():
    """As the headers of Microsoft lay them out on 64 bits: a wrong one would be refused, or read beside itself."""
    if ctypes.sizeof(ctypes.c_void_p) != 8:
        pytest.skip("SKIPPED LOUDLY: the sizes are those of 64 bits")
    found = {
        one.__doc__.strip(".").split(",")[0]: ctypes.sizeof(one)
        for module in (hid_windows, raw_input_windows)
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, ctypes.Structure)
    }

    assert {
        "GUID": 16, "SP_DEVICE_INTERFACE_DATA": 32, "HIDD_ATTRIBUTES": 12, "HIDP_CAPS": 64, "OVERLAPPED": 32,
        "RAWINPUTDEVICE": 16, "RAWINPUTDEVICELIST": 16, "RAWINPUTHEADER": 24, "RAWKEYBOARD": 16, "RAWINPUT": 40,
    } == found  # fmt: skip


def test_a_scanner_that_is_not_there():
    """Every device was looked at, and none is it."""
    with pytest.raises(TransportUnavailable, match="no HID device 0c2e:ffff") as caught:
        endpoint("hid:0c2e:ffff").open(0.0)

    assert "missing" == caught.value.reason


def devices() -> list[HidName]:
    """Vendor and product of every HID device, as its path says them."""
    paths = hid_windows._paths(hid_windows._Calls())
    found = [re.search(r"vid_([0-9a-f]{4})&pid_([0-9a-f]{4})", path.lower()) for path in paths]
    return [HidName(vendor=int(one[1], 16), product=int(one[2], 16)) for one in found if one is not None]


def test_another_device_is_no_scanner():
    """It is there, and is told from one in HID-POS mode."""
    if not devices():
        pytest.skip("SKIPPED LOUDLY: no HID device is plugged in")
    with pytest.raises(TransportUnavailable) as caught:
        hid_windows.open_hid("hid:x", devices()[0])

    assert "mode" == caught.value.reason


def test_a_read_waits_and_a_close_ends_it(monkeypatch):
    """Taken for a scanner's: the wait has an end, what is refused is said, and a close wakes who waits."""
    monkeypatch.setattr(hid_windows, "POS_USAGE_PAGE", GENERIC_DESKTOP)
    opened = None
    for name in devices():
        try:
            opened = hid_windows.open_hid("hid:x", name)
        except TransportUnavailable:
            continue  # Windows keeps its own keyboards for itself
    if opened is None:
        pytest.skip("SKIPPED LOUDLY: no HID device could be opened")
    assert b"" == opened.read(0.05)
    with pytest.raises(TransportError):
        opened.send_feature(b"\xfe\x01")
    ended: list[BaseException] = []

    def wait() -> None:
        try:
            opened.read(30.0)
        except TransportError as error:
            ended.append(error)

    reader = threading.Thread(target=wait, daemon=True)
    reader.start()
    reader.join(0.2)
    assert reader.is_alive()
    opened.close()
    reader.join(10)

    assert ["hid:x was closed"] == [str(one) for one in ended]
    with pytest.raises(TransportClosed):
        opened.read(0.0)
    opened.close()


def window_or_skip():
    try:
        return raw_input_windows.RawInputWindow("rawinput:x")
    except TransportUnavailable as error:
        pytest.skip(f"SKIPPED LOUDLY: {error}")


def test_keys_are_heard_with_their_scan_codes():
    """Those of the session, in order; nothing after the close."""
    window = window_or_skip()
    assert [] == window.keys(0.0)
    pressed = press_keys("12")
    heard: list[tuple[str, int, int]] = []
    for _ in range(40):
        if len(heard) >= len(pressed):
            break
        heard += window.keys(0.25)
    window.close()
    window.close()

    assert pressed == [(code, flags) for _, code, flags in heard]


def test_a_keyboard_scanner_from_end_to_end():
    """Keys of one keyboard, chosen by its name, become a code."""
    window = window_or_skip()
    names = window.keyboards()
    if not names:
        window.close()
        pytest.skip("SKIPPED LOUDLY: no keyboard is plugged in")
    wanted = names[0].split("#")[1]
    transport = RawInputEndpoint(f"rawinput:{wanted}", wanted, make_window=lambda: window).open(0.0)
    link = KeyboardScannerLink(KeyboardScannerSettings(), device="s")
    press_keys("2000000000015")
    codes: list[str] = []
    for turn in range(12):
        codes += [event.code for event in link.feed(transport.read(0.25), turn * 0.01)]
    transport.close()
    if not codes:
        pytest.skip("SKIPPED LOUDLY: this system gives pressed keys no keyboard")

    assert ["2000000000015"] == codes
