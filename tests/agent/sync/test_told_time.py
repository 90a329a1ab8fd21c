"""What time it is at the centre: heard with each good answer, and never from somebody else's page."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest

from agent.sync.errors import CentreRefused, CentreUnavailable
from agent.sync.line import Line

TOLD = datetime(2026, 11, 22, 10, 0, 5, tzinfo=UTC)
DATE = "Sun, 22 Nov 2026 10:00:05 GMT"


@pytest.mark.parametrize(
    ("status", "date", "heard"),
    [(200, DATE, [TOLD]), (200, "yesterday", []), (200, "", []), (403, DATE, []), (503, DATE, [])],
)
def test_the_date_of_a_good_answer_is_heard(status: int, date: str, heard: list[datetime]) -> None:
    told: list[datetime] = []
    answer = httpx.MockTransport(
        lambda _: httpx.Response(status, stream=httpx.ByteStream(b"{}"), headers={"date": date} if date else {})
    )
    line = Line("https://centre.example", transport=answer, told_time=told.append)
    try:
        line.ask("GET", "/v1", deadline_s=5)
    except (CentreRefused, CentreUnavailable):
        assert status != 200
    finally:
        line.close()

    assert heard == told
