"""How often a panel may look up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.doors.limits import LOOKUPS_BURST, LOOKUPS_PER_MINUTE, SESSIONS_MAX, LookupLimit, LookupLimits


def test_burst_then_one_in_two_seconds():
    """Ten at once, then one each two seconds."""
    limit = LookupLimit(refilled_s=0.0)
    at_once = [limit.ask(0.0) for _ in range(LOOKUPS_BURST + 1)]

    assert [0.0] * LOOKUPS_BURST + [2.0] == at_once
    assert [2.0 - 1.5, 0.0] == [pytest.approx(limit.ask(1.5)), limit.ask(2.0)]


def test_five_numbers_that_nobody_has():
    """After five in a row each next one waits two seconds; one that is found ends the run."""
    limit = LookupLimit(refilled_s=0.0)
    for _ in range(5):
        assert 0.0 == limit.ask(10.0)
        limit.answered(found=False, now_s=10.0)

    assert [2.0, 0.5, 0.0] == [limit.ask(10.0), limit.ask(11.5), limit.ask(12.0)]

    limit.answered(found=True, now_s=12.0)

    assert 0.0 == limit.ask(12.0)


@given(st.lists(st.floats(min_value=0, max_value=5), max_size=200))
def test_never_more_than_the_rate(gaps):
    """However they are spread, look-ups in a span never exceed the burst and the rate."""
    limit = LookupLimit(refilled_s=0.0)
    now_s, taken = 0.0, 0
    for gap in gaps:
        now_s += gap
        taken += limit.ask(now_s) == 0.0

    assert taken <= LOOKUPS_BURST + now_s * LOOKUPS_PER_MINUTE / 60 + 0.01


def test_sessions_are_forgotten_in_order_of_use():
    """The memory for limits is bounded."""
    limits = LookupLimits()
    first = limits.of("0", 0.0)
    for place in range(SESSIONS_MAX):
        limits.of(str(place), 0.0)
        limits.of("0", 0.0)

    assert limits.of("0", 0.0) is first

    for place in range(SESSIONS_MAX + 1):
        limits.of(f"more-{place}", 0.0)

    assert limits.of("0", 0.0) is not first


def test_panel_is_no_oracle(doors):
    """Trying numbers one by one ends in 429 with the time to wait; the till is not asked."""
    cookie = doors.cookie
    answers = [doors.panel("/panel/identify", {"code": f"7900000{n:04}"}, cookie) for n in range(10, 16)]

    assert [200] * 5 + [429] == [answer.status_code for answer in answers]
    assert ("2", "too_often", 5) == (
        answers[5].headers["retry-after"],
        answers[5].json()["code"],
        len(doors.desk.calls),
    )

    doors.clock.pass_s(2)

    assert 200 == doors.panel("/panel/identify", {"code": "CARD-17"}, cookie).status_code


def test_miss_with_a_customer_at_the_till_counts(doors):
    """A found customer on the screen is no cover for trying numbers."""
    cookie = doors.cookie
    codes = ["CARD-17", *[f"7900000{n:04}" for n in range(100, 106)]]

    assert [200] * 6 + [429] == [doors.panel("/panel/identify", {"code": code}, cookie).status_code for code in codes]


def test_goods_do_not_count_as_misses(doors):
    """A cashier who scans goods into the panel is not punished for it."""
    cookie = doors.cookie

    assert [200] * 7 == [
        doors.panel("/panel/identify", {"code": "4600000000008"}, cookie).status_code for _ in range(7)
    ]
