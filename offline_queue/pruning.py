"""Which acknowledged envelopes may go, and their removal, one bounded chunk at a time, oldest first."""

from __future__ import annotations

from datetime import datetime, timedelta

from offline_queue.rows import EpochRow, Run, epoch_rows, place, position_of, remove_envelope

__all__ = ["PRUNE_ENVELOPES_MAX", "free_page_bytes", "prune_chunk"]

PRUNE_ENVELOPES_MAX = 128  # about 0.5 MB of pages: the till thread is busy for milliseconds, the WAL stays small


def prune_chunk(run: Run, *, now: datetime, keep_days: int, keep_bytes: int) -> int:
    """Remove at most `PRUNE_ENVELOPES_MAX` envelopes of the oldest epoch that has any to give; how many it passed."""
    if now.tzinfo is None:
        raise ValueError("now must carry a zone")
    now_ms = int(now.timestamp() * 1_000)
    old_ms = now_ms - int(timedelta(days=keep_days).total_seconds() * 1_000)
    too_big = _used_bytes(run) > keep_bytes
    for epoch in epoch_rows(run):
        if epoch.pruned_through < epoch.acknowledged_through:
            through = _cut(run, epoch, old_ms=old_ms, now_ms=now_ms, too_big=too_big)
            if through > epoch.pruned_through:
                _remove(run, epoch, through)
                return through - epoch.pruned_through
            return 0  # what follows is younger
    return 0


def free_page_bytes(run: Run) -> int:
    """Room inside the file that pruning left and new envelopes will use before the file grows."""
    return int(run("PRAGMA freelist_count", ())[0][0]) * int(run("PRAGMA page_size", ())[0][0])


def _used_bytes(run: Run) -> int:
    return int(run("PRAGMA page_count", ())[0][0]) * int(run("PRAGMA page_size", ())[0][0]) - free_page_bytes(run)


def _cut(run: Run, epoch: EpochRow, *, old_ms: int, now_ms: int, too_big: bool) -> int:
    """The last sequence that may go: up to the first young envelope, or a whole chunk when the file is too big.

    An envelope from the future was written under a wrong clock; it goes with an old one that follows it.
    """
    last = min(epoch.acknowledged_through, epoch.pruned_through + PRUNE_ENVELOPES_MAX)
    if too_big:
        return last
    through = epoch.pruned_through
    bounds = (position_of(epoch.epoch, epoch.pruned_through + 1), position_of(epoch.epoch, last))
    for position, occurred_ms in run(
        "SELECT position, occurred_ms FROM envelope WHERE position BETWEEN ? AND ? ORDER BY position", bounds
    ):
        if occurred_ms < old_ms:
            through = place(position)[1]
        elif occurred_ms <= now_ms:
            break
    return through


def _remove(run: Run, epoch: EpochRow, through: int) -> None:
    first, last = position_of(epoch.epoch, epoch.pruned_through + 1), position_of(epoch.epoch, through)
    anchor = run("SELECT hash FROM envelope WHERE position = ?", (last,))[0][0]
    doomed = run(
        "SELECT position FROM envelope WHERE position BETWEEN ? AND ? AND position NOT IN (SELECT position FROM shelf)",
        (first, last),
    )
    for (position,) in doomed:
        remove_envelope(run, position)
    run(
        "UPDATE epoch SET pruned_through = ?, pruned_hash = ? WHERE epoch = ?",
        (through, anchor, epoch.epoch),
    )
