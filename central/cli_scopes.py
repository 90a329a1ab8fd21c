"""`tillpoint central scopes …`: which customers the tills of a scope hold, and who leaves it."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from central.cli_common import Common, Open, declarer
from central.database import Database
from central.errors import CentralStartError
from central.scopes import change_scope, checked_scope, fill_from_receipts, list_scopes, prune

__all__ = ["add_scopes"]

DAYS_MAX: Final = 3_650


def add_scopes(commands: Any, common: Common, opened: Open) -> None:
    """Declare the commands; `common` adds what every command has, `opened` opens the database it names."""
    verbs = commands.add_parser("scopes", help="which customers tills hold").add_subparsers(required=True)
    declare = declarer(common, opened)
    declare(verbs.add_parser("list", help="scopes with their tills, customers and look-ups"), _list)
    change = verbs.add_parser("set", help="give a till another scope; it fetches its customers anew")
    change.add_argument("till", metavar="TILL")
    change.add_argument("scope", metavar="SCOPE", help="a word, such as a region; '' for every customer")
    declare(change, _set)
    old = verbs.add_parser("prune", help="who was not seen in a scope for long leaves it; homes stay")
    old.add_argument("--older-than", type=int, default=180, metavar="DAYS", help="default 180")
    declare(old, _prune)


def _list(database: Database, args: argparse.Namespace) -> str:
    del args
    lines = []
    for one in database.reading(list_scopes):
        name = one.name or "(everybody)"
        homes = f", {one.homes} at home" if one.name else ""
        asked = f"{one.found} found, {one.missed} unknown, {one.refused} refused"
        lines.append(f"{name}: {one.tills} tills, {one.customers} customers{homes}; look-ups: {asked}")
    return "\n".join(lines)


def _set(database: Database, args: argparse.Namespace) -> str:
    scope = checked_scope(args.scope)
    # Its customers first: the till begins anew at its next contact, and is to find them there.
    known = database.reading(lambda connection: [one.name for one in list_scopes(connection) if one.tills])
    entered = fill_from_receipts(database, args.till, scope, now=datetime.now(UTC), progress=_said)
    before = database.writing(lambda connection: change_scope(connection, args.till, scope))
    if before == scope:
        return f"till {args.till} has the scope {scope or '(everybody)'} already"
    hint = "" if scope in known else "; a new scope: load members with a column `scope` for the others"
    return (
        f"till {args.till}: {before or '(everybody)'} → {scope or '(everybody)'}, {entered} customers entered it{hint}"
    )


def _prune(database: Database, args: argparse.Namespace) -> str:
    if not 1 <= args.older_than <= DAYS_MAX:
        raise CentralStartError(f"--older-than {args.older_than}: write a number of days from 1 to {DAYS_MAX}")
    left = prune(database, older_than=timedelta(days=args.older_than), now=datetime.now(UTC), progress=_said)
    return f"{left} customers left a scope in which they were not seen for {args.older_than} days"


def _said(done: int) -> None:
    """On a terminal, how far it is."""
    if sys.stderr.isatty():
        print(f"\r{done:,} customers", end="", file=sys.stderr, flush=True)
