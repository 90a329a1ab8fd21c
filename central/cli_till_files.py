"""`tillpoint central till-load`: a load file with cards and tiers, for a POS that gives discounts without being told.

Made here because a till holds no card number in the clear.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import Connection, Row, Select, select

from agent.loyalty.rules import TierDiscount
from central import schema
from central.database import Database
from central.errors import CentralStartError
from central.programmes import present_programme
from drivers.tills.contract import TillSystem
from drivers.tills.files import LoadState, write_load
from drivers.tills.loads import LoadCard, LoadPlan, LoadTarget, LoadTier
from drivers.vocabulary.errors import DeviceRefused, TransportUnavailable
from drivers.vocabulary.money import Percent

__all__ = ["add_till_load", "cards_of", "tiers_of"]

GROUP: Final = "tillpoint.tills"
ROWS_AT_ONCE: Final = 2_000
PASSWORD: Final = "TILLPOINT_LOAD_PASSWORD"  # noqa: S105 - the variable's name
FIRST_CODE: Final = 101  # of the POS's card types and schemes: above those a shop makes by hand

Open = Callable[[argparse.Namespace], Database]
Common = Callable[[argparse.ArgumentParser, Callable[[argparse.Namespace], int]], None]


def add_till_load(commands: Any, common: Common, opened: Open) -> None:
    """Declare the command."""
    words = "write a load file with cards and tiers, for tills that give the tier's discount without the agent"
    parser = commands.add_parser("till-load", help=words, description=words)
    parser.add_argument("system", help="which till system (artix, frontol, shtrih_kassir)")
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="written whole or not at all")
    parser.add_argument("--flag", type=Path, metavar="FILE", help="the flag file the POS waits for; written last")
    parser.add_argument(
        "--percent", action="append", default=[], metavar="TIER=PERCENT", help="instead of the programme's own"
    )
    parser.add_argument("--first-code", type=int, default=FIRST_CODE, metavar="N", help=f"first tier; {FIRST_CODE}")
    parser.add_argument("--generation", default="", help="form of the records, for an older POS (frontol: old)")
    parser.add_argument("--counter", type=int, default=0, metavar="N", help="the POS's counter that holds the percent")
    parser.add_argument("--add", action="store_true", help="add to the cards the POS has (default: instead of them)")
    parser.add_argument("--clients", action="store_true", help="with names and phones: they lie readable on the till")
    parser.add_argument(
        "--send", default="", metavar="URL", help="to the POS's own load service, instead of a file (artix)"
    )
    parser.add_argument("--shop", default="", metavar="CODE", help="the shop's code at that service")
    parser.add_argument("--user", default="", help=f"its account; the password is in the environment, {PASSWORD}")
    common(parser, lambda args: _write(args, opened))


def _write(args: argparse.Namespace, opened: Open) -> int:
    system = _system(args.system)
    loads = system.loads
    if loads is None:
        raise CentralStartError(f"{system.title} takes no load files from us; see its README")
    if args.generation and args.generation not in loads.generations:
        raise CentralStartError(
            f"--generation {args.generation}: there are {', '.join(filter(None, loads.generations))}"
        )
    if bool(args.send) == (args.file is not None):
        raise CentralStartError("say where: FILE, or --send URL")
    if args.send and loads.send is None:
        raise CentralStartError(f"{system.title} takes files alone; write FILE")
    given = dict(_percent(text) for text in args.percent)
    database = opened(args)
    try:
        tiers = database.reading(lambda connection: tiers_of(connection, given, first_code=args.first_code))
        plan = LoadPlan(
            tiers=tiers,
            cards=lambda: cards_of(database, clients=args.clients),
            whole=not args.add,
            generation=args.generation,
            counter=args.counter,
            clients=args.clients,
            day=datetime.now(UTC).date(),
        )
        if loads.send is not None and args.send:
            return _sent(loads.send(plan, _target(args)), system, args.send)
        before = write_load(args.file, args.flag, loads.write(plan))
    except (TransportUnavailable, DeviceRefused) as error:
        raise CentralStartError(str(error)) from None
    except OSError as error:
        raise CentralStartError(f"cannot write {args.file}: {error.strerror}") from None
    finally:
        database.close()
    if before is LoadState.WAITS:
        print(f"{args.file} waits: the POS has not taken the one before; nothing was written", file=sys.stderr)
        return 1
    shown = ", ".join(f"{tier.title} {tier.percent} % as {tier.code}" for tier in tiers)
    print(f"{args.file} is written for {system.title}: {shown}")
    return 0


def _target(args: argparse.Namespace) -> LoadTarget:
    if urlsplit(args.send).scheme != "http" or not args.shop:
        raise CentralStartError("--send wants http://host:port, and --shop the shop's code there")
    password = os.environ.get(PASSWORD, "")
    name = f"tillpoint-{datetime.now(UTC):%Y%m%d%H%M%S}"
    return LoadTarget(url=args.send, shop=args.shop, name=name, user=args.user, password=password)


def _sent(count: int, system: TillSystem, url: str) -> int:
    print(f"{count} commands are with {system.title} at {url}; its tills take them in their own time")
    return 0


def _system(name: str) -> TillSystem:
    found = [entry for entry in entry_points(group=GROUP) if entry.name == name]
    if not found:
        known = sorted({entry.name for entry in entry_points(group=GROUP)})
        raise CentralStartError(f"no till system is called {name!r}; known are {', '.join(known)}")
    system = found[0].load()
    if not isinstance(system, TillSystem):
        raise CentralStartError(f"{found[0].value} is no till system; ask its maker")
    return system


def _percent(text: str) -> tuple[str, Percent]:
    tier, _, percent = text.partition("=")
    try:
        return tier, Percent.parse(percent)
    except ValueError as error:
        raise CentralStartError(f"--percent {text}: {error}; write it like gold=7.5") from None


def tiers_of(connection: Connection, given: dict[str, Percent], *, first_code: int) -> tuple[LoadTier, ...]:
    """The tiers that have a discount at every time and on everything, by the programme or as given.

    Raises:
        CentralStartError: there is none.
    """
    programme = present_programme(connection)
    titles = {tier.id: tier.title or tier.id for tier in programme.tiers} if programme is not None else {}
    percents: dict[str, Percent] = {}
    for rule in programme.file.rules if programme is not None else ():
        if isinstance(rule, TierDiscount) and rule.when == type(rule.when)() and rule.lines == type(rule.lines)():
            for name, percent in rule.percents.items():
                percents[name] = max(percent, percents.get(name, percent))
    percents |= given
    if not percents:
        raise CentralStartError("no tier has a plain discount in the programme; say it with --percent TIER=PERCENT")
    order = [*titles, *sorted(percents.keys() - titles.keys())]
    named = [name for name in order if name in percents]
    return tuple(
        LoadTier(name=name, title=titles.get(name, name), code=first_code + order.index(name), percent=percents[name])
        for name in named
    )


def _rows(query: Select[Any], connection: Connection) -> Sequence[Row[Any]]:
    return connection.execute(query).all()


def cards_of(database: Database, *, clients: bool) -> Iterator[LoadCard]:
    """Every card of a customer who is not blocked, in an order that stays; a page in memory at a time."""
    contact, customer = schema.contact, schema.customer
    after = ""
    while True:
        query = (
            select(contact.c.customer, contact.c.card, contact.c.name, contact.c.phone, customer.c.tier)
            .join(customer, customer.c.id == contact.c.customer)
            .where(contact.c.customer > after, contact.c.card != "", customer.c.blocked.is_(False))
            .order_by(contact.c.customer)
            .limit(ROWS_AT_ONCE)
        )
        rows = database.reading(partial(_rows, query))
        for row in rows:
            told = {"name": row.name, "phone": row.phone} if clients else {}
            yield LoadCard(number=row.card, tier=row.tier, **told)
        if len(rows) < ROWS_AT_ONCE:
            return
        after = rows[-1].customer
