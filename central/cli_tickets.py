"""`tillpoint central tickets …`: what tills left for a person to look at."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from typing import Any

from central.database import Database
from central.tickets import TicketKind, close_ticket, list_tickets
from drivers.vocabulary import codec

__all__ = ["add_tickets"]

Open = Callable[[argparse.Namespace], Database]
Common = Callable[[argparse.ArgumentParser, Callable[[argparse.Namespace], int]], None]


def add_tickets(commands: Any, common: Common, opened: Open) -> None:
    """Declare the commands; `common` adds what every command has, `opened` opens the database it names."""
    words = "limits met at tills, people who may be one, consents taken back"
    verbs = commands.add_parser("tickets", help=words, description=words).add_subparsers(required=True)
    listed = verbs.add_parser("list", help="the open ones, newest first")
    listed.add_argument("--kind", choices=[kind.value for kind in TicketKind], help="only these")
    listed.add_argument("--all", action="store_true", help="closed ones too")
    listed.add_argument("--json", action="store_true", help="print JSON instead of words")
    common(listed, lambda args: _list(opened(args), args))
    done = verbs.add_parser("done", help="somebody has looked at it")
    done.add_argument("number", type=int, metavar="NUMBER", help="the first column of the list")
    common(done, lambda args: _done(opened(args), args))


def _list(database: Database, args: argparse.Namespace) -> int:
    try:
        kind = TicketKind(args.kind) if args.kind else None
        found = database.reading(partial(list_tickets, kind=kind, closed_too=args.all))
    finally:
        database.close()
    if args.json:
        print(json.dumps(codec.to_builtins(found), ensure_ascii=False, indent=2))
        return 0
    for one in found:
        said = ", ".join(f"{name} {value}" for name, value in one.detail.items() if value not in {"", None})
        state = "" if one.is_open else " (closed)"
        number = f" {one.number}" if one.number else ""
        about = f"customer {one.customer}, till {one.till}: {said}"
        print(f"{one.id}: {one.at:%Y-%m-%d %H:%M} {one.kind}{number}, {about}{state}")
    if not found:
        print("no tickets")
    return 0


def _done(database: Database, args: argparse.Namespace) -> int:
    try:
        database.writing(partial(close_ticket, number=args.number))
    finally:
        database.close()
    print(f"ticket {args.number} is closed")
    return 0
