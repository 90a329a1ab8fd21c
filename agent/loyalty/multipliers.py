"""What points are multiplied by, line by line, as exact fractions; how many points there are is not known here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import gcd, lcm, prod

from agent.loyalty.gates import Selector
from agent.loyalty.parts import GroupMode
from agent.loyalty.sale import Rejection, Sale
from drivers.vocabulary.money import Quantity

__all__ = ["Factors", "Multiplier", "MultiplierStep", "factors_of"]

_QUANTITY_STEPS = 1_000_000


@dataclass(frozen=True, slots=True)
class Multiplier:
    """A compiled factor in lowest terms, on the lines its rule means."""

    id: str
    unit: str
    numerator: int
    denominator: int
    where: Selector


@dataclass(frozen=True, slots=True)
class MultiplierStep:
    """Multipliers of one unit that act together: STACK multiplies them, BEST takes the largest factor of each line.

    A group in a group is one of the elements: each line has the factor that the group as a whole would give it.
    """

    mode: GroupMode
    elements: tuple[Multiplier | MultiplierStep, ...]

    def leaves(self) -> Iterator[Multiplier]:
        """The rules, those of inner groups included, in their order."""
        for element in self.elements:
            if isinstance(element, MultiplierStep):
                yield from element.leaves()
            else:
                yield element


@dataclass(frozen=True, slots=True)
class Factors:
    """What each line's points are multiplied by: a numerator a line, over one denominator."""

    numerators: list[int]
    denominator: int


#: Line → the multipliers that act on it together.
_ByLine = dict[int, tuple[Multiplier, ...]]
#: The multipliers that could act, with their lines, in order.
_Able = list[tuple[Multiplier, tuple[int, ...]]]


def factors_of(sale: Sale, steps: Sequence[MultiplierStep]) -> dict[str, Factors]:
    """What the multipliers that apply make of each unit, in order; an exclusive group that acts is alone."""
    factors: dict[str, Factors] = {}
    alone = ""
    for step in sorted(steps, key=lambda step: step.mode is not GroupMode.EXCLUSIVE):
        if alone:
            _reject(sale, step, Rejection("beaten_by_exclusive", {"by": alone}))
            continue
        able: _Able = []
        by_line = _by_line(sale, step, able)
        _explain(sale, step, able, by_line)
        if by_line:
            _multiply(sale, by_line, factors)
            if step.mode is GroupMode.EXCLUSIVE:
                alone = _first(by_line)
    return factors


def _first(by_line: _ByLine) -> str:
    return next(iter(by_line.values()))[0].id


def _reject(sale: Sale, element: Multiplier | MultiplierStep, why: Rejection) -> None:
    for rule in element.leaves() if isinstance(element, MultiplierStep) else [element]:
        sale.rejected(rule.id, why)


def _by_line(sale: Sale, element: Multiplier | MultiplierStep, able: _Able) -> _ByLine:
    """Who acts on which line; of those whose gate is shut, or whose turn never came, it is said why."""
    if not isinstance(element, MultiplierStep):
        lines = Rejection("no_customer") if sale.customer is None else element.where.lines(sale, sale.earning)
        if isinstance(lines, Rejection):
            sale.rejected(element.id, lines)
            return {}
        able.append((element, lines))
        return dict.fromkeys(lines, (element,))
    first_only = element.mode in (GroupMode.LIST_ORDER, GroupMode.EXCLUSIVE)
    made: _ByLine = {}
    acting: list[_ByLine] = []
    alone = ""
    for one in _in_turn(element):
        if made and (first_only or alone):
            code = "beaten_by_exclusive" if alone else "beaten"
            _reject(sale, one, Rejection(code, {"by": _first(made)}))
            continue
        added = _by_line(sale, one, able)
        if element.mode is GroupMode.BEST:
            _keep_larger(made, added)
            acting.append(added)
        else:
            for i, rules in added.items():
                made[i] = made.get(i, ()) + rules
        if added and element.mode is GroupMode.STACK and _is_exclusive(one):
            alone = _first(added)
    return _without_losses(made, acting) if acting else made


def _without_losses(made: _ByLine, elements: list[_ByLine]) -> _ByLine:
    """A line keeps a factor below 1 only when every element acts on it: one that does not would leave its points."""
    small = {i for i, rules in made.items() if _is_loss(rules) and not all(i in one for one in elements)}
    return {i: rules for i, rules in made.items() if i not in small} if small else made


def _is_loss(rules: tuple[Multiplier, ...]) -> bool:
    top, below = _fraction(rules)
    return top < below


def _in_turn(step: MultiplierStep) -> Sequence[Multiplier | MultiplierStep]:
    """As written; where all act, an exclusive group goes first."""
    if step.mode is not GroupMode.STACK:
        return step.elements
    return sorted(step.elements, key=lambda one: not _is_exclusive(one))


def _is_exclusive(element: Multiplier | MultiplierStep) -> bool:
    return isinstance(element, MultiplierStep) and element.mode is GroupMode.EXCLUSIVE


def _keep_larger(made: _ByLine, added: _ByLine) -> None:
    """Each line keeps the larger factor; of equal ones the first in order."""
    for i, rules in added.items():
        known = made.get(i)
        if known is None:
            made[i] = rules
            continue
        (top, below), (known_top, known_below) = _fraction(rules), _fraction(known)
        if top * known_below > known_top * below:
            made[i] = rules


def _fraction(rules: tuple[Multiplier, ...]) -> tuple[int, int]:
    """Numerator and denominator of what these multipliers make together, in lowest terms."""
    if len(rules) == 1:
        return rules[0].numerator, rules[0].denominator
    top, below = prod(rule.numerator for rule in rules), prod(rule.denominator for rule in rules)
    shared = gcd(top, below)
    return top // shared, below // shared


def _explain(sale: Sale, step: MultiplierStep, able: _Able, by_line: _ByLine) -> None:
    acting = {rule.id for rules in by_line.values() for rule in rules}
    for rule, lines in able:
        if rule.id in acting:
            sale.applied(rule.id, "multiplied", factor=_factor_text(rule), unit=rule.unit)
        else:
            others = (other.id for other in step.leaves() if other is not rule)
            by = next((by_line[i][0].id for i in lines if i in by_line), None) or next(others)
            sale.rejected(rule.id, Rejection("beaten", {"by": by}))


def _multiply(sale: Sale, by_line: _ByLine, factors: dict[str, Factors]) -> None:
    """Multiply each line by its factor, exactly: over the common denominator."""
    unit = next(iter(by_line.values()))[0].unit
    # Lines of one rule share one tuple: a fraction is worked out once for each.
    different = {id(rules): rules for rules in by_line.values()}
    fractions = {place: _fraction(rules) for place, rules in different.items()}
    common = lcm(*(below for _, below in fractions.values()))
    known = factors.get(unit) or Factors([1] * len(sale.left), 1)
    numerators = [numerator * common for numerator in known.numerators]
    for i, rules in by_line.items():
        top, below = fractions[id(rules)]
        numerators[i] = known.numerators[i] * top * (common // below)
    factors[unit] = Factors(numerators, known.denominator * common)


def _factor_text(rule: Multiplier) -> str:
    return str(Quantity(rule.numerator * (_QUANTITY_STEPS // rule.denominator)))
