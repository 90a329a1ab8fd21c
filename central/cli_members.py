"""`tillpoint central members`: load a file of members, show one."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from central.database import Database
from central.errors import CentralStartError
from central.member_load import FileLoad, errors_file, load_file
from central.members import show_member

__all__ = ["add_members"]

SAY_EVERY_S: Final = 10.0  # between two lines of progress when nobody watches a terminal
DRAW_EVERY_S: Final = 0.1
BAR_CHARS: Final = 24

Open = Callable[[argparse.Namespace], Database]
Common = Callable[[argparse.ArgumentParser, Callable[[argparse.Namespace], int]], None]


def add_members(commands: Any, common: Common, open_it: Open) -> None:
    """The commands about members."""
    verbs = commands.add_parser("members", help="the members").add_subparsers(required=True)
    words = "load members from a CSV file; the same file goes on where it was stopped"
    load = verbs.add_parser("load", help=words, description=words)
    load.add_argument("file", type=Path, metavar="FILE")
    common(load, lambda args: _load(args, open_it))
    show = verbs.add_parser("show", help="show one member with every entry of the ledger")
    show.add_argument("id")
    common(show, lambda args: _show(args, open_it))


def _load(args: argparse.Namespace, open_it: Open) -> int:
    database = open_it(args)
    shown = _Progress(args.file.name)
    try:
        done = load_file(database, args.file, now=datetime.now(UTC), progress=shown)
    except OSError as error:
        raise CentralStartError(f"cannot read {args.file}: {error.strerror}") from None
    finally:
        shown.end()
        database.close()
    if done.went_on_from:
        print(f"went on after line {done.went_on_from}")
    loaded = done.loaded
    print(f"{loaded.added} members added, {loaded.updated} updated, {loaded.unchanged} as they were")
    if not done.wrong:
        return 0
    for reason in done.reasons:
        print(f"{args.file.name}, {reason}", file=sys.stderr)
    lines = "line was" if done.wrong == 1 else "lines were"
    print(f"{done.wrong} {lines} left out, see {errors_file(args.file)}; mend and load again", file=sys.stderr)
    return 1


class _Progress:
    """A bar that redraws itself on a terminal, and a line now and then elsewhere."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._live = sys.stderr.isatty()
        self._began = time.monotonic()
        self._said = self._began
        self._first: FileLoad | None = None
        self._start = 0

    def __call__(self, done: FileLoad) -> None:
        """So many bytes are done."""
        now = time.monotonic()
        if self._first is None:
            self._first, self._start = done, done.loaded.total
        if now - self._said < (DRAW_EVERY_S if self._live else SAY_EVERY_S):
            return
        self._said = now
        share = done.offset / max(1, done.size)
        rate = (done.loaded.total - self._start) / max(0.001, now - self._began)
        words = f"{self._name}: {share:4.0%}  {done.loaded.total:,} members  {rate:,.0f}/s  {done.wrong:,} wrong"
        if self._live:
            bar = "#" * round(share * BAR_CHARS)
            print(f"\r[{bar:<{BAR_CHARS}}] {words} ", end="", file=sys.stderr, flush=True)
        else:
            print(words, file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the line."""
        if self._live:
            print(file=sys.stderr)


def _show(args: argparse.Namespace, open_it: Open) -> int:
    database = open_it(args)
    try:
        shown = database.reading(lambda connection: show_member(connection, args.id))
    finally:
        database.close()
    print(json.dumps(shown, ensure_ascii=False, indent=2))
    return 0
