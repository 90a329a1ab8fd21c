"""How a simulated world went, for a program and for a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from simulation.world import Plan

__all__ = ["Outcome"]

A_LINE: Final = 6  # kinds of happenings


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a world went.

    Attributes:
        overspent_max: the most points any one shopper spent that were never there.
        bound: what the owner's cap allows at most: cap times the most tills that were off line at one moment.
    """

    plan: Plan
    steps: int
    sales: int
    returns: int
    spent: int
    checks: int
    overspent_max: int
    bound: int
    offline_most: int
    counted: dict[str, int]

    def table(self, seconds: float) -> list[str]:
        """A summary for a person."""
        plan = self.plan
        cap = f"cap of {plan.points_cap}" if plan.points_cap else "strict leases"
        bound = f"{self.bound} (cap x tills that promised without the centre)" if plan.points_cap else "0"
        happened = [f"{name} {count}" for name, count in self.counted.items()]
        rows = (
            ("world", f"seed {plan.seed}: {plan.tills} tills, {plan.customers} customers, {plan.days:g} days, {cap}"),
            ("sold", f"{self.sales} receipts, {self.returns} returns, {self.spent} points spent"),
            ("off line", f"{self.offline_most} tills at once at most"),
            ("checked", f"{self.checks} times, {self.steps} steps, {seconds:.0f} s"),
            ("overspent", f"{self.overspent_max} points of one customer at most, bound {bound}"),
            ("G1", "every confirmed receipt is at the centre once"),
            ("G2", "ledger, lots and an independent count agree; every till sees what the centre has"),
            ("G3", "nobody spent beyond the bound"),
            ("G4", "every till's envelopes are there without a gap"),
            ("G5", "every chain holds; who was copied was noticed, and nobody else"),
        )
        lines = [f"{name:<10} {words}" for name, words in rows]
        told = [", ".join(happened[start : start + A_LINE]) for start in range(0, len(happened), A_LINE)]
        return [*lines, *(f"{'' if place else 'happened':<10} {words}" for place, words in enumerate(told))]
