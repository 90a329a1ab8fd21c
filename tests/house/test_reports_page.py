"""The page about reports names every key of their table, and every room that reads some."""

from __future__ import annotations

from pathlib import Path

from drivers import registry
from drivers.tills.contract import TillSystem
from drivers.tills.reports import ReportSettings


def test_every_key_and_every_room_is_on_the_page(project: Path) -> None:
    page = (project / "docs" / "protocols" / "reports.md").read_text("utf-8")
    rooms = [
        name for name in registry.known_systems() if getattr(registry.load_system(name), "reports", None) is not None
    ]

    assert [] == [name for name in ReportSettings.__struct_fields__ if f"`{name}`" not in page]
    assert {"frontol", "shtrih_kassir"} <= set(rooms)
    assert [] == [
        name
        for name in rooms
        if name not in page and name not in (project / "docs" / "till-systems.md").read_text("utf-8")
    ]


def test_a_room_that_writes_loads_is_on_the_page(project: Path) -> None:
    page = (project / "docs" / "protocols" / "reports.md").read_text("utf-8")
    for name in registry.known_systems():
        system = registry.load_system(name)
        if isinstance(system, TillSystem) and system.loads is not None:
            assert f"till-load {name} " in page
