"""Raw input of Windows by ctypes: a message-only window that hears every keyboard; the thinnest layer there can be.

Microsoft, "Raw Input": RegisterRawInputDevices with RIDEV_INPUTSINK, WM_INPUT, GetRawInputData,
GetRawInputDeviceInfoW. Run under Wine, from a pressed key to a code; not on real Windows yet.
"""

from __future__ import annotations

import ctypes
import sys
import time
from typing import Final

from drivers.vocabulary.errors import TransportUnavailable

assert sys.platform == "win32"  # for the type checker: nothing below is for another system

from ctypes import wintypes  # noqa: E402 - not before it is certain that this is Windows

__all__ = ["RawInputWindow"]

_WM_INPUT: Final = 0x00FF
_RIDEV_INPUTSINK: Final = 0x0100
_RIDEV_REMOVE: Final = 0x0001
_RID_INPUT: Final = 0x10000003
_RIDI_DEVICENAME: Final = 0x20000007
_RIM_TYPEKEYBOARD: Final = 1
_HWND_MESSAGE: Final = -3
_QS_RAWINPUT: Final = 0x0400
_PM_REMOVE: Final = 0x0001
_GENERIC_DESKTOP: Final = 0x01
_KEYBOARD: Final = 0x06
_FAILED: Final = 0xFFFFFFFF
_NAME_SIZE: Final = 512
_SIZE_MAX: Final = 1_024  # RAWINPUT of a keyboard has 40 bytes


class _Device(ctypes.Structure):
    """RAWINPUTDEVICE."""

    _fields_ = (
        ("usage_page", wintypes.USHORT),
        ("usage", wintypes.USHORT),
        ("flags", wintypes.DWORD),
        ("target", wintypes.HWND),
    )


class _ListEntry(ctypes.Structure):
    """RAWINPUTDEVICELIST."""

    _fields_ = (("device", wintypes.HANDLE), ("type", wintypes.DWORD))


class _Header(ctypes.Structure):
    """RAWINPUTHEADER."""

    _fields_ = (
        ("type", wintypes.DWORD),
        ("size", wintypes.DWORD),
        ("device", wintypes.HANDLE),
        ("wparam", wintypes.WPARAM),
    )


class _Keyboard(ctypes.Structure):
    """RAWKEYBOARD."""

    _fields_ = (
        ("make_code", wintypes.USHORT),
        ("flags", wintypes.USHORT),
        ("reserved", wintypes.USHORT),
        ("virtual_key", wintypes.USHORT),
        ("message", wintypes.UINT),
        ("extra", wintypes.ULONG),
    )


class _Input(ctypes.Structure):
    """RAWINPUT, as far as a keyboard fills it."""

    _fields_ = (("header", _Header), ("keyboard", _Keyboard))


class RawInputWindow:
    """See `drivers.transport.raw_input.KeyboardWindow`."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._user32 = ctypes.WinDLL("user32", use_last_error=True)
        self._user32.CreateWindowExW.restype = wintypes.HWND
        self._user32.CreateWindowExW.argtypes = (
            wintypes.DWORD, wintypes.LPCWSTR, wintypes.LPCWSTR, wintypes.DWORD,
            ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int,
            wintypes.HWND, wintypes.HMENU, wintypes.HINSTANCE, wintypes.LPVOID,
        )  # fmt: skip
        self._user32.DestroyWindow.argtypes = (wintypes.HWND,)
        self._user32.GetRawInputData.argtypes = (
            wintypes.HANDLE, wintypes.UINT, wintypes.LPVOID, ctypes.POINTER(wintypes.UINT), wintypes.UINT,
        )  # fmt: skip
        self._user32.GetRawInputData.restype = wintypes.UINT
        self._user32.GetRawInputDeviceInfoW.argtypes = (
            wintypes.HANDLE, wintypes.UINT, wintypes.LPVOID, ctypes.POINTER(wintypes.UINT),
        )  # fmt: skip
        self._user32.GetRawInputDeviceInfoW.restype = wintypes.UINT
        self._user32.GetRawInputDeviceList.restype = wintypes.UINT
        self._user32.DispatchMessageW.argtypes = (ctypes.POINTER(wintypes.MSG),)
        self._user32.PeekMessageW.argtypes = (
            ctypes.POINTER(wintypes.MSG), wintypes.HWND, wintypes.UINT, wintypes.UINT, wintypes.UINT,
        )  # fmt: skip
        self._names: dict[int, str] = {}
        self._window = self._user32.CreateWindowExW(
            0, "STATIC", None, 0, 0, 0, 0, 0, wintypes.HWND(_HWND_MESSAGE), None, None, None
        )
        if not self._window:
            raise self._failed("it has no desktop; run the agent in the cashier's session, not as a service")
        self._register(_RIDEV_INPUTSINK, self._window)

    def keys(self, timeout_s: float) -> list[tuple[str, int, int]]:
        """Wait for the first key, take all that are there."""
        deadline_s = time.monotonic() + timeout_s
        found: list[tuple[str, int, int]] = []
        message = wintypes.MSG()
        while not found:
            rest_ms = int(max(0.0, deadline_s - time.monotonic()) * 1000)
            self._user32.MsgWaitForMultipleObjects(0, None, 0, rest_ms, _QS_RAWINPUT)
            while self._user32.PeekMessageW(ctypes.byref(message), self._window, 0, 0, _PM_REMOVE):
                if message.message == _WM_INPUT:
                    self._take(message.lParam, found)
                # DefWindowProc must see WM_INPUT too: it frees the data.
                self._user32.DispatchMessageW(ctypes.byref(message))
            if rest_ms <= 0:
                break
        return found

    def keyboards(self) -> list[str]:
        """Ask for all devices, keep the keyboards."""
        count = wintypes.UINT()
        size = ctypes.sizeof(_ListEntry)
        self._user32.GetRawInputDeviceList(None, ctypes.byref(count), size)
        entries = (_ListEntry * max(1, count.value))()
        taken = self._user32.GetRawInputDeviceList(entries, ctypes.byref(count), size)
        if taken == _FAILED:
            return []
        return [self._name(entry.device) for entry in entries[:taken] if entry.type == _RIM_TYPEKEYBOARD]

    def close(self) -> None:
        """Be told no more."""
        if self._window:
            self._register(_RIDEV_REMOVE, None)
            self._user32.DestroyWindow(self._window)
            self._window = None

    def _register(self, flags: int, window: int | None) -> None:
        device = _Device(_GENERIC_DESKTOP, _KEYBOARD, flags, window)
        if not self._user32.RegisterRawInputDevices(ctypes.byref(device), 1, ctypes.sizeof(_Device)):
            raise self._failed("Windows does not tell us of keys; start the agent again")

    def _take(self, handle: int, found: list[tuple[str, int, int]]) -> None:
        size = wintypes.UINT(_SIZE_MAX)
        data = ctypes.create_string_buffer(_SIZE_MAX)
        taken = self._user32.GetRawInputData(
            wintypes.HANDLE(handle), _RID_INPUT, data, ctypes.byref(size), ctypes.sizeof(_Header)
        )
        if taken == _FAILED or taken < ctypes.sizeof(_Header):
            return
        told = _Input.from_buffer_copy(data)
        if told.header.type == _RIM_TYPEKEYBOARD:
            found.append((self._name(told.header.device), told.keyboard.make_code, told.keyboard.flags))

    def _name(self, device: int | None) -> str:
        if device is None:  # keys made by a program, not by a keyboard
            return ""
        if device not in self._names:
            size = wintypes.UINT(_NAME_SIZE)
            name = ctypes.create_unicode_buffer(_NAME_SIZE)
            taken = self._user32.GetRawInputDeviceInfoW(device, _RIDI_DEVICENAME, name, ctypes.byref(size))
            self._names[device] = "" if taken == _FAILED else name.value
        return self._names[device]

    def _failed(self, words: str) -> TransportUnavailable:
        return TransportUnavailable(
            f"cannot open {self._address}: {words} (Windows error {ctypes.get_last_error()})", reason="driver"
        )
