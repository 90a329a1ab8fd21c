"""`tillpoint devices`: which ports there are and which drivers can speak; probes nothing."""

from __future__ import annotations

import argparse

from agent.cli.common import print_json, table
from drivers import registry
from drivers.registry import LoadedDriver
from drivers.transport.serial_port import list_ports

__all__ = ["add_parser", "run"]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("devices", help="list ports and drivers")
    parser.add_argument("--drivers", action="store_true", help="list the drivers instead of the ports")
    parser.add_argument("--json", action="store_true", help="print JSON instead of words")


def run(args: argparse.Namespace) -> int:
    """List, and say what to paste into the settings."""
    rows = _drivers() if args.drivers else _ports()
    if args.json:
        print_json(rows)
    elif not rows:
        print("no serial port is known to the system; is the cable in? TCP printers need no port here")
    else:
        print(table(list(rows[0]), [list(row.values()) for row in rows]))
    return 0


def _ports() -> list[dict[str, str]]:
    return [
        {
            "address": port.address,
            "what": " ".join(word for word in (port.maker, port.model, port.usb_id) if word),
            "setting": f'port = "{port.address}?baud=9600"',
        }
        for port in list_ports()
    ]


def _drivers() -> list[dict[str, str]]:
    rows = []
    for name in registry.known_drivers():
        loaded = registry.load_driver(name)
        if isinstance(loaded, LoadedDriver):
            rows.append({"driver": name, "shape": loaded.driver.shape, "what": loaded.driver.title, "state": "ok"})
        else:
            rows.append({"driver": name, "shape": "", "what": "", "state": str(loaded)})
    return rows
