"""The table of faults in the guide for store IT names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path


def test_every_row_of_the_fault_table_has_its_test(project: Path) -> None:
    """A row without a test is a promise nobody keeps."""
    guide = (project / "docs" / "guides" / "store-it.md").read_text("utf-8")
    table = guide.partition("## Faults that were tried")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    tests = "\n".join(path.read_text("utf-8") for path in (project / "tests").rglob("test_*.py"))
    named = [re.findall(r"`(test_\w+)`", row) for row in rows]

    assert len(rows) > 20
    assert [] == [row for row, names in zip(rows, named, strict=True) if not names]
    assert [] == [name for names in named for name in names if f"def {name}(" not in tests]
