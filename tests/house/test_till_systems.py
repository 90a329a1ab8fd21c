"""Every till system is documented, and the support matrix is what the rooms say of themselves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.cli.tills import matrix
from drivers import registry
from drivers.tills.contract import TillSystem
from drivers.vocabulary.errors import DriverLoadError

BEGIN, END = "<!-- matrix: made by a test, do not edit -->\n", "<!-- end of matrix -->\n"
FIRST_WORDS = ("yes", "partly", "no", "n/a")


def test_the_support_matrix_is_the_rooms_own(project: Path) -> None:
    """`TILLPOINT_REMAKE=1` writes it."""
    page = project / "docs" / "till-systems.md"
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    made = before + BEGIN + "\n" + matrix() + "\n" + END + after
    if os.environ.get("TILLPOINT_REMAKE"):
        page.write_text(made, encoding="utf-8")
        text = made

    assert made == text, "TILLPOINT_REMAKE=1 pytest tests/house/test_till_systems.py makes it anew"


@pytest.mark.parametrize("name", registry.known_systems())
def test_every_till_system_has_its_readme_and_says_what_it_can(project: Path, name: str) -> None:
    system = registry.load_system(name)
    assert isinstance(system, TillSystem)
    readme = project / "drivers" / "tills" / name / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    cells = [getattr(system.support, cell) for cell in system.support.__struct_fields__]

    for heading in ("## Wiring", "## On the POS's side", "## Quirks", "## Not verified", "## Sources"):
        assert heading in text, f"{name}: {heading}"
    for field in system.settings_type.__struct_fields__:
        assert f"`{field}`" in text, f"{name}: {field}"
    _are_cells(cells)


def test_a_driver_with_a_row_says_what_it_can(project: Path) -> None:
    """KKM-Server is a neighbour of POS programs and no till system; its room is among the printers."""
    loaded = {name: registry.load_driver(name) for name in registry.known_drivers()}
    rows = {name: one.driver for name, one in loaded.items() if not isinstance(one, DriverLoadError)}
    with_row = {name: one for name, one in rows.items() if one.support is not None}

    assert "kkm_server" in with_row
    for name, driver in with_row.items():
        text = (project / "drivers" / "printers" / name / "README.md").read_text(encoding="utf-8")
        for heading in ("## Wiring", "## On the POS's side", "## Quirks", "## Not verified", "## Sources"):
            assert heading in text, f"{name}: {heading}"
        assert driver.support is not None
        _are_cells([getattr(driver.support, cell) for cell in driver.support.__struct_fields__])


def _are_cells(cells: list[str]) -> None:
    for cell in cells[:-1]:
        assert cell.startswith(FIRST_WORDS), cell
    assert all("|" not in cell for cell in cells)
