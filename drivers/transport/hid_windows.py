"""HID devices of Windows by ctypes: found with SetupAPI, read with overlapped reads; the thinnest layer there can be.

Microsoft: HidD_GetHidGuid, SetupDiGetClassDevs, HidD_GetAttributes, HidP_GetCaps, HidD_SetFeature. Windows gives no
report descriptor, so the driver takes the shapes it knows. Run under Wine, with its own devices; not on real Windows
and with no scanner yet.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Iterator
from typing import Any, Final

from drivers.transport.hid import POS_USAGE_PAGE, HidName, ReportDevice
from drivers.vocabulary.errors import TransportClosed, TransportError, TransportUnavailable

assert sys.platform == "win32"  # for the type checker: nothing below is for another system

from ctypes import wintypes  # noqa: E402 - not before it is certain that this is Windows

__all__ = ["WindowsHidDevice", "open_hid"]

_DIGCF_PRESENT_INTERFACE: Final = 0x02 | 0x10
_READ_WRITE: Final = 0xC0000000
_SHARED: Final = 0x03
_OPEN_EXISTING: Final = 3
_OVERLAPPED: Final = 0x40000000
_INVALID: Final = ctypes.c_void_p(-1).value
_ERROR_IO_PENDING: Final = 997
_ERROR_ACCESS_DENIED: Final = 5
_ERROR_SHARING: Final = 32
_WAIT_OBJECT: Final = 0
_PATH_SIZE: Final = 1_024
_TEXT_SIZE: Final = 254
_DEVICES_MAX: Final = 500
_REPORT_SIZE_MAX: Final = 4_096
_HIDP_STATUS_SUCCESS: Final = 0x00110000


class _Guid(ctypes.Structure):
    """GUID."""

    _fields_ = (("data", ctypes.c_byte * 16),)


class _Interface(ctypes.Structure):
    """SP_DEVICE_INTERFACE_DATA."""

    _fields_ = (("size", wintypes.DWORD), ("guid", _Guid), ("flags", wintypes.DWORD), ("reserved", ctypes.c_void_p))


class _Attributes(ctypes.Structure):
    """HIDD_ATTRIBUTES."""

    _fields_ = (
        ("size", wintypes.ULONG),
        ("vendor", wintypes.USHORT),
        ("product", wintypes.USHORT),
        ("version", wintypes.USHORT),
    )


class _Caps(ctypes.Structure):
    """HIDP_CAPS, as far as we read it."""

    _fields_ = (
        ("usage", wintypes.USHORT),
        ("usage_page", wintypes.USHORT),
        ("input_size", wintypes.USHORT),
        ("output_size", wintypes.USHORT),
        ("feature_size", wintypes.USHORT),
        ("rest", wintypes.USHORT * 27),
    )


class _Overlapped(ctypes.Structure):
    """OVERLAPPED."""

    _fields_ = (
        ("internal", ctypes.c_void_p),
        ("internal_high", ctypes.c_void_p),
        ("offset", wintypes.DWORD),
        ("offset_high", wintypes.DWORD),
        ("event", wintypes.HANDLE),
    )


class _Calls:
    """The three libraries, with the types of what we call."""

    def __init__(self) -> None:
        self.kernel32: Any = ctypes.WinDLL("kernel32", use_last_error=True)
        self.hid: Any = ctypes.WinDLL("hid", use_last_error=True)
        self.setup: Any = ctypes.WinDLL("setupapi", use_last_error=True)
        self.kernel32.CreateFileW.restype = wintypes.HANDLE
        self.kernel32.CreateFileW.argtypes = (
            wintypes.LPCWSTR, wintypes.DWORD, wintypes.DWORD, wintypes.LPVOID, wintypes.DWORD, wintypes.DWORD,
            wintypes.HANDLE,
        )  # fmt: skip
        self.kernel32.CreateEventW.restype = wintypes.HANDLE
        self.setup.SetupDiGetClassDevsW.restype = wintypes.HANDLE
        self.hid.HidD_SetFeature.argtypes = (wintypes.HANDLE, wintypes.LPVOID, wintypes.ULONG)
        # BOOLEAN is one byte (hidsdi.h): read as an int, what the processor left above it would count as "yes".
        for name in ("GetAttributes", "GetSerialNumberString", "GetPreparsedData", "FreePreparsedData", "SetFeature"):
            getattr(self.hid, f"HidD_{name}").restype = wintypes.BOOLEAN


class WindowsHidDevice:
    """One open device; see `drivers.transport.hid.ReportDevice`."""

    descriptor = b""

    def __init__(self, address: str, calls: _Calls, handle: int, caps: _Caps) -> None:
        self._address = address
        self._calls = calls
        self._handle = handle
        self._input_size = min(caps.input_size, _REPORT_SIZE_MAX)
        self._feature_size = min(caps.feature_size, _REPORT_SIZE_MAX)
        self._event = calls.kernel32.CreateEventW(None, 1, 0, None)
        self._overlapped = _Overlapped(event=self._event)
        self._buffer = ctypes.create_string_buffer(self._input_size)
        self._is_reading = False
        self._is_closed = False
        self._gate = threading.Lock()

    def read(self, timeout_s: float) -> bytes:
        """Start a read, or go on waiting for the one that was started; the 0 of a report without an id is cut off."""
        with self._gate:
            self._refuse_closed()
            if not self._is_reading:
                self._start()
            if self._wait(timeout_s):
                return self._finish()
        return b""

    def send_feature(self, report: bytes) -> None:
        """HidD_SetFeature, in the size the device declares."""
        with self._gate:
            self._refuse_closed()
            data = report.ljust(self._feature_size, b"\0")
            if not self._calls.hid.HidD_SetFeature(wintypes.HANDLE(self._handle), data, len(data)):
                raise TransportError(f"{self._address}: the scanner refuses to be switched to HID-POS")

    def close(self) -> None:
        """Give it back."""
        self._is_closed = True
        self._calls.kernel32.CancelIoEx(wintypes.HANDLE(self._handle), None)
        with self._gate:
            if self._handle:
                self._give_up_reading()
                self._calls.kernel32.CloseHandle(wintypes.HANDLE(self._handle))
                self._calls.kernel32.CloseHandle(wintypes.HANDLE(self._event))
                self._handle = 0

    def _give_up_reading(self) -> None:
        """A cancelled read ends a moment later; until then Windows may write into our buffer."""
        if self._is_reading:
            self._is_reading = False
            taken = wintypes.DWORD()
            self._calls.kernel32.GetOverlappedResult(
                wintypes.HANDLE(self._handle), ctypes.byref(self._overlapped), ctypes.byref(taken), 1
            )

    def _start(self) -> None:
        self._calls.kernel32.ResetEvent(wintypes.HANDLE(self._event))
        is_done = self._calls.kernel32.ReadFile(
            wintypes.HANDLE(self._handle), self._buffer, self._input_size, None, ctypes.byref(self._overlapped)
        )
        if not is_done and ctypes.get_last_error() != _ERROR_IO_PENDING:
            raise self._gone()
        self._is_reading = True

    def _wait(self, timeout_s: float) -> bool:
        waited = self._calls.kernel32.WaitForSingleObject(wintypes.HANDLE(self._event), int(timeout_s * 1000))
        return bool(waited == _WAIT_OBJECT)

    def _finish(self) -> bytes:
        self._is_reading = False
        taken = wintypes.DWORD()
        is_done = self._calls.kernel32.GetOverlappedResult(
            wintypes.HANDLE(self._handle), ctypes.byref(self._overlapped), ctypes.byref(taken), 0
        )
        if not is_done:
            raise self._gone()
        report = self._buffer.raw[: taken.value]
        return report[1:] if report[:1] == b"\0" else report

    def _refuse_closed(self) -> None:
        if self._is_closed:
            raise TransportClosed(f"{self._address} was closed")

    def _gone(self) -> TransportClosed:
        if self._is_closed:
            return TransportClosed(f"{self._address} was closed")
        number = ctypes.get_last_error()
        return TransportClosed(f"{self._address}: the scanner is gone (Windows error {number}); check its cable")


def open_hid(address: str, name: HidName) -> ReportDevice:
    """Open the scanner's interface of a device; raises TransportUnavailable with the cause and the next step."""
    calls = _Calls()
    is_there = False
    for path in _paths(calls):
        handle = calls.kernel32.CreateFileW(path, 0, _SHARED, None, _OPEN_EXISTING, 0, None)
        if handle in (None, _INVALID):
            continue
        try:
            is_ours, caps = _look(calls, handle, name)
        finally:
            calls.kernel32.CloseHandle(wintypes.HANDLE(handle))
        is_there = is_there or is_ours
        if caps is not None:
            opened = calls.kernel32.CreateFileW(path, _READ_WRITE, _SHARED, None, _OPEN_EXISTING, _OVERLAPPED, None)
            if opened in (None, _INVALID):
                raise _refused(address, ctypes.get_last_error())
            return WindowsHidDevice(address, calls, opened, caps)
    if is_there:
        raise TransportUnavailable(
            f"cannot open {address}: the device is there and not in HID-POS mode; scan its maker's programming barcode"
            ' "USB HID-POS" (docs/protocols/scanners.md)',
            reason="mode",
        )
    raise TransportUnavailable(f"cannot open {address}: no HID device {name} is plugged in", reason="missing")


def _paths(calls: _Calls) -> Iterator[str]:
    """The path of every HID interface that is there."""
    guid = _Guid()
    calls.hid.HidD_GetHidGuid(ctypes.byref(guid))
    devices = calls.setup.SetupDiGetClassDevsW(ctypes.byref(guid), None, None, _DIGCF_PRESENT_INTERFACE)
    if devices in (None, _INVALID):
        return
    try:
        for index in range(_DEVICES_MAX):
            interface = _Interface(size=ctypes.sizeof(_Interface))
            if not calls.setup.SetupDiEnumDeviceInterfaces(
                wintypes.HANDLE(devices), None, ctypes.byref(guid), index, ctypes.byref(interface)
            ):
                return
            # SP_DEVICE_INTERFACE_DETAIL_DATA_W: its size counts as if the path had one character.
            detail = ctypes.create_string_buffer(_PATH_SIZE)
            size = 8 if ctypes.sizeof(ctypes.c_void_p) == 8 else 6
            ctypes.memmove(detail, size.to_bytes(4, "little"), 4)
            if calls.setup.SetupDiGetDeviceInterfaceDetailW(
                wintypes.HANDLE(devices), ctypes.byref(interface), detail, _PATH_SIZE, None, None
            ):
                yield detail.raw[4:].decode("utf-16-le", errors="ignore").split("\0", 1)[0]
    finally:
        calls.setup.SetupDiDestroyDeviceInfoList(wintypes.HANDLE(devices))


def _look(calls: _Calls, handle: int, name: HidName) -> tuple[bool, _Caps | None]:
    """(whether it is the device of that name, its sizes when it is a scanner's interface)."""
    attributes = _Attributes(size=ctypes.sizeof(_Attributes))
    if not calls.hid.HidD_GetAttributes(wintypes.HANDLE(handle), ctypes.byref(attributes)):
        return False, None
    if (attributes.vendor, attributes.product) != (name.vendor, name.product):
        return False, None
    if name.serial:
        text = ctypes.create_unicode_buffer(_TEXT_SIZE // 2)
        calls.hid.HidD_GetSerialNumberString(wintypes.HANDLE(handle), text, _TEXT_SIZE)
        if text.value != name.serial:
            return False, None
    prepared = ctypes.c_void_p()
    if not calls.hid.HidD_GetPreparsedData(wintypes.HANDLE(handle), ctypes.byref(prepared)):
        return True, None
    caps = _Caps()
    status = calls.hid.HidP_GetCaps(prepared, ctypes.byref(caps))
    calls.hid.HidD_FreePreparsedData(prepared)
    is_scanner = status == _HIDP_STATUS_SUCCESS and caps.usage_page == POS_USAGE_PAGE
    return True, caps if is_scanner else None


def _refused(address: str, number: int) -> TransportUnavailable:
    if number in (_ERROR_ACCESS_DENIED, _ERROR_SHARING):
        return TransportUnavailable(
            f"cannot open {address}: another program has taken the scanner for itself; stop that", reason="busy"
        )
    return TransportUnavailable(f"cannot open {address}: Windows error {number}; pull its plug and put it in again")
