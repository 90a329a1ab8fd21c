"""`tillpoint check`: are the settings right, which programme is in force; opens no device, makes no connection."""

from __future__ import annotations

import argparse
from pathlib import Path

from agent.assembly import check
from agent.checkout.programmes import COLLECTION, Good, Refused, in_words
from agent.cli.common import add_config, print_json
from agent.settings import default_config_path, load
from drivers.vocabulary import codec
from drivers.vocabulary.errors import SettingsError
from offline_queue.errors import StoreError
from offline_queue.reader import OutboxReader

__all__ = ["add_parser", "run"]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("check", help="check the settings file without opening anything")
    add_config(parser)


def programme_in_force(folder: Path) -> str:
    """Which programme is in force on this till, and why a newer one was refused; read beside a running agent."""
    try:
        with OutboxReader.open(folder / "till.db") as reader:
            kept = reader.document(COLLECTION, "good"), reader.document(COLLECTION, "refused")
    except StoreError as error:
        return f"the programme in force is not known: {error}"
    good, refused = kept
    return in_words(
        None if good is None else codec.decode(good, Good), None if refused is None else codec.decode(refused, Refused)
    )


def bound(cap: int) -> str:
    """How much a customer may overspend while lines are down, in one sentence."""
    if not cap:
        return "Without a line only points under leases are spent: nobody can overspend."
    return f"Without a line a customer can spend at most {cap} points at this till beyond leases: that is the risk."


def run(args: argparse.Namespace) -> int:
    """Name every problem, or say what the settings amount to."""
    path = args.config if args.config is not None else default_config_path()
    try:
        settings = load(path)
        problems = check(settings)
    except SettingsError as error:
        settings, problems = None, str(error).splitlines()
    told = programme_in_force(settings.state_folder) if settings is not None else ""
    if args.json:
        print_json({"file": str(path), "ok": not problems, "problems": problems, "programme": told})
    elif settings is None or problems:
        print("\n".join(problems))
    else:
        devices = ", ".join(f"{device.name} ({device.driver})" for device in settings.devices) or "none"
        print(f"{path}: ok. Devices: {devices}. Panel: http://127.0.0.1:{settings.doors.port}/panel")
        print(f"{told[:1].upper()}{told[1:]}.")
        print(bound(settings.offline.points_cap))
    return 1 if problems else 0
