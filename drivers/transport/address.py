"""Addresses to endpoints: ``tcp://host:port``, ``serial:COM5?baud=9600``, ``usb:04b8:0202``, ``spool:NAME`` and more.

Nothing is opened here; an address that cannot be meant is a SettingsError with the next step.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from drivers.transport.contract import Endpoint
from drivers.transport.memory import MemoryEndpoint
from drivers.transport.scanner_addresses import SCANNER_BUILDERS, SCANNER_EXAMPLES
from drivers.transport.serial_port import SerialEndpoint, SerialLine
from drivers.transport.spool import SpoolEndpoint
from drivers.transport.tcp import TcpEndpoint, TcpListenEndpoint
from drivers.transport.usb import UsbEndpoint, UsbName
from drivers.vocabulary.errors import SettingsError

__all__ = ["EXAMPLES", "endpoint"]

ADDRESS_LENGTH_MAX = 300  # a host name has 253 characters at most
PORT_MAX = 65_535
BAUD_MAX = 4_000_000  # the fastest a USB bridge offers

#: Scheme → an address of that kind, as the messages quote it.
EXAMPLES: Final[Mapping[str, str]] = {
    "tcp": "tcp://192.168.1.50:9100",
    "tcp-listen": "tcp-listen://127.0.0.1:9100",
    "serial": "serial:COM5?baud=9600&parity=N&bits=8&stop=1",
    "memory": "memory:demo",
    "usb": "usb:04b8:0202",
    "spool": "spool:RECEIPT",
    **SCANNER_EXAMPLES,
}

_PARITIES: Final = ("N", "E", "O", "M", "S")
_STOPS: Final = ("1", "1.5", "2")
_BITS: Final = ("7", "8")
_FLOWS: Final = ("none", "rtscts", "dsrdtr", "xonxoff")
_SERIAL_KEYS: Final = ("baud", "parity", "bits", "stop", "flow")


def endpoint(address: str) -> Endpoint:
    """The place that `address` names; raises SettingsError when it names none.

    Args:
        address: one of the forms in `EXAMPLES`; a serial address may add ``flow=none|rtscts|dsrdtr|xonxoff``.
    """
    if len(address) > ADDRESS_LENGTH_MAX:
        raise SettingsError(f"address of {len(address)} characters: no address is longer than {ADDRESS_LENGTH_MAX}")
    scheme, colon, rest = address.partition(":")
    build = _BUILDERS.get(scheme)
    if not colon or build is None:
        raise SettingsError(_unknown_scheme(address, scheme))
    return build(address, rest)


def _unknown_scheme(address: str, scheme: str) -> str:
    if scheme.upper().startswith("COM") or address.startswith("/dev/"):
        return f'address "{address}" does not say what it is; write "serial:{address}"'
    nearest = difflib.get_close_matches(scheme.lower(), EXAMPLES, n=1, cutoff=0.5)
    if nearest:
        return f'address "{address}": unknown kind "{scheme}"; did you mean "{EXAMPLES[nearest[0]]}"?'
    known = ", ".join(EXAMPLES.values())
    return f'address "{address}": unknown kind "{scheme}"; write one of {known}'


def _host_and_port(address: str, *, port_min: int) -> tuple[str, int]:
    scheme = address.partition(":")[0]
    example = EXAMPLES[scheme]
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise SettingsError(
            f'address "{address}": the port must be {port_min} to {PORT_MAX}; write it like {example}',
        ) from None
    if not parts.netloc or not host:
        raise SettingsError(f'address "{address}" names no host; write it like {example}')
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        raise SettingsError(f'address "{address}" says more than host and port; write it like {example}')
    if port is None:
        raise SettingsError(f'address "{address}" names no port; printers listen on 9100: {scheme}://{host}:9100')
    if not port_min <= port <= PORT_MAX:
        raise SettingsError(f'address "{address}": the port must be {port_min} to {PORT_MAX}; write it like {example}')
    return host, port


def _tcp(address: str, _rest: str) -> Endpoint:
    host, port = _host_and_port(address, port_min=1)
    return TcpEndpoint(address, host, port)


def _tcp_listen(address: str, _rest: str) -> Endpoint:
    # Port 0 lets the system choose; the demo and the tests ask `port` afterwards.
    host, port = _host_and_port(address, port_min=0)
    return TcpListenEndpoint(address, host, port)


def _memory(address: str, rest: str) -> Endpoint:
    if not rest or not rest.replace("-", "").replace("_", "").isalnum():
        raise SettingsError(f'address "{address}": a memory pipe is named by letters and digits, as in memory:demo')
    return MemoryEndpoint(rest)


def _choice(address: str, key: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise SettingsError(f'address "{address}": {key}={value} is unknown; write one of {", ".join(known)}')
    return value


def _serial(address: str, rest: str) -> Endpoint:
    port, _, query = rest.partition("?")
    if port.startswith("//"):
        raise SettingsError(f'address "{address}" has slashes too many; write it like {EXAMPLES["serial"]}')
    if not port:
        raise SettingsError(f'address "{address}" names no port; write it like {EXAMPLES["serial"]}')
    wanted: dict[str, str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in _SERIAL_KEYS:
            nearest = difflib.get_close_matches(key, _SERIAL_KEYS, n=1, cutoff=0.4)
            hint = f'did you mean "{nearest[0]}"?' if nearest else f"known are {', '.join(_SERIAL_KEYS)}"
            raise SettingsError(f'address "{address}": unknown key "{key}"; {hint}')
        if key in wanted:
            raise SettingsError(f'address "{address}": {key} is given twice; keep one')
        wanted[key] = value
    baud = wanted.get("baud", "9600")
    if not baud.isascii() or not baud.isdigit() or not 50 <= int(baud) <= BAUD_MAX:
        raise SettingsError(
            f'address "{address}": baud={baud} is no speed; it is printed in the self-test of the device, often 9600',
        )
    line = SerialLine(
        port=port,
        baud=int(baud),
        parity=_choice(address, "parity", wanted.get("parity", "N"), _PARITIES),
        bits=int(_choice(address, "bits", wanted.get("bits", "8"), _BITS)),
        stop=_choice(address, "stop", wanted.get("stop", "1"), _STOPS),
        flow=_choice(address, "flow", wanted.get("flow", "none"), _FLOWS),
    )
    return SerialEndpoint(address, line)


_USB_NAME: Final = re.compile(r"([0-9a-fA-F]{4}):([0-9a-fA-F]{4})")


def _usb(address: str, rest: str) -> Endpoint:
    name, _, query = rest.partition("?")
    match = _USB_NAME.fullmatch(name)
    if match is None:
        raise SettingsError(
            f'address "{address}" names no vendor and product; write it like {EXAMPLES["usb"]} (tillpoint devices)',
        )
    wanted = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(set(wanted) - {"serial"})
    if unknown:
        raise SettingsError(f'address "{address}": unknown key "{unknown[0]}"; known is serial')
    usb_name = UsbName(vendor=int(match[1], 16), product=int(match[2], 16), serial=wanted.get("serial", ""))
    return UsbEndpoint(address, usb_name)


def _spool(address: str, rest: str) -> Endpoint:
    if not rest.strip() or rest.startswith("//"):
        raise SettingsError(f'address "{address}" names no print queue; write it like {EXAMPLES["spool"]}')
    return SpoolEndpoint(address, rest)


_BUILDERS: Final[Mapping[str, Callable[[str, str], Endpoint]]] = {
    "tcp": _tcp,
    "tcp-listen": _tcp_listen,
    "serial": _serial,
    "memory": _memory,
    "usb": _usb,
    "spool": _spool,
    **SCANNER_BUILDERS,
}
