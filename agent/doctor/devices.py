"""Each configured device: as the running agent sees it, or opened here when nobody runs; no other port is touched."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, cast

from agent.doctor.report import Finding, failed, fine, skipped, warning
from agent.settings import DeviceSettings, Settings
from agent.slips.text import words
from drivers import registry
from drivers.contract import SlipConversation, SlipTrouble
from drivers.finding.found import Found, Kind
from drivers.finding.holders import holders_of
from drivers.finding.machine import find_all
from drivers.registry import LoadedDriver
from drivers.transport.address import endpoint
from drivers.transport.contract import Transport
from drivers.vocabulary import codec
from drivers.vocabulary.errors import SettingsError, TransportError, TransportUnavailable

__all__ = ["check_devices"]

OPEN_S: Final = 4.0  # longer than any connection of ours takes
ANSWER_S: Final = 1.0
_BY_REASON: Final = {
    "busy": "device_busy",
    "permission": "device_no_permission",
    "driver": "device_no_driver",
    "refused": "device_refused",
    "silent": "device_silent",
    "name": "device_name_unknown",
}
_BY_PRINTER: Final = {"E301": "printer_paper_out", "E302": "printer_cover_open"}
_CODE: Final = re.compile(r"([EW]\d{3}) ")
#: Drivers whose printer answers DLE EOT; the one that prints slips knows how to ask.
_ASKED: Final = {"escpos_slip": "escpos_slip", "escpos": "escpos_slip"}

#: Addresses that the agent itself makes: there is nothing to open before it runs.
_MADE_HERE: Final = ("tcp-listen:", "memory:", "pty:")

FindAll = Callable[[], Sequence[Found]]


def check_devices(
    settings: Settings, status: dict[str, Any], *, find: FindAll = find_all, agent_pid: int = 0
) -> list[Finding]:
    """One finding or more for each device.

    Args:
        settings: which devices there should be.
        status: what the running agent says; {} when it does not run.
        find: what is plugged in, asked only when something is missing.
        agent_pid: of the running agent, which holds what it uses.
    """
    views = {str(view.get("name")): view for view in status.get("devices", ()) if isinstance(view, dict)}
    found: list[Finding] = []
    for device in settings.devices:
        hop = f"device {device.name}"
        try:
            if status:
                found.append(_as_told(hop, device, views.get(device.name), find, agent_pid))
            else:
                found += _opened(hop, device, find)
            found += _letters(hop, device, settings.slip.language)
        except (SettingsError, codec.WireError) as error:
            found.append(skipped(hop, f"not tried: its settings cannot be used ({error})"))
    return found


# ── A running agent ─────────────────────────────────────────────────────────────────────────────


def _as_told(hop: str, device: DeviceSettings, view: dict[str, Any] | None, find: FindAll, agent_pid: int) -> Finding:
    if view is None:
        return failed(hop, "part_broken", f"the agent runs without {device.name}; was it added after the start?")
    state, detail = str(view.get("state", "")), str(view.get("detail", ""))
    is_on = state == "on"
    if _CODE.match(detail):
        return _told_trouble(hop, detail, stops=not is_on)
    if is_on:
        return fine(hop, detail or "the agent has it open")
    if detail.startswith("waiting"):
        return skipped(hop, f"{detail}: nobody has connected yet")
    return _why_off(hop, device, detail or f"the agent says it is {state}", find, agent_pid)


def _why_off(hop: str, device: DeviceSettings, detail: str, find: FindAll, agent_pid: int) -> Finding:
    """What can be seen from outside of a device that the agent cannot use."""
    for address in (device.device, device.port):
        code = _absent(address, find) if address else ""
        if code:
            return failed(hop, code, _with_hint(detail, code, address, find))
    held = _holders(device, agent_pid)
    if held:
        return failed(hop, "device_busy", f"{detail}; held by {held}")
    return failed(hop, "device_off", detail)


def _told_trouble(hop: str, detail: str, *, stops: bool) -> Finding:
    match = _CODE.match(detail)
    code = _BY_PRINTER.get(match[1], "printer_trouble") if match is not None else "printer_trouble"
    return failed(hop, code, detail) if stops else warning(hop, code, detail)


def _letters(hop: str, device: DeviceSettings, language: str) -> list[Finding]:
    """Whether a slip printer has the letters of its slips; asked of the driver, not of the printer."""
    loaded = registry.load_driver(device.driver)
    if not isinstance(loaded, LoadedDriver) or loaded.driver.shape != "slips":
        return []
    own = codec.convert(device.settings, loaded.driver.settings_type)
    conversation = cast("SlipConversation", loaded.driver.conversation(own, device=device.name))
    lacking = conversation.lacks("\n".join(words(language).values()))
    if not lacking:
        return []
    return [warning(hop, "letters_missing", f"letters that would be question marks: {lacking[:40]}")]


# ── Nobody runs ─────────────────────────────────────────────────────────────────────────────────


def _opened(hop: str, device: DeviceSettings, find: FindAll) -> list[Finding]:
    """Open each of its addresses, ask a printer how it is, close."""
    found = []
    for key in ("port", "device", "host", "pass_on"):
        address = getattr(device, key)
        if not address:
            continue
        if address.startswith(_MADE_HERE):
            found.append(_listened(hop, address) if address.startswith("tcp-listen:") else fine(hop, address))
            continue
        found.append(_tried(hop, device, address, find, asks=key == "device"))
    return found


def _listened(hop: str, address: str) -> Finding:
    """The till's side of an in-line device: can we listen there at all."""
    place = endpoint(address)
    try:
        opened = place.open(0.0)
    except TransportUnavailable as error:
        return failed(hop, _BY_REASON.get(error.reason, "device_off"), str(error))
    finally:
        place.close()
    if opened is not None:
        opened.close()
    return fine(hop, f"{address} is free to listen on")


def _tried(hop: str, device: DeviceSettings, address: str, find: FindAll, *, asks: bool) -> Finding:
    place = endpoint(address)
    try:
        transport = _open(place)
        try:
            trouble = _asked(transport, device) if asks else None
        finally:
            transport.close()
    except TransportUnavailable as error:
        return _unavailable(hop, address, error, find)
    except TransportError as error:
        return failed(hop, "device_off", str(error))
    finally:
        place.close()
    if trouble is None:
        return fine(hop, f"{address} opens")
    words = f"{trouble.code} {trouble.sentence}"
    return _told_trouble(hop, words, stops=trouble.stops)


def _open(place: Any) -> Transport:
    deadline_s = time.monotonic() + OPEN_S
    while True:
        transport: Transport | None = place.open(0.5)
        if transport is not None:
            return transport
        if time.monotonic() >= deadline_s:
            raise TransportUnavailable(
                f"cannot open {place.address}: no answer within {OPEN_S:g} s; check that the device is on",
                reason="silent",
            )


def _asked(transport: Transport, device: DeviceSettings) -> SlipTrouble | None:
    """How a printer is, when its driver is one that knows how to ask."""
    name = _ASKED.get(device.driver)
    loaded = registry.load_driver(name) if name is not None else None
    if not isinstance(loaded, LoadedDriver):
        return None
    own = None
    if name == device.driver:
        own = codec.convert(device.settings, loaded.driver.settings_type)
    conversation = cast("SlipConversation", loaded.driver.conversation(own, device=device.name))
    request = conversation.ask()
    if not request:
        return None
    transport.write(request, ANSWER_S)
    deadline_s = time.monotonic() + ANSWER_S
    while not conversation.is_told and (rest_s := deadline_s - time.monotonic()) > 0:
        conversation.feed(transport.read(rest_s), time.monotonic())
    return conversation.trouble


def _unavailable(hop: str, address: str, error: TransportUnavailable, find: FindAll) -> Finding:
    if error.reason == "missing":
        code = _absent(address, find) or "device_unplugged"
        return failed(hop, code, _with_hint(str(error), code, address, find))
    words = str(error)
    if error.reason == "busy":
        held, _ = holders_of([_node(address)])
        who = ", ".join(held.get(_node(address), ()))
        words = f"{words} (held by {who})" if who else words
    return failed(hop, _BY_REASON.get(error.reason, "device_off"), words)


# ── What is plugged in instead ──────────────────────────────────────────────────────────────────


def _absent(address: str, find: FindAll) -> str:
    """Why a device is not there: unplugged, or the settings name another port than it is in; "" when it is there."""
    scheme = address.partition(":")[0]
    if scheme == "serial":
        node = _node(address)
        is_there = Path(node).exists() if node.startswith("/") else any(_node(one.address) == node for one in find())
    elif scheme in {"usb", "hid"}:
        usb_id = _usb_id(address)
        is_there = any(one.usb_id == usb_id for one in find())
    elif scheme == "evdev":
        is_there = Path(address.partition(":")[2]).exists()
    else:
        return ""
    if is_there:
        return ""
    return "device_wrong_port" if _instead(address, find) else "device_unplugged"


def _instead(address: str, find: FindAll) -> list[Found]:
    """Devices of the same way of speaking that nobody would take for something else."""
    scheme = address.partition(":")[0]
    return [
        one
        for one in find()
        if one.address.startswith(f"{scheme}:") and one.kind not in {Kind.SERIAL_PORT, Kind.OTHER, Kind.PRINT_QUEUE}
    ]


def _with_hint(words: str, code: str, address: str, find: FindAll) -> str:
    if code != "device_wrong_port":
        return words
    others = ", ".join(f"{one.address} ({one.kind.value})" for one in _instead(address, find))
    return f"{words}; plugged in are: {others}"


def _holders(device: DeviceSettings, agent_pid: int) -> str:
    """Programs beside the agent that have one of the device's ports open."""
    nodes = [_node(address) for address in (device.port, device.device) if address.startswith("serial:/")]
    held, _ = holders_of(nodes)
    others = [who for names in held.values() for who in names if not who.endswith(f"({agent_pid})")]
    return ", ".join(others)


def _node(address: str) -> str:
    """``serial:/dev/ttyUSB0?baud=9600`` → ``/dev/ttyUSB0``."""
    return address.partition(":")[2].partition("?")[0]


def _usb_id(address: str) -> str:
    return _node(address).lower()
