"""Sharing an amount out: examples an accountant can check, and what must hold for all of them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.loyalty.distribute import distribute


@pytest.mark.parametrize(
    ("amount", "weights", "capacities", "expected"),
    [
        (0, [1, 2], None, [0, 0]),
        (100, [], None, []),
        (100, [0, 0], None, [0, 0]),
        (100, [1, 1, 1], None, [34, 33, 33]),
        (400, [1, 1, 1], None, [134, 133, 133]),
        (100, [33, 33, 134], None, [17, 16, 67]),
        (10, [1, 1, 1], [2, 9, 9], [2, 4, 4]),
        (10, [1, 1, 1], [2, 3, 9], [2, 3, 5]),
        (10, [1, 1, 1], [2, 3, 4], [2, 3, 4]),
        (10, [1, 1, 1], [0, 0, 9], [0, 0, 9]),
        (5000, [45000, 5000], [4100, 5000], [4100, 900]),
        (7, [10, 0, 10], [9, 9, 9], [4, 0, 3]),
    ],
)
def test_examples(amount: int, weights: list[int], capacities: list[int] | None, expected: list[int]) -> None:
    """Worked by hand."""
    assert expected == distribute(amount, weights, capacities)


lines = st.lists(
    st.tuples(st.integers(min_value=0, max_value=10**7), st.integers(min_value=0, max_value=10**6)), max_size=12
)


@settings(deadline=None, max_examples=150)
@given(st.integers(min_value=0, max_value=10**7), lines)
def test_nothing_is_lost_and_nobody_is_overfilled(amount: int, pairs: list[tuple[int, int]]) -> None:
    """All of it is shared out, or all the room there is is filled."""
    weights, room = [weight for weight, _ in pairs], [space for _, space in pairs]
    shares = distribute(amount, weights, room)
    capacity = sum(space for weight, space in pairs if weight)

    assert min(amount, capacity) == sum(shares)
    assert all(0 <= share <= space for share, space in zip(shares, room, strict=True))
    assert all(share == 0 for share, weight in zip(shares, weights, strict=True) if weight == 0)


@settings(deadline=None, max_examples=150)
@given(
    st.integers(min_value=0, max_value=10**7),
    st.lists(st.integers(min_value=1, max_value=10**7), min_size=1, max_size=12),
)
def test_no_share_is_a_kopeck_off(amount: int, weights: list[int]) -> None:
    """Without capacities each share is its exact value rounded down or up."""
    total = sum(weights)
    for share, weight in zip(distribute(amount, weights), weights, strict=True):
        assert abs(Fraction(amount * weight, total) - share) < 1


@settings(deadline=None, max_examples=150)
@given(st.integers(min_value=0, max_value=10**6), lines)
def test_lines_with_room_share_in_proportion(amount: int, pairs: list[tuple[int, int]]) -> None:
    """Among lines that are not full nobody gets more per weight than another, but for one kopeck."""
    weights, room = [weight for weight, _ in pairs], [space for _, space in pairs]
    shares = distribute(amount, weights, room)
    open_lines = [i for i in range(len(pairs)) if weights[i] and shares[i] < room[i]]
    for i in open_lines:
        for j in range(len(pairs)):
            if weights[j]:
                assert shares[j] * weights[i] <= (shares[i] + 1) * weights[j] + weights[i]


def test_a_receipt_that_fills_line_after_line_is_shared_at_once() -> None:
    """Two thousand lines, each tighter than the next: sorted once, never walked again."""
    weights = [1000] * 2000
    room = list(range(2000))
    shares = distribute(10**6, weights, room)

    assert 10**6 == sum(shares)
