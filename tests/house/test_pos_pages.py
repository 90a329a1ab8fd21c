"""Each till system has a page for whoever connects it: what to click, what to paste, how to see that it works."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from agent.assembly import check
from agent.settings import parse
from drivers import registry

SYSTEMS = (*registry.known_systems(), "kkm_server", "any-printer")
HEADINGS = ("## On the POS", "## In `config.toml`", "## See that it works", "**Back to before**", "**You need**")


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_till_system_has_its_page(project: Path, name: str) -> None:
    page = project / "docs" / "pos" / f"{name}.md"
    text = page.read_text("utf-8")

    assert [] == [heading for heading in HEADINGS if heading not in text]
    assert len(text.splitlines()) <= 60, "one page"
    assert f"({name}.md)" in (project / "docs" / "pos" / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", SYSTEMS)
def test_what_is_to_be_pasted_can_be(project: Path, name: str) -> None:
    """Each block of settings is read and checked as the agent would."""
    text = (project / "docs" / "pos" / f"{name}.md").read_text("utf-8")
    here = text if sys.platform == "win32" else text.replace("'C:\\Exchange'", "'/exchange'")
    blocks = re.findall(r"```toml\n(.*?)```", here, re.DOTALL)

    assert [] == [problem for block in blocks for problem in check(parse(block.encode(), name=f"{name}.md"))]
    if "[[till_systems]]" in "".join(blocks):
        assert f'system = "{name}"' in blocks[0]


def test_there_is_no_page_of_a_system_that_is_gone(project: Path) -> None:
    pages = {page.stem for page in (project / "docs" / "pos").glob("*.md")} - {"README"}

    assert pages == set(SYSTEMS)
