"""`tillpoint devices`: what is plugged in, what it probably is, who holds it, what to paste; it opens nothing."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from agent.cli.common import print_json, table
from drivers import registry
from drivers.contract import Driver
from drivers.finding.found import Found, Kind, setting_lines
from drivers.finding.machine import changes, find_plugged, look
from drivers.registry import LoadedDriver

__all__ = ["add_parser", "run", "watch"]

WATCH_EVERY_S: Final = 1.0  # a person who puts a plug in looks up within a second or two
NOTHING: Final = "nothing of use is known to the system; is the cable in? Network printers need no port here"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("devices", help="list ports, devices and drivers")
    parser.add_argument("--drivers", action="store_true", help="list the drivers instead of the devices")
    parser.add_argument("--watch", action="store_true", help="go on, and tell what is plugged in and pulled out")
    parser.add_argument("--json", action="store_true", help="print JSON instead of words; with --watch one a line")


def run(args: argparse.Namespace) -> int:
    """List, and say what to paste into the settings."""
    if args.drivers:
        rows = _drivers()
        print_json(rows) if args.json else print(table(list(rows[0]), [list(row.values()) for row in rows]))
        return 0
    found = look()
    if args.json and not args.watch:
        print_json([as_row(one) for one in found])
    elif not args.json:
        print("\n\n".join(in_words(one) for one in found) or NOTHING)
    if args.watch:
        plugged = [one for one in found if one.kind is not Kind.PRINT_QUEUE]
        watch(plugged, find_plugged, pause=time.sleep, as_json=args.json)
    return 0


def watch(
    found: Sequence[Found],
    find: Callable[[], Sequence[Found]],
    *,
    pause: Callable[[float], None],
    as_json: bool,
) -> None:
    """Tell each change until somebody presses Ctrl-C."""
    before = list(found)
    while True:
        pause(WATCH_EVERY_S)
        after = list(find())
        came, went = changes(before, after)
        for word, list_of in (("plugged in", came), ("pulled out", went)):
            for one in list_of:
                if as_json:
                    print(json.dumps({"event": word} | as_row(one), ensure_ascii=False), flush=True)
                else:
                    print(f"\n{word}: {in_words(one)}", flush=True)
        before = after


def as_row(found: Found) -> dict[str, Any]:
    """Every field, and the lines to paste."""
    return {
        "address": found.address,
        "node": found.node,
        "kind": found.kind.value,
        "why": found.why,
        "maker": found.maker,
        "model": found.model,
        "serial": found.serial,
        "usb_id": found.usb_id,
        "place": found.place,
        "driver": found.driver,
        "held_by": list(found.held_by),
        "held_unknown": found.held_unknown,
        "settings": setting_lines(found),
    }


def in_words(found: Found) -> str:
    """A few lines for a person."""
    lines = [f"{found.address or found.node}  {found.title}".rstrip()]
    lines.append(f"  probably: {found.kind.value}" + (f" ({found.why})" if found.why else ""))
    if found.node and found.node not in found.address:
        lines.append(f"  today: {found.node}" + (f", plug {found.place}" if found.place else ""))
    if found.held_by:
        lines.append(f"  held by: {', '.join(found.held_by)}")
    elif found.held_unknown:
        lines.append(f"  held by: nobody that is seen; {found.held_unknown}")
    settings = setting_lines(found)
    if settings:
        lines += ["  settings:", *(f"    {line}" for line in settings.splitlines())]
    else:
        lines.append("  settings: none; Windows owns this printer: set it up there and use its queue (spool:NAME)")
    return "\n".join(lines)


def _drivers() -> list[dict[str, str]]:
    rows = []
    for name in registry.known_drivers():
        loaded = registry.load_driver(name)
        if isinstance(loaded, LoadedDriver):
            rows.append({"driver": name, "ways": _ways(loaded.driver), "what": loaded.driver.title, "state": "ok"})
        else:
            rows.append({"driver": name, "ways": "", "what": "", "state": str(loaded)})
    return rows


def _ways(driver: Driver) -> str:
    """How a device of it can be used: as it is made, and what may stand as `way` in the settings."""
    return ", ".join((driver.shape, *(("pull", "host") if driver.polling is not None else ())))
