"""The hops on this machine: settings, disk, database, queue, replica, programme; files are read, never written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from agent.assembly import check
from agent.checkout.programmes import COLLECTION, Refused
from agent.doctor.report import Finding, failed, fine, skipped, warning
from agent.service.health import DISK_LEAST, DISK_LOW
from agent.settings import Settings
from drivers.vocabulary import codec
from offline_queue.errors import StoreError
from offline_queue.reader import OutboxReader
from offline_queue.replica_reader import ReplicaReader
from offline_queue.rows import QueueDepth

__all__ = ["check_disk", "check_queue", "check_replica", "check_settings"]

QUEUE_OLD: Final = timedelta(hours=24)
QUEUE_SLOW: Final = timedelta(hours=1)
REPLICA_OLD: Final = timedelta(days=7)

DiskUsage = Callable[[Path], int]
"""Free bytes where a folder lies; a test brings its own."""


def free_bytes(folder: Path) -> int:
    """Free bytes on the disk of a folder, or of the nearest folder above it that is there."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def check_settings(settings: Settings, where: str) -> list[Finding]:
    """Each mistake that can be seen without opening anything; `where` they stand is told with it."""
    problems = check(settings)
    return [failed("settings", "settings_wrong", f"{where}: {one}") for one in problems] or [fine("settings", where)]


def check_disk(folder: Path, *, free: DiskUsage = free_bytes) -> list[Finding]:
    """Room for receipts, and the right to write them."""
    found: list[Finding] = []
    if folder.exists() and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        found.append(failed("disk", "no_rights", f"{folder} is not ours to read and write"))
    try:
        left = free(folder)
    except OSError as error:
        return [*found, failed("disk", "no_rights", f"{folder}: {error.strerror}")]
    words = f"{left // (1024 * 1024)} MiB are free at {folder}"
    if left < DISK_LEAST:
        found.append(failed("disk", "disk_full", words))
    elif left < DISK_LOW:
        found.append(warning("disk", "disk_full", words))
    return found or [fine("disk", words)]


def check_queue(folder: Path, now: datetime) -> list[Finding]:
    """What waits for the centre, what it refused, and whether the newest programme was taken."""
    path = folder / "till.db"
    if not path.exists():
        return [skipped("queue", f"{path} is not there: the agent has not run yet")]
    try:
        with OutboxReader.open(path) as reader:
            depth = reader.depth()
            refused = reader.document(COLLECTION, "refused")
    except StoreError as error:
        return [failed("database", "store_broken", str(error))]
    found = [fine("database", f"{path}"), _queue(depth, now)]
    if depth.shelved:
        found.append(warning("shelf", "queue_shelved", f"the centre has refused {depth.shelved} envelope(s)"))
    if refused is not None:
        reason = codec.decode(refused, Refused).reason
        found.append(warning("programme", "programme_refused", reason))
    return found


def _queue(depth: QueueDepth, now: datetime) -> Finding:
    if not depth.waiting:
        return fine("queue", "nothing waits for the centre")
    age = now - datetime.fromisoformat(depth.waiting_oldest_at)
    words = f"{depth.waiting} envelope(s) wait for the centre, the oldest since {_age(age)}"
    if age > QUEUE_OLD:
        return failed("queue", "queue_old", words)
    return warning("queue", "queue_old", words) if age > QUEUE_SLOW else fine("queue", words)


def check_replica(folder: Path, now: datetime) -> list[Finding]:
    """How old what the till knows of its members is; a quiet shop's replica is old without being behind."""
    with ReplicaReader.open(folder / "replica.db") as reader:
        meta, trouble = reader.meta(), reader.trouble
    if meta is None:
        return [skipped("replica", trouble or "nothing was fetched from the centre yet")]
    age = now - datetime.fromisoformat(meta.stored_at)
    words = f"the last news of the centre was stored {_age(age)} ago"
    return [warning("replica", "replica_old", words) if age > REPLICA_OLD else fine("replica", words)]


def _age(age: timedelta) -> str:
    minutes = max(0, int(age.total_seconds() // 60))
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} days"
