"""Replacing a file that somebody looks into: Windows refuses as long as it is open, so it is tried again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from offline_queue import files
from offline_queue.files import replace_durably


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    new, old = tmp_path / "new", tmp_path / "old"
    new.write_text("new", "ascii")
    old.write_text("old", "ascii")
    return new, old


def test_a_reader_is_waited_for(pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """He closes it while we wait; on POSIX nobody waits."""
    new, old = pair
    reader = old.open("rb")
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        reader.close()

    monkeypatch.setattr(files.time, "sleep", pause)

    replace_durably(new, old)

    reader.close()
    assert "new" == old.read_text("ascii")
    assert not new.exists()
    assert len(pauses) == (1 if sys.platform == "win32" else 0)


@pytest.mark.skipif(sys.platform != "win32", reason="POSIX replaces a file that is open")
def test_whoever_keeps_it_open_is_not_waited_for_for_ever(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    new, old = pair
    monkeypatch.setattr(files, "_PATIENCE_S", 0.0)
    with old.open("rb"), pytest.raises(PermissionError):
        replace_durably(new, old)

    assert ("new", "old") == (new.read_text("ascii"), old.read_text("ascii"))
