"""Points as whole minor units: worth in money, text, and reading what an author wrote; knows no customer."""

from __future__ import annotations

from dataclasses import dataclass

from agent.loyalty.model import Unit
from drivers.vocabulary.money import Quantity

__all__ = ["PointsScale", "minor_points", "points_text"]

_QUANTITY_STEPS = 1_000_000


@dataclass(frozen=True, slots=True)
class PointsScale:
    """What points of one unit are worth: `points` minor units of points stand for `money` minor units of money."""

    unit: str
    exponent: int
    points: int
    money: int

    @classmethod
    def of(cls, name: str, unit: Unit) -> PointsScale:
        """The scale of a declared unit; `money` is 0 when its points have no worth."""
        return cls(name, unit.exponent, unit.worth_points * 10**unit.exponent, unit.worth.minor if unit.worth else 0)

    def worth(self, points: int) -> int:
        """Money that these points stand for, rounded down."""
        return points * self.money // self.points

    def affordable(self, money: int) -> int:
        """Most points whose exact worth is not above this money."""
        return money * self.points // self.money if self.money else 0

    def text(self, points: int) -> str:
        """The number as people write it."""
        return points_text(points, self.exponent)


def points_text(points: int, exponent: int) -> str:
    """Minor units of points as a decimal number: 150 with one place is "15.0"."""
    if exponent == 0:
        return str(points)
    sign = "-" if points < 0 else ""
    whole, fraction = divmod(abs(points), 10**exponent)
    return f"{sign}{whole}.{fraction:0{exponent}d}"


def minor_points(written: Quantity, exponent: int) -> int | None:
    """Whole minor units of a number of points; None when it has more places than the unit."""
    minor, rest = divmod(written.steps * 10**exponent, _QUANTITY_STEPS)
    return None if rest else minor
