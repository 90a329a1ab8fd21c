"""`tillpoint check`: are the settings right; opens no device and makes no connection."""

from __future__ import annotations

import argparse

from agent.assembly import check
from agent.cli.common import add_config, print_json
from agent.settings import default_config_path, load
from drivers.vocabulary.errors import SettingsError

__all__ = ["add_parser", "run"]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("check", help="check the settings file without opening anything")
    add_config(parser)


def run(args: argparse.Namespace) -> int:
    """Name every problem, or say what the settings amount to."""
    path = args.config if args.config is not None else default_config_path()
    try:
        settings = load(path)
        problems = check(settings)
    except SettingsError as error:
        settings, problems = None, str(error).splitlines()
    if args.json:
        print_json({"file": str(path), "ok": not problems, "problems": problems})
    elif settings is None or problems:
        print("\n".join(problems))
    else:
        devices = ", ".join(f"{device.name} ({device.driver})" for device in settings.devices) or "none"
        print(f"{path}: ok. Devices: {devices}. Panel: http://127.0.0.1:{settings.doors.port}/panel")
    return 1 if problems else 0
