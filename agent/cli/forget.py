"""`tillpoint forget`: take this till out of its centre; what it sold stays in its file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from agent import policy
from agent.cli.common import add_config, print_json
from agent.settings import Settings, default_config_path
from drivers.vocabulary import codec

__all__ = ["add_forgetting", "add_parser", "forget_till", "run"]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("forget", help="take this till out of its centre, before it is sold or scrapped")
    add_config(parser)
    add_forgetting(parser)


def add_forgetting(parser: argparse.ArgumentParser) -> None:
    """What both commands take that do it."""
    parser.add_argument(
        "--yes-lose", type=int, default=None, metavar="N", help="so many unsent envelopes never reach the centre"
    )


def run(args: argparse.Namespace) -> int:
    """Do it, and say what came of it."""
    return forget_till(args.config if args.config is not None else default_config_path(), args)


def forget_till(path: Path, args: argparse.Namespace) -> int:
    """The same for the settings at a path; without settings, for the system's place of a service."""
    from agent.setup.forgetting import forget
    from agent.sync.tls import tls_of

    settings = policy.load(path)[0] if path.exists() else Settings()
    central = settings.central
    done = forget(settings.state_folder, may_lose=args.yes_lose, proxy=central.proxy, tls=tls_of(central))
    if args.json:
        print_json(codec.to_builtins(done))
        return 0
    if not done.till:
        print("this machine was no till of a centre; an enrolment that waited is gone")
    elif done.told:
        print(f"till {done.till} has left the centre; {done.released} leases are free")
    else:
        print(f"this machine is not till {done.till} any more")
    if done.detail:
        print(f"tillpoint: {done.detail}", file=sys.stderr)
    if done.lost:
        print(f"tillpoint: {done.lost} envelopes lie in {settings.state_folder / 'till.db'}, unsent", file=sys.stderr)
    return 0
