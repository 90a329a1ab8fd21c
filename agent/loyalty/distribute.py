"""How an amount is shared out over lines to the last kopeck; the one place where that happens."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cmp_to_key

__all__ = ["distribute"]


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
    shares = [0] * len(weights)
    open_lines = [i for i, weight in enumerate(weights) if weight > 0 and (capacities is None or capacities[i] > 0)]
    weight_left = sum(weights[i] for i in open_lines)
    if amount <= 0 or not open_lines:
        return shares
    if capacities is not None and any(amount * weights[i] > capacities[i] * weight_left for i in open_lines):
        amount, weight_left, open_lines = _fill(
            amount, weight_left, open_lines, weights=weights, capacities=capacities, shares=shares
        )
    missing = amount if open_lines else 0
    fractions: list[tuple[int, int]] = []
    for i in open_lines:
        share, fraction = divmod(amount * weights[i], weight_left)
        shares[i] = share
        missing -= share
        fractions.append((-fraction, i))
    if missing:
        # Fewer are missing than there are fractions above 0, so a share grows only where its exact value was larger.
        fractions.sort()
        for _, i in fractions[:missing]:
            shares[i] += 1
    return shares


def _fill(
    amount: int,
    weight_left: int,
    open_lines: list[int],
    *,
    weights: Sequence[int],
    capacities: Sequence[int],
    shares: list[int],
) -> tuple[int, int, list[int]]:
    """Fill the lines that cannot take their share, the tightest first; returns what is left for the others.

    In order of capacity per weight the first line that can take its share ends it: every later one can too.
    """

    def tighter(a: int, b: int) -> int:
        # a/b < c/d compared as a*d < c*b: exact, where a quotient would not be.
        return capacities[a] * weights[b] - capacities[b] * weights[a]

    tightest = sorted(open_lines, key=cmp_to_key(tighter))
    filled = 0
    for i in tightest:
        if amount * weights[i] <= capacities[i] * weight_left:
            break
        shares[i] = capacities[i]
        amount -= capacities[i]
        weight_left -= weights[i]
        filled += 1
    return amount, weight_left, sorted(tightest[filled:])
