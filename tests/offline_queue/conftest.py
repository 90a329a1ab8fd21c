"""Makes the helpers beside these tests importable by their own, unique names; lets a soak say its numbers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print past pytest's capture: the numbers of a soak are a result, also when it passes."""

    def past_the_capture(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{text}\n")

    return past_the_capture
