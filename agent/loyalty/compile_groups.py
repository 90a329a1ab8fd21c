"""Groups inside groups: the tree that rules and groups make, and what can be wrong with it; builds no steps itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from agent.loyalty.aftersale import UNGROUPED
from agent.loyalty.compile_rewards import SetModel
from agent.loyalty.model import ProgrammeFile
from agent.loyalty.parts import GroupMode, Target
from agent.loyalty.reading import nearest
from agent.loyalty.rules import (
    AmountDiscount,
    EarnPoints,
    FixedPoints,
    FixedPrice,
    MultiplyPoints,
    PercentDiscount,
    PointsForGoods,
    Rule,
    SpendPoints,
    StagedDiscount,
    TierDiscount,
)
from agent.loyalty.source import Path

__all__ = ["GROUPS_DEEP_MAX", "Node", "check_groups", "group_tree"]

GROUPS_DEEP_MAX: Final = 6  # one inside the other; nobody can say what deeper ones mean

_SETS: Final = "sets"
_ON_LINES: Final = "discounts on lines"

Report = Callable[[Path, str, str], None]


# ── What is wrong ────────────────────────────────────────────────────────────────────────────────


class _Kind(NamedTuple):
    """What the first rule of a group is, and which group it stands in directly."""

    phase: str
    unit: str
    group: str


def check_groups(file: ProgrammeFile, problem: Report) -> None:
    """One group holds rules of one kind, groups stand in known groups and in no circle, and in one phase."""
    kinds: dict[str, _Kind] = {}
    for i, rule in enumerate(file.rules):
        if rule.group in file.groups:
            found = _Kind(_phase(rule), getattr(rule, "unit", ""), rule.group)
            first = kinds.setdefault(rule.group, found)
            path: Path = ("rules", i, "group")
            if first.phase != found.phase:
                problem(path, f"group {rule.group!r} has {first.phase} already; one group is of one kind", "")
            elif first.unit != found.unit:
                problem(path, f"group {rule.group!r} is about {first.unit!r} already", "")
    sound = [_check_inside(file, name, problem) for name, group in file.groups.items() if group.inside]
    if all(sound):
        _check_mixtures(file, kinds, problem)


def _phase(rule: Rule) -> str:
    if isinstance(rule, SetModel):
        return _SETS
    if isinstance(rule, FixedPrice):
        return _ON_LINES
    if isinstance(rule, (PercentDiscount, TierDiscount, AmountDiscount, StagedDiscount)):
        return _ON_LINES if rule.target is Target.LINES else "discounts on the receipt"
    names: dict[type, str] = {EarnPoints: "earning", MultiplyPoints: "multipliers", SpendPoints: "spending"}
    names |= {FixedPoints: "earning", PointsForGoods: "spending"}
    names |= dict.fromkeys(UNGROUPED, "what comes after the sale")
    return names[type(rule)]


def _check_inside(file: ProgrammeFile, name: str, problem: Report) -> bool:
    """True when the groups around this one are known, and end."""
    around = [name]
    path: Path = ("groups", name, "inside")
    while inside := file.groups[around[-1]].inside:
        if inside not in file.groups:
            if len(around) == 1:  # told once, where it is written
                others = [other for other in file.groups if other != name]
                problem(path, f"no group {inside!r}; declare it under [groups]", nearest(inside, others))
            return False
        if inside in around:
            if inside == name:
                problem(path, f"group {name!r} would stand inside itself: {' in '.join([*around, inside])}", "")
            return False
        around.append(inside)
    if len(around) > GROUPS_DEEP_MAX:
        problem(path, f"at most {GROUPS_DEEP_MAX} groups stand inside one another, not {len(around)}", "")
    return len(around) <= GROUPS_DEEP_MAX


def _check_mixtures(file: ProgrammeFile, kinds: dict[str, _Kind], problem: Report) -> None:
    """All groups inside one group act in one phase, and about one unit: else nobody could compare them."""
    firsts: dict[str, _Kind] = {}
    for name, kind in kinds.items():
        outermost = name
        while file.groups[outermost].inside:
            outermost = file.groups[outermost].inside
        first = firsts.setdefault(outermost, kind)
        # The one that has an "inside" to be mended; of two such ones the later.
        path: Path = ("groups", name if file.groups[name].inside else first.group, "inside")
        if _SETS in (first.phase, kind.phase) and _ON_LINES in (first.phase, kind.phase):
            continue  # both act on lines, before the receipt
        both = f"group {name!r} has {{}}, group {first.group!r} has {{}}: "
        if first.phase != kind.phase:
            said = both.format(kind.phase, first.phase)
            problem(path, f"{said}groups inside one another act in one phase", "")
        elif first.unit != kind.unit:
            said = both.format(repr(kind.unit), repr(first.unit))
            problem(path, f"{said}points of different units cannot be compared", "")


# ── The tree ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Node:
    """A group, or a lone rule as a group of one; `elements` stand where the first rule of each stands."""

    mode: GroupMode
    elements: list[Rule | Node]

    @property
    def is_nested(self) -> bool:
        """True when a group stands in it."""
        return any(isinstance(element, Node) for element in self.elements)

    def rules(self) -> Iterator[Rule]:
        """All of them, those of inner groups included."""
        for element in self.elements:
            if isinstance(element, Node):
                yield from element.rules()
            else:
                yield element


def group_tree(file: ProgrammeFile) -> list[Node]:
    """The lone rules and the groups that stand in no other, by priority, then as written."""
    top: list[Node] = []
    nodes: dict[str, Node] = {}

    def node(name: str) -> Node:
        known = nodes.get(name)
        if known is None:
            group = file.groups[name]
            known = nodes[name] = Node(group.mode, [])
            if group.inside:
                node(group.inside).elements.append(known)
            else:
                top.append(known)
        return known

    # sorted() keeps the written order among equal priorities.
    for rule in sorted(file.rules, key=lambda rule: -rule.priority):
        if rule.group:
            node(rule.group).elements.append(rule)
        else:
            top.append(Node(GroupMode.STACK, [rule]))
    return top
