"""`tillpoint central check URL`: the conformance suite for anybody's own server; the checks are in `conformance`."""

from __future__ import annotations

import argparse
import json
import secrets
import ssl
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection

from central.certificate_desk import block_certificate, make_certificate
from central.conformance.bench import Bench
from central.conformance.contract import Contract
from central.conformance.everything import chosen
from central.conformance.goods import PHONE_LIKE
from central.conformance.report import made, table
from central.conformance.suite import Check, Outcome, run
from central.conformance.wanted import WAIT_MAX_S, Wanted
from central.conformance.wire import NoAnswer, wire_to
from central.database import Database, open_database
from central.enrol_secrets import make_secret, revoke_secret
from central.errors import CentralStartError
from central.tills import make_code
from drivers.vocabulary import codec
from drivers.vocabulary.money import Money

__all__ = ["add_check"]

SHOP: Final = "conformance"
TILLS: Final = ("conformance-1", "conformance-2", "conformance-3")
CERTIFICATE_MINOR: Final = 10_000
BAR_CHARS: Final = 24


def add_check(commands: Any) -> None:
    """Declare the command."""
    words = "check any central server against the contract, from outside"
    parser = commands.add_parser("check", help=words, description=words)
    parser.add_argument("url", metavar="URL", help="as https://centre.example or http://127.0.0.1:8700")
    add = parser.add_argument
    add("--code", action="append", default=[], metavar="CODE", help="enrolment code of a till made for this; give two")
    add("--secret", default="", metavar="SECRET", help="a store's secret that may make a till or two")
    add("--database", metavar="URL", help="of our own server: codes and a certificate are made there")
    add("--allow-fork", action="store_true", help="quarantine a third till (third --code; a fourth enrols it again)")
    add("--customer", default="", metavar="ID", help="work on this member, made for testing, instead of inventing some")
    add("--member", default="", metavar="CODE", help="the same, by phone (+7…) or card")
    add("--unit", default="bonus", help="points the checks move; default bonus")
    add("--phone-like", default=PHONE_LIKE, metavar="PATTERN", help=f"invented phones, X a digit; default {PHONE_LIKE}")
    add("--certificate", default="", metavar="CODE", help="a gift certificate to ask for; it is not paid with")
    add("--certificate-pin", default="", metavar="PIN")
    add("--release-root", default="", metavar="KEY", help="root key (base64) of the release till one is offered")
    add("--platform", default="linux-x86_64-cp311", metavar="NAME", help="of the till that asks for an update")
    add(
        "--wait-max",
        type=float,
        default=WAIT_MAX_S,
        metavar="S",
        help=f"for what ends by itself; default {WAIT_MAX_S:.0f}",
    )
    add("--ca-file", type=Path, metavar="PEM", help="trust this authority instead of the machine's")
    add(
        "--client-certificate",
        type=Path,
        metavar="PEM",
        help="shown to a server that wants one, its key in the same file",
    )
    add("--only", action="append", default=[], metavar="ID", help="only this check and what it needs; may be repeated")
    add("--list", action="store_true", help="show the checks and make none")
    add("--json", action="store_true", help="print JSON instead of a table")
    parser.set_defaults(action=_check)


def _check(args: argparse.Namespace) -> int:
    try:
        checks = chosen(args.only)
    except KeyError as error:
        raise CentralStartError(f"no check {error.args[0]!r}; --list shows them") from None
    if args.list:
        print("\n".join(f"{one.id:<20}{one.promises:<7}{one.title}" for one in checks))
        return 0
    wire = wire_to(args.url, tls=_tls(args))
    with _prepared(args) as wanted:
        from central.openapi import document

        bench = Bench(wire=wire, wanted=wanted, ours=Contract(document()))
        wire.watch = bench.watch
        if wanted.certificate_is_ours:
            bench.left.append(f"a gift certificate ****{wanted.certificate[-4:]}, blocked")
        return _run(bench, checks, args)


def _run(bench: Bench, checks: Sequence[Check], args: argparse.Namespace) -> int:
    """Make the checks, undo what they did, say what was found."""
    began, began_at = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    shown = _Progress(len(checks))
    bench.progress = shown.inside
    _take_published_contract(bench)
    outcomes: list[Outcome] = []
    try:
        outcomes.extend(run(bench, checks, shown.begin))
    except KeyboardInterrupt:
        bench.left.append("this run was stopped: the checks that are missing were not made")
    finally:
        left = bench.clean_up()
        shown.end()
    report = made(args.url, began_at, outcomes, left, seconds=time.monotonic() - began)
    print(json.dumps(codec.to_builtins(report), ensure_ascii=False, indent=2) if args.json else table(report))
    return 1 if report.failed else 0


def _take_published_contract(bench: Bench) -> None:
    try:
        answer = bench.wire.ask("GET", "/openapi.json", deadline_s=15)
    except NoAnswer:
        return  # the first check says so
    if answer.status == 200 and str(answer.get("openapi", "")).startswith("3."):
        bench.theirs = Contract(answer.value)


def _tls(args: argparse.Namespace) -> ssl.SSLContext | None:
    if args.ca_file is None and args.client_certificate is None:
        return None
    try:
        context = ssl.create_default_context(cafile=args.ca_file)
        if args.client_certificate is not None:
            context.load_cert_chain(args.client_certificate, password="")
    except (OSError, ssl.SSLError) as error:
        raise CentralStartError(
            f"cannot use --ca-file or --client-certificate: {error}; give PEM files, the key without a password"
        ) from None
    return context


@contextmanager
def _prepared(args: argparse.Namespace) -> Iterator[Wanted]:
    """What the run may use: as the operator gave it, or made in the database of a server of ours."""
    made_here: dict[str, Any] = {}
    if args.database is None:
        yield _wanted(args, made_here)
        return
    if args.code or args.certificate or args.secret:
        raise CentralStartError(
            "--database makes codes, a secret and a certificate itself; leave out --code, --secret and --certificate"
        )
    database = open_database(args.database)
    try:
        database.writing(lambda connection: _make(connection, database, made_here, forks=args.allow_fork))
        try:
            yield _wanted(args, made_here)
        finally:
            database.writing(lambda connection: _block(connection, made_here))
    finally:
        database.close()


def _make(connection: Connection, database: Database, made_here: dict[str, Any], *, forks: bool) -> None:
    now = datetime.now(UTC)
    names = (*TILLS, TILLS[2]) if forks else TILLS[:2]
    made_here["codes"] = [make_code(connection, shop=SHOP, till=name, now=now) for name in names]
    made_here["secret"] = make_secret(connection, shop=SHOP, now=now, days=1, tills=1, prefix=f"{SHOP}-s")
    made_here["certificate"] = f"CHECK-{secrets.token_hex(8).upper()}"
    made_here["pin"] = f"{secrets.randbelow(10_000):04d}"
    amount = Money(CERTIFICATE_MINOR, database.currency)
    make_certificate(connection, made_here["certificate"], amount, now=now, pin=made_here["pin"])


def _block(connection: Connection, made_here: dict[str, Any]) -> None:
    now = datetime.now(UTC)
    block_certificate(connection, made_here["certificate"], blocked=True, now=now)
    revoke_secret(connection, made_here["secret"].split("_")[1], now=now)


def _wanted(args: argparse.Namespace, made_here: dict[str, Any]) -> Wanted:
    member = args.member.strip()
    return Wanted(
        codes=made_here.get("codes", args.code),
        secret=made_here.get("secret", args.secret),
        allow_fork=args.allow_fork,
        customer=args.customer,
        member=f"{'phone' if member.startswith('+') else 'card'}:{member}" if member else "",
        unit=args.unit,
        phone_like=args.phone_like,
        certificate=made_here.get("certificate", args.certificate),
        pin=made_here.get("pin", args.certificate_pin),
        certificate_is_ours=bool(made_here),
        tills_are_ours=bool(made_here),
        release_root=args.release_root,
        platform=args.platform,
        wait_max_s=args.wait_max,
    )


class _Progress:
    """A line that redraws itself on a terminal; nothing elsewhere."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._live = sys.stderr.isatty()
        self._done = 0
        self._name = ""

    def begin(self, done: int, name: str) -> None:
        """This check is next."""
        self._done, self._name = done, name
        self._draw(name)

    def inside(self, words: str) -> None:
        """What a check that takes long is at."""
        self._draw(f"{self._name}: {words}")

    def end(self) -> None:
        """Clear the line."""
        if self._live:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def _draw(self, words: str) -> None:
        if self._live:
            bar = "#" * round(self._done / max(1, self._count) * BAR_CHARS)
            line = f"[{bar:<{BAR_CHARS}}] {self._done} of {self._count}  {words}"
            print(f"\r\x1b[K{line[:110]}", end="", file=sys.stderr, flush=True)
