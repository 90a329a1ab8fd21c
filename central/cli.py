"""`tillpoint central`: run the server, enrol tills, set the programme, load and show members, count everything."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from central.changes import new_instance
from central.database import Database, open_database
from central.errors import CentralStartError
from central.members import Loaded, load_members, read_members, show_member
from central.programmes import set_programme
from central.tills import make_code
from central.totals import Totals, read_totals
from drivers.vocabulary import codec
from drivers.vocabulary.errors import TillpointError

__all__ = ["main"]

DATABASE: Final = "sqlite:///central.db"
LISTEN: Final = "127.0.0.1:8700"
PROGRESS_EVERY: Final = 50_000  # members between two lines of progress when nobody watches a terminal


def main(argv: Sequence[str] | None = None) -> int:
    """One command; 0 is success, 1 a failure said in one sentence, 2 a wrong command line."""
    args = _parser().parse_args(argv)
    action: Callable[[argparse.Namespace], int] = args.action
    try:
        return action(args)
    except TillpointError as error:
        print(f"tillpoint central: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tillpoint central", description="The reference central server.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, words: str, action: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=words, description=words)
        _common(one, action)
        return one

    run = command("run", "serve the tills until stopped", _run)
    run.add_argument("--listen", default=LISTEN, metavar="HOST:PORT", help=f"default {LISTEN}")
    code = command("enrol-code", "make a one-time code for a till", _enrol_code)
    code.add_argument("--shop", required=True)
    code.add_argument("--till", required=True)
    totals = command("totals", "count envelopes, receipts and points", _totals)
    totals.add_argument("--json", action="store_true", help="print JSON instead of words")
    command("restored", "after a restore from a back-up: let every till fetch everything again", _restored)
    contract = commands.add_parser("openapi", help="print the contract with the tills as OpenAPI 3.1")
    contract.set_defaults(action=_openapi)
    programme = commands.add_parser("programme", help="the loyalty programme").add_subparsers(required=True)
    _file(programme, "set", "store a programme and tell the tills", _programme_set)
    members = commands.add_parser("members", help="the members").add_subparsers(required=True)
    _file(members, "load", "load members from a CSV file", _members_load)
    show = members.add_parser("show", help="show one member with every entry of the ledger")
    show.add_argument("id")
    _common(show, _members_show)
    return parser


def _file(parsers: Any, name: str, words: str, action: Callable[[argparse.Namespace], int]) -> None:
    one = parsers.add_parser(name, help=words, description=words)
    one.add_argument("file", type=Path, metavar="FILE")
    _common(one, action)


def _common(parser: argparse.ArgumentParser, action: Callable[[argparse.Namespace], int]) -> None:
    parser.add_argument("--database", default=DATABASE, metavar="URL", help=f"default {DATABASE}")
    parser.add_argument("--currency", default="RUB", help="of a database that is made now; default RUB")
    parser.set_defaults(action=action)


def _open(args: argparse.Namespace) -> Database:
    return open_database(args.database, currency=args.currency)


def _now() -> datetime:
    return datetime.now(UTC)


def _run(args: argparse.Namespace) -> int:
    # The web server is imported only to serve: every other command starts without it.
    from central.app import build
    from central.serve import listening_socket, make_server

    bound = listening_socket(args.listen)
    try:
        database = _open(args)
        host, port = bound.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        url = f"http://{shown}:{port}"
        server = make_server(build(database), ready=lambda: print(f"tillpoint central listens on {url}", flush=True))
        try:
            server.run(sockets=[bound])
        except KeyboardInterrupt:
            pass
        finally:
            database.close()
    finally:
        bound.close()
    return 0


def _openapi(args: argparse.Namespace) -> int:
    del args
    from central.openapi import document

    print(json.dumps(document(), ensure_ascii=False, indent=2, sort_keys=True))
    return 0


def _enrol_code(args: argparse.Namespace) -> int:
    database = _open(args)
    try:
        with database.write() as connection:
            print(make_code(connection, shop=args.shop, till=args.till, now=_now()))
    finally:
        database.close()
    return 0


def _programme_set(args: argparse.Namespace) -> int:
    source = _bytes(args.file)
    database = _open(args)
    try:
        with database.write() as connection:
            version = set_programme(connection, source, name=args.file.name, currency=database.currency, now=_now())
    finally:
        database.close()
    print(f"programme version {version} is set")
    return 0


def _members_load(args: argparse.Namespace) -> int:
    database = _open(args)
    shown = _Progress(args.file)
    try:
        with args.file.open(encoding="utf-8-sig", newline="") as file:
            members = read_members(file, name=args.file.name, currency=database.currency)
            loaded = load_members(database, members, now=_now(), progress=shown)
    except UnicodeDecodeError:
        raise CentralStartError(f"{args.file.name} is not UTF-8; save it as UTF-8") from None
    except OSError as error:
        raise CentralStartError(f"cannot read {args.file}: {error.strerror}") from None
    finally:
        shown.end()
        database.close()
    print(f"{loaded.added} members added, {loaded.updated} updated, {loaded.unchanged} as they were")
    return 0


class _Progress:
    """A line that rewrites itself on a terminal, and a line now and then elsewhere."""

    def __init__(self, file: Path) -> None:
        self._name = file.name
        self._live = sys.stderr.isatty()
        self._said = 0

    def __call__(self, loaded: Loaded) -> None:
        """So many members are done."""
        if self._live:
            print(f"\r{self._name}: {loaded.total:,} members", end="", file=sys.stderr, flush=True)
        elif loaded.total - self._said >= PROGRESS_EVERY:
            self._said = loaded.total
            print(f"{self._name}: {loaded.total:,} members", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Leave the line."""
        if self._live:
            print(file=sys.stderr)


def _members_show(args: argparse.Namespace) -> int:
    database = _open(args)
    try:
        with database.read() as connection:
            shown = show_member(connection, args.id)
    finally:
        database.close()
    print(json.dumps(shown, ensure_ascii=False, indent=2))
    return 0


def _totals(args: argparse.Namespace) -> int:
    database = _open(args)
    try:
        with database.read() as connection:
            totals = read_totals(connection)
    finally:
        database.close()
    if args.json:
        print(json.dumps(codec.to_builtins(totals), ensure_ascii=False, indent=2))
    else:
        print("\n".join(_sentences(totals)))
    return 1 if totals.imbalances else 0


def _sentences(totals: Totals) -> list[str]:
    lines = [
        f"{totals.envelopes} envelopes taken, {totals.duplicates} asked again, {totals.refused} refused",
        f"{totals.receipts} receipts: {totals.sales} sales, {totals.returns} returns ({totals.waiting} wait)",
        f"{totals.unread} documents nobody could read; {totals.customers} members",
    ]
    for unit, moved in totals.points.items():
        lines.append(f"{unit}: " + ", ".join(f"{reason} {amount:+d}" for reason, amount in moved.items()))
    for till in totals.tills:
        waits = "" if till.queue_depth is None else f", {till.queue_depth} waiting when last seen"
        lines.append(f"till {till.till} ({till.shop}): epoch {till.epoch}, through {till.last_sequence}{waits}")
        if till.quarantined:
            lines.append(f"  quarantined: {till.quarantined}")
    lines += [f"LEDGER DOES NOT ADD UP: {sentence}" for sentence in totals.imbalances]
    return lines


def _restored(args: argparse.Namespace) -> int:
    database = _open(args)
    try:
        with database.write() as connection:
            new_instance(connection)
    finally:
        database.close()
    print("every till fetches everything again when it next asks")
    return 0


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CentralStartError(f"cannot read {file}: {error.strerror}") from None
