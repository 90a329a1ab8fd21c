"""Sharing an amount out: examples an accountant can check, and what must hold for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, get_type_hints

import pytest
from hypothesis import strategies as st

from agent.loyalty import distribute as sharing
from agent.loyalty.distribute import distribute
from tests.agent.loyalty.soaking import prove


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


@prove(st.integers(min_value=0, max_value=10**7), lines)
def test_nothing_is_lost_and_nobody_is_overfilled(amount: int, pairs: list[tuple[int, int]]) -> None:
    """All of it is shared out, or all the room there is is filled."""
    weights, room = [weight for weight, _ in pairs], [space for _, space in pairs]
    shares = distribute(amount, weights, room)
    capacity = sum(space for weight, space in pairs if weight)

    assert min(amount, capacity) == sum(shares)
    assert all(0 <= share <= space for share, space in zip(shares, room, strict=True))
    assert all(share == 0 for share, weight in zip(shares, weights, strict=True) if weight == 0)


@prove(
    st.integers(min_value=0, max_value=10**7),
    st.lists(st.integers(min_value=1, max_value=10**7), min_size=1, max_size=12),
)
def test_no_share_is_a_kopeck_off(amount: int, weights: list[int]) -> None:
    """Without capacities each share is its exact value rounded down or up."""
    total = sum(weights)
    for share, weight in zip(distribute(amount, weights), weights, strict=True):
        assert abs(Fraction(amount * weight, total) - share) < 1


@prove(st.integers(min_value=0, max_value=10**6), lines)
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


def shared_slowly(amount: int, weights: list[int], capacities: list[int] | None) -> list[int]:
    """What docs/arithmetic.md says, step by step, in fractions and with no bound on the steps."""
    shares = [0] * len(weights)
    still = [i for i, weight in enumerate(weights) if weight and (capacities is None or capacities[i])]
    while capacities is not None:
        whole = sum(weights[i] for i in still)
        full = [i for i in still if Fraction(amount * weights[i], whole) > capacities[i]]
        if not full:
            break
        for i in full:
            shares[i] = capacities[i]
            amount -= capacities[i]
            still.remove(i)
    whole = sum(weights[i] for i in still)
    exact = {i: Fraction(amount * weights[i], whole) for i in still}
    for i in still:
        shares[i] = int(exact[i])
    missing = (amount if still else 0) - sum(shares[i] for i in still)
    for i in sorted(still, key=lambda i: (int(exact[i]) - exact[i], i))[:missing]:
        shares[i] += 1
    return shares


small = st.lists(st.tuples(st.integers(min_value=0, max_value=6), st.integers(min_value=0, max_value=9)), max_size=9)


@prove(st.integers(min_value=0, max_value=60), small | lines, examples=120)
def test_rounds_and_walk_share_as_the_text_says(amount: int, pairs: list[tuple[int, int]]) -> None:
    """Whether lines are filled in rounds or in one walk, every kopeck is where the text for accountants puts it."""
    weights, room = [weight for weight, _ in pairs], [space for _, space in pairs]
    expected = shared_slowly(amount, weights, room)
    rounds = sharing.ROUNDS_MAX
    try:
        for allowed in (0, 1, rounds):
            sharing.ROUNDS_MAX = allowed

            assert expected == distribute(amount, weights, room)
    finally:
        sharing.ROUNDS_MAX = rounds

    assert shared_slowly(amount, weights, None) == distribute(amount, weights)


@prove(st.integers(min_value=0, max_value=60), small)
def test_the_walk_fills_whom_the_rounds_fill(amount: int, pairs: list[tuple[int, int]]) -> None:
    """Both end with the same lines filled, the same lines open (one that just fits is open) and the same left."""
    weights, room = [weight for weight, _ in pairs], [space for _, space in pairs]
    still = [i for i, weight in enumerate(weights) if weight]
    by_rounds, by_walk = [0] * len(pairs), [0] * len(pairs)
    rounds = sharing.ROUNDS_MAX
    sharing.ROUNDS_MAX = len(pairs) + 1
    try:
        expected = sharing._fill(amount, still, weights, room, by_rounds)
    finally:
        sharing.ROUNDS_MAX = rounds
    actual = sharing._fill_in_order(amount, still, weights, room, by_walk)

    assert (expected, by_rounds) == (actual, by_walk)


def chain(fills: int) -> tuple[int, list[int]]:
    """An amount and the room of lines of equal weight, of which each round fills exactly one, so many times."""
    left, room = 10**12, [10**12]
    for _ in range(fills):
        # The next tightest line: below its share, and high enough that the one after it is not full too early.
        count = len(room)
        tight = left - 10**6 if count == 1 else (count + 1) * room[-1] - left
        room.append(tight)
        left += tight
    return left, room


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many lines were open each time the walk began."""
    seen: list[int] = []
    walk = sharing._fill_in_order

    def watched(amount: int, open_lines: list[int], *rest: list[int]) -> tuple[int, list[int]]:
        seen.append(len(open_lines))
        return walk(amount, open_lines, *rest)

    monkeypatch.setattr(sharing, "_fill_in_order", watched)
    return seen


@pytest.mark.parametrize(("fills", "expected"), [(1, []), (4, []), (5, []), (6, [1]), (7, [2])])
def test_six_rounds_and_then_the_walk(fills: int, expected: list[int], walks: list[int]) -> None:
    """Five lines filled one after another still end in rounds, a sixth is left to the walk."""
    amount, room = chain(fills)
    weights = [1] * len(room)

    assert room[1:] == distribute(amount, weights, room)[1:]
    assert expected == walks


def test_lines_without_room_cost_no_round(walks: list[int]) -> None:
    """They are left out before the first round, and a room below nothing is none."""
    amount, room = chain(5)
    distribute(amount, [1] * len(room) + [1, 1], [*room, 0, -7])

    assert [] == walks
    assert [0, 9] == distribute(10, [1, 1], [-5, 9])
    assert [0, 0] == distribute(-1, [1, 1])


def test_nothing_to_share_looks_at_nobody() -> None:
    """Most receipts have nothing to share; that costs nothing."""

    class Untouchable(list[int]):
        def __iter__(self) -> Any:
            raise AssertionError

    assert [0, 0] == distribute(0, [1, 2], Untouchable([5, 5]))


def test_room_enough_goes_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every line can take its share, be it exactly, nobody is filled."""

    def never(*_arguments: Any) -> Any:
        raise AssertionError

    monkeypatch.setattr(sharing, "_fill", never)

    assert [4, 2, 0] == distribute(6, [20, 10, 0], [4, 2, 5])
    assert [40, 20] == distribute(60, [2, 1], [50, 100])
    assert [4, 3] == distribute(7, [1, 1], [4, 4])
    assert [0, 3, 0] == distribute(3, [0, 7, 0], [0, 3, 0])


def test_a_line_without_its_capacity_is_a_mistake() -> None:
    """Lists of unequal length are never guessed about."""
    with pytest.raises(ValueError, match="shorter"):
        distribute(5, [1, 1], [9])


def test_capacities_may_be_left_out_by_type() -> None:
    """What the signature says is what a caller may rely on."""
    assert Sequence[int] | None == get_type_hints(distribute)["capacities"]
