"""Groups of discounts inside groups: an inner group is one element of the outer one, whose mode decides among them.

Every element of a "best" group is worked out on a copy, exactly once; only the one that takes off the most is kept.
So a group never takes less than any of its elements would, and the work grows with the rules, not with the orders.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from agent.loyalty.discounts import Named, Step, acted
from agent.loyalty.parts import GroupMode
from agent.loyalty.sale import Rejection, Sale
from drivers.vocabulary.decision import Explanation, LineDiscount

__all__ = ["GroupStep"]


class _Outcome(NamedTuple):
    """What one element would do to the sale, and what would be said of its rules."""

    amount: int
    left: list[int]
    room: list[int]
    effects: list[LineDiscount]
    explanations: list[Explanation]


@dataclass(frozen=True, slots=True)
class GroupStep:
    """A group that holds other groups; the rules that stand directly in it are elements as well."""

    mode: GroupMode
    elements: tuple[Step, ...]

    @property
    def rules(self) -> Sequence[Named]:
        """Those of all elements, in order."""
        return [rule for element in self.elements for rule in element.rules]

    def run(self, sale: Sale) -> bool:
        """Apply what the mode lets apply; True when anything was taken."""
        if self.mode is GroupMode.STACK:
            return self._run_stack(sale)
        if self.mode is GroupMode.BEST:
            return self._run_best(sale)
        return self._run_list(sale)

    def reject(self, sale: Sale, why: Rejection) -> None:
        """Say of each rule that it did not get its turn."""
        for element in self.elements:
            element.reject(sale, why)

    def _run_stack(self, sale: Sale) -> bool:
        """All of them; an inner exclusive group has the first turn, and keeps the others out when it has an effect."""
        taken = False
        alone = ""
        for element in sorted(self.elements, key=lambda one: one.mode is not GroupMode.EXCLUSIVE):
            since = len(sale.explanations)
            if alone:
                element.reject(sale, Rejection("beaten_by_exclusive", {"by": alone}))
            elif element.run(sale):
                taken = True
                if element.mode is GroupMode.EXCLUSIVE:
                    alone = acted(sale.explanations[since:])
        return taken

    def _run_list(self, sale: Sale) -> bool:
        winner = ""
        for element in self.elements:
            since = len(sale.explanations)
            if winner:
                element.reject(sale, Rejection("beaten", {"by": winner}))
            elif element.run(sale):
                winner = acted(sale.explanations[since:])
        return bool(winner)

    def _run_best(self, sale: Sale) -> bool:
        """The element that takes off the most; of equal ones the first."""
        outcomes = [_tried(sale, element) for element in self.elements]
        best = max(outcomes, key=lambda outcome: outcome.amount)
        winner = acted(best.explanations)
        for outcome in outcomes:
            if outcome is best or not winner:
                sale.explanations += outcome.explanations
            else:
                _explain_beaten(sale, outcome.explanations, winner)
        sale.left, sale.room = best.left, best.room
        sale.off += best.amount
        sale.effects += best.effects
        return bool(winner)


def _tried(sale: Sale, element: Step) -> _Outcome:
    """Run the element on a copy; the sale is as before."""
    left, room, off = sale.left, sale.room, sale.off
    effects, said = len(sale.effects), len(sale.explanations)
    sale.left, sale.room = list(left), list(room)
    element.run(sale)
    outcome = _Outcome(sale.off - off, sale.left, sale.room, sale.effects[effects:], sale.explanations[said:])
    sale.left, sale.room, sale.off = left, room, off
    del sale.effects[effects:]
    del sale.explanations[said:]
    return outcome


def _explain_beaten(sale: Sale, explanations: Sequence[Explanation], winner: str) -> None:
    """Who would have had an effect, or lost to one that would, lost to the winner; the others keep their reasons."""
    for one in explanations:
        if one.applied and "amount" in one.values:
            sale.rejected(one.rule, Rejection("beaten", {"by": winner, "amount": one.values["amount"]}))
        elif not one.applied and one.code in ("beaten", "beaten_by_exclusive"):
            sale.rejected(one.rule, Rejection("beaten", {**one.values, "by": winner}))
        elif not one.applied:
            sale.explanations.append(one)
