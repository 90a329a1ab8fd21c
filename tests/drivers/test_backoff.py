"""The delays between attempts, as a table."""

import pytest

from drivers.backoff import reconnect_delay_s


@pytest.mark.parametrize(
    ("attempt", "jitter", "expected_s"),
    [
        (0, 0.0, 0.0),
        (1, 0.0, 0.25),
        (2, 0.0, 0.5),
        (3, 0.0, 1.0),
        (5, 0.0, 4.0),
        (6, 0.0, 5.0),
        (10_000, 0.0, 5.0),
        (1, 1.0, 0.125),
        (6, 1.0, 2.5),
        (6, 0.5, 3.75),
        (6, 7.0, 2.5),
        (-1, 0.0, 0.0),
    ],
)
def test_delays_double_up_to_a_cap(attempt, jitter, expected_s):
    """Short at first, never above the cap, and jitter only shortens."""
    assert expected_s == reconnect_delay_s(attempt, jitter)


def test_the_cap_is_an_argument():
    """A till waits for its printer for less long than for a scanner."""
    assert reconnect_delay_s(20, 0.0, max_s=2.0) == 2.0
