"""The scorecard and the list of mechanics name tests that exist, and leave no row out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def tests(project: Path) -> set[str]:
    """Every test there is, and every row a case carries in its name."""
    names: set[str] = set()
    for path in (project / "tests").rglob("test_*.py"):
        names |= set(re.findall(r"def (test_\w+)", path.read_text("utf-8")))
    rows = {f"row_{number}" for name in names for number in re.findall(r"row_(\d+)", name)}
    return names | rows


def table(page: Path) -> dict[int, str]:
    """The rows of the page's table by their numbers."""
    return {int(row[1]): row[0] for row in re.finditer(r"^\| (\d+) \|.*$", page.read_text("utf-8"), re.MULTILINE)}


@pytest.mark.parametrize(("name", "rows"), [("scorecard.md", 45), ("mechanics.md", 118)])
def test_no_row_is_missing_and_each_test_is_there(project: Path, tests: set[str], name: str, rows: int) -> None:
    """A test that was renamed or dropped is noticed."""
    found = table(project / "docs" / name)
    gone = {
        number: one
        for number, row in found.items()
        for one in re.findall(r"`((?:test|row)_\w+)`", row)
        if one not in tests
    }

    assert list(range(1, rows + 1)) == sorted(found)
    assert {} == gone


def test_every_mechanic_is_accounted_for(project: Path) -> None:
    """Row 45: each has a test, or says who does it instead."""
    words = ("*centre*", "*POS*", "*people*", "*not built*", "as 26", "`test_", "`row_")
    found = table(project / "docs" / "mechanics.md")

    assert [] == [number for number, row in found.items() if not any(word in row for word in words)]


def test_every_measured_row_has_its_figure(project: Path) -> None:
    """No cell was left open."""
    assert "@" not in (project / "docs" / "scorecard.md").read_text("utf-8")
