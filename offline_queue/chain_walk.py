"""Walking the chain of hashes through everything on disk, a chunk at a time, and naming the first place it breaks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

from offline_queue.database import Rows
from offline_queue.envelope import Envelope, own_hash, verify_chain
from offline_queue.errors import StoreCorrupt
from offline_queue.rows import SELECT_ENVELOPE, Run, envelope_from_row, epoch_rows, place, position_of

__all__ = ["ChainReport", "Progress", "walk"]

_CHUNK = 256  # envelopes read and hashed between two looks at the file

#: Told (envelopes looked at, envelopes there are) after each chunk.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainReport:
    """What walking the chain found.

    Attributes:
        checked: envelopes whose place and hash were right.
        broken: (epoch, sequence) of the first that is changed, missing or moved; None when the chain is whole.
        why: what is wrong there, in words; "" when nothing is.
    """

    checked: int
    broken: tuple[int, int] | None
    why: str = ""


def walk(run: Run, moment: Callable[[], AbstractContextManager[None]], progress: Progress | None = None) -> ChainReport:
    """Follow the chain of every epoch from where it was pruned to its head.

    Args:
        run: runs one statement.
        moment: several statements about one and the same moment of the file.
        progress: told how far it is.
    """
    epochs = epoch_rows(run)
    total = sum(epoch.last_sequence - epoch.pruned_through for epoch in epochs)
    checked = 0
    for epoch in epochs:
        report = _walk_epoch(run, moment, epoch.epoch, partial(_tell, progress, checked, total))
        checked += report.checked
        if report.broken is not None:
            return ChainReport(checked=checked, broken=report.broken, why=report.why)
    return ChainReport(checked=checked, broken=None)


def _tell(progress: Progress | None, before: int, total: int, count: int) -> None:
    if progress is not None:
        progress(before + count, total)


def _walk_epoch(
    run: Run, moment: Callable[[], AbstractContextManager[None]], number: int, progress: Callable[[int], None]
) -> ChainReport:
    checked = 0
    after, head = -1, b""  # the sequence up to which the chain was followed, and its hash
    while True:
        with moment():  # marks and envelopes of one moment: the store may be writing and pruning
            epoch = next(row for row in epoch_rows(run) if row.epoch == number)
            if after < epoch.pruned_through:
                after, head = epoch.pruned_through, epoch.pruned_hash
            first, last = position_of(number, after + 1), position_of(number, epoch.last_sequence)
            rows = run(
                f"{SELECT_ENVELOPE} WHERE position BETWEEN ? AND ? ORDER BY position LIMIT ?", (first, last, _CHUNK)
            )
        if not rows:
            if after == epoch.last_sequence and head == epoch.head:
                return ChainReport(checked=checked, broken=None)
            why = "is missing" if after < epoch.last_sequence else "does not end where the till's own mark says"
            return ChainReport(checked=checked, broken=(number, after + 1), why=why)
        good, why = _follow(rows, after, head.hex())
        checked += good
        if why:
            return ChainReport(checked=checked, broken=(number, after + 1 + good), why=why)
        progress(checked)
        after, head = place(rows[-1][0])[1], rows[-1][3]


def _follow(rows: Rows, after: int, previous: str) -> tuple[int, str]:
    """How many of the rows continue the chain after sequence `after`, and what is wrong with the next one."""
    envelopes: list[Envelope] = []
    for row in rows:
        try:
            envelopes.append(envelope_from_row(row))
        except StoreCorrupt:
            break
    index = verify_chain(envelopes, previous)
    if envelopes and index is None and envelopes[0].sequence != after + 1:
        index = 0
    good = len(envelopes) if index is None else index
    if good == len(rows):
        return good, ""
    if good == len(envelopes):
        return good, "cannot be read"
    found = envelopes[good]
    if found.sequence != after + 1 + good:
        return good, "is missing"
    return good, "was changed" if own_hash(found) != found.hash else "does not follow the one before it"
