"""How an amount is shared out over lines to the last kopeck; the one place where that happens."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cmp_to_key

__all__ = ["distribute"]

ROUNDS_MAX = 6  # real receipts need one or two; beyond it a sort bounds the work


def distribute(amount: int, weights: Sequence[int], capacities: Sequence[int] | None = None) -> list[int]:
    """Share `amount` minor units out in proportion to `weights`, no line above its capacity.

    Every share is rounded down; the missing units go one by one to the largest fractions, ties in line order.
    A line that cannot take its share is filled to its capacity and the rest goes to the others in proportion, until
    nothing is left or nobody can take more. So the result sums to `amount`, or to all there is room for.

    Args:
        amount: what to share, 0 or more.
        weights: one per line, 0 or more; a line of weight 0 gets nothing.
        capacities: most that each line may get; None is without limit.
    """
    if amount <= 0:
        return [0] * len(weights)
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    if capacities is None or not _overfilled(amount, weights, capacities, whole):
        return _share(amount, weights, whole)
    shares = [0] * len(weights)
    open_lines = [i for i, weight in enumerate(weights) if weight and capacities[i] > 0]
    amount, open_lines = _fill(amount, open_lines, weights, capacities, shares)
    open_weights = [weights[i] for i in open_lines]
    for place, share in enumerate(_share(amount, open_weights, sum(open_weights))):
        shares[open_lines[place]] = share
    return shares


def _overfilled(amount: int, weights: Sequence[int], capacities: Sequence[int], whole: int) -> bool:
    """True when the exact share of any line is above its capacity; a plain loop, faster than any()."""
    for weight, capacity in zip(weights, capacities, strict=True):  # noqa: SIM110 - that is the point
        if amount * weight > capacity * whole:
            return True
    return False


def _share(amount: int, weights: Sequence[int], whole: int) -> list[int]:
    """In proportion, `whole` being the sum of the weights; a line of weight 0 has no fraction and gets nothing."""
    shares = [amount * weight // whole for weight in weights]
    missing = amount - sum(shares)
    if missing:
        # Fewer are missing than there are fractions above 0, so a share grows only where its exact value was larger.
        # A reversed sort keeps equals in their order: ties go in line order.
        fractions = [amount * weight % whole for weight in weights]
        largest = sorted(range(len(fractions)), key=fractions.__getitem__, reverse=True)
        for place in largest[:missing]:
            shares[place] += 1
    return shares


def _fill(
    amount: int, open_lines: list[int], weights: Sequence[int], capacities: Sequence[int], shares: list[int]
) -> tuple[int, list[int]]:
    """Fill the lines that cannot take their share; returns what is left for the others, and who they are.

    Filling one line makes the share of the others larger, never smaller: who is over its capacity stays over it.
    """
    for _ in range(ROUNDS_MAX):
        weight_left = sum([weights[i] for i in open_lines])
        full = {i for i in open_lines if amount * weights[i] > capacities[i] * weight_left}
        if not full:
            return amount, open_lines
        for i in full:
            shares[i] = capacities[i]
            amount -= capacities[i]
        open_lines = [i for i in open_lines if i not in full]
    return _fill_in_order(amount, open_lines, weights, capacities, shares)


def _fill_in_order(
    amount: int, open_lines: list[int], weights: Sequence[int], capacities: Sequence[int], shares: list[int]
) -> tuple[int, list[int]]:
    """The same in one walk, the tightest line first: the first one that can take its share ends it.

    For receipts on which every round would fill one line more; the sort costs more than a few rounds do.
    """

    def tighter(a: int, b: int) -> int:
        # a/b < c/d compared as a*d < c*b: exact, where a quotient would not be.
        return capacities[a] * weights[b] - capacities[b] * weights[a]

    tightest = sorted(open_lines, key=cmp_to_key(tighter))
    weight_left = sum(weights[i] for i in open_lines)
    for place, i in enumerate(tightest):
        if amount * weights[i] <= capacities[i] * weight_left:
            return amount, sorted(tightest[place:])
        shares[i] = capacities[i]
        amount -= capacities[i]
        weight_left -= weights[i]
    return amount, []
