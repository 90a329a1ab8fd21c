"""The documents of this room name what the code has, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from drivers.printers.escpos import simulator
from drivers.printers.escpos.commands import COMMANDS
from drivers.printers.escpos.layout_files import shipped_names
from drivers.printers.escpos.models import PROFILES
from drivers.printers.escpos.status import SENTENCES

ROOM = Path(simulator.__file__).parent


def rows_of(text, heading):
    section = text.split(heading, 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)


def test_the_protocol_page_lists_the_table(project):
    """One row for each command, in the order of the table."""
    text = (project / "docs" / "protocols" / "escpos.md").read_text("utf-8")

    assert [row.name for row in COMMANDS] == rows_of(text, "## Bytes")
    assert all(f"| {trouble.value} | {sentence} |" in text for trouble, sentence in SENTENCES.items())


def test_the_readme_lists_profiles_layouts_and_files():
    """A new profile, layout or module is a new row."""
    text = (ROOM / "README.md").read_text("utf-8")

    assert list(PROFILES) == rows_of(text, "## Profiles")
    assert list(shipped_names()) == rows_of(text, "## Layouts")
    for path in ROOM.glob("*.py"):
        if path.name not in ("__init__.py", "driver.py", "settings.py"):
            assert f"`{path.name}`" in text, path.name
