"""`tillpoint central leases …`: what tills hold, by which rules, and taking it back from a till that is no more."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row

from central.cli_common import Common, Open, declarer
from central.database import Database
from central.errors import CentralStartError
from central.leases import LeaseRules, lease_rules, leases_of, release_leases, set_lease_rules
from central.restoration import lease_troubles, unsettled_tills
from central.value_leases import release_values, values_of
from drivers.vocabulary.value_leases import ValueKind

__all__ = ["add_leases"]

DAYS_MAX = 60  # a till that was lost keeps its customers' points from them for so long


def add_leases(commands: Any, common: Common, opened: Open) -> None:
    """Declare the commands; `common` adds what every command has, `opened` opens the database it names."""
    verbs = commands.add_parser(
        "leases", help="points, coupons and certificates that tills may take without a line"
    ).add_subparsers(required=True)
    declare = declarer(common, opened)
    shown = verbs.add_parser("list", help="what tills hold now")
    shown.add_argument("--till", default="", help="of one till")
    shown.add_argument("--customer", default="", help="of one customer")
    declare(shown, _list)
    rules = verbs.add_parser("rules", help="show or set how much is leased, and for how long")
    rules.add_argument("--days", type=int, help=f"life of a lease, 0 (none at all) to {DAYS_MAX}")
    rules.add_argument("--share", type=int, help="percent of what is free when a till asks, 1 to 100")
    declare(rules, _rules)
    release = verbs.add_parser("release", help="a till is lost or destroyed: what it held is free again")
    release.add_argument("till", metavar="TILL")
    release.add_argument(
        "--i-take-the-risk", action="store_true", help="what it spent and never told may be spent a second time"
    )
    declare(release, _release)


def _list(database: Database, args: argparse.Namespace) -> str:
    rows = database.reading(lambda connection: leases_of(connection, till=args.till, customer=args.customer))
    behind = database.reading(lambda connection: unsettled_tills(connection, datetime.now(UTC)))
    lines = [
        f"{row.till}  {row.customer}  {row.points - row.spent} of {row.points} {row.unit} left, "
        f"until {row.expires_at:%Y-%m-%d %H:%M} UTC{', recalled' if row.recalled else ''}{', kept' if row.kept else ''}"
        for row in rows
    ]
    troubled = database.reading(lease_troubles)
    values = database.reading(lambda connection: values_of(connection, till=args.till, customer=args.customer))
    lines += [
        f"{row.till}  {row.customer or '-'}  {_said(row)}, "
        f"until {row.expires_at:%Y-%m-%d %H:%M} UTC{', recalled' if row.recalled_at is not None else ''}"
        for row in values
    ]
    lines += [f"{till} {words}" for till, words in troubled]
    if behind:
        lines.append(f"nothing is promised until these tills have been on line: {', '.join(behind)}")
    return "\n".join(lines) or "no till holds anything"


def _said(row: Row[Any]) -> str:
    """A coupon by its serial, a certificate by the end of its code."""
    if row.kind == ValueKind.COUPON.value:
        return f"coupon {row.thing}"
    return f"certificate {row.mask}: {row.amount - row.used} of {row.amount} minor units left"


def _rules(database: Database, args: argparse.Namespace) -> str:
    before = database.reading(lease_rules)
    days = before.days if args.days is None else args.days
    share = before.share if args.share is None else args.share
    if not 0 <= days <= DAYS_MAX:
        raise CentralStartError(f"--days {days}: a lease lives from 0 (no leases) to {DAYS_MAX} days")
    if not 1 <= share <= 100:
        raise CentralStartError(f"--share {share}: write a percent from 1 to 100")
    rules = LeaseRules(days, share)
    if rules != before:
        database.writing(lambda connection: set_lease_rules(connection, rules))
    if not days:
        return "nothing is leased; tills without a line spend within their own cap"
    return f"{share} % of what is free when a till asks, for {days} days"


def _release(database: Database, args: argparse.Namespace) -> str:
    if not args.i_take_the_risk:
        raise CentralStartError(
            f"what {args.till} has spent and not told yet would be spent twice; when the till is gone for good, "
            "say so with --i-take-the-risk"
        )
    count = database.writing(
        lambda connection: release_leases(connection, args.till) + release_values(connection, args.till)
    )
    return f"{count} leases of {args.till} are free; if it comes back, enrol it again"
