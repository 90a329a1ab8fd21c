"""A USB bus in memory, as a backend of pyusb: printer-class devices with real descriptors, pulled and plugged at will."""

from __future__ import annotations

import errno
import threading
from types import SimpleNamespace

import usb.backend
from usb.core import USBError, USBTimeoutError

PIPE_OUT = 0x01
PIPE_IN = 0x82


class Printer:
    """One device: a twin behind two bulk pipes. `refuses` is an errno that opening or claiming ends in."""

    def __init__(self, twin, *, vendor=0x04B8, product=0x0202, serial="J1", interface_class=7, one_way=False):
        self.twin = twin
        self.vendor = vendor
        self.product = product
        self.serial = serial
        self.interface_class = interface_class
        self.pipes = (PIPE_OUT,) if one_way else (PIPE_OUT, PIPE_IN)
        self.refuses = 0
        self.claims_refused = 0
        self.is_stuck = False
        self.kernel_has_it = True
        self.claimed = False
        self.opened = 0
        self.answers = b""
        self.changed = threading.Condition()


class Bus(usb.backend.IBackend):
    """What is plugged in."""

    def __init__(self, *printers):
        super().__init__()
        self.plugged = list(printers)

    def __call__(self):
        """The backend, as an endpoint asks for it."""
        return self

    def pull(self, printer):
        self.plugged.remove(printer)
        with printer.changed:
            printer.changed.notify_all()

    def plug(self, printer):
        self.plugged.append(printer)

    # ── Descriptors ──

    def enumerate_devices(self):
        return iter(list(self.plugged))

    def get_parent(self, dev):
        return None

    def get_device_descriptor(self, dev):
        return SimpleNamespace(
            bLength=18, bDescriptorType=1, bcdUSB=0x0200, bDeviceClass=0, bDeviceSubClass=0, bDeviceProtocol=0,
            bMaxPacketSize0=64, idVendor=dev.vendor, idProduct=dev.product, bcdDevice=0x0100, iManufacturer=1, iProduct=2,
            iSerialNumber=3, bNumConfigurations=1, address=5, bus=1, port_number=1, port_numbers=(1,), speed=3,
        )  # fmt: skip

    def get_configuration_descriptor(self, dev, config):
        if config:
            raise IndexError(config)
        return SimpleNamespace(
            bLength=9, bDescriptorType=2, wTotalLength=32, bNumInterfaces=1, bConfigurationValue=1, iConfiguration=0,
            bmAttributes=0xC0, bMaxPower=1, extra_descriptors=[],
        )  # fmt: skip

    def get_interface_descriptor(self, dev, intf, alt, config):
        if intf or alt:
            raise IndexError(intf)
        return SimpleNamespace(
            bLength=9, bDescriptorType=4, bInterfaceNumber=0, bAlternateSetting=0, bNumEndpoints=len(dev.pipes),
            bInterfaceClass=dev.interface_class, bInterfaceSubClass=1, bInterfaceProtocol=2, iInterface=0,
            extra_descriptors=[],
        )  # fmt: skip

    def get_endpoint_descriptor(self, dev, ep, intf, alt, config):
        return SimpleNamespace(
            bLength=7, bDescriptorType=5, bEndpointAddress=dev.pipes[ep], bmAttributes=2, wMaxPacketSize=64, bInterval=0,
            bRefresh=0, bSynchAddress=0, extra_descriptors=[],
        )  # fmt: skip

    # ── The device ──

    def open_device(self, dev):
        self._there(dev)
        if dev.refuses:
            raise USBError("refused", -1, dev.refuses)
        dev.opened += 1
        return dev

    def close_device(self, dev_handle):
        dev_handle.opened -= 1

    def get_configuration(self, dev_handle):
        return 1

    def set_configuration(self, dev_handle, config_value):
        self._there(dev_handle)

    def claim_interface(self, dev_handle, intf):
        self._there(dev_handle)
        if dev_handle.claims_refused or dev_handle.kernel_has_it:
            raise USBError("Resource busy", -6, dev_handle.claims_refused or errno.EBUSY)
        dev_handle.claimed = True

    def release_interface(self, dev_handle, intf):
        dev_handle.claimed = False

    def is_kernel_driver_active(self, dev_handle, intf):
        return dev_handle.kernel_has_it

    def detach_kernel_driver(self, dev_handle, intf):
        dev_handle.kernel_has_it = False

    def attach_kernel_driver(self, dev_handle, intf):
        self._there(dev_handle)
        dev_handle.kernel_has_it = True

    def ctrl_transfer(self, dev_handle, bmRequestType, bRequest, wValue, wIndex, data, timeout):  # noqa: N803
        text = {0: b"\x04\x03\x09\x04"}.get(wValue & 0xFF)
        if text is None:
            words = ("", "EPSON", "TM-T88V", dev_handle.serial)[wValue & 0xFF].encode("utf-16-le")
            text = bytes([len(words) + 2, 3]) + words
        for place, byte in enumerate(text[: len(data)]):
            data[place] = byte
        return min(len(text), len(data))

    def bulk_write(self, dev_handle, ep, intf, data, timeout):
        self._there(dev_handle)
        if dev_handle.is_stuck:
            raise USBTimeoutError("Operation timed out", -7, errno.ETIMEDOUT)
        with dev_handle.changed:
            dev_handle.answers += dev_handle.twin.feed(bytes(data))
            dev_handle.changed.notify_all()
        return len(data)

    def bulk_read(self, dev_handle, ep, intf, buff, timeout):
        with dev_handle.changed:
            dev_handle.changed.wait_for(lambda: dev_handle.answers or dev_handle not in self.plugged, timeout / 1000)
            self._there(dev_handle)
            if not dev_handle.answers:
                raise USBTimeoutError("Operation timed out", -7, errno.ETIMEDOUT)
            taken, dev_handle.answers = dev_handle.answers[: len(buff)], dev_handle.answers[len(buff) :]
        for place, byte in enumerate(taken):
            buff[place] = byte
        return len(taken)

    def _there(self, dev):
        if dev not in self.plugged:
            raise USBError("No such device (it may have been disconnected)", -4, errno.ENODEV)
