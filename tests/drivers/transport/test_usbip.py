"""A USB printer that speaks real USB requests (package usbip, loopback): descriptors, bulk pipes, through pyusb."""

from __future__ import annotations

import errno
import struct
from types import SimpleNamespace

import pytest
import usb.backend
from usb.core import USBError

from drivers.printers.escpos import slip_driver
from drivers.transport.usb import UsbEndpoint, UsbName
from drivers.vocabulary.errors import TransportUnavailable
from drivers.vocabulary.slips import PartKind, Slip, SlipPart

usbip = pytest.importorskip(
    "usbip", reason="SKIPPED LOUDLY: no virtual USB device here (pip install usbip); tests/usb_double.py was tested"
)
EPSON = UsbName(vendor=0x04B8, product=0x0202)


class PrinterInterface(usbip.Interface):
    """USB printer class 1.1, bidirectional; what is printed goes to a twin, what it answers comes back."""

    bInterfaceClass = 0x07  # noqa: N815 - the field of the USB specification
    bInterfaceSubClass = 0x01  # noqa: N815 - the field of the USB specification
    bInterfaceProtocol = 0x02  # noqa: N815 - the field of the USB specification
    out_ep = usbip.Out(0x01, "bulk")
    in_ep = usbip.In(0x82, "bulk")

    def __init__(self, twin):
        super().__init__()
        self.twin = twin

    def on_out(self, ep, data):
        answer = self.twin.feed(bytes(data))
        if answer:
            self.in_ep.write(answer)


class UsbIpBackend(usb.backend.IBackend):
    """pyusb over USB/IP: every descriptor is asked of the device, byte by byte as on the wire."""

    def __init__(self, transport):
        super().__init__()
        self._transport = transport
        self._handle = usbip.open(EPSON.vendor, EPSON.product, transport=transport)

    def _ask(self, kind, size):
        return bytes(self._handle.control(0x80, 6, kind << 8, 0, size))

    def enumerate_devices(self):
        return iter(["printer"])

    def get_parent(self, dev):
        return None

    def get_device_descriptor(self, dev):
        names = [
            "bLength",
            "bDescriptorType",
            "bcdUSB",
            "bDeviceClass",
            "bDeviceSubClass",
            "bDeviceProtocol",
            "bMaxPacketSize0",
            "idVendor",
            "idProduct",
            "bcdDevice",
            "iManufacturer",
            "iProduct",
            "iSerialNumber",
            "bNumConfigurations",
        ]
        told = dict(zip(names, struct.unpack("<BBHBBBBHHHBBBB", self._ask(1, 18)), strict=True))
        return SimpleNamespace(**told, address=1, bus=1, port_number=1, port_numbers=(1,), speed=2)

    def _blocks(self, kind):
        whole, at = self._ask(2, 256), 0
        while at < len(whole):
            if whole[at + 1] == kind:
                yield whole[at : at + whole[at]]
            at += whole[at]

    def get_configuration_descriptor(self, dev, config):
        names = "bLength bDescriptorType wTotalLength bNumInterfaces bConfigurationValue iConfiguration bmAttributes bMaxPower"
        told = struct.unpack("<BBHBBBBB", list(self._blocks(2))[config][:9])
        return SimpleNamespace(**dict(zip(names.split(), told, strict=True)), extra_descriptors=[])

    def get_interface_descriptor(self, dev, intf, alt, config):
        names = (
            "bLength bDescriptorType bInterfaceNumber bAlternateSetting bNumEndpoints bInterfaceClass"
            " bInterfaceSubClass bInterfaceProtocol iInterface"
        )
        if alt:
            raise IndexError(alt)
        told = list(self._blocks(4))[intf][:9]
        return SimpleNamespace(**dict(zip(names.split(), told, strict=True)), extra_descriptors=[])

    def get_endpoint_descriptor(self, dev, ep, intf, alt, config):
        names = "bLength bDescriptorType bEndpointAddress bmAttributes wMaxPacketSize bInterval"
        told = struct.unpack("<BBBBHB", list(self._blocks(5))[ep][:7])
        return SimpleNamespace(
            **dict(zip(names.split(), told, strict=True)), bRefresh=0, bSynchAddress=0, extra_descriptors=[]
        )

    def open_device(self, dev):
        return self._handle

    def close_device(self, dev_handle):
        pass

    def get_configuration(self, dev_handle):
        return 1

    def claim_interface(self, dev_handle, intf):
        pass

    def release_interface(self, dev_handle, intf):
        pass

    def is_kernel_driver_active(self, dev_handle, intf):
        raise NotImplementedError

    def ctrl_transfer(self, dev_handle, request_type, request, value, index, data, timeout):
        told = bytes(dev_handle.control(request_type, request, value, index, len(data)))
        data[: len(told)] = data.__class__("B", told)
        return len(told)

    def bulk_write(self, dev_handle, ep, intf, data, timeout):
        try:
            return dev_handle.bulk_out(ep, bytes(data))
        except OSError as error:
            raise USBError("gone", -4, errno.ENODEV) from error

    def bulk_read(self, dev_handle, ep, intf, buff, timeout):
        told = bytes(dev_handle.bulk_in(ep, len(buff)))
        buff[: len(told)] = buff.__class__("B", told)
        return len(told)


@pytest.fixture
def printer():
    """A printer on a bus that is only in this process."""
    loopback = usbip.Loopback()
    device = usbip.USBDevice(EPSON.vendor, EPSON.product, manufacturer="EPSON", product="TM-T88V", serial="J1")
    twin = slip_driver.twin(None)
    device.add(PrinterInterface(twin))
    device.plug(loopback)
    yield SimpleNamespace(twin=twin, backend=UsbIpBackend(loopback), device=device)
    device.unplug()


def test_a_slip_over_real_usb_requests(printer):
    """Found by its descriptors, told apart by its serial number, printed, asked how it is."""
    name = UsbName(vendor=EPSON.vendor, product=EPSON.product, serial="J1")
    line = UsbEndpoint("usb:04b8:0202?serial=J1", name, backend=lambda: printer.backend).open(1.0)
    conversation = slip_driver.conversation(None, device="slips")
    line.write(conversation.render(Slip(name="1", parts=(SlipPart(PartKind.TEXT, "Привет"),))), 1.0)
    line.write(conversation.ask(), 1.0)
    while not conversation.is_told:
        conversation.feed(line.read(1.0), 0.0)
    line.close()

    assert ("Привет",) == printer.twin.paper[0].lines
    assert None is conversation.trouble


def test_paper_out_over_real_usb_requests(printer):
    printer.twin.be_rude("paper_out")
    line = UsbEndpoint("usb:04b8:0202", EPSON, backend=lambda: printer.backend).open(1.0)
    conversation = slip_driver.conversation(None, device="slips")
    line.write(conversation.ask(), 1.0)
    while not conversation.is_told:
        conversation.feed(line.read(1.0), 0.0)
    line.close()

    assert ("E301", True) == (conversation.trouble.code, conversation.trouble.stops)


def test_another_serial_number_is_another_printer(printer):
    name = UsbName(vendor=EPSON.vendor, product=EPSON.product, serial="J2")

    with pytest.raises(TransportUnavailable, match="J2"):
        UsbEndpoint("usb:04b8:0202?serial=J2", name, backend=lambda: printer.backend).open(1.0)
