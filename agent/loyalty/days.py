"""Local days of a store: its zone, and the midnights at which points begin and end; knows no clock."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

__all__ = ["local_time", "midnight_after", "minute_of", "zone_of"]

_OFFSET: Final = re.compile(r"([+-])(0\d|1[0-4]):([0-5]\d)", re.ASCII)


def zone_of(name: str) -> tzinfo:
    """The zone of this name, or of a fixed offset ("+03:00"); raises ValueError saying what to write.

    Reads the disk (or the tzdata package) once; nothing after that does.
    """
    if name == "UTC":
        return UTC
    match = _OFFSET.fullmatch(name)
    if match is not None:
        sign = -1 if match[1] == "-" else 1
        return timezone(sign * timedelta(hours=int(match[2]), minutes=int(match[3])))
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"no time zone {name!r} on this machine; write one such as Europe/Moscow (on Windows this needs the "
            f"tzdata package) or a fixed offset such as +03:00",
        ) from None


def local_time(now: datetime, zone: tzinfo) -> datetime | None:
    """The store's wall clock at `now`; None when `now` names no zone or lies outside the calendar."""
    if now.utcoffset() is None:
        return None
    try:
        return now.astimezone(zone)
    except OverflowError:
        return None


def midnight_after(day: date, days: int, zone: tzinfo) -> datetime | None:
    """The first moment of the local day `days` after `day`, in UTC; None beyond the end of the calendar.

    Where clocks jump over midnight the day begins at the jump: a wall time inside a gap is read with the offset
    before it (PEP 495, fold=0), which is exactly that moment.
    """
    try:
        then = day + timedelta(days=days)
        return datetime(then.year, then.month, then.day, tzinfo=zone).astimezone(UTC)
    except OverflowError:
        return None


def minute_of(clock: str) -> int:
    """Minutes since midnight of "HH:MM"; 24:00 is 1440."""
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)
