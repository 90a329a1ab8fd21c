"""When a shop is closed, as people write it, over nights, weeks and changes of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from central.errors import CentralStartError
from central.releases.closed_hours import read_hours

MONDAY = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # 15:00 in Moscow


@pytest.mark.parametrize(
    ("hours", "now", "begins", "ends"),
    [
        # Every night: before it, in it before midnight, in it after midnight, on its last moment.
        ("22:00-07:00", "2026-03-02T12:00", "2026-03-02T19:00", "2026-03-03T04:00"),
        ("22:00-07:00", "2026-03-02T20:00", "2026-03-02T19:00", "2026-03-03T04:00"),
        ("22:00-07:00", "2026-03-03T03:59", "2026-03-02T19:00", "2026-03-03T04:00"),
        ("22:00-07:00", "2026-03-03T04:00", "2026-03-03T19:00", "2026-03-04T04:00"),
        # A lunch break is no night.
        ("13:00-14:00", "2026-03-02T10:30", "2026-03-02T10:00", "2026-03-02T11:00"),
        # By the day on which the shop closes: on Saturday night until Sunday.
        ("sat 23:00-09:00", "2026-03-02T12:00", "2026-03-07T20:00", "2026-03-08T06:00"),
        ("fri-sun 23:00-09:00", "2026-03-08T03:00", "2026-03-07T20:00", "2026-03-08T06:00"),
        ("sun-mon 23:00-09:00", "2026-03-02T12:00", "2026-03-02T20:00", "2026-03-03T06:00"),
        # Of two that are open at once the longer.
        ("22:00-02:00; mon 22:00-07:00", "2026-03-02T20:00", "2026-03-02T19:00", "2026-03-03T04:00"),
    ],
)
def test_the_window_of_now_or_the_next(hours: str, now: str, begins: str, ends: str) -> None:
    """In the zone of the shop, told in UTC."""
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)

    found = read_hours(hours, "Europe/Moscow").window(moment)

    assert tuple(datetime.fromisoformat(one).replace(tzinfo=UTC) for one in (begins, ends)) == found


def test_a_night_with_a_change_of_the_clocks_is_an_hour_shorter() -> None:
    """Berlin, the night to 29 March 2026."""
    begins, ends = read_hours("22:00-07:00", "Europe/Berlin").window(datetime(2026, 3, 28, 23, 0, tzinfo=UTC))

    assert timedelta(hours=8) == ends - begins


@pytest.mark.parametrize(
    "hours",
    ["", "22-7", "25:00-07:00", "22:00-22:00", "mo 22:00-07:00", "22:00-07:61", ";", "x" * 400, "mon- 1:00-2:00"],
)
def test_what_nobody_can_read_is_refused(hours: str) -> None:
    """With a sentence that shows how it is written."""
    with pytest.raises(CentralStartError):
        read_hours(hours, "Europe/Moscow")


def test_a_zone_that_is_none_is_refused() -> None:
    """Also one that looks like a path."""
    for zone in ("Europe/Nowhere", "../etc/passwd", ""):
        with pytest.raises(CentralStartError, match="time zone"):
            read_hours("22:00-07:00", zone)
