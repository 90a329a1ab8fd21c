"""Windows: what the registry and the configuration manager say of ports, USB and HID devices; no device is opened.

The registry keeps every device that was ever plugged in, so the configuration manager is asked which is there now.
The registry is behind a seam; a test brings its own.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Final, Protocol

from drivers.finding.found import Found, Kind
from drivers.finding.known import PRINTER_CLASS, named

__all__ = ["Machine", "find", "this_machine"]

ENUM: Final = "SYSTEM\\CurrentControlSet\\Enum"
SERIALCOMM: Final = "HARDWARE\\DEVICEMAP\\SERIALCOMM"
_ID: Final = re.compile(r"VID_([0-9A-F]{4})&PID_([0-9A-F]{4})", re.IGNORECASE)
_PAGE: Final = re.compile(r"UP:([0-9A-F]{4})", re.IGNORECASE)
_PRINTER_SERVICE: Final = "usbprint"


class Machine(Protocol):
    """What is read of a Windows machine."""

    def keys(self, path: str) -> list[str]:
        """Names of the keys under a path of HKEY_LOCAL_MACHINE; [] when there is none."""
        ...

    def values(self, path: str) -> dict[str, str]:
        """The texts of that key; lists are joined by blanks."""
        ...

    def is_present(self, instance: str) -> bool:
        """Whether the device of this instance id is plugged in now."""
        ...


def find(machine: Machine) -> tuple[Found, ...]:
    """Everything of use to a till, ports first."""
    usb, hid = list(_instances(machine, "USB")), list(_instances(machine, "HID"))
    ports = [found for found in map(_port, usb) if found is not None]
    known = {found.node for found in ports}
    plain = [
        Found(address=f"serial:{name}", node=name, kind=Kind.SERIAL_PORT, why="a port of this machine")
        for name in sorted(machine.values(SERIALCOMM).values())
        if name not in known
    ]
    printers = [found for found in map(_printer, usb) if found is not None]
    return (*ports, *plain, *printers, *(found for found in map(_hid, hid) if found is not None))


class _Instance:
    """One device of the registry that is plugged in."""

    def __init__(self, bus: str, name: str, serial: str, values: dict[str, str]) -> None:
        match = _ID.search(name)
        self.usb_id = f"{match[1]}:{match[2]}".lower() if match is not None else ""
        self.name = f"{bus}\\{name}\\{serial}"
        # An id with "&" was made up by Windows: the device has no serial number of its own.
        self.serial = "" if "&" in serial else serial
        self.values = values

    def found(self, *, address: str, node: str = "") -> Found:
        described = self.values.get("FriendlyName") or self.values.get("DeviceDesc", "")
        return Found(
            address=address,
            node=node or self.name,
            maker=_plain(self.values.get("Mfg", "")),
            model=_plain(described),
            serial=self.serial,
            usb_id=self.usb_id,
        )


def _instances(machine: Machine, bus: str) -> Iterator[_Instance]:
    for name in machine.keys(f"{ENUM}\\{bus}"):
        if _ID.search(name) is None:
            continue
        for serial in machine.keys(f"{ENUM}\\{bus}\\{name}"):
            path = f"{ENUM}\\{bus}\\{name}\\{serial}"
            if machine.is_present(f"{bus}\\{name}\\{serial}"):
                values = machine.values(path)
                values |= {
                    key: text for key, text in machine.values(f"{path}\\Device Parameters").items() if key == "PortName"
                }
                yield _Instance(bus, name, serial, values)


def _port(one: _Instance) -> Found | None:
    port = one.values.get("PortName", "")
    return named(one.found(address=f"serial:{port}", node=port)) if port.upper().startswith("COM") else None


def _printer(one: _Instance) -> Found | None:
    """A device that Windows prints to; it belongs to the system's driver, so the spooler is the way in."""
    if one.values.get("Service", "").lower() == _PRINTER_SERVICE:
        return named(one.found(address=""), interface_class=PRINTER_CLASS)
    found = named(one.found(address=f"usb:{one.usb_id}"))
    is_plain = one.values.get("Service", "").lower() == "winusb"
    return found if is_plain and found.kind is Kind.PRINTER else None


def _hid(one: _Instance) -> Found | None:
    page = _PAGE.search(one.values.get("HardwareID", ""))
    usage_page = int(page[1], 16) if page is not None else 0
    if one.values.get("Service", "").lower() == "kbdhid":
        name = one.name.split("\\")[1]
        typed = named(one.found(address=f"rawinput:{name}"), types=True)
        return typed if typed.kind is Kind.KEYBOARD_SCANNER else None
    found = named(one.found(address=f"hid:{one.usb_id}"), usage_page=usage_page)
    return found if found.kind in {Kind.SCANNER, Kind.CARD_READER} and found.driver else None


def _plain(text: str) -> str:
    """``@usbser.inf,%desc%;USB Serial Device`` → ``USB Serial Device``."""
    return text.rpartition(";")[2].strip()


def this_machine() -> Machine:
    """This machine's registry; on another system an empty one."""
    if sys.platform == "win32":
        return _Registry()
    return _Nothing()


class _Nothing:
    """No registry."""

    def keys(self, path: str) -> list[str]:  # noqa: ARG002 - the seam's shape
        return []

    def values(self, path: str) -> dict[str, str]:  # noqa: ARG002
        return {}

    def is_present(self, instance: str) -> bool:  # noqa: ARG002
        return False


if sys.platform == "win32":

    class _Registry:
        """winreg and cfgmgr32."""

        def keys(self, path: str) -> list[str]:
            """As the seam says."""
            import winreg

            try:
                with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path) as key:
                    return [winreg.EnumKey(key, place) for place in range(winreg.QueryInfoKey(key)[0])]
            except OSError:
                return []

        def values(self, path: str) -> dict[str, str]:
            """As the seam says."""
            import winreg

            found: dict[str, str] = {}
            try:
                with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path) as key:
                    for place in range(winreg.QueryInfoKey(key)[1]):
                        name, value, _ = winreg.EnumValue(key, place)
                        if isinstance(value, str):
                            found[name] = value
                        elif isinstance(value, list):
                            found[name] = " ".join(str(one) for one in value)
            except OSError:
                return found
            return found

        def is_present(self, instance: str) -> bool:
            """CM_Locate_DevNodeW finds only what is plugged in (CR_SUCCESS is 0)."""
            import ctypes

            try:
                locate = ctypes.WinDLL("cfgmgr32").CM_Locate_DevNodeW
            except (OSError, AttributeError):  # Wine
                return True
            node = ctypes.c_uint32()
            return int(locate(ctypes.byref(node), ctypes.c_wchar_p(instance), 0)) == 0
