"""Documents that name commands, settings, drivers and decisions cannot rot: the code is walked and compared."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from agent.cli import COMMANDS
from agent.settings import Settings
from drivers.registry import LoadedDriver, known_drivers, load_driver


def every_page(project: Path) -> str:
    """All guides and the README, as one text."""
    pages = [project / "README.md", *sorted((project / "docs").rglob("*.md"))]
    return "\n".join(page.read_text("utf-8") for page in pages)


def test_every_command_is_documented(project: Path) -> None:
    """`tillpoint NAME` stands in a guide."""
    text = every_page(project)

    assert [] == [name for name in COMMANDS if f"tillpoint {name}" not in text]


def test_every_table_of_the_settings_is_in_the_store_it_guide(project: Path) -> None:
    """Store IT finds each table by its name."""
    guide = (project / "docs" / "guides" / "store-it.md").read_text("utf-8")

    assert [] == [
        field.encode_name for field in msgspec.structs.fields(Settings) if f"[{field.encode_name}]" not in guide
    ]


@pytest.mark.parametrize("name", known_drivers())
def test_every_driver_has_its_readme_and_its_page(project: Path, name: str) -> None:
    """Models, wiring, quirks, sources beside the code; each setting named there."""
    loaded = load_driver(name)
    assert isinstance(loaded, LoadedDriver)
    module = loaded.driver.settings_type.__module__.rsplit(".", 1)[0]
    readme = project.joinpath(*module.split(".")) / "README.md"
    text = readme.read_text("utf-8")

    assert [] == [
        field.encode_name
        for field in msgspec.structs.fields(loaded.driver.settings_type)
        if f"`{field.encode_name}`" not in text
    ]
    assert name in every_page(project)


def test_links_inside_the_documents_lead_somewhere(project: Path) -> None:
    """A page that moved is noticed."""
    pages = [project / "README.md", *sorted((project / "docs").rglob("*.md"))]
    broken = [
        f"{page.relative_to(project)} → {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]

    assert [] == broken


def test_decisions_are_numbered_without_gaps(project: Path) -> None:
    """001, 002, 003 …"""
    numbers = sorted(int(page.name[:3]) for page in (project / "docs" / "decisions").glob("*.md"))

    assert list(range(1, len(numbers) + 1)) == numbers


def test_every_test_the_threat_model_names_is_there(project: Path) -> None:
    """A promise whose test was renamed or dropped is noticed."""
    model = (project / "docs" / "threat-model.md").read_text("utf-8")
    files = list((project / "tests").rglob("test_*.py"))
    known = {path.name for path in files}
    for path in files:
        known |= set(re.findall(r"def (test_\w+)", path.read_text("utf-8")))

    assert [] == [name for name in re.findall(r"`(test_\w+(?:\.py)?)`", model) if name not in known]
