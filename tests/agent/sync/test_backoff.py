"""The back-off's table."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.sync.backoff import CAP_S, RETRY_AFTER_MAX_S, delay_s, retrying
from agent.sync.errors import CentreUnavailable


@pytest.mark.parametrize(
    ("attempt", "jitter", "retry_after_s", "expected"),
    [
        (1, 0.0, None, 0.0),
        (1, 1.0, None, 1.0),
        (2, 0.5, None, 1.0),
        (4, 1.0, None, 8.0),
        (7, 1.0, None, 60.0),
        (10_000, 1.0, None, 60.0),
        (10_000, 0.25, None, 15.0),
        (1, 0.0, 30.0, 30.0),
        (3, 0.5, 30.0, 32.0),
        (1, 0.0, 1e9, 3_600.0),
        (1, 0.0, -5.0, 0.0),
    ],
)
def test_the_table(attempt: int, jitter: float, retry_after_s: float | None, expected: float) -> None:
    """Attempt, jitter and the centre's wish decide; nothing else does."""
    assert expected == delay_s(attempt, jitter=jitter, retry_after_s=retry_after_s)


@given(st.integers(1, 1_000_000), st.floats(0, 1), st.none() | st.floats(0, 1e6))
def test_a_delay_is_bounded_and_never_before_the_wish(attempt: int, jitter: float, wish: float | None) -> None:
    """No wait is endless, and the centre is not asked earlier than it wanted."""
    delay = delay_s(attempt, jitter=jitter, retry_after_s=wish)

    assert min(wish or 0.0, RETRY_AFTER_MAX_S) <= delay <= RETRY_AFTER_MAX_S + CAP_S


@pytest.mark.parametrize(("attempt", "jitter"), [(0, 0.5), (1, -0.1), (1, 1.1)])
def test_arguments_out_of_range_are_refused(attempt: int, jitter: float) -> None:
    """A mistake of the caller is not a delay."""
    with pytest.raises(ValueError):
        delay_s(attempt, jitter=jitter)


def test_tenacity_carries_it() -> None:
    """Each failure is told, then waited for; the wish travels with the error."""
    waits: list[float] = []
    told: list[str] = []
    failures = [CentreUnavailable("one"), CentreUnavailable("two", retry_after_s=9.0)]

    def work() -> str:
        if failures:
            raise failures.pop(0)
        return "well"

    retry = retrying(
        pause=waits.append, random=lambda: 1.0, stop=threading.Event(), failed=lambda error: told.append(str(error))
    )

    assert "well" == retry(work)
    assert [1.0, 11.0] == waits
    assert ["one", "two"] == told


def test_a_stop_ends_the_tries_with_the_last_error() -> None:
    """A stopping agent does not wait for a centre that is away."""
    stop = threading.Event()

    def work() -> None:
        stop.set()
        raise CentreUnavailable("away")

    with pytest.raises(CentreUnavailable, match="away"):
        retrying(pause=lambda _: None, random=lambda: 0.0, stop=stop, failed=lambda _: None)(work)
