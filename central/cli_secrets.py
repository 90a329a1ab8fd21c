"""`tillpoint central enrol-secret new|list|revoke`: secrets with which a shop's machines enrol themselves."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row

from central.cli_common import Common, Open, declarer
from central.database import Database
from central.enrol_secrets import (
    DAYS_DEFAULT,
    DAYS_MAX,
    HOUR_DEFAULT,
    list_secrets,
    make_secret,
    revoke_secret,
    state_of,
    tills_of,
)

__all__ = ["add_secrets"]


def add_secrets(commands: Any, common: Common, opened: Open) -> None:
    """Declare the commands; `common` adds what every command has, `opened` opens the database it names."""
    words = "secrets with which the machines of a shop enrol themselves (zero-touch)"
    verbs = commands.add_parser("enrol-secret", help=words, description=words).add_subparsers(required=True)
    declare = declarer(common, opened)
    new = verbs.add_parser("new", help="make one; it is shown only now")
    new.add_argument("--shop", required=True, help="where its tills stand")
    new.add_argument(
        "--days", type=int, default=DAYS_DEFAULT, help=f"how long it is good, up to {DAYS_MAX}; default {DAYS_DEFAULT}"
    )
    new.add_argument("--tills", type=int, metavar="N", help="how many enrolments in all; default: no limit")
    new.add_argument(
        "--per-hour",
        type=int,
        default=HOUR_DEFAULT,
        metavar="N",
        help=f"of them within an hour; default {HOUR_DEFAULT}",
    )
    new.add_argument("--may-replace", action="store_true", help="it may also put a machine into a silent till's place")
    new.add_argument("--prefix", default="", help="new tills are called PREFIX1, PREFIX2 …; default SHOP-")
    new.add_argument("--scope", help="a word, such as a region: its tills hold the customers of it (default: all)")
    declare(new, _new)
    shown = verbs.add_parser(
        "list", help="every secret: how often it was used, what was refused, until when it is good"
    )
    shown.add_argument("--tills", action="store_true", help="with the tills that came with each")
    shown.add_argument("--json", action="store_true", help="print JSON instead of words")
    declare(shown, _list)
    revoke = verbs.add_parser("revoke", help="it opens nothing from now on; its tills stay")
    revoke.add_argument("id", metavar="ID", help="as `list` names it")
    declare(revoke, _revoke)


def _now() -> datetime:
    return datetime.now(UTC)


def _new(database: Database, args: argparse.Namespace) -> str:
    return database.writing(
        lambda connection: make_secret(
            connection,
            shop=args.shop,
            now=_now(),
            days=args.days,
            tills=args.tills,
            per_hour=args.per_hour,
            may_replace=args.may_replace,
            prefix=args.prefix,
            scope=args.scope,
        )
    )


def _list(database: Database, args: argparse.Namespace) -> str:
    with database.read() as connection:
        rows = list_secrets(connection)
        came = {row.id: tills_of(connection, row.id) for row in rows} if args.tills else {}
    if args.json:
        return json.dumps([_facts(row, came.get(row.id, [])) for row in rows], ensure_ascii=False, indent=2)
    lines = []
    for row in rows:
        lines += [_sentence(row), *(f"  {_came(till)}" for till in came.get(row.id, []))]
        if row.refused:
            lines.append(f"  refused {row.refused} times, last {row.refused_at:%Y-%m-%d %H:%M} UTC: {row.refused_why}")
    return "\n".join(lines) or "no secrets; tillpoint central enrol-secret new --help"


def _sentence(row: Row[Any]) -> str:
    many = f"{row.used} of {row.tills_max}" if row.tills_max is not None else f"{row.used}"
    more = ", may replace" if row.may_replace else ""
    return f"{row.id}  shop {row.shop}, {many} used, {row.hour_max} an hour at most{more}; {state_of(row, _now())}"


def _came(till: Row[Any]) -> str:
    seen = f"seen {till.seen_at:%Y-%m-%d %H:%M} UTC" if till.seen_at is not None else "not seen yet"
    return f"{till.id}  epoch {till.epoch}, machine {till.machine or '?'}, {seen}"


def _facts(row: Row[Any], came: list[Row[Any]]) -> dict[str, Any]:
    names = ("id", "shop", "prefix", "scope", "tills_max", "hour_max", "may_replace", "used", "refused", "refused_why")
    facts = {name: getattr(row, name) for name in names}
    facts |= {name: _moment(getattr(row, name)) for name in ("made_at", "expires_at", "revoked_at", "refused_at")}
    return facts | {"state": state_of(row, _now()), "tills": [till.id for till in came]}


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()


def _revoke(database: Database, args: argparse.Namespace) -> str:
    done = database.writing(lambda connection: revoke_secret(connection, args.id, now=_now()))
    return (
        f"secret {args.id} opens nothing any more; its tills stay" if done else f"secret {args.id} was revoked before"
    )
