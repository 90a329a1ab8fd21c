"""`tillpoint journal`: what happened with a receipt, a customer, a day; reads only, beside a running agent."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from agent.cli.common import add_config, print_json, settings_of, table
from agent.cli.queue import open_reader
from agent.settings import Settings
from drivers.vocabulary.claims import normal_claim
from drivers.vocabulary.errors import TillpointError
from offline_queue.envelope import Envelope
from offline_queue.errors import StoreError
from offline_queue.reader import OutboxReader

__all__ = ["CHAIN_BROKEN", "add_parser", "run"]

CHAIN_BROKEN: Final = 3  # exit code of --verify: the file was read, and its history is not what was written


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("journal", help="what happened with a receipt, a customer, a day")
    parser.add_argument("--receipt", metavar="UID", help="one receipt")
    parser.add_argument("--claim", metavar="CODE", help="the code printed on a slip")
    parser.add_argument("--customer", metavar="ID", help="one customer")
    parser.add_argument("--number", metavar="N", help="the number printed on the receipt")
    parser.add_argument("--day", metavar="YYYY-MM-DD", help="one day at the shop")
    parser.add_argument("--limit", type=int, default=50, help="how many at most (default 50)")
    parser.add_argument("--verify", action="store_true", help="verify the chain of everything kept here (3: broken)")
    add_config(parser)


def run(args: argparse.Namespace) -> int:
    """Find, or verify."""
    settings = settings_of(args)
    with open_reader(settings.state_folder) as reader:
        try:
            if args.verify:
                return _verify(reader, as_json=args.json)
            found = _find(reader, settings, args)
        except StoreError as error:
            raise TillpointError(str(error)) from None
    rows = [_story(envelope) for envelope in found]
    if args.json:
        print_json(rows)
    elif not rows:
        print("nothing found; what the centre has had for long is removed here, ask it")
        return 1
    else:
        print(table(list(rows[0]), [[str(value) for value in row.values()] for row in rows]))
    return 0


def _day(text: str, zone: ZoneInfo) -> tuple[str, str]:
    """The first moment of a day at the shop, and of the next."""
    try:
        first = datetime.combine(date.fromisoformat(text), time.min, zone)
    except ValueError:
        raise TillpointError(f"{text!r} is not a day; write it like 2026-03-02") from None
    return first.isoformat(), (first + timedelta(days=1)).isoformat()


def _find(reader: OutboxReader, settings: Settings, args: argparse.Namespace) -> list[Envelope]:
    if args.claim is not None:
        claim = normal_claim(args.claim)
        if claim is None:
            raise TillpointError(f"{args.claim!r} is not a claim code; it looks like 7K4M0Q-2X, read it again")
        return list(reader.by_mark(f"claim:{claim}"))
    for kind in ("receipt", "customer", "number"):
        value = getattr(args, kind)
        if value is not None:
            return list(reader.by_mark(f"{kind}:{value}"))
    if args.day is not None:
        since, until = _day(args.day, ZoneInfo(settings.till.zone))
        return list(reader.envelopes(since=since, until=until, limit=args.limit, newest_first=False))
    return list(reader.envelopes(limit=args.limit, newest_first=True))


def _verify(reader: OutboxReader, *, as_json: bool) -> int:
    """Walk the chain; 0 when it holds, `CHAIN_BROKEN` when it does not, 1 (by an error) when it cannot be read."""
    report = reader.verify(_progress)
    _progress_line("")
    if as_json:
        print_json({"ok": report.broken is None, "checked": report.checked, "broken": report.broken, "why": report.why})
    elif report.broken is None:
        print(f"the chain of {report.checked} envelopes holds: nothing was changed, removed or reordered")
    else:
        epoch, sequence = report.broken
        print(
            f"the chain breaks at envelope {sequence} of epoch {epoch}: it {report.why}; the {report.checked} before it"
            " hold. Stop the agent, keep a copy of its folder, and tell whoever runs the centre"
        )
    return 0 if report.broken is None else CHAIN_BROKEN


def _progress(done: int, total: int) -> None:
    _progress_line(f"verified {done:,} of {total:,} envelopes ({100 * done // max(1, total)} %)")


def _progress_line(words: str) -> None:
    """One line that is written over, on a terminal; nothing where nobody looks."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{words}", end="", file=sys.stderr, flush=True)


def _story(envelope: Envelope) -> dict[str, Any]:
    """One line of the journal."""
    body = json.loads(envelope.body)
    receipt = body.get("receipt", {})
    decision = body.get("decision", {})
    effects = decision.get("effects", [])
    return {
        "sequence": envelope.sequence,
        "occurred_at": envelope.occurred_at[:19],
        "what": _what(envelope.kind, body),
        "total": receipt.get("total", ""),
        "discount": decision.get("discount", ""),
        "points": _points(body, effects),
        "customer": body.get("customer_id") or "",
        "claim": body.get("claim_code", ""),
        "receipt": receipt.get("uid", ""),
    }


def _what(kind: str, body: dict[str, Any]) -> str:
    """The kind; of a refused programme also which one, which goes on, and why."""
    if kind != "programme.refused":
        return kind
    goes_on = f"version {body['in_force']} goes on" if body["in_force"] else "none is in force"
    which = f"version {body['version']}" if body["version"] else "a version that cannot be read"
    return f"{kind}: {which}, {goes_on}: {body['reason']}"


def _points(body: dict[str, Any], effects: list[dict[str, Any]]) -> str:
    spent = sum(effect["amount"] for effect in effects if effect.get("effect") == "points_spent")
    earned = sum(effect["amount"] for effect in effects if effect.get("effect") == "points_earned")
    earned += sum(body.get("points_given_back", {}).values())
    spent += sum(body.get("points_taken_back", {}).values())
    return " ".join(part for part in (f"-{spent}" if spent else "", f"+{earned}" if earned else "") if part)
