"""`tillpoint panel`: let this machine's browser into the panel of the running agent, once."""

from __future__ import annotations

import argparse
import json
import webbrowser

from agent.cli.common import add_config, print_json, settings_of
from agent.cli.run import RUNTIME_FILE
from agent.clock import SystemClock
from agent.doors.keys import DoorSecrets
from drivers.vocabulary.errors import TillpointError

__all__ = ["add_parser", "run"]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("panel", help="open the panel of the running agent in the browser")
    parser.add_argument("--print", action="store_true", help="print the address instead; it is good once, for a minute")
    add_config(parser)


def run(args: argparse.Namespace) -> int:
    """Make a ticket; whoever may read the till's secrets may do that."""
    folder = settings_of(args).state_folder
    try:
        port = int(json.loads((folder / RUNTIME_FILE).read_text("utf-8"))["port"])
    except (OSError, ValueError, KeyError):
        raise TillpointError(f"no agent is running with its state in {folder}; start it with: tillpoint run") from None
    url = DoorSecrets.load_or_create(folder, SystemClock()).panel_url(port)
    if args.json:
        print_json({"panel": url})
    elif args.print or not webbrowser.open(url):
        print(url)
    return 0
