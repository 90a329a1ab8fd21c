"""HID devices: found in a /sys of our own, read from a pipe, and through pyusb with a backend that is a small device."""

import array
import errno
import os
import sys
import threading
import time

import pytest

from drivers.packets import PacketKind, Unpacker, pack
from drivers.scanners.hid.link import HidScannerLink, HidScannerSettings
from drivers.scanners.hid.simulator import DESCRIPTOR, HidScannerTwin
from drivers.transport.hid import HidEndpoint, HidName, HidTransport
from drivers.transport.hid_usb import open_usb_hid
from drivers.vocabulary.errors import TransportClosed, TransportError, TransportUnavailable

NAME = HidName(vendor=0x0C2E, product=0x0B61)
KEYBOARD = bytes.fromhex("05010906a101050719e029e715002501750195088102c0")
posix = pytest.mark.skipif(sys.platform == "win32", reason="SKIPPED LOUDLY: hidraw is Linux's; Windows' HID is not run")


# ── hidraw ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def machine(tmp_path):
    """A machine with a /sys and a /dev of its own; devices are pipes, so there is no ioctl on them."""

    class Machine:
        sys_class = tmp_path / "sys"
        dev = tmp_path / "dev"

        def plug(self, node, descriptor, *, vendor=0x0C2E, product=0x0B61, serial=""):
            place = self.sys_class / node / "device"
            place.mkdir(parents=True)
            text = f"DRIVER=hid-generic\nHID_ID=0003:{vendor:08X}:{product:08X}\nHID_NAME=Maker Scanner\nHID_UNIQ={serial}\n"
            (place / "uevent").write_text(text)
            (place / "report_descriptor").write_bytes(descriptor)
            self.dev.mkdir(exist_ok=True)
            os.mkfifo(self.dev / node)

        def open(self, name=NAME):
            from drivers.transport.hidraw import open_hidraw

            return open_hidraw("hid:0c2e:0b61", name, sys_class=self.sys_class, dev=self.dev)

    return Machine()


@posix
def test_the_scanners_interface_is_found_among_others(machine):
    """A scanner is a keyboard too; the tenth node comes after the ninth."""
    machine.plug("hidraw2", KEYBOARD)
    machine.plug("hidraw10", DESCRIPTOR)
    machine.plug("hidraw9", DESCRIPTOR, product=0x0999)
    device = machine.open()
    with (machine.dev / "hidraw10").open("wb", buffering=0) as far:
        far.write(b"\x02report")

        assert (DESCRIPTOR, b"\x02report") == (device.descriptor, device.read(5))
    device.close()


@posix
def test_two_alike_are_told_by_their_serial_number(machine):
    """Where the settings name it."""
    machine.plug("hidraw0", DESCRIPTOR, serial="A1")
    machine.plug("hidraw1", DESCRIPTOR, serial="B2")
    device = machine.open(HidName(vendor=0x0C2E, product=0x0B61, serial="B2"))
    with (machine.dev / "hidraw1").open("wb", buffering=0) as far:
        far.write(b"x")

        assert b"x" == device.read(5)
    device.close()


@posix
@pytest.mark.parametrize(
    ("plugged", "reason", "hint"),
    [
        ([], "missing", "no HID device 0c2e:0b61 is plugged in"),
        ([KEYBOARD], "mode", "not in HID-POS mode"),
    ],
)
def test_what_is_not_there_says_so(machine, plugged, reason, hint):
    """And what to do."""
    for number, descriptor in enumerate(plugged):
        machine.plug(f"hidraw{number}", descriptor)
    with pytest.raises(TransportUnavailable, match=hint) as caught:
        machine.open()

    assert reason == caught.value.reason


@posix
@pytest.mark.skipif(sys.platform != "win32" and os.geteuid() == 0, reason="SKIPPED LOUDLY: root may open everything")
def test_a_device_without_permission_names_the_rules(machine):
    """The udev rules are in installer/linux."""
    machine.plug("hidraw0", DESCRIPTOR)
    (machine.dev / "hidraw0").chmod(0)
    with pytest.raises(TransportUnavailable, match="udev rules") as caught:
        machine.open()

    assert "permission" == caught.value.reason


@posix
def test_a_missing_node_is_a_device_that_went_away(machine):
    """Between looking and opening."""
    machine.plug("hidraw0", DESCRIPTOR)
    (machine.dev / "hidraw0").unlink()
    with pytest.raises(TransportUnavailable, match="went away"):
        machine.open()


@posix
def test_a_read_that_waits_ends_when_it_is_closed(machine):
    """Closing happens on another thread."""
    machine.plug("hidraw0", DESCRIPTOR)
    device = machine.open()
    said = []

    def wait():
        try:
            device.read(30)
        except TransportClosed as closed:
            said.append(str(closed))

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0)
    device.close()
    device.close()
    thread.join(5)

    assert ["hid:0c2e:0b61 was closed"] == said


@posix
def test_a_refused_feature_report_costs_nothing(machine):
    """A pipe knows no ioctl, as some scanners know no switch: the scanner is read all the same."""
    machine.plug("hidraw0", DESCRIPTOR)
    endpoint = HidEndpoint("hid:0c2e:0b61", NAME, opener=lambda _, name: machine.open(name))
    transport = endpoint.open(0.0)
    link = HidScannerLink(HidScannerSettings(), device="s")
    link.feed(transport.read(1), 0.0)
    transport.write(link.outgoing(), 1)
    with (machine.dev / "hidraw0").open("wb", buffering=0) as far:
        far.write(HidScannerTwin().reports("4600000000015", symbology="]E0")[0])
        (event,) = link.feed(transport.read(5), 0.0)
    transport.close()

    assert ("4600000000015", "]E0") == (event.code, event.symbology)
    with pytest.raises(TransportError):
        machine.open().send_feature(b"\xfe\x01")


# ── pyusb ───────────────────────────────────────────────────────────────────────────────────────


class ScannerBackend:
    """A pyusb backend with one HID-POS scanner: two interfaces, a keyboard and the scanner; small and real."""

    def __new__(cls, *args, **kwargs):
        import usb.backend

        class Backend(_Scanner, usb.backend.IBackend):
            pass

        return Backend(*args, **kwargs)


class _Descriptor:
    def __init__(self, **fields):
        self.__dict__.update(fields)
        self.extra_descriptors = []


class _Scanner:
    def __init__(self, *, refuses_feature=False, permission=True, busy=False):
        self.reports = []
        self.features = []
        self.claimed = set()
        self.kernel = {0, 1}
        self.is_there = True
        self.refuses_feature = refuses_feature
        self.permission = permission
        self.busy = busy

    def enumerate_devices(self):
        return iter([object()] if self.is_there else [])

    def get_device_descriptor(self, dev):
        return _Descriptor(
            bLength=18, bDescriptorType=1, bcdUSB=0x200, bDeviceClass=0, bDeviceSubClass=0, bDeviceProtocol=0,
            bMaxPacketSize0=64, idVendor=0x0C2E, idProduct=0x0B61, bcdDevice=1, iManufacturer=0, iProduct=0,
            iSerialNumber=0, bNumConfigurations=1, address=1, bus=1, port_number=1, port_numbers=(1,), speed=2,
        )  # fmt: skip

    def get_configuration_descriptor(self, dev, config):
        if config:
            raise IndexError
        return _Descriptor(
            bLength=9, bDescriptorType=2, wTotalLength=0, bNumInterfaces=2, bConfigurationValue=1, iConfiguration=0,
            bmAttributes=0x80, bMaxPower=50,
        )  # fmt: skip

    def get_interface_descriptor(self, dev, intf, alt, config):
        if intf > 1 or alt:
            raise IndexError
        return _Descriptor(
            bLength=9, bDescriptorType=4, bInterfaceNumber=intf, bAlternateSetting=0, bNumEndpoints=1,
            bInterfaceClass=3, bInterfaceSubClass=0, bInterfaceProtocol=0, iInterface=0,
        )  # fmt: skip

    def get_endpoint_descriptor(self, dev, ep, intf, alt, config):
        if ep:
            raise IndexError
        return _Descriptor(
            bLength=7, bDescriptorType=5, bEndpointAddress=0x81 + intf, bmAttributes=3, wMaxPacketSize=64, bInterval=8,
            bRefresh=0, bSynchAddress=0,
        )  # fmt: skip

    def open_device(self, dev):
        import usb.core

        if not self.permission:
            raise usb.core.USBError("Access denied (insufficient permissions)", errno=errno.EACCES)
        return dev

    def close_device(self, handle):
        self.claimed.clear()

    def get_configuration(self, handle):
        return 1

    def is_kernel_driver_active(self, handle, intf):
        return intf in self.kernel

    def detach_kernel_driver(self, handle, intf):
        self.kernel.discard(intf)

    def attach_kernel_driver(self, handle, intf):
        self.kernel.add(intf)

    def claim_interface(self, handle, intf):
        import usb.core

        if self.busy:
            raise usb.core.USBError("Resource busy", errno=errno.EBUSY)
        self.claimed.add(intf)

    def release_interface(self, handle, intf):
        self.claimed.discard(intf)

    def ctrl_transfer(self, handle, kind, request, value, index, data, timeout):
        import usb.core

        if (kind, request) == (0x81, 0x06):
            told = (KEYBOARD, DESCRIPTOR)[index][: len(data)]
            data[: len(told)] = array.array("B", told)
            return len(told)
        assert (kind, request, value) == (0x21, 0x09, 0x03FE)
        if self.refuses_feature:
            raise usb.core.USBError("Pipe error", errno=errno.EPIPE)
        self.features.append(bytes(data))
        return len(data)

    def intr_read(self, handle, ep, intf, buff, timeout):
        import usb.core

        if not self.is_there:
            raise usb.core.USBError("No such device", errno=errno.ENODEV)
        if not self.reports:
            raise usb.core.USBTimeoutError("Operation timed out", errno=errno.ETIMEDOUT)
        assert (ep, intf) == (0x82, 1)
        report = self.reports.pop(0)
        buff[: len(report)] = array.array("B", report)
        return len(report)


def _usb(backend):
    return HidEndpoint(
        "hid:0c2e:0b61?by=usb", NAME, opener=lambda address, name: open_usb_hid(address, name, backend=lambda: backend)
    )


def test_a_scanner_is_read_through_pyusb():
    """Found, taken from the kernel, switched on, read over several reports, and given back."""
    backend = ScannerBackend()
    transport = _usb(backend).open(0.0)
    link = HidScannerLink(HidScannerSettings(), device="s")
    link.feed(transport.read(0.01), 0.0)
    transport.write(link.outgoing(), 1)
    backend.reports = HidScannerTwin().reports("Q" * 120, symbology="]Q1")
    heard = [event for _ in range(3) for event in link.feed(transport.read(0.01), 0.0)]

    assert [("Q" * 120, "]Q1")] == [(event.code, event.symbology) for event in heard]
    assert ([b"\xfe\x01"], {1}, {0}) == (backend.features, backend.claimed, backend.kernel)
    assert b"" == transport.read(0.01)
    transport.close()
    transport.close()
    assert (set(), {0, 1}) == (backend.claimed, backend.kernel)
    with pytest.raises(TransportClosed):
        transport.read(0.01)


def test_a_scanner_that_is_pulled_out_is_closed():
    """Told as such, so that it is opened again when it is back."""
    backend = ScannerBackend()
    transport = _usb(backend).open(0.0)
    transport.read(0.01)
    backend.is_there = False
    with pytest.raises(TransportClosed, match="the scanner is gone"):
        transport.read(0.01)
    transport.close()


def test_a_scanner_that_refuses_its_switch_is_read_all_the_same():
    """A stall is a no, not a good-bye."""
    backend = ScannerBackend(refuses_feature=True)
    transport = _usb(backend).open(0.0)
    transport.read(0.01)
    transport.write(pack(PacketKind.FEATURE, b"\xfe\x01"), 1)
    backend.reports = HidScannerTwin().reports("4600000000015")

    assert [PacketKind.REPORT] == [packet.kind for packet in Unpacker().feed(transport.read(0.01))]
    transport.close()


@pytest.mark.parametrize(
    ("more", "is_there", "reason", "hint"),
    [
        ({}, False, "missing", "is plugged in"),
        ({"permission": False}, True, "permission", "udev rules"),
        ({"busy": True}, True, "busy", "another program"),
    ],
)
def test_why_a_usb_scanner_does_not_open(more, is_there, reason, hint):
    """Each cause has its word and its sentence."""
    backend = ScannerBackend(**more)
    backend.is_there = is_there
    with pytest.raises(TransportUnavailable, match=hint) as caught:
        _usb(backend).open(0.0)

    assert reason == caught.value.reason


def test_without_a_descriptor_only_who_it_is_comes_first():
    """Windows tells no descriptor."""

    class Bare:
        descriptor = b""

        def read(self, timeout_s):
            return b""

        def close(self):
            pass

    transport = HidTransport("hid:0c2e:0b61", NAME, Bare())

    assert [(PacketKind.IDENTITY, b"\x2e\x0c\x61\x0b")] == Unpacker().feed(transport.read(0))
    assert b"" == transport.read(0)
