"""Where Windows keeps what belongs to the machine: asked of the registry there, a word of the environment elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from agent.program_data import program_data


@pytest.mark.skipif(sys.platform != "win32", reason="Windows' registry")
def test_the_environment_does_not_bend_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may set a variable before calling a program; Wine sets it wrong for services."""
    told = program_data()
    monkeypatch.setenv("PROGRAMDATA", "C:\\elsewhere")

    assert told == program_data()
    assert told.is_absolute()


@pytest.mark.skipif(sys.platform == "win32", reason="elsewhere than on Windows")
def test_elsewhere_it_is_what_a_windows_would_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROGRAMDATA", "/shop/data")
    assert Path("/shop/data") == program_data()
    monkeypatch.delenv("PROGRAMDATA")

    assert "C:\\ProgramData" == str(program_data())
