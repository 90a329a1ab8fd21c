"""`tillpoint tills`: which till systems there are, and where and with which key each of this till's own is answered."""

from __future__ import annotations

import argparse
from typing import Any, Final

from agent.cli.common import add_config, print_json, settings_of, table
from agent.clock import SystemClock
from agent.doors.keys import till_key
from agent.settings import Settings, TillSystemSettings, default_config_path
from agent.till_systems import system_of
from drivers import registry
from drivers.contract import Driver
from drivers.tills.contract import TillSystem
from drivers.vocabulary import codec
from drivers.vocabulary.errors import DriverLoadError, TillpointError

__all__ = ["add_parser", "matrix", "run"]

CELLS: Final = ("identify", "quote", "redeem", "offline", "refund", "slip", "coupon", "certificate", "verified")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("tills", help="till systems: which there are, and what to type into this till's own")
    add_config(parser)
    parser.add_argument("--matrix", action="store_true", help="what each can do, as a table in Markdown")


def run(args: argparse.Namespace) -> int:
    """List them; a key that does not exist yet is made."""
    if args.matrix:
        print(matrix(), end="")
        return 0
    systems = [(one.name, one.title, _where(one)) for one in _systems()]
    own = []
    if args.config is not None or default_config_path().exists():
        settings = settings_of(args)
        own = [_told(settings, one) for one in settings.till_systems]
    if args.json:
        print_json(
            {"systems": [dict(zip(("name", "title", "where"), one, strict=True)) for one in systems], "own": own}
        )
        return 0
    print(table(("system", "title", "answered"), systems))
    for one in own:
        print("\n" + "\n".join(f"{name:<8} {value}" for name, value in one.items() if value))
    if not own:
        print("\nno till system is set up here; tillpoint setup does it")
    return 0


def matrix() -> str:
    """The support matrix: one row for each till system that is registered, and for drivers that have one."""
    rows: list[list[str]] = [["till system", *CELLS], ["---"] * (len(CELLS) + 1)]
    drivers = (registry.load_driver(name) for name in registry.known_drivers())
    others = [one.driver for one in drivers if not isinstance(one, DriverLoadError)]
    every: list[TillSystem | Driver] = [*_systems(), *others]
    for system in every:
        if system.support is not None:
            cells: dict[str, str] = codec.to_builtins(system.support)
            rows.append([f"{system.title} (`{system.name}`)", *(cells[name] for name in CELLS)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _where(system: TillSystem) -> str:
    if system.at_centre:
        return "by the central server"
    return "here" if system.door is not None else "not at all: its files are read"


def _told(settings: Settings, one: TillSystemSettings) -> dict[str, Any]:
    """What to type into one POS."""
    told: dict[str, Any] = {"name": one.name, "system": one.system}
    try:
        known = system_of(one, settings.till)
    except TillpointError as error:
        return {**told, "trouble": str(error)}
    if known.system.door is None:
        return told
    told["address"] = f"http://127.0.0.1:{settings.doors.port}/tills/{one.name}"
    if one.listen:
        told["or"] = f"http://{one.listen}/"
    return {**told, "key": one.key or till_key(settings.state_folder, one.name, SystemClock())}


def _systems() -> list[TillSystem]:
    loaded = [registry.load_system(name) for name in registry.known_systems()]
    return [one for one in loaded if not isinstance(one, DriverLoadError)]
