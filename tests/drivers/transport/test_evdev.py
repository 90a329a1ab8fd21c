"""Input devices: grabbed or not opened, records of this kernel in the one form, and every refusal with its next step."""

import errno
import os
import sys
from pathlib import Path

import pytest

from drivers.key_events import KeyEventReader
from drivers.scanners.keyboard.link import KeyboardScannerLink, KeyboardScannerSettings
from drivers.scanners.keyboard.simulator import KeyboardScannerTwin
from drivers.transport.evdev import NATIVE_EVENT, EvdevEndpoint
from drivers.vocabulary.errors import TransportClosed, TransportUnavailable

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SKIPPED LOUDLY: evdev is Linux's")


@pytest.fixture
def device(tmp_path):
    """A file that gives what is written to it, as a device does; it knows no grab, so a test gives one."""
    path = tmp_path / "event0"
    os.mkfifo(path)
    return path


def _native(stream):
    """Records as this kernel's C library lays them out."""
    return b"".join(NATIVE_EVENT.pack(1_772_442_000, 5, *event) for event in KeyEventReader().feed(stream))


def test_a_grabbed_scanner_is_read(device):
    """Grabbed before the first read; a record that is cut waits for its rest."""
    grabbed = []
    transport = EvdevEndpoint(f"evdev:{device}", str(device), take=grabbed.append).open(0.0)
    link = KeyboardScannerLink(KeyboardScannerSettings(), device="s")
    stream = _native(KeyboardScannerTwin().scan("TP1:CARD-17"))
    heard = []
    with device.open("wb", buffering=0) as far:
        for start in range(0, len(stream), 1_000):
            far.write(stream[start : start + 1_000])
            heard += link.feed(transport.read(5), 0.0)
    transport.write(b"x", 1)
    transport.close()

    assert ["TP1:CARD-17"] == [event.code for event in heard]
    assert 1 == len(grabbed)
    with pytest.raises(TransportClosed):
        transport.read(0)


@pytest.mark.parametrize(
    ("number", "reason", "hint"),
    [
        (errno.EBUSY, "busy", "another program has taken it"),
        (errno.EACCES, "permission", "udev rules"),
        (errno.ENOTTY, "", "it is no input device"),
        (errno.ENODEV, "missing", "there is no such device"),
        (errno.EIO, "", "check the cable"),
    ],
)
def test_a_device_that_cannot_be_grabbed_is_not_opened(device, number, reason, hint):
    """Half a scanner, whose codes land in the POS as well, would be worse than none."""

    def refuse(_):
        raise OSError(number, os.strerror(number))

    with pytest.raises(TransportUnavailable, match=hint) as caught:
        EvdevEndpoint(f"evdev:{device}", str(device), take=refuse).open(0.0)

    assert reason == caught.value.reason


def test_the_real_grab_refuses_what_is_no_input_device(device):
    """The kernel itself says so."""
    with pytest.raises(TransportUnavailable, match="no input device"):
        EvdevEndpoint(f"evdev:{device}", str(device)).open(0.0)


def test_a_device_that_is_not_there(tmp_path):
    """Told with where to look."""
    with pytest.raises(TransportUnavailable, match="/dev/input/by-id"):
        EvdevEndpoint("evdev:/dev/input/none", str(tmp_path / "none")).open(0.0)


def test_a_scanner_in_the_real_kernel():
    """Types through uinput, is grabbed, and is read; only where the kernel has it."""
    if not Path("/dev/uinput").exists():
        pytest.skip("SKIPPED LOUDLY: this kernel has no /dev/uinput; the machine of the full tests has")
    from tests.drivers.transport.uinput_rig import UinputScanner

    with UinputScanner() as scanner:
        transport = EvdevEndpoint(f"evdev:{scanner.path}", scanner.path).open(0.0)
        link = KeyboardScannerLink(KeyboardScannerSettings(), device="s")
        scanner.type(KeyboardScannerTwin().scan("2000000000015"))
        heard = []
        while not heard:
            heard += link.feed(transport.read(5), 0.0)
        transport.close()

    assert ["2000000000015"] == [event.code for event in heard]
