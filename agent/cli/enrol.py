"""`tillpoint enrol`: make this machine known to the central server."""

from __future__ import annotations

import argparse

from agent.cli.common import add_config, print_json, settings_of
from agent.sync.enrol import enrol

__all__ = ["add_parser", "run"]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("enrol", help="make this machine known to the central server")
    parser.add_argument("url", metavar="URL", help="the centre's address, https://centre.example")
    parser.add_argument("code", metavar="CODE", help="from `tillpoint central enrol-code`; works once")
    parser.add_argument(
        "--plain-http", action="store_true", help="allow an unencrypted line to a centre in a closed network"
    )
    add_config(parser)


def run(args: argparse.Namespace) -> int:
    """Ask for the identity and keep it; a running agent takes it at its next start."""
    settings = settings_of(args)
    folder = settings.state_folder
    identity = enrol(
        args.url,
        args.code,
        folder,
        proxy=settings.central.proxy,
        ca_file=settings.central.ca_file,
        plain_http=args.plain_http,
    )
    facts = {"till": identity.till, "shop": identity.shop, "epoch": identity.epoch, "folder": str(folder)}
    if args.json:
        print_json(facts)
    else:
        print(f"enrolled as till {identity.till} of shop {identity.shop} (epoch {identity.epoch}); restart the agent")
    return 0
