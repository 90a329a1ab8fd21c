"""`tillpoint central`: run the server, enrol tills, set the programme, load and show members, count everything."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from central.changes import new_instance
from central.cli_check import add_check
from central.cli_codes import add_codes, sender_of
from central.cli_keys import add_keys
from central.cli_leases import add_leases
from central.cli_members import add_members
from central.cli_programme import add_programme
from central.cli_releases import FOLDER, add_releases
from central.cli_rings import add_rings
from central.cli_scopes import add_scopes
from central.cli_secrets import add_secrets
from central.cli_shops import add_shops
from central.cli_tickets import add_tickets
from central.cli_till_files import add_till_load
from central.cli_values import add_values
from central.database import Database, open_database
from central.errors import CentralStartError
from central.scopes import checked_scope
from central.till_keys import TOKEN_DAYS
from central.tills import make_code
from central.totals import Totals, read_totals
from drivers.vocabulary import codec
from drivers.vocabulary.errors import TillpointError

__all__ = ["main"]

DATABASE: Final = "sqlite:///central.db"
LISTEN: Final = "127.0.0.1:8700"


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
    run.add_argument("--certificate", type=Path, metavar="PEM", help="serve https with this certificate and its chain")
    run.add_argument("--key", type=Path, metavar="PEM", help="its private key; without it, in the same file")
    run.add_argument(
        "--client-ca", type=Path, metavar="PEM", help="let in only who has a certificate of this authority"
    )
    run.add_argument(
        "--token-days", type=_days, default=TOKEN_DAYS, metavar="N", help=f"age of a token; default {TOKEN_DAYS}"
    )
    run.add_argument(
        "--releases", type=Path, default=FOLDER, metavar="FOLDER", help=f"archives of releases; default {FOLDER}"
    )
    run.add_argument(
        "--downloads-max", type=_count, default=20, metavar="N", help="tills that download at once; default 20"
    )
    add_codes(run)
    code = command("enrol-code", "make a one-time code for a till", _enrol_code)
    code.add_argument("--shop", required=True)
    code.add_argument("--till", required=True)
    code.add_argument("--scope", help="a word, such as a region: the till holds the customers of it (default: all)")
    totals = command("totals", "count envelopes, receipts and points", _totals)
    totals.add_argument("--json", action="store_true", help="print JSON instead of words")
    tokens = command("operator-token", "make the token of the operator's page; the one before it ends", _operator_token)
    tokens.add_argument("--metrics", action="store_true", help="the token that opens /metrics and nothing else")
    command("restored", "after a restore from a back-up: let every till fetch everything again", _restored)
    contract = commands.add_parser("openapi", help="print the contract with the tills as OpenAPI 3.1")
    contract.set_defaults(action=_openapi)
    add_programme(commands, _common, _open)
    add_values(commands, _common, _open)
    add_members(commands, _common, _open)
    add_till_load(commands, _common, _open)
    add_keys(commands, _common, _open)
    add_secrets(commands, _common, _open)
    add_leases(commands, _common, _open)
    add_check(commands)
    add_scopes(commands, _common, _open)
    add_shops(commands, _common, _open)
    add_tickets(commands, _common, _open)
    add_releases(commands, _common, _open)
    add_rings(commands, _common, _open)
    snapshot = commands.add_parser("snapshot", help="make the snapshot now that tills begin with (daily by itself)")
    snapshot.add_argument("--scope", default="", help="of one scope; default: what tills without a scope begin with")
    _common(snapshot, _snapshot)
    return parser


def _common(parser: argparse.ArgumentParser, action: Callable[[argparse.Namespace], int]) -> None:
    parser.add_argument("--database", default=DATABASE, metavar="URL", help=f"default {DATABASE}")
    parser.add_argument("--currency", default="RUB", help="of a database that is made now; default RUB")
    parser.set_defaults(action=action)


def _open(args: argparse.Namespace) -> Database:
    return open_database(args.database, currency=args.currency)


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 3650:
        raise argparse.ArgumentTypeError("a number of days from 1 to 3650")
    return int(text)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 100_000:
        raise argparse.ArgumentTypeError("a number from 1 to 100000")
    return int(text)


def _now() -> datetime:
    return datetime.now(UTC)


def _run(args: argparse.Namespace) -> int:
    # The web server is imported only to serve: every other command starts without it.
    from central.app import build
    from central.serve import ServerTls, listening_socket, make_server

    bound = listening_socket(args.listen)
    try:
        database = _open(args)
        host, port = bound.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        tls = None
        if args.certificate is not None:
            tls = ServerTls(certificate=args.certificate, key=args.key, client_ca=args.client_ca)
        elif args.key is not None or args.client_ca is not None:
            raise CentralStartError("--key and --client-ca need --certificate: without it nothing is encrypted")
        url = f"{'http' if tls is None else 'https'}://{shown}:{port}"
        sender = sender_of(args, _now)
        app = build(
            database,
            token_days=args.token_days,
            sender=sender,
            code_digits=args.codes_digits,
            releases=args.releases,
            downloads_max=args.downloads_max,
        )
        server = make_server(app, ready=lambda: print(f"tillpoint central listens on {url}", flush=True), tls=tls)
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
            print(make_code(connection, shop=args.shop, till=args.till, now=_now(), scope=args.scope))
    finally:
        database.close()
    return 0


def _snapshot(args: argparse.Namespace) -> int:
    from central.snapshots import build_snapshot

    database = _open(args)
    live = sys.stderr.isatty()

    def shown(done: int, of: int) -> None:
        if live:
            print(f"\r{done:,} of {of:,} documents", end="", file=sys.stderr, flush=True)

    try:
        name = build_snapshot(database, now=_now, scope=checked_scope(args.scope), progress=shown)
    finally:
        database.close()
        if live:
            print(file=sys.stderr)
    print(f"snapshot {name} is ready")
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
    if totals.coupons_overspent:
        lines.append(f"{totals.coupons_overspent} uses of coupons too many: tillpoint central coupons overspent")
    if totals.certificates_overdrawn:
        lines.append(f"{totals.certificates_overdrawn} certificates paid more than they had: certificates list")
    lines += [f"gift {gift}: {given} given" for gift, given in totals.gifts.items()]
    lines += [f"fund {fund}: {points} {unit}" for fund, units in totals.funds.items() for unit, points in units.items()]
    for till in totals.tills:
        waits = "" if till.queue_depth is None else f", {till.queue_depth} waiting when last seen"
        lines.append(f"till {till.till} ({till.shop}): epoch {till.epoch}, through {till.last_sequence}{waits}")
        if till.quarantined:
            lines.append(f"  quarantined: {till.quarantined}")
        if till.signature_trouble:
            lines.append(f"  refused: {till.signature_trouble}")
        if till.lease_trouble:
            lines.append(f"  leases: {till.lease_trouble}")
    lines += [f"LEDGER DOES NOT ADD UP: {sentence}" for sentence in totals.imbalances]
    return lines


def _operator_token(args: argparse.Namespace) -> int:
    from central.operator.keys import METRICS, OPERATOR, make_token

    database = _open(args)
    try:
        with database.write() as connection:
            print(make_token(connection, METRICS if args.metrics else OPERATOR))
    finally:
        database.close()
    return 0


def _restored(args: argparse.Namespace) -> int:
    database = _open(args)
    try:
        with database.write() as connection:
            new_instance(connection)
    finally:
        database.close()
    print("every till fetches everything again when it next asks")
    return 0
