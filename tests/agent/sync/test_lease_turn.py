"""When a till reports its leases: each minute, at once when the centre asks, and never before what it gave up is sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from agent.sync.errors import CentreUnavailable, SnapshotUnknown
from agent.sync.lease_turn import EVERY_S, LeaseTurn
from drivers.vocabulary.centre import Problem
from drivers.vocabulary.leases import LeaseAnswer, LeaseReport, Place

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SENT = Place(epoch=1, sequence=7)


@dataclass
class Centre:
    """Answers as it is told to; an error is raised."""

    answers: list[Any] = field(default_factory=list)
    asked: int = 0

    def leases(self, _: LeaseReport) -> LeaseAnswer:
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return LeaseAnswer(leases=(), recalled=(), server_time=NOON, **answer)


@dataclass
class Rig:
    centre: Any = field(default_factory=Centre)
    last: int = 7
    now: float = 1_000.0
    kept: list[LeaseAnswer] = field(default_factory=list)
    turn: LeaseTurn = field(init=False)

    def __post_init__(self) -> None:
        self.turn = LeaseTurn(
            report=lambda: LeaseReport(acknowledged=SENT, last=Place(epoch=1, sequence=self.last)),
            keep=self.kept.append,
            monotonic=lambda: self.now,
        )

    def take(self, *answers: Any) -> tuple[bool, Place | None]:
        self.centre.answers += answers
        return self.turn.take(self.centre)


def test_once_in_a_minute() -> None:
    """Also where there are no leases."""
    rig = Rig()
    for answer in ({"send_from": SENT}, SnapshotUnknown(404, Problem(code="no_such_route", message="none here"))):
        assert rig.turn.is_due()
        answered, send_from = rig.take(answer)
        assert (True, answer["send_from"] if isinstance(answer, dict) else None) == (answered, send_from)
        assert not rig.turn.is_due()
        rig.now += EVERY_S


def test_a_lost_answer_makes_it_due_at_once() -> None:
    """The loop waits between its tries."""
    rig = Rig()
    with pytest.raises(CentreUnavailable):
        rig.take(CentreUnavailable("no line"))

    assert rig.turn.is_due()


def test_again_is_at_once_but_not_for_ever() -> None:
    """A centre that is never satisfied is asked each minute like any other."""
    rig = Rig()
    for _ in range(2):
        rig.take({"again": True})
        assert rig.turn.is_due()
    rig.take({"again": True})
    assert not rig.turn.is_due()
    rig.now += EVERY_S
    rig.take({})
    assert not rig.turn.is_due()
    assert 4 == len(rig.kept)


def test_what_was_given_up_for_the_report_is_sent_first() -> None:
    """Then the centre can compare; it is asked all the same when that never comes to an end."""
    rig = Rig(last=8)
    assert [(False, None), (False, None)] == [rig.take(), rig.take()]
    assert 0 == rig.centre.asked
    assert rig.turn.is_due()
    assert (True, None) == rig.take({})
    rig.now += EVERY_S
    rig.take()
    rig.last = 7
    assert (True, None) == rig.take({})
    assert 2 == rig.centre.asked
