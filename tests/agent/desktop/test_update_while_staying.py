"""A session that lasts for months goes on with the version of the agent that runs, once for each."""

from __future__ import annotations

import subprocess
import sys

import pytest

from agent.desktop.access import Access
from agent.desktop.staying import UPDATE_LOOK_S, Update, start_again
from drivers.vocabulary.errors import TillpointError


def told(*versions: str | None) -> Update:
    """Of an agent that is met at 1.0 and then tells these, one a look; None is no agent."""
    left = list(versions)

    def access() -> Access:
        version = left.pop(0)
        if version is None:
            raise TillpointError("no agent runs here")
        return Access(port=8765, panel_key="ab" * 32, version=version)

    return Update(access, "1.0")


def looks(update: Update, times: int) -> list[bool]:
    return [update.look(number * UPDATE_LOOK_S) for number in range(times)]


def test_a_start_of_the_same_version_is_none() -> None:
    assert [False] * 4 == looks(told("1.0", None, "1.0", ""), 4)


def test_another_version_is_heard_over_the_restart_and_stays_heard() -> None:
    assert [False, False, True, True] == looks(told("1.0", None, "1.1"), 4)


def test_an_agent_from_before_versions_were_told_is_met_first() -> None:
    update = told("", "1.0", "1.0")
    update._first = ""

    assert [False] * 3 == looks(update, 3)


def test_it_does_not_look_at_each_turn() -> None:
    update = told("1.1")  # a second question would find nothing to tell
    update._look_at_s = UPDATE_LOOK_S

    assert not update.look(UPDATE_LOOK_S - 0.1)
    assert update.look(UPDATE_LOOK_S)


def test_the_other_version_goes_on_with_the_session() -> None:
    """On Linux in the same process, whose number a session manager may know."""
    second = [sys.executable, "-c", "import os; print(os.getpid(), flush=True)"]
    first = f"import os; print(os.getpid(), flush=True); from agent.desktop.staying import start_again; start_again({second!r})"
    done = subprocess.run([sys.executable, "-c", first], check=True, capture_output=True, text=True, timeout=60)
    before, after = done.stdout.split()

    assert (before == after) is (sys.platform != "win32")


def test_a_launcher_that_is_gone_is_said(caplog: pytest.LogCaptureFixture) -> None:
    start_again(["/nowhere/tillpoint", "panel", "--stay"])

    assert "cannot start /nowhere/tillpoint" in caplog.text
    assert "log off and on" in caplog.text
