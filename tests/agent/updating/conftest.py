"""Makes the rig beside these tests importable, and gives a machine with two versions."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from update_rig import Machine


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is busy with whatever else this machine writes; processes that the tests start wait for it all the same."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    if hasattr(os, "sync"):
        monkeypatch.setattr(os, "sync", lambda: None)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A till on which 1.0.0 runs and is good."""
    return Machine(tmp_path)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print past pytest's capture: the numbers of a soak are a result, also when it passes."""

    def past_the_capture(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{text}\n")

    return past_the_capture
