"""The documents of this room name what the code has, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from drivers.printers.isl import simulator
from drivers.printers.isl.commands import COMMANDS
from drivers.printers.isl.models import MODELS
from drivers.printers.isl.simulator import Rudeness
from drivers.printers.isl.status import SENTENCES

ROOM = Path(simulator.__file__).parent


def rows_of(text, heading):
    section = text.split(heading, 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)


def test_the_protocol_page_lists_the_table(project):
    """One row for each command, in the order of the table; one for each sentence."""
    text = (project / "docs" / "protocols" / "isl.md").read_text("utf-8")

    assert [row.name for row in COMMANDS.values()] == rows_of(text, "## Bytes")
    assert all(f"| {trouble.value} | {sentence} |" in text for trouble, sentence in SENTENCES.items())


def test_the_readme_lists_models_files_and_rudeness():
    """A new row, module or rudeness is a new line."""
    text = (ROOM / "README.md").read_text("utf-8")

    assert list(MODELS) == rows_of(text, "## Models")
    for path in ROOM.glob("*.py"):
        if path.name not in ("__init__.py", "driver.py", "settings.py"):
            assert f"`{path.name}`" in text, path.name
    assert all(f"`{rude.value}`" in text for rude in Rudeness)
