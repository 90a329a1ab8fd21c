"""`tillpoint central rings …` and `fleet`: who gets a release when, when shops are closed, and how every till is."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from sqlalchemy import Connection, select

from central import schema
from central.cli_common import Act, Common, Open, declarer
from central.database import Database
from central.errors import CentralStartError
from central.releases import arranging
from central.releases.fleet import TROUBLES, FleetTill, FleetView, Wanted, fleet
from central.words import gigabytes, span
from drivers.vocabulary import codec

__all__ = ["add_rings"]

BY: Final = "command line"


def add_rings(commands: Any, common: Common, opened: Open) -> None:
    """Declare the verbs; `common` adds what every command has, `opened` opens the database it names."""
    words = "groups of tills that get a release one after the other"
    verbs = commands.add_parser("rings", help=words, description=words).add_subparsers(required=True, metavar="VERB")
    declare = declarer(common, opened)

    def verb(name: str, words: str, act: Act) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = verbs.add_parser(name, help=words, description=words)
        declare(parser, act)
        return parser

    verb("list", "the rings in their order, with their gates and who is in them", _list)
    one = verb("set", "make a ring behind the others, or change one", _set)
    one.add_argument("name")
    one.add_argument("--place", type=int, metavar="N", help="its place among the rings; the smallest is first")
    one.add_argument("--share", type=_share, metavar="PERCENT", help="of the tills that nobody placed by hand")
    one.add_argument("--healthy", type=int, metavar="N", help="so many tills must be well before the next ring opens")
    one.add_argument("--hours", type=_minutes, metavar="H", help="… for so many hours")
    one.add_argument("--failures", type=int, metavar="F", help="one more than this stops the release")
    verb("remove", "take a ring away; its tills fall to the others", _remove).add_argument("name")
    _add_placing(verb)
    words = "every till, the worst first: version, ring, what waits, disk, clock, warnings, devices"
    view = commands.add_parser("fleet", help=words, description=words)
    declare(view, _fleet)
    for name in ("shop", "ring", "version"):
        view.add_argument(f"--{name}", default="", help=f"only tills of this {name}")
    view.add_argument("--trouble", default="", help=f"only with this trouble: any, {', '.join(TROUBLES)}")
    view.add_argument("--limit", type=int, default=50, metavar="N", help="default 50")
    view.add_argument("--json", action="store_true", help="print JSON instead of a table")


def _add_placing(verb: Callable[[str, str, Act], argparse.ArgumentParser]) -> None:
    one = verb("till", "put one till into a ring, hold it to a version, or take it out of all updates", _till)
    one.add_argument("till")
    where = one.add_mutually_exclusive_group()
    where.add_argument("--ring", help="before its shop's and its share")
    where.add_argument("--no-ring", action="store_true", help="as its shop or its share says again")
    pin = one.add_mutually_exclusive_group()
    pin.add_argument("--pin", metavar="VERSION", help="this version and no other, also before its ring's turn")
    pin.add_argument("--no-pin", action="store_true")
    off = one.add_mutually_exclusive_group()
    off.add_argument("--off", action="store_true", help="no updates at all")
    off.add_argument("--on", action="store_true")
    one = verb("shop", "put a shop's tills into a ring, or say when it is closed", _shop)
    one.add_argument("shop", help="its name; * with --closed is every shop without hours of its own")
    where = one.add_mutually_exclusive_group()
    where.add_argument("--ring")
    where.add_argument("--no-ring", action="store_true")
    hours = one.add_mutually_exclusive_group()
    hours.add_argument("--closed", metavar="HOURS", help="as 22:00-07:00, or mon-fri 22:00-07:00; sat,sun 23:30-09:00")
    hours.add_argument("--no-closed", action="store_true", help="forget its hours")
    one.add_argument("--zone", default="Europe/Moscow", help="of these hours; default Europe/Moscow")


def _now() -> datetime:
    return datetime.now(UTC)


def _share(text: str) -> int:
    try:
        share = Decimal(text.removesuffix("%")) * 100
    except InvalidOperation:
        share = Decimal(-1)
    if not 0 <= share <= 10_000 or share != share.to_integral_value():
        raise argparse.ArgumentTypeError("a percentage from 0 to 100, with two decimals at most")
    return int(share)


def _minutes(text: str) -> int:
    try:
        minutes = round(float(text) * 60)
    except (ValueError, OverflowError):
        minutes = -1
    if not 0 <= minutes <= 90 * 24 * 60:
        raise argparse.ArgumentTypeError("a number of hours, as 24 or 0.5, at most 2160")
    return minutes


def _list(database: Database, args: argparse.Namespace) -> str:
    del args

    def work(connection: Connection) -> str:
        tills, shops = arranging.places(connection)
        view = fleet(connection, now=_now(), wanted=Wanted(limit=0))
        lines = []
        for ring in arranging.rings(connection):
            hours = ring.soak.total_seconds() / 3600
            gate = f"{ring.healthy_min} well for {hours:g} h, at most {ring.failures_max} failures"
            lines.append(
                f"{ring.place}  {ring.name}: {view.by_ring.get(ring.name, 0)} tills, {ring.share / 100:g} %; {gate}"
            )
            lines += [f"     till {name}" for name, where in sorted(tills.items()) if where == ring.name]
            lines += [f"     shop {name}" for name, where in sorted(shops.items()) if where == ring.name]
        table = schema.shop_hours
        rows = connection.execute(select(table).order_by(table.c.shop))
        lines += [f"shop {row.shop} is closed {row.hours} ({row.zone})" for row in rows]
        return "\n".join(lines) or "no rings yet; make one: rings set pilot --healthy 2 --hours 24"

    return database.reading(work)


def _set(database: Database, args: argparse.Namespace) -> str:
    told = {
        "place": args.place,
        "share": args.share,
        "healthy_min": args.healthy,
        "soak_minutes": args.hours,
        "failures_max": args.failures,
    }
    values = {name: value for name, value in told.items() if value is not None}
    database.writing(lambda connection: arranging.set_ring(connection, args.name, values, by=BY, now=_now()))
    return f"ring {args.name} is set"


def _remove(database: Database, args: argparse.Namespace) -> str:
    database.writing(lambda connection: arranging.remove_ring(connection, args.name, by=BY, now=_now()))
    return f"ring {args.name} is gone"


def _till(database: Database, args: argparse.Namespace) -> str:
    pinned = "" if args.no_pin else args.pin
    is_off = True if args.off else False if args.on else None
    if pinned is None and is_off is None and not args.ring and not args.no_ring:
        raise CentralStartError("say what: --ring, --no-ring, --pin, --no-pin, --off or --on")

    def work(connection: Connection) -> None:
        if args.ring or args.no_ring:
            arranging.put(connection, "till", args.till, args.ring, by=BY, now=_now())
        arranging.hold(connection, args.till, pinned=pinned, is_off=is_off, by=BY, now=_now())

    database.writing(work)
    return f"till {args.till} is as you said from its next check on"


def _shop(database: Database, args: argparse.Namespace) -> str:
    if not (args.ring or args.no_ring or args.closed or args.no_closed):
        raise CentralStartError("say what: --ring, --no-ring, --closed or --no-closed")

    def work(connection: Connection) -> None:
        if args.ring or args.no_ring:
            arranging.put(connection, "shop", args.shop, args.ring, by=BY, now=_now())
        if args.closed or args.no_closed:
            arranging.set_hours(connection, args.shop, args.closed, args.zone, by=BY, now=_now())

    database.writing(work)
    return f"shop {args.shop} is as you said from the next checks of its tills on"


def _fleet(database: Database, args: argparse.Namespace) -> str:
    chosen = {name: getattr(args, name) for name in ("shop", "ring", "version", "trouble")}
    wanted = Wanted(**chosen, limit=max(0, args.limit))
    view = database.reading(lambda connection: fleet(connection, now=_now(), wanted=wanted))
    if args.json:
        return json.dumps(codec.to_builtins(view), ensure_ascii=False, indent=2)
    return "\n".join([*_summary(view), *_table(view.tills)])


def _summary(view: FleetView) -> list[str]:
    versions = ", ".join(f"{count} on {version}" for version, count in view.by_version.items())
    troubles = ", ".join(f"{count} {kind}" for kind, count in view.by_trouble.items())
    return [f"{view.whole} tills; {versions or 'none yet'}", f"trouble: {troubles or 'none'}", ""]


def _table(tills: tuple[FleetTill, ...]) -> list[str]:
    heads = ("till", "shop", "seen", "version", "ring", "waits", "oldest", "disk", "clock", "trouble")
    rows = [heads, *(_row(one) for one in tills)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(heads))]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _row(one: FleetTill) -> tuple[str, ...]:
    return (
        one.till,
        one.shop,
        "never" if one.seen_s is None else span(one.seen_s),
        one.version,
        one.ring,
        "" if one.queue_depth is None else str(one.queue_depth),
        "" if one.oldest_unsent_s is None else span(one.oldest_unsent_s),
        "" if one.disk_free_bytes is None else gigabytes(one.disk_free_bytes),
        "" if one.clock_offset_s is None else f"{one.clock_offset_s:+d} s",
        " ".join(one.troubles),
    )
