"""What this till says of itself to the centre, made of its snapshot and its health; names no person and no receipt."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from agent.doors.view import mask_phones
from agent.service.health import HealthWarning
from agent.snapshot import DeviceView, Snapshot
from drivers.vocabulary.fleet import DEVICES_MAX, WARNINGS_MAX, DeviceFact, Severity, TillReport, TillWarning
from drivers.vocabulary.release import platform_of

__all__ = ["make_report", "own_platform"]

WORDS_MAX: Final = 300
WELL: Final = frozenset({"on", "closed"})  # "closed" is a till system that asks when it wants to


def own_platform() -> str:
    """Which archive of a release is for this machine."""
    return platform_of(system=sys.platform, machine=platform.machine(), python=sys.version_info[:2])


def make_report(
    *,
    version: str,
    folder: Path,
    snapshot: Snapshot,
    warnings: Sequence[HealthWarning],
    memory_mb: int,
    started_at: datetime | None = None,
) -> TillReport:
    """The report of this moment.

    Args:
        version: of the agent.
        folder: the state folder; its disk counts.
        snapshot: the newest.
        warnings: the worst first.
        memory_mb: how much the process holds, 0 for not known.
        started_at: when the agent began.
    """
    free, total = _disk(folder)
    return TillReport(
        version=version[:40],
        platform=own_platform(),
        system=f"{platform.system()} {platform.release()}"[:80],
        started_at=started_at,
        shelved=snapshot.shelved,
        programme_version=snapshot.programme_version,
        disk_free_bytes=free,
        disk_total_bytes=total,
        memory_bytes=memory_mb * 1024 * 1024 if memory_mb else None,
        warnings=tuple(
            TillWarning(code=one.code, severity=Severity(one.severity), words=_words(one.words))
            for one in warnings[:WARNINGS_MAX]
        ),
        devices=tuple(_device(one) for one in snapshot.devices[:DEVICES_MAX]),
    )


def _disk(folder: Path) -> tuple[int | None, int | None]:
    try:
        disk = shutil.disk_usage(folder)
    except OSError:
        return None, None
    return disk.free, disk.total


def _device(view: DeviceView) -> DeviceFact:
    is_well = view.state in WELL
    return DeviceFact(
        name=view.name[:80],
        driver=view.driver[:40],
        state=view.state[:40],
        # What a device says while it is well may be about what it read.
        words="" if is_well else _words(view.detail),
        is_well=is_well,
    )


def _words(text: str) -> str:
    return mask_phones(text)[:WORDS_MAX]
