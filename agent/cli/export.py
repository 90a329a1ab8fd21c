"""`tillpoint queue export`: everything kept on the till as JSON lines for support; says nothing about who bought.

One envelope a line, oldest first, with its hash. What could name a person is left out of the bodies. A file that is
there already is gone on with after its last whole line, so that an export can be broken off and repeated.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from drivers.vocabulary.errors import TillpointError
from offline_queue.envelope import Envelope
from offline_queue.reader import OutboxReader

__all__ = ["export", "without_people"]

PAGE: Final = 200  # envelopes read at once
TAIL_BYTES_MAX: Final = 2 * 1024 * 1024  # one line is at most an envelope's body and a little more
HEAD: Final = b'{"epoch": '  # how each line begins
LEFT_OUT: Final = "(left out)"

#: Whatever names a person, or is text somebody printed, in the body of any envelope.
PERSONAL: Final = frozenset(
    {"alias", "cashier", "card", "contact", "customer_id", "email", "name_of_customer", "phone", "phone_mask", "raw"}
)


def export(reader: OutboxReader, to: Path | None) -> int:
    """Write all that is not in the file yet; how many envelopes that was. None is the standard output.

    Raises:
        TillpointError: the file cannot be written, or is of another till.
    """
    if to is None:
        return _write(reader, sys.stdout.buffer, (0, 0))
    try:
        with to.open("r+b" if to.exists() else "x+b") as file:
            after = _go_on(reader, file, to)
            count = _write(reader, file, after)
            file.flush()
            os.fsync(file.fileno())
            return count
    except OSError as error:
        raise TillpointError(f"cannot write {to}: {error.strerror}; give another file") from None


def without_people(value: Any) -> Any:
    """The same value without what could name a person."""
    if isinstance(value, dict):
        return {key: LEFT_OUT if key in PERSONAL and one else without_people(one) for key, one in value.items()}
    if isinstance(value, list):
        return [without_people(one) for one in value]
    return value


def _write(reader: OutboxReader, file: BinaryIO, after: tuple[int, int]) -> int:
    refused = {(one.envelope.epoch, one.envelope.sequence): one.reason for one in reader.shelf()}
    acknowledged = reader.acknowledged()
    count = 0
    for envelope in _pages(reader, after):
        line = {**_line(envelope), "state": _state(envelope, acknowledged, refused)}
        reason = refused.get((envelope.epoch, envelope.sequence))
        if reason is not None:
            line["reason"] = reason
        file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        count += 1
    return count


def _pages(reader: OutboxReader, after: tuple[int, int]) -> Iterator[Envelope]:
    while page := reader.page(after=after, limit=PAGE):
        yield from page
        after = page[-1].epoch, page[-1].sequence


def _line(envelope: Envelope) -> dict[str, Any]:
    return {
        "epoch": envelope.epoch,
        "sequence": envelope.sequence,
        "id": envelope.id,
        "kind": envelope.kind,
        "occurred_at": envelope.occurred_at,
        "boot_id": envelope.boot_id,
        "uptime_ms": envelope.uptime_ms,
        "programme_version": envelope.programme_version,
        "previous": envelope.previous,
        "hash": envelope.hash,
        "body": without_people(json.loads(envelope.body)),
    }


def _state(envelope: Envelope, acknowledged: dict[int, int], refused: dict[tuple[int, int], str]) -> str:
    if (envelope.epoch, envelope.sequence) in refused:
        return "refused"
    return "acknowledged" if envelope.sequence <= acknowledged.get(envelope.epoch, 0) else "waiting"


def _go_on(reader: OutboxReader, file: BinaryIO, name: Path) -> tuple[int, int]:
    """The place of the last whole line, with what follows it cut off; (0, 0) for a file without one."""
    foreign = TillpointError(f"{name} is no export of `tillpoint queue export`; give another file")
    head = file.read(len(HEAD))
    if head != HEAD[: len(head)]:
        raise foreign
    size = file.seek(0, os.SEEK_END)
    start = file.seek(max(0, size - TAIL_BYTES_MAX))
    tail = file.read()
    whole = tail[: tail.rfind(b"\n") + 1]
    place = 0, 0
    if whole:
        try:
            last = json.loads(whole.splitlines()[-1])
            place = int(last["epoch"]), int(last["sequence"])
            kept = reader.by_id(str(last["id"]))
            is_ours = kept is None or kept.hash == last["hash"]
        except (ValueError, KeyError, TypeError):
            raise foreign from None
        if not is_ours:
            raise TillpointError(f"{name} is the export of another till; give another file")
    elif start:
        raise foreign
    file.seek(start + len(whole))
    file.truncate()
    return place
