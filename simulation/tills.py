"""`tillpoint simulate till SYSTEM`: a POS's side of its protocol, played once against a running agent or centre."""

from __future__ import annotations

import argparse
import http.client
import sys
import uuid
from collections.abc import Generator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO, cast
from urllib.parse import quote, urlencode, urlsplit
from zoneinfo import ZoneInfo

from drivers import registry
from drivers.tills.contract import (
    AnswerLost,
    HttpReply,
    HttpRequest,
    Outcome,
    Story,
    StoryLine,
    TillSystem,
    TwinContext,
)
from drivers.vocabulary import codec
from drivers.vocabulary.errors import DriverLoadError, SettingsError, TransportUnavailable
from drivers.vocabulary.money import Money, Quantity

__all__ = ["main", "systems_with_twins"]

TIMEOUT_S: Final = 10.0  # a POS waits about so long before it goes on without
SHOWN_MAX: Final = 2_000  # characters of a body; a receipt of a thousand lines is for a file


def systems_with_twins() -> dict[str, str]:
    """Name → title of every till system whose side can be played."""
    return {name: one.title for name, one in _loaded().items() if one.twin is not None or one.report_twin is not None}


def main(argv: Sequence[str]) -> int:
    """Play one sale; 0 when the POS was refused nothing."""
    args = _parser().parse_args(argv)
    system = _loaded()[args.system]
    zone, currency = ZoneInfo(args.zone), args.currency
    context = TwinContext(key=args.key, zone=zone, currency=currency)
    story = _story(args, datetime.now(UTC).astimezone(zone).replace(microsecond=0))
    if args.report is not None:
        return _report(system, context, story, args.report)
    build = system.push_twin if args.push else system.app_twin if args.app else system.twin
    if build is None and args.push:
        raise SettingsError(f"{system.title} pushes nothing after the sale; leave --push out")
    if build is None and args.app:
        raise SettingsError(f"{system.title} has no app of ours; leave --app out")
    if build is None:
        raise SettingsError(f"{system.title} asks nobody; it appends to a file: --report FILE")
    if not args.url:
        raise SettingsError(
            "--url is missing: `tillpoint tills` tells it; or --report FILE for a POS that writes files"
        )
    twin = build(codec.convert({}, system.settings_type), context)
    outcome = _play(twin.play(story), args, sys.stdout)
    _tell(outcome, sys.stdout)
    return 1 if outcome.failures else 0


def _loaded() -> dict[str, TillSystem]:
    found = {name: registry.load_system(name) for name in registry.known_systems()}
    return {name: one for name, one in found.items() if not isinstance(one, DriverLoadError)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tillpoint simulate till",
        description="Sells ten coffees and two kilograms of cheese as that POS would, and takes five coffees back.",
    )
    add = parser.add_argument
    add("system", choices=list(systems_with_twins()), help="which POS")
    add("--url", default="", help="as `tillpoint tills` tells it: http://127.0.0.1:8765/tills/NAME")
    add("--report", type=Path, metavar="FILE", help="ask nobody: append to this report, as that POS does")
    add("--push", action="store_true", help="tell the closed sale only, as that POS's server does afterwards")
    add("--app", action="store_true", help="ask the local API as our app on that terminal does; KEY is its token")
    add("--key", default="", help="as `tillpoint tills` tells it")
    add("--customer", default="", help="phone or card; nobody when it is left out")
    add("--spend", type=int, default=0, metavar="N", help="points to spend; -1 as many as may be")
    add("--coupon", action="append", default=[], metavar="CODE", help="a coupon; may be given again")
    add("--no-return", action="store_true", help="nothing comes back")
    add("--lose", type=int, action="append", default=[], metavar="K", help="the K-th answer, from 1, does not arrive")
    add("--zone", default="Europe/Moscow", help="time zone of the shop (Europe/Moscow)")
    add("--currency", default="RUB", help="what prices are in (RUB)")
    add("--quiet", action="store_true", help="only the end of it, not each request")
    return parser


def _story(args: argparse.Namespace, at: datetime) -> Story:
    coffee, cheese = Money.of("40", args.currency), Money.of("300", args.currency)
    return Story(
        uid=str(uuid.uuid4()),
        number=at.hour * 3600 + at.minute * 60 + at.second,
        at=at,
        customer=args.customer,
        spend=args.spend,
        coupons=tuple(args.coupon),
        lines=(
            StoryLine(code="1001", name="Кофе", price=coffee, quantity=Quantity.parse("10"), barcode="4600000000015"),
            StoryLine(code="1002", name="Сыр", price=cheese, quantity=Quantity.parse("2.000")),
        ),
        refund=() if args.no_return else ((1, Quantity.parse("5")),),
    )


def _report(system: TillSystem, context: TwinContext, story: Story, path: Path) -> int:
    """Append the story to a report, behind what is in it."""
    if system.report_twin is None:
        raise SettingsError(f"{system.title} writes no reports; it asks: --url")
    twin = system.report_twin(codec.convert({}, system.settings_type), context)
    try:
        before = path.read_bytes() if path.exists() else b""
        if before and twin.footer():
            raise SettingsError(f"{path} is there already; {system.title} writes each file whole: name a new one")
        twin.go_on(before)
        data = (b"" if before else twin.header()) + twin.play(story) + twin.footer()
        with path.open("ab") as file:
            file.write(data)
    except OSError as error:
        raise SettingsError(f"cannot write {path}: {error.strerror}") from None
    sys.stdout.write(f"document {story.number} and what it took back are in {path}\n")
    return 0


def _play(steps: Generator[HttpRequest, HttpReply, Outcome], args: argparse.Namespace, out: TextIO) -> Outcome:
    number = 0
    try:
        request = next(steps)
        while True:
            number += 1
            _show(out, f"→ {request.method} {request.path}", request.body, quiet=args.quiet)
            reply = _carry(args.url, request)
            if number in args.lose:
                out.write("← lost\n")
                request = steps.throw(AnswerLost())
                continue
            _show(out, f"← {reply.status}", reply.body, quiet=args.quiet)
            request = steps.send(reply)
    except StopIteration as ended:
        return cast("Outcome", ended.value)


def _show(out: TextIO, head: str, body: bytes, *, quiet: bool) -> None:
    if not quiet:
        text = body.decode("utf-8", "replace")
        out.write(f"{head} {text[:SHOWN_MAX]}{'…' if len(text) > SHOWN_MAX else ''}\n")


def _carry(url: str, request: HttpRequest) -> HttpReply:
    """One request; raises TillpointError when nobody answers."""
    there = urlsplit(url)
    if there.scheme not in {"http", "https"} or not there.hostname:
        raise SettingsError(f"--url {url}: write it like http://127.0.0.1:8765/tills/NAME")
    kind = http.client.HTTPSConnection if there.scheme == "https" else http.client.HTTPConnection
    connection = kind(there.hostname, there.port, timeout=TIMEOUT_S)
    query = f"?{urlencode(request.query)}" if request.query else ""
    path = there.path.rstrip("/") + quote(request.path, safe="/%") + query
    try:
        connection.request(request.method, path, request.body, dict(request.headers))
        answer = connection.getresponse()
        return HttpReply(
            status=answer.status,
            body=answer.read(),
            content_type=answer.headers.get("content-type", ""),
            headers={name.lower(): value for name, value in answer.headers.items()},
        )
    except (OSError, http.client.HTTPException) as error:
        raise TransportUnavailable(f"{url} does not answer ({error}); is the agent running?") from None
    finally:
        connection.close()


def _tell(outcome: Outcome, out: TextIO) -> None:
    out.write(f"discount {outcome.discount}, paid with points {outcome.points_paid}, paid {outcome.paid}\n")
    if outcome.refunded is not None:
        out.write(f"given back {outcome.refunded}\n")
    if outcome.balance is not None:
        out.write(f"balance {outcome.balance}\n")
    out.writelines(f"  {line}\n" for line in (*outcome.messages, *outcome.slip))
    out.writelines(f"refused: {failure}\n" for failure in outcome.failures)
