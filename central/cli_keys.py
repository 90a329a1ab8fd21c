"""`tillpoint central rotate-…`: new tokens for tills, and another tenant key; the rest is in `cli`."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from central.aliases import finish_rotation, start_rotation, tills_behind, unmade
from central.cli_common import Common, Open, declarer
from central.database import Database
from central.tenant import tenant_keys
from central.till_keys import want_new_tokens

__all__ = ["add_keys"]


def add_keys(commands: Any, common: Common, opened: Open) -> None:
    """Declare the commands; `common` adds what every command has, `opened` opens the database it names."""
    declare = declarer(common, opened)
    token = commands.add_parser("rotate-token", help="let tills fetch a new token now")
    token.add_argument("tills", nargs="*", metavar="TILL", help="none named: every till")
    declare(token, _tokens)
    steps = commands.add_parser("rotate-tenant-key", help="change the key customers are found by, while tills sell")
    verbs = steps.add_subparsers(required=True)
    declare(verbs.add_parser("start", help="make the new key, and every hash under it too"), _start)
    declare(verbs.add_parser("status", help="who still needs the old key"), _status)
    finish = verbs.add_parser("finish", help="the old key and its hashes go")
    finish.add_argument("--force", action="store_true", help="also when tills or members would be left behind")
    declare(finish, _finish)


def _tokens(database: Database, args: argparse.Namespace) -> str:
    tills = database.writing(lambda connection: want_new_tokens(connection, args.tills))
    return f"{len(tills)} tills fetch a new token when they are next online; the old ones stay good until then"


def _start(database: Database, args: argparse.Namespace) -> str:
    del args
    live = sys.stderr.isatty()

    def shown(done: int) -> None:
        if live:
            print(f"\r{done:,} members", end="", file=sys.stderr, flush=True)

    start_rotation(database, shown)
    if live:
        print(file=sys.stderr)
    return "every hash is made under the new key too; when `status` shows nobody, run `finish`"


def _status(database: Database, args: argparse.Namespace) -> str:
    del args
    with database.read() as connection:
        keys, behind, lost = tenant_keys(connection), tills_behind(connection), unmade(connection)
    if keys.following is None:
        return f"one tenant key, generation {keys.generation}"
    return "\n".join(
        [
            f"generation {keys.generation} is followed by {keys.generation + 1}",
            f"{len(behind)} tills do not hold the new key: {', '.join(behind) or 'none'}",
            f"{lost} hashes have none under the new key",
        ]
    )


def _finish(database: Database, args: argparse.Namespace) -> str:
    gone = finish_rotation(database, is_forced=args.force)
    return f"the new key is the key; {gone} hashes under the old one are gone"
