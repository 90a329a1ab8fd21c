"""What groups of `tillpoint central` share: a command that opens the database, does one thing, and says what it did."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from central.database import Database

__all__ = ["Act", "Common", "Declare", "Open", "declarer"]

Open = Callable[[argparse.Namespace], Database]
"""Opens the database that the command line names."""

Common = Callable[[argparse.ArgumentParser, Callable[[argparse.Namespace], int]], None]
"""Adds what every command has."""

Act = Callable[[Database, argparse.Namespace], str]
"""Does it, and returns what to print."""

Declare = Callable[[argparse.ArgumentParser, Act], None]


def declarer(common: Common, opened: Open) -> Declare:
    """What makes a parser a command that does one thing."""

    def declare(parser: argparse.ArgumentParser, act: Act) -> None:
        common(parser, lambda args: _run(opened(args), act, args))

    return declare


def _run(database: Database, act: Act, args: argparse.Namespace) -> int:
    try:
        print(act(database, args))
    finally:
        database.close()
    return 0
