"""`tillpoint central certificates`, `coupons` and `offers`; the rest of the command line is in `cli`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import Connection

from central.certificate_desk import (
    Certificate,
    block_certificate,
    list_certificates,
    make_certificate,
    show_certificate,
    top_up_certificate,
)
from central.coupons import overspent_coupons
from central.database import Database
from central.errors import CentralStartError
from central.loading import load_coupons, load_offers
from central.member_facts import moment_of
from drivers.vocabulary import codec
from drivers.vocabulary.money import Money

__all__ = ["add_values"]

Open = Callable[[argparse.Namespace], Database]
Common = Callable[[argparse.ArgumentParser, Callable[[argparse.Namespace], int]], None]
Action = Callable[[Connection, argparse.Namespace, str], str]


def add_values(commands: Any, common: Common, opened: Open) -> None:
    """Declare the verbs; `common` adds what every command has, `opened` opens the database it names."""

    def verb(verbs: Any, name: str, words: str, action: Action) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = verbs.add_parser(name, help=words, description=words)
        common(parser, lambda args: _run(opened(args), action, args))
        return parser

    verbs = commands.add_parser("certificates", help="gift certificates").add_subparsers(required=True)
    make = verb(verbs, "make", "make a gift certificate", _make)
    make.add_argument("code", help="8 to 64 letters, digits and dashes; kept as a hash only")
    make.add_argument("amount", help="in the centre's currency, as 1000 or 1000.50")
    make.add_argument("--valid-from", metavar="MOMENT", help="as 2027-01-01T00:00:00+03:00")
    make.add_argument("--valid-until", metavar="MOMENT", help="over from this moment on")
    make.add_argument("--burns", action="store_true", help="what a purchase leaves of it is lost")
    make.add_argument("--pin", default="", help="4 to 12 digits that are asked with the code")
    top_up = verb(verbs, "top-up", "add money to a certificate", _top_up)
    top_up.add_argument("code")
    top_up.add_argument("amount")
    verb(verbs, "block", "take a certificate out of use", _block).add_argument("code")
    verb(verbs, "unblock", "let it pay again, and forgive wrong PINs", _unblock).add_argument("code")
    show = verb(verbs, "show", "show a certificate with everything that moved its balance", _show)
    show.add_argument("code", help="its code or its id")
    verb(verbs, "list", "show the newest certificates", _list)
    verbs = commands.add_parser("coupons", help="coupons that members hold").add_subparsers(required=True)
    load = verb(verbs, "load", "give coupons to members, from a CSV file", _coupons_load)
    load.add_argument("file", type=Path, metavar="FILE")
    verb(verbs, "overspent", "show uses of coupons beyond what they allow", _coupons_overspent)
    verbs = commands.add_parser("offers", help="personal offers").add_subparsers(required=True)
    load = verb(verbs, "load", "set personal offers, from a CSV file", _offers_load)
    load.add_argument("file", type=Path, metavar="FILE")


def _run(database: Database, action: Action, args: argparse.Namespace) -> int:
    try:
        print(database.writing(lambda connection: action(connection, args, database.currency)))
    finally:
        database.close()
    return 0


def _now() -> datetime:
    return datetime.now(UTC)


def _make(connection: Connection, args: argparse.Namespace, currency: str) -> str:
    made = make_certificate(
        connection,
        args.code,
        _amount(args.amount, currency),
        now=_now(),
        valid_from=_moment(args.valid_from, "--valid-from"),
        valid_until=_moment(args.valid_until, "--valid-until"),
        burns=args.burns,
        pin=args.pin,
    )
    return f"made: {_line(made)}"


def _top_up(connection: Connection, args: argparse.Namespace, currency: str) -> str:
    return _line(top_up_certificate(connection, args.code, _amount(args.amount, currency), now=_now()))


def _block(connection: Connection, args: argparse.Namespace, currency: str) -> str:
    del currency
    return _line(block_certificate(connection, args.code, blocked=True, now=_now()))


def _unblock(connection: Connection, args: argparse.Namespace, currency: str) -> str:
    del currency
    return _line(block_certificate(connection, args.code, blocked=False, now=_now()))


def _show(connection: Connection, args: argparse.Namespace, currency: str) -> str:
    del currency
    certificate, moves = show_certificate(connection, args.code, now=_now())
    shown = {**codec.to_builtins(certificate), "moves": codec.to_builtins(moves)}
    return json.dumps(shown, ensure_ascii=False, indent=2)


def _list(connection: Connection, args: argparse.Namespace, currency: str) -> str:
    del args, currency
    return "\n".join(_line(one) for one in list_certificates(connection, now=_now())) or "no certificates"


def _line(one: Certificate) -> str:
    words = [f"{one.id} {one.mask} {one.balance}"]
    if one.held.minor:
        words.append(f"of it {one.held} held")
    if one.valid_until is not None:
        words.append(f"until {one.valid_until.isoformat()}")
    if one.blocked:
        words.append("blocked")
    return ", ".join(words)


def _coupons_load(connection: Connection, args: argparse.Namespace, currency: str) -> str:
    del currency
    fresh, known = _read(args.file, lambda file: load_coupons(connection, file, name=args.file.name))
    return f"{fresh} coupons given, {known} were there"


def _coupons_overspent(connection: Connection, args: argparse.Namespace, currency: str) -> str:
    del args, currency
    found = overspent_coupons(connection)
    lines = [
        f"{one.at.isoformat()} {one.coupon} {one.serial} on receipt {one.receipt_uid} at till {one.till}"
        for one in found
    ]
    return "\n".join(lines) or "no coupon was used more often than it may be"


def _offers_load(connection: Connection, args: argparse.Namespace, currency: str) -> str:
    del currency
    offers, customers = _read(args.file, lambda file: load_offers(connection, file, name=args.file.name))
    return f"{offers} offers of {customers} members set"


def _read(path: Path, work: Callable[[TextIO], tuple[int, int]]) -> tuple[int, int]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return work(file)
    except UnicodeDecodeError:
        raise CentralStartError(f"{path.name} is not UTF-8; save it as UTF-8") from None
    except OSError as error:
        raise CentralStartError(f"cannot read {path}: {error.strerror}") from None


def _amount(text: str, currency: str) -> Money:
    try:
        return Money.of(text, currency)
    except ValueError as error:
        raise CentralStartError(f"not an amount: {error}; write it as 1000 or 1000.50") from None


def _moment(text: str | None, what: str) -> datetime | None:
    if text is None:
        return None
    try:
        return moment_of(text, what)
    except ValueError as error:
        raise CentralStartError(str(error)) from None
