"""How a lowered line is printed on a fiscal receipt, where quantity × price must be the sum; decides no discount."""

from __future__ import annotations

from collections.abc import Mapping

from agent.loyalty.sale import line_bound, line_room, net_lines
from drivers.vocabulary.decision import UnitGroup
from drivers.vocabulary.money import Money, Quantity, line_total
from drivers.vocabulary.receipt import Line, Receipt

__all__ = ["fiscal_discounts", "unit_groups"]

_ONE = 1_000_000  # steps of a Quantity in one piece


def unit_groups(line: Line, discount: Money) -> tuple[UnitGroup, ...]:
    """The line less a discount as groups of units of one price each; quantity × price is the sum of each group.

    Pieces that do not divide make two groups, a kopeck apart, the cheaper first. Weighed goods are one group; where
    no price gives their sum, there is none: an empty tuple (fiscal_discounts() moves the remainder beforehand).

    Args:
        line: as the till has it.
        discount: what the decision takes off beside what the till took itself; never more than the line's total.
    """
    total = line.total - discount
    if total.minor < 0:
        raise ValueError(f"line {line.number}: cannot take {discount} off {line.total}")
    if not discount and not line.discount and line_total(line.price, line.quantity) == total:
        return (UnitGroup(quantity=line.quantity, price=line.price, total=total),)
    pieces, part = divmod(line.quantity.steps, _ONE)
    if part:
        price = _price(total.minor, line.quantity.steps)
        if price is None:
            return ()
        return (UnitGroup(quantity=line.quantity, price=total.with_minor(price), total=total),)
    price, dearer = divmod(total.minor, pieces)
    groups = ((pieces - dearer, price), (dearer, price + 1))
    return tuple(
        UnitGroup(quantity=Quantity(count * _ONE), price=total.with_minor(each), total=total.with_minor(each * count))
        for count, each in groups
        if count
    )


def _price(total: int, steps: int) -> int | None:
    """The whole price that makes this sum of a weighed quantity, rounded half up; None when there is none.

    It is one of the two beside the exact quotient, and never below a floor that the sum respects.
    """
    low = total * _ONE // steps
    return next((price for price in (low, low + 1) if _sum(price, steps) == total), None)


def _sum(price: int, steps: int) -> int:
    return (2 * price * steps + _ONE) // (2 * _ONE)


def fiscal_discounts(receipt: Receipt, off: Mapping[int, int], *, left_least: int = 0) -> dict[int, int]:
    """The same discounts, kopecks moved from weighed lines that no price fits to lines that can take them.

    The sum is the same. Only lines that the decision lowers anyway are touched, and none passes its floor, its
    largest discount or `left_least`. Where nobody can take the kopecks they stay where they are.

    Args:
        receipt: as the till has it.
        off: minor units by line number, as Decision.line_discounts() says.
        left_least: the programme's line_left_least in minor units.
    """
    moved = dict(off)
    lowered = [line for line in receipt.lines if moved.get(line.number)]
    unfit = [line for line in lowered if not _fits(line, moved[line.number])]
    if not unfit:
        return moved
    nets = {line.number: net for line, net in zip(receipt.lines, net_lines(receipt), strict=True)}
    room = {
        line.number: line_room(line, nets[line.number], max(line_bound(line, nets[line.number]), left_least))
        for line in lowered
    }
    for line in unfit:
        if not _fits(line, moved[line.number]):
            _move(line, lowered, moved, room)
    return moved


def _fits(line: Line, discount: int) -> bool:
    steps = line.quantity.steps
    return steps % _ONE == 0 or _price(line.total.minor - discount, steps) is not None


def _move(line: Line, lowered: list[Line], moved: dict[int, int], room: dict[int, int]) -> None:
    """Give this line the nearest sum above that a price fits, or else the nearest below; another line evens it out."""
    total, steps = line.total.minor - moved[line.number], line.quantity.steps
    low = total * _ONE // steps
    for change in (_sum(low + 1, steps) - total, _sum(low, steps) - total):
        mine = moved[line.number] - change
        if not 0 <= mine <= room[line.number]:
            continue
        for other in lowered:
            theirs = moved[other.number] + change
            if other is not line and 0 <= theirs <= room[other.number] and _fits(other, theirs):
                moved[line.number], moved[other.number] = mine, theirs
                return
