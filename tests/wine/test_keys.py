"""Secrets at rest on Windows: DPAPI, in two processes."""

from __future__ import annotations

import pytest

from tests.wine.ground import Ground

pytestmark = [pytest.mark.machine, pytest.mark.alone]  # one prefix, one service manager


def test_a_key_locked_by_one_process_opens_in_another(ground: Ground, tmp_path) -> None:
    file = ground.windows_path(tmp_path / "identity")

    locked = ground.run_python("C:\\checkout\\tests\\wine\\inside_keys.py", "lock", file)
    opened = ground.run_python("C:\\checkout\\tests\\wine\\inside_keys.py", "open", file)

    assert "locked by dpapi" in locked.stdout
    assert "opened" in opened.stdout
    assert "refused: Windows cannot open the secrets (DPAPI)" in opened.stdout
    assert (0, 0) == (locked.returncode, opened.returncode)
