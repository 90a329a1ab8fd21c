"""A HID-POS scanner that speaks real USB requests (package usbip, loopback): descriptors, reports, its switch."""

from __future__ import annotations

import errno
from types import SimpleNamespace

import pytest

from drivers.scanners.hid.link import HidScannerLink, HidScannerSettings
from drivers.scanners.hid.simulator import DESCRIPTOR, HidScannerTwin
from drivers.transport.hid import HidEndpoint, HidName
from drivers.transport.hid_usb import open_usb_hid
from drivers.vocabulary.errors import TransportUnavailable

usbip = pytest.importorskip(
    "usbip", reason="SKIPPED LOUDLY: no virtual USB device here (pip install usbip); a backend of ours was tested"
)
HONEYWELL = HidName(vendor=0x0C2E, product=0x0B61)


class Scanner:
    """A keyboard interface and a HID-POS one, as scanners have them; says nothing before it is switched on."""

    def __init__(self, loopback, *, descriptor=DESCRIPTOR):
        from usbip.classes.device import hid

        self.is_on = False
        self.device = usbip.USBDevice(
            HONEYWELL.vendor, HONEYWELL.product, manufacturer="Maker", product="Scanner", serial="A1"
        )
        self.device.add(hid.HID(hid.keyboard_report_descriptor(), subclass=1, protocol=1, in_ep=0x81))
        self.pos = hid.HID(descriptor, in_ep=0x82, set_report=self._set_report)
        self.device.add(self.pos)
        self.device.plug(loopback)

    def _set_report(self, kind, report_id, payload):
        self.is_on = (kind, report_id, bytes(payload)) == (3, 0xFE, b"\xfe\x01")

    def scan(self, code, symbology):
        """One scan, when it is switched on."""
        for report in HidScannerTwin().reports(code, symbology=symbology) if self.is_on else ():
            self.pos.send_report(report)


def _backend(loopback):
    from tests.drivers.transport.test_usbip import UsbIpBackend

    class Backend(UsbIpBackend):
        """Two interfaces with a pipe each, which are interrupt pipes."""

        def __init__(self):
            import usb.backend

            usb.backend.IBackend.__init__(self)
            self._handle = usbip.open(HONEYWELL.vendor, HONEYWELL.product, transport=loopback)

        def get_endpoint_descriptor(self, dev, ep, intf, alt, config):
            if ep:
                raise IndexError(ep)
            return super().get_endpoint_descriptor(dev, intf, intf, alt, config)

        def ctrl_transfer(self, dev_handle, request_type, request, value, index, data, timeout):
            if request_type & 0x80:
                return super().ctrl_transfer(dev_handle, request_type, request, value, index, data, timeout)
            return dev_handle.control(request_type, request, value, index, bytes(data))

        def intr_read(self, dev_handle, ep, intf, buff, timeout):
            from usb.core import USBTimeoutError

            told = bytes(dev_handle.interrupt_in(ep, len(buff)))
            if not told:
                raise USBTimeoutError("nothing came", -7, errno.ETIMEDOUT)
            buff[: len(told)] = buff.__class__("B", told)
            return len(told)

    return Backend()


@pytest.fixture
def plugged():
    """Plugs scanners into a bus that is only in this process."""
    loopback = usbip.Loopback()
    made = []

    def plug(**more):
        made.append(Scanner(loopback, **more))
        backend = _backend(loopback)
        endpoint = HidEndpoint(
            "hid:0c2e:0b61?by=usb",
            HONEYWELL,
            opener=lambda address, name: open_usb_hid(address, name, backend=lambda: backend),
        )
        return SimpleNamespace(scanner=made[-1], endpoint=endpoint)

    yield plug
    for scanner in made:
        scanner.device.unplug()


def test_a_scanner_is_found_switched_on_and_read(plugged):
    """The interface by its report descriptor, the switch by SET_REPORT, a code of three reports by interrupt requests."""
    machine = plugged()
    machine.scanner.scan("4600000000015", "]E0")  # not switched on yet: it says nothing
    transport = machine.endpoint.open(0.0)
    link = HidScannerLink(HidScannerSettings(), device="s")
    link.feed(transport.read(1.0), 0.0)
    transport.write(link.outgoing(), 1.0)
    assert machine.scanner.is_on
    machine.scanner.scan("Q" * 120, "]Q1")
    machine.scanner.scan("0104600000000015215AbCdEf\x1d93Abcd", "]d2")
    heard = [event for _ in range(4) for event in link.feed(transport.read(1.0), 0.0)]
    transport.close()

    assert [("Q" * 120, "]Q1"), ("0104600000000015215AbCdEf\x1d93Abcd", "]d2")] == [
        (event.code, event.symbology) for event in heard
    ]


def test_a_scanner_in_keyboard_mode_says_what_to_scan(plugged):
    """Both interfaces are keyboards: the programming barcode is named."""
    from usbip.classes.device import hid

    machine = plugged(descriptor=hid.keyboard_report_descriptor())
    with pytest.raises(TransportUnavailable, match="not in HID-POS mode") as caught:
        machine.endpoint.open(0.0)

    assert "mode" == caught.value.reason
