"""The documents of this room name what the code has, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from drivers.printers.atol import simulator
from drivers.printers.atol.commands import TABLE
from drivers.printers.atol.models import MODELS
from drivers.printers.atol.simulator import Rudeness
from drivers.printers.atol.status import SENTENCES

ROOM = Path(simulator.__file__).parent


def rows_of(text, heading):
    section = text.split(heading, 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)


def test_the_protocol_page_lists_the_table(project):
    """One row for each command, in the order of the table, and each sentence with its code."""
    text = (project / "docs" / "protocols" / "atol.md").read_text("utf-8")

    assert [command.name for command in TABLE] == rows_of(text, "## Low-level commands")
    assert all(f"| {command.opcode.hex(' ').upper()} | {command.title} |" in text for command in TABLE)
    assert all(f"| {trouble.value} | {sentence} |" in text for trouble, sentence in SENTENCES.items())


def test_the_readme_lists_models_rudeness_and_files():
    """A new model, rudeness or module is a new row."""
    text = (ROOM / "README.md").read_text("utf-8")

    assert [model.name for model in MODELS] == rows_of(text, "## Models")
    assert [rude.value for rude in Rudeness] == rows_of(text, "## The twin")
    for path in ROOM.glob("*.py"):
        if path.name not in ("__init__.py", "driver.py", "settings.py"):
            assert f"`{path.name}`" in text, path.name
