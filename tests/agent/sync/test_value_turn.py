"""When the till says which coupons and certificates it holds: each minute, and at once when the centre asks for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from agent.sync.errors import CentreUnavailable, SnapshotUnknown
from agent.sync.value_turn import AT_ONCE_MAX, EVERY_S, ValueTurn
from drivers.vocabulary.centre import Problem
from drivers.vocabulary.leases import Place
from drivers.vocabulary.value_leases import ValueAnswer, ValueReport

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@dataclass
class Line:
    """A centre that answers what the test says."""

    answers: list[Any]
    asked: list[ValueReport] = field(default_factory=list)

    def values(self, report: ValueReport) -> ValueAnswer:
        self.asked.append(report)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def answer(*, again: bool = False) -> ValueAnswer:
    return ValueAnswer(leases=(), recalled=(), server_time=NOW, again=again)


@dataclass
class Rig:
    """The turn with its clock, and what it kept."""

    now_s: float = 0.0
    kept: list[ValueAnswer] = field(default_factory=list)
    turn: ValueTurn = field(init=False)

    def __post_init__(self) -> None:
        report = ValueReport(last=Place(epoch=1, sequence=0))
        self.turn = ValueTurn(report=lambda: report, keep=self.kept.append, monotonic=lambda: self.now_s)


def test_it_reports_each_minute() -> None:
    """And keeps what it is told."""
    rig, line = Rig(), Line([answer(), answer()])
    due = [rig.turn.is_due()]
    rig.turn.take(line)
    due.append(rig.turn.is_due())
    rig.now_s = EVERY_S
    due.append(rig.turn.is_due())

    assert ([True, False, True], 1) == (due, len(rig.kept))


def test_a_centre_that_asks_again_is_answered_at_once_but_not_for_ever() -> None:
    """One that is never satisfied is told each minute like any other."""
    rig, line = Rig(), Line([answer(again=True)] * AT_ONCE_MAX)
    due = []
    for _ in range(AT_ONCE_MAX):
        rig.turn.take(line)
        due.append(rig.turn.is_due())

    assert [*[True] * (AT_ONCE_MAX - 1), False] == due


@pytest.mark.parametrize(
    ("error", "is_due"),
    [
        (SnapshotUnknown(404, Problem(code="no_such_route", message="none")), False),
        (CentreUnavailable("no line"), True),
    ],
)
def test_a_centre_that_knows_nothing_of_it_is_left_in_peace(error: Exception, *, is_due: bool) -> None:
    """One that cannot be reached is asked as soon as it can."""
    rig, line = Rig(), Line([error])
    try:
        rig.turn.take(line)
    except CentreUnavailable:
        assert is_due

    assert (is_due, []) == (rig.turn.is_due(), rig.kept)
