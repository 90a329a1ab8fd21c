"""Addresses of scanners and of the port a POS reads: ``hid:``, ``evdev:``, ``rawinput:``, ``pty:``; opens nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import parse_qsl

from drivers.transport.contract import Endpoint
from drivers.transport.evdev import EvdevEndpoint
from drivers.transport.hid import HidEndpoint, HidName, ReportDevice
from drivers.transport.pseudo_terminal import PtyEndpoint
from drivers.transport.raw_input import RawInputEndpoint
from drivers.vocabulary.errors import SettingsError

__all__ = ["SCANNER_BUILDERS", "SCANNER_EXAMPLES"]

#: Scheme → an address of that kind, as the messages quote it.
SCANNER_EXAMPLES: Final[Mapping[str, str]] = {
    "hid": "hid:0c2e:0b61",
    "evdev": "evdev:/dev/input/by-id/usb-MAKER_SCANNER-event-kbd",
    "rawinput": "rawinput:VID_0C2E&PID_0B61",
    "pty": "pty:/run/tillpoint/scanner?otherwise=/dev/serial/by-id/usb-MAKER_SCANNER",
}

_HID_NAME: Final = re.compile(r"([0-9a-fA-F]{4}):([0-9a-fA-F]{4})")
_RAW_NAME: Final = re.compile(r"[0-9A-Za-z_&#{}\-]{4,120}")


def _query(address: str, query: str, known: tuple[str, ...]) -> dict[str, str]:
    wanted = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        raise SettingsError(f'address "{address}": unknown key "{unknown[0]}"; known are {", ".join(known)}')
    return wanted


def _hid(address: str, rest: str) -> Endpoint:
    place, _, query = rest.partition("?")
    match = _HID_NAME.fullmatch(place)
    if match is None:
        raise SettingsError(
            f'address "{address}" names no vendor and product; write it like {SCANNER_EXAMPLES["hid"]}'
            " (tillpoint devices)",
        )
    wanted = _query(address, query, ("serial", "by"))
    by = wanted.get("by", "system")
    if by not in ("system", "usb"):
        raise SettingsError(f'address "{address}": by={by} is unknown; write system or usb')
    name = HidName(vendor=int(match[1], 16), product=int(match[2], 16), serial=wanted.get("serial", ""))
    return HidEndpoint(address, name, opener=_by_usb if by == "usb" else None)


def _by_usb(address: str, name: HidName) -> ReportDevice:
    from drivers.transport.hid_usb import open_usb_hid

    return open_usb_hid(address, name)


def _evdev(address: str, rest: str) -> Endpoint:
    if not rest.startswith("/") or rest.startswith("//"):
        raise SettingsError(f'address "{address}" names no file; write it like {SCANNER_EXAMPLES["evdev"]}')
    return EvdevEndpoint(address, rest)


def _raw_input(address: str, rest: str) -> Endpoint:
    if not _RAW_NAME.fullmatch(rest):
        raise SettingsError(f'address "{address}" names no keyboard; write it like {SCANNER_EXAMPLES["rawinput"]}')
    return RawInputEndpoint(address, rest)


def _pty(address: str, rest: str) -> Endpoint:
    link, _, query = rest.partition("?")
    if not link.startswith("/") or link.startswith("//") or link.endswith("/"):
        raise SettingsError(f'address "{address}" names no place; write it like {SCANNER_EXAMPLES["pty"]}')
    wanted = _query(address, query, ("otherwise",))
    otherwise = wanted.get("otherwise", "")
    if otherwise and not otherwise.startswith("/"):
        raise SettingsError(f'address "{address}": otherwise={otherwise} is no device; write its whole path')
    return PtyEndpoint(address, link, otherwise=otherwise)


SCANNER_BUILDERS: Final[Mapping[str, Callable[[str, str], Endpoint]]] = {
    "hid": _hid,
    "evdev": _evdev,
    "rawinput": _raw_input,
    "pty": _pty,
}
