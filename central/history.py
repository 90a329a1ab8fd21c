"""What a sale and its returns have moved so far, read from the ledger; says how much of it is still to be undone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from central.accounts import DEFICIT, Reason
from drivers.vocabulary.customer import PointsLot

__all__ = ["History"]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What a sale and its returns have written into the ledger so far."""

    entries: Sequence[Mapping[str, Any]]

    def _sum(self, unit: str, *reasons: Reason) -> int:
        return sum(entry["amount"] for entry in self._of(unit, *reasons))

    def _of(self, unit: str, *reasons: Reason) -> list[Mapping[str, Any]]:
        words = {reason.value for reason in reasons}
        return [entry for entry in self.entries if entry["unit"] == unit and entry["reason"] in words]

    def takeable(self, unit: str) -> int:
        """How many of the earned points have not been taken back yet."""
        return max(0, self._sum(unit, Reason.EARNED, Reason.TAKEN_BACK))

    def returnable(self, unit: str) -> int:
        """How many of the spent points have not been given back yet."""
        return max(0, -self._sum(unit, Reason.SPENT, Reason.GIVEN_BACK))

    def untaken(self) -> dict[str, int]:
        """Per unit, the earned points that have not been taken back yet."""
        return {unit: self.takeable(unit) for unit in self._units(Reason.EARNED)}

    def unreturned(self) -> dict[str, int]:
        """Per unit, the spent points that have not been given back yet."""
        return {unit: self.returnable(unit) for unit in self._units(Reason.SPENT)}

    def _units(self, reason: Reason) -> list[str]:
        return sorted({entry["unit"] for entry in self.entries if entry["reason"] == reason.value})

    def taken(self, unit: str) -> tuple[PointsLot, ...]:
        """The parts of lots the sale took, in the order taken, less what came back to them."""
        came_back: dict[str, int] = {}
        for entry in self._of(unit, Reason.GIVEN_BACK):
            came_back[entry["lot"]] = came_back.get(entry["lot"], 0) + entry["amount"]
        parts = []
        for entry in self._of(unit, Reason.SPENT):
            if entry["lot"] == DEFICIT:
                continue
            part = PointsLot(
                id=entry["lot"],
                unit=unit,
                amount=max(0, -entry["amount"] - came_back.get(entry["lot"], 0)),
                active_from=entry["active_from"],
                expires_at=entry["expires_at"],
            )
            parts.append(part)
        return tuple(parts)
