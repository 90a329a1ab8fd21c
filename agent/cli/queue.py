"""`tillpoint queue`: what waits for the centre, and what it refused; reads only, beside a running agent."""

from __future__ import annotations

import argparse
from pathlib import Path

from agent.cli.common import add_config, print_json, settings_of, table
from drivers.vocabulary.errors import TillpointError
from offline_queue.envelope import Envelope
from offline_queue.errors import StoreError
from offline_queue.reader import OutboxReader

__all__ = ["add_parser", "open_reader", "run"]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("queue", help="what waits for the centre, and what it refused")
    actions = parser.add_subparsers(dest="action", required=True)
    status = actions.add_parser("status", help="how many wait, since when")
    waiting = actions.add_parser("list", help="the envelopes that wait")
    waiting.add_argument("--limit", type=int, default=50)
    show = actions.add_parser("show", help="one envelope, whole")
    show.add_argument("id", help="its id")
    shelf = actions.add_parser("shelf", help="what the centre refused, and why")
    for one in (status, waiting, show, shelf):
        add_config(one)


def open_reader(folder: Path) -> OutboxReader:
    """The till's database, read-only; raises TillpointError with the sentence why it cannot be read."""
    try:
        return OutboxReader.open(folder / "till.db")
    except StoreError as error:
        raise TillpointError(str(error)) from None


def run(args: argparse.Namespace) -> int:
    """One action."""
    reader = open_reader(settings_of(args).state_folder)
    try:
        if args.action == "status":
            return _status(reader, as_json=args.json)
        if args.action == "show":
            return _show(reader, args.id)
        if args.action == "shelf":
            rows = [
                {"id": one.envelope.id, "sequence": one.envelope.sequence, "reason": one.reason}
                for one in reader.shelf()
            ]
        else:
            rows = [_row(one) for one in reader.batch(envelopes_max=args.limit, bytes_max=1 << 30)]
        if args.json:
            print_json(rows)
        elif not rows:
            print("nothing")
        else:
            print(table(list(rows[0]), [[str(value) for value in row.values()] for row in rows]))
    finally:
        reader.close()
    return 0


def _status(reader: OutboxReader, *, as_json: bool) -> int:
    depth = reader.depth()
    facts = {
        "waiting": depth.waiting,
        "waiting_oldest_at": depth.waiting_oldest_at,
        "shelved": depth.shelved,
        "last_sequence": depth.last_sequence,
        "acknowledged_through": depth.acknowledged_through,
    }
    if as_json:
        print_json(facts)
    else:
        since = f", the oldest since {depth.waiting_oldest_at}" if depth.waiting_oldest_at else ""
        print(
            f"{depth.waiting} waiting{since}; {depth.acknowledged_through} of {depth.last_sequence} acknowledged; "
            f"{depth.shelved} refused by the centre"
        )
    return 0


def _show(reader: OutboxReader, name: str) -> int:
    import json

    envelope = reader.by_id(name)
    if envelope is None:
        print(f"no envelope {name}; `tillpoint queue list` shows what waits, `tillpoint journal` what was sent")
        return 1
    print_json(
        {**_row(envelope), "hash": envelope.hash, "previous": envelope.previous, "body": json.loads(envelope.body)}
    )
    return 0


def _row(envelope: Envelope) -> dict[str, object]:
    return {
        "sequence": envelope.sequence,
        "occurred_at": envelope.occurred_at,
        "kind": envelope.kind,
        "bytes": len(envelope.body),
        "id": envelope.id,
    }
