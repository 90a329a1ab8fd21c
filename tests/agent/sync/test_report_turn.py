"""When the till says how it is: now and then, soon after a change, and never in the way of a receipt."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from agent.sync.errors import CentreUnavailable, Unauthorised, refused
from agent.sync.report_turn import EVERY_S, SOON_S, UNKNOWN_S, ReportTurn
from agent.sync.uploader import Uploader
from drivers.vocabulary.centre import Problem
from drivers.vocabulary.fleet import DeviceFact, ReportTaken, TillReport, TillWarning

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TAKEN = ReportTaken(server_time=NOW, after_s=300)


@dataclass
class Line:
    """A centre that answers what the test says."""

    answers: list[Any]
    told: list[TillReport] = field(default_factory=list)

    def report(self, report: TillReport) -> ReportTaken:
        self.told.append(report)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Rig:
    """The turn with its clock and a till that changes."""

    now_s: float = 0.0
    report: TillReport = field(default_factory=lambda: TillReport(version="1.0.0"))
    turn: ReportTurn = field(init=False)

    def __post_init__(self) -> None:
        self.turn = ReportTurn(report=lambda: self.report, monotonic=lambda: self.now_s)

    def due(self, after_s: float) -> bool:
        self.now_s += after_s
        return self.turn.is_due()


def test_it_reports_each_five_minutes_or_as_the_centre_says() -> None:
    """A disk that fills and memory that grows are no reason to hurry."""
    rig, line = Rig(), Line([TAKEN, ReportTaken(server_time=NOW, after_s=60)])
    assert rig.due(0)
    rig.turn.take(line)
    rig.report = replace(rig.report, disk_free_bytes=5, memory_bytes=7)
    assert [False, True] == [rig.due(EVERY_S - 1), rig.due(1)]
    rig.turn.take(line)
    assert [False, True] == [rig.due(59), rig.due(1)]


@pytest.mark.parametrize(
    "change",
    [
        {"warnings": (TillWarning(code="disk_full"),)},
        {"devices": (DeviceFact(name="printer", state="off", is_well=False),)},
        {"programme_version": 3},
        {"shelved": 1},
    ],
)
def test_a_change_is_told_soon(change: dict[str, Any]) -> None:
    """But not more often than twice a minute."""
    rig, line = Rig(), Line([TAKEN, TAKEN])
    rig.due(0)
    rig.turn.take(line)
    rig.report = replace(rig.report, **change)

    assert [False, True] == [rig.due(SOON_S - 1), rig.due(1)]
    rig.turn.take(line)
    assert line.told[-1] == rig.report
    assert not rig.due(SOON_S)


def test_a_line_that_fails_makes_it_due_again_at_once() -> None:
    """The loop backs off, not the turn."""
    rig, line = Rig(), Line([CentreUnavailable("down"), TAKEN])
    rig.due(0)
    with pytest.raises(CentreUnavailable):
        rig.turn.take(line)

    assert rig.due(0)


def test_a_centre_that_takes_no_reports_is_left_alone_for_a_day() -> None:
    """An older one, or another maker's; what changes meanwhile does not matter."""
    rig, line = Rig(), Line([refused(404, Problem(code="no_such_route", message="none"))])
    rig.due(0)
    rig.turn.take(line)
    rig.report = replace(rig.report, shelved=2)

    assert [False, True] == [rig.due(UNKNOWN_S - 1), rig.due(1)]


def test_a_report_that_is_not_liked_is_no_trouble_but_a_token_that_is_not_valid_is() -> None:
    """Receipts would stop at the second, and a person must know."""
    rig = Rig()
    rig.due(0)
    rig.turn.take(Line([refused(400, Problem(code="unreadable", message="$.mood"))]))
    assert not rig.due(SOON_S)
    with pytest.raises(Unauthorised):
        rig.turn.take(Line([refused(401, Problem(code="unauthorised", message="no"))]))


class Empty:
    """An outbox with nothing in it."""

    def batch(self, **_: int) -> list[Any]:
        return []

    def close(self) -> None: ...


def test_the_uploader_reports_when_it_has_nothing_to_send() -> None:
    """After leases and values, on its own line; and rests as it does anyway."""
    rig, line = Rig(), Line([TAKEN])
    uploader = Uploader(
        connect=lambda: line,  # type: ignore[arg-type,return-value]
        open_source=Empty,  # type: ignore[arg-type]
        settle=lambda settlement: None,
        epoch=1,
        lose=lambda epoch, sequence: None,
        reseal=lambda envelopes: None,
        reports=rig.turn,
    )
    uploader.open()

    assert [True, False] == [uploader.step().answered, uploader.step().answered]
    assert [rig.report] == line.told
