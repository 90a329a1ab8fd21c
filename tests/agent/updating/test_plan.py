"""When: hours over midnight, quiet, shifts, the centre's word, by hand."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agent.updating.plan import Moment, is_within, why_wait

ZONE = ZoneInfo("Europe/Moscow")
NIGHT = datetime(2026, 6, 1, 23, 30, tzinfo=ZONE)
QUIET: dict[str, Any] = {
    "now": NIGHT,
    "busy": "",
    "quiet_s": 7_300.0,
    "since_receipt_s": 7_300.0,
    "shift_ended": False,
    "uptime_s": 90_000.0,
}
SETTINGS: dict[str, Any] = {"install": "auto", "hours": "22:00-07:00", "quiet_minutes": 10, "shift_minutes": 120}


@pytest.mark.parametrize(
    ("moment", "settings", "reason"),
    [
        ({}, {}, ""),
        ({"busy": "a receipt is open"}, {}, "a receipt is open"),
        ({"busy": "a receipt is open"}, {"asked_now": True}, "a receipt is open"),
        ({"now": NIGHT.replace(hour=12)}, {}, "the shop is open; not outside 22:00-07:00"),
        ({"now": NIGHT.replace(hour=12)}, {"asked_now": True, "install": "hand"}, ""),
        ({"now": NIGHT.replace(hour=12)}, {"hours": ""}, ""),
        ({}, {"install": "hand"}, "it waits for `tillpoint update now`"),
        ({"quiet_s": 300.0}, {}, "the till was used less than 10 min ago"),
        ({"since_receipt_s": 3_600.0}, {}, "a shift may be open"),
        ({"since_receipt_s": 3_600.0, "shift_ended": True}, {}, ""),
        ({"since_receipt_s": None, "uptime_s": 3_600.0}, {}, "a shift may be open"),
        ({"since_receipt_s": None, "uptime_s": 7_200.0}, {}, ""),
        ({}, {"not_before": NIGHT + timedelta(hours=1)}, "not before 02.06. 00:30"),
        ({}, {"not_before": NIGHT - timedelta(hours=1), "not_after": NIGHT}, "the time that the centre gave is over"),
    ],
)
def test_why_it_waits(moment: dict[str, Any], settings: dict[str, Any], reason: str) -> None:
    """One reason at a time, the most pressing first; "" is now."""
    found = why_wait(Moment(**{**QUIET, **moment}), **{**SETTINGS, **settings})

    assert found.startswith(reason) if reason else found == ""


@pytest.mark.parametrize(
    ("hours", "moment", "inside"),
    [
        ("", "12:00", True),
        ("22:00-07:00", "21:59", False),
        ("22:00-07:00", "22:00", True),
        ("22:00-07:00", "06:59", True),
        ("22:00-07:00", "07:00", False),
        ("01:00-05:00", "04:59", True),
        ("01:00-05:00", "05:00", False),
        ("01:00-05:00", "23:00", False),
    ],
)
def test_hours(hours: str, moment: str, *, inside: bool) -> None:
    """The end is outside; over midnight it is one night."""
    assert inside is is_within(hours, time.fromisoformat(moment))
