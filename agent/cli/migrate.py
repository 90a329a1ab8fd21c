"""`tillpoint migrate`: bring this till's database to this version, with a copy kept beside it; for installers."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import Final

from agent.cli.common import add_config, print_json, settings_of
from drivers.vocabulary.errors import TillpointError
from offline_queue.errors import StoreError
from offline_queue.upkeep import Migration, look, migrate

__all__ = ["DUE", "add_parser", "run"]

#: Exit code of ``--check`` when the file is older than this program.
DUE: Final = 3


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("migrate", help="bring the till's database to this version, keeping a copy")
    parser.add_argument(
        "--check", action="store_true", help=f"only look: 0 nothing to do, {DUE} older, 1 cannot be used"
    )
    add_config(parser)


def run(args: argparse.Namespace) -> int:
    """Look, copy, migrate; the agent must not run, and does the same at its start."""
    database = settings_of(args).state_folder / "till.db"
    try:
        found = look(database) if args.check else migrate(database, now=datetime.now(UTC))
    except StoreError as error:
        raise TillpointError(str(error)) from None
    if args.json:
        print_json(
            {"database": str(database), "found": found.found, "now": found.wanted, "copy": str(found.copy or "")}
        )
    else:
        print(_sentence(found, str(database), is_look=args.check))
    return DUE if args.check and found.is_due else 0


def _sentence(found: Migration, database: str, *, is_look: bool) -> str:
    if not found.found:
        return f"{database} is not there yet; the agent makes it at its first start"
    if found.found > found.wanted:
        return f"{database} has newer tables ({found.found}); this version ({found.wanted}) goes on with them"
    if found.found == found.wanted and not found.copy:
        return f"{database} is up to date (tables {found.wanted})"
    if is_look:
        return f"{database} has older tables ({found.found} of {found.wanted}): tillpoint migrate"
    return f"{database} has tables {found.wanted} now (was {found.found}); as it was: {found.copy}"
