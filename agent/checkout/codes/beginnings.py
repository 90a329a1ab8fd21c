"""Whether what has come of a code may still grow into one that a pattern takes; pure.

Python's matcher cannot say it, so a pattern is read once more, into states: characters, classes, groups, alternatives
and counted repeats. What is beyond that (looking ahead, references, flags) makes the answer "it may", which only means
that a code is held until it is whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

__all__ = ["STATES_MAX", "Beginning"]

STATES_MAX = 4_000  # a pattern has 200 characters; what grows beyond this is held until it is whole
MEMORY_MAX = 5_000  # steps remembered; a shop's codes begin in a few dozen ways
_REPEAT: Final = re.compile(r"\{([0-9]*)(,?)([0-9]*)\}")
_GROUP: Final = re.compile(r"\((?:\?:|\?P<[A-Za-z_][A-Za-z0-9_]*>)?")
_ESCAPE: Final = re.compile(r"\\(?:[dDwWsS]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[^A-Za-z0-9])|\\[nrtfv]")
_UNENDING: Final = 100_000
_ANCHORS: Final = frozenset("^$")


class _BeyondError(Exception):
    """The pattern says something that is not read here."""


@dataclass(frozen=True, slots=True)
class _Node:
    """A piece of a pattern: an atom, or pieces one after the other, or one of several, repeated low to high times."""

    atom: re.Pattern[str] | None = None
    parts: tuple[_Node, ...] = ()
    is_choice: bool = False
    low: int = 1
    high: int = 1


@dataclass(slots=True)
class _Machine:
    """States by number: where each leads for nothing, and where for a character."""

    empty: list[list[int]] = field(default_factory=list)
    steps: list[tuple[re.Pattern[str], int] | None] = field(default_factory=list)

    def state(self) -> int:
        if len(self.empty) >= STATES_MAX:
            raise _BeyondError
        self.empty.append([])
        self.steps.append(None)
        return len(self.empty) - 1


class Beginning:
    """Answers for one pattern."""

    def __init__(self, pattern: str) -> None:
        self._machine: _Machine | None = _Machine()
        self._known: dict[tuple[frozenset[int], str], frozenset[int]] = {}
        try:
            node = _Reader(pattern).read()
            start = self._machine.state()
            _build(self._machine, node, start)
            self._start = _closure(self._machine, {start})
        except _BeyondError:
            self._machine = None
            self._start = frozenset((0,))

    @property
    def is_read(self) -> bool:
        """False when the answer is always "it may"."""
        return self._machine is not None

    def may_grow(self, text: str) -> bool:
        """Whether some code that begins with `text`, or is it, matches the pattern as a whole."""
        if self._machine is None:
            return True
        states = self._start
        for character in text:
            states = self._step(self._machine, states, character)
            if not states:
                return False
        return True

    def _step(self, machine: _Machine, states: frozenset[int], character: str) -> frozenset[int]:
        known = self._known.get((states, character))
        if known is not None:
            return known
        led = set()
        for state in states:
            step = machine.steps[state]
            if step is not None and step[0].fullmatch(character):
                led.add(step[1])
        found = _closure(machine, led)
        if len(self._known) < MEMORY_MAX:
            self._known[states, character] = found
        return found


def _closure(machine: _Machine, states: set[int]) -> frozenset[int]:
    """The states, and those they lead to for nothing."""
    found, waiting = set(states), list(states)
    while waiting:
        for state in machine.empty[waiting.pop()]:
            if state not in found:
                found.add(state)
                waiting.append(state)
    return frozenset(found)


def _build(machine: _Machine, node: _Node, start: int) -> int:
    """Add a piece behind `start`; the state it ends in."""
    for _ in range(node.low):
        start = _once(machine, node, start)
    if node.high >= _UNENDING:
        end = _once(machine, node, start)
        machine.empty[end].append(start)
        return start
    ends = [start]
    for _ in range(node.high - node.low):
        start = _once(machine, node, start)
        ends.append(start)
    for end in ends[:-1]:
        machine.empty[end].append(start)
    return start


def _once(machine: _Machine, node: _Node, start: int) -> int:
    if node.atom is not None:
        end = machine.state()
        # A state has one step by a character: what shares a beginning gets a state of its own.
        own = machine.state()
        machine.empty[start].append(own)
        machine.steps[own] = (node.atom, end)
        return end
    if not node.is_choice:
        for part in node.parts:
            start = _build(machine, part, start)
        return start
    end = machine.state()
    for part in node.parts:
        begin = machine.state()
        machine.empty[start].append(begin)
        machine.empty[_build(machine, part, begin)].append(end)
    return end


class _Reader:
    """Reads a pattern that `re` has compiled already, so it is well formed."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._place = 0

    def read(self) -> _Node:
        node = self._choice()
        if self._place != len(self._pattern):
            raise _BeyondError
        return node

    def _choice(self) -> _Node:
        parts = [self._row()]
        while self._next("|"):
            parts.append(self._row())
        return parts[0] if len(parts) == 1 else _Node(parts=tuple(parts), is_choice=True)

    def _row(self) -> _Node:
        parts = []
        while self._place < len(self._pattern) and self._pattern[self._place] not in "|)":
            atom = self._atom()
            low, high = self._repeat()
            parts.append(atom if (low, high) == (1, 1) else _Node(parts=(atom,), low=low, high=high))
        return _Node(parts=tuple(parts))

    def _atom(self) -> _Node:
        character = self._pattern[self._place]
        if character == "(":
            return self._group()
        if character == "[":
            return self._taken(_class_end(self._pattern, self._place))
        if character == "\\":
            match = _ESCAPE.match(self._pattern, self._place)
            if match is None:
                raise _BeyondError
            return self._taken(match.end())
        if character in _ANCHORS:
            raise _BeyondError
        return self._taken(self._place + 1)

    def _group(self) -> _Node:
        match = _GROUP.match(self._pattern, self._place)
        if match is None or self._pattern.startswith("?", match.end()):
            raise _BeyondError
        self._place = match.end()
        node = self._choice()
        if not self._next(")"):
            raise _BeyondError
        return node

    def _taken(self, end: int) -> _Node:
        source = self._pattern[self._place : end]
        self._place = end
        return _Node(atom=re.compile(source))

    def _repeat(self) -> tuple[int, int]:
        signs = {"*": (0, _UNENDING), "+": (1, _UNENDING), "?": (0, 1)}
        found = signs.get(self._pattern[self._place : self._place + 1])
        match = _REPEAT.match(self._pattern, self._place)
        if found is not None:
            self._place += 1
        elif match is not None and match.group() not in ("{}", "{,}"):
            self._place = match.end()
            low = int(match[1] or 0)
            high = (int(match[3]) if match[3] else _UNENDING) if match[2] else low
            found = (low, high)
        else:
            return 1, 1
        # A lazy or possessive mark changes which match is found; possessive ones may also refuse, which is no matter.
        if self._pattern[self._place : self._place + 1] in ("?", "+"):
            self._place += 1
        return found

    def _next(self, sign: str) -> bool:
        if self._pattern.startswith(sign, self._place):
            self._place += 1
            return True
        return False


def _class_end(pattern: str, place: int) -> int:
    """Where a class ends: a bracket right at its beginning belongs to it."""
    end = place + 1
    if pattern.startswith("^", end):
        end += 1
    if pattern.startswith("]", end):
        end += 1
    while end < len(pattern) and pattern[end] != "]":
        end += 2 if pattern[end] == "\\" else 1
    return end + 1
