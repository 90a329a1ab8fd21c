"""The story of the package is whole: every step that is asked for is there, and every step that is there is asked for."""

from __future__ import annotations

from tests.machine import inside_installed
from tests.machine.installed import INSTALLED_STEPS
from tests.nspawn import inside
from tests.nspawn.test_deb import STEPS


def _steps(story):
    return [name for name in vars(story) if not name.startswith("_") and name not in {"order", "old", "new", "pid"}]


def test_every_step_is_played():
    """In the order in which they are written."""
    assert list(STEPS) == _steps(inside.Story)
    assert list(INSTALLED_STEPS) == _steps(inside_installed.Story)
