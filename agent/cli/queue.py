"""`tillpoint queue`: what waits for the centre, and what it refused.

All but `retry` read only and run beside the agent; `retry` writes, and there is one writer of a till's file.
"""

from __future__ import annotations

import argparse
import json
import os
from datetime import UTC, datetime
from pathlib import Path

from agent.cli.common import add_config, print_json, settings_of, table
from agent.cli.export import export
from agent.clock import uuid7
from drivers.vocabulary.errors import TillpointError
from offline_queue.envelope import Envelope
from offline_queue.errors import StoreBusy, StoreError
from offline_queue.reader import OutboxReader
from offline_queue.store import TillStore

__all__ = ["add_parser", "open_reader", "run"]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = subparsers.add_parser("queue", help="what waits for the centre, and what it refused")
    actions = parser.add_subparsers(dest="action", required=True)
    status = actions.add_parser("status", help="how many wait, since when")
    waiting = actions.add_parser("list", help="the envelopes that wait")
    waiting.add_argument("--limit", type=int, default=50, help="how many at most (default 50)")
    show = actions.add_parser("show", help="one envelope, whole")
    show.add_argument("id", help="its id")
    shelf = actions.add_parser("shelf", help="what the centre refused, and why")
    retry = actions.add_parser("retry", help="send refused envelopes once more; the agent must be stopped")
    retry.add_argument("id", nargs="*", help="their ids, as `tillpoint queue shelf` shows them")
    retry.add_argument("--all", action="store_true", help="everything the centre refused")
    copy = actions.add_parser("export", help="everything kept here as JSON lines, without what names a person")
    copy.add_argument("--to", type=Path, metavar="FILE", help="go on with this file (default: standard output)")
    for one in (status, waiting, show, shelf, retry, copy):
        add_config(one)


def open_reader(folder: Path) -> OutboxReader:
    """The till's database, read-only; raises TillpointError with the sentence why it cannot be read."""
    try:
        return OutboxReader.open(folder / "till.db")
    except StoreError as error:
        raise TillpointError(str(error)) from None


def run(args: argparse.Namespace) -> int:
    """One action."""
    folder = settings_of(args).state_folder
    if args.action == "retry":
        return _retry(folder, args.id, everything=args.all, as_json=args.json)
    with open_reader(folder) as reader:
        try:
            return _look(reader, args)
        except StoreError as error:
            raise TillpointError(str(error)) from None


def _look(reader: OutboxReader, args: argparse.Namespace) -> int:
    if args.action == "status":
        return _status(reader, as_json=args.json)
    if args.action == "show":
        return _show(reader, args.id)
    if args.action == "export":
        return _export(reader, args.to, as_json=args.json)
    if args.action == "shelf":
        rows = [{**_row(one.envelope), "reason": one.reason} for one in reader.shelf()]
    else:
        rows = [_row(one) for one in reader.batch(envelopes_max=args.limit, bytes_max=1 << 30)]
    if args.json:
        print_json(rows)
    elif not rows:
        print("nothing")
    else:
        print(table(list(rows[0]), [[str(value) for value in row.values()] for row in rows]))
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
    envelope = reader.by_id(name)
    if envelope is None:
        print(f"no envelope {name}; `tillpoint queue list` shows what waits, `tillpoint journal` what was sent")
        return 1
    print_json(
        {**_row(envelope), "hash": envelope.hash, "previous": envelope.previous, "body": json.loads(envelope.body)}
    )
    return 0


def _export(reader: OutboxReader, to: Path | None, *, as_json: bool) -> int:
    count = export(reader, to)
    if to is not None and as_json:
        print_json({"written": count, "to": str(to)})
    elif to is not None:
        print(f"{count} envelopes written to {to}; run it again to go on")
    return 0


def _retry(folder: Path, names: list[str], *, everything: bool, as_json: bool) -> int:
    """Send what was refused once more, under new ids; refuses while the agent runs."""
    if bool(names) == everything:
        raise TillpointError("say which: the ids that `tillpoint queue shelf` shows, or --all")
    with open_reader(folder) as reader:
        shelf = {one.envelope.id: one.envelope for one in reader.shelf()}
    missing = [name for name in names if name not in shelf]
    if missing:
        raise TillpointError(f"{missing[0]} is not on the shelf; `tillpoint queue shelf` shows what is")
    again: dict[str, str] = {}
    try:
        with TillStore.open(folder / "till.db", epoch=1) as store:
            for name in names or shelf:
                new = uuid7(datetime.now(UTC), os.urandom(10))
                with store.transaction() as transaction:
                    if transaction.retry(epoch=shelf[name].epoch, sequence=shelf[name].sequence, id=new) is not None:
                        again[name] = new
    except StoreBusy:
        raise TillpointError(
            f"the agent is running on {folder}, and it alone writes there; stop it, retry, start it again"
        ) from None
    except StoreError as error:
        raise TillpointError(str(error)) from None
    if as_json:
        print_json({"sent_again": again})
    else:
        print(f"{len(again)} will be sent once more when the agent runs")
    return 0


def _row(envelope: Envelope) -> dict[str, object]:
    return {
        "epoch": envelope.epoch,
        "sequence": envelope.sequence,
        "occurred_at": envelope.occurred_at,
        "kind": envelope.kind,
        "bytes": len(envelope.body),
        "id": envelope.id,
    }
