"""When a shop is closed: read from what a person wrote, and the next time a till there may be switched; pure.

``22:00-07:00`` is every night; ``mon-fri 22:00-07:00; sat,sun 23:30-09:00`` is by the day on which the shop closes.
Days and times are those of the shop's own zone, so a change to summer time moves them with the shop.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from central.errors import CentralStartError

__all__ = ["ClosedHours", "read_hours"]

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CHARS_MAX: Final = 300
SPANS_MAX: Final = 14  # two for each day
_SPAN: Final = re.compile(r"^(?:([a-z,-]+)\s+)?(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})$")
_EXAMPLE: Final = "write 22:00-07:00, or mon-fri 22:00-07:00; sat,sun 23:30-09:00"


@dataclass(frozen=True, slots=True)
class _Span:
    """Closed from a time of these days on, until a time of that day or the next."""

    days: frozenset[int]
    begins: time
    ends: time


@dataclass(frozen=True, slots=True)
class ClosedHours:
    """Read by `read_hours`."""

    spans: tuple[_Span, ...]
    zone: ZoneInfo

    def window(self, now: datetime) -> tuple[datetime, datetime]:
        """From when to when the shop is closed: the span of now, or the next there is; both in UTC."""
        # Of two that are open at once the longer one; else the first to come.
        open_now = [one for one in self._around(now) if one[0] <= now < one[1]]
        if open_now:
            return max(open_now, key=lambda one: one[1])
        return min(one for one in self._around(now) if one[0] > now)

    def _around(self, now: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Every span of ten days from yesterday: none is longer than a day, and each day of the week is among them."""
        first = now.astimezone(self.zone).date() - timedelta(days=1)
        for day in (first + timedelta(days=count) for count in range(10)):
            for span in self.spans:
                if day.weekday() not in span.days:
                    continue
                begins = datetime.combine(day, span.begins, self.zone)
                last = day if span.ends > span.begins else day + timedelta(days=1)
                ends = datetime.combine(last, span.ends, self.zone)
                yield begins.astimezone(UTC), ends.astimezone(UTC)


def read_hours(text: str, zone: str) -> ClosedHours:
    """Read closed hours.

    Raises:
        CentralStartError: the text or the zone cannot be read; the sentence shows how to write it.
    """
    parts = [part.strip().lower() for part in text.split(";") if part.strip()]
    if len(text) > CHARS_MAX or not 1 <= len(parts) <= SPANS_MAX:
        raise CentralStartError(f"cannot read closed hours {text[:40]!r}; {_EXAMPLE}")
    try:
        known = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise CentralStartError(f"no time zone {zone[:40]!r}; write it as in Europe/Moscow") from None
    return ClosedHours(tuple(_span(part) for part in parts), known)


def _span(part: str) -> _Span:
    found = _SPAN.match(part)
    if found is None:
        raise CentralStartError(f"cannot read closed hours {part!r}; {_EXAMPLE}")
    days, *numbers = found.groups()
    hour, minute, to_hour, to_minute = (int(number) for number in numbers)
    if max(hour, to_hour) > 23 or max(minute, to_minute) > 59:
        raise CentralStartError(f"closed hours {part!r} have a time that no clock shows; {_EXAMPLE}")
    begins, ends = time(hour, minute), time(to_hour, to_minute)
    if begins == ends:
        raise CentralStartError(f"closed hours {part!r} begin and end at one moment; {_EXAMPLE}")
    return _Span(_days(days) if days else frozenset(range(7)), begins, ends)


def _days(text: str) -> frozenset[int]:
    found: set[int] = set()
    for piece in text.split(","):
        first, dash, last = piece.partition("-")
        last = last if dash else first
        if first not in DAYS or last not in DAYS:
            raise CentralStartError(f"no days {piece!r}; write mon, tue, wed, thu, fri, sat or sun, as in mon-fri")
        begin, end = DAYS.index(first), DAYS.index(last)
        found.update(range(begin, end + 1) if begin <= end else (*range(begin, 7), *range(end + 1)))
    return frozenset(found)
