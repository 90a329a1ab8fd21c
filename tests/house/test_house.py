"""The shape of the house: what the wheel contains, what is never a package, what may not be written down."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def wheel_names(project: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Names inside a wheel built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    wheel = next(folder.glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_wheel_has_exactly_the_five_packages(wheel_names: list[str]) -> None:
    """`installer` is a name that belongs to a library; tests are not shipped."""
    tops = {name.split("/")[0] for name in wheel_names if ".dist-info" not in name}

    assert {"agent", "drivers", "offline_queue", "central", "simulation"} == tops


@pytest.mark.parametrize(
    "wanted",
    [
        "agent/doors/panel/index.html",
        "agent/slips/words/ru.json",
        "drivers/printers/escpos/layouts/",
        "drivers/finding/known_usb.toml",
        "agent/doctor/advice.toml",
        "agent/desktop/waiting.html",
    ],
)
def test_the_wheel_has_its_data(wheel_names: list[str], wanted: str) -> None:
    """A page, a catalogue, a layout: what is not Python travels too."""
    assert any(name.startswith(wanted) for name in wheel_names)


def test_installer_is_no_package(project: Path) -> None:
    """Never an `__init__.py` there."""
    assert not (project / "installer" / "__init__.py").exists()


def test_cold_start_imports_nothing_dear(project: Path) -> None:
    """What the first receipt does not need is imported late."""
    code = (
        "import sys; import agent.assembly, agent.till, agent.cli.run; "
        "print([name for name in ('httpx', 'tenacity', 'escpos', 'PIL', 'sqlite_utils', 'phonenumbers', 'serial',"
        " 'usb', 'sqlalchemy', 'rich', 'cryptography') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True)

    assert "[]" == done.stdout.strip()


def test_no_private_number_and_no_machine_is_written_down(project: Path) -> None:
    """Fixtures use +7 900 000-00-xx; a path of a machine has no place in the project."""
    if shutil.which("git") is None:
        pytest.skip("SKIPPED LOUDLY: no git here (apt-get install git)")
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=project, capture_output=True, text=True, check=False
    ).stdout.split()
    if not tracked:
        pytest.skip("SKIPPED LOUDLY: not a git checkout, so there is no list of the project's own files")
    found = []
    for name in tracked:
        if name.endswith((".lock", ".png", ".bin")):
            continue
        text = (project / name).read_text("utf-8", errors="ignore")
        found += [f"{name}: {hit}" for hit in re.findall(r"/(?:home|root)/\w+/|/Users/\w+/", text)]
        # What a system has is named with its path; what a test reads beside the project comes from a fixture.
        absolute = re.findall(r"""Path\(["'](/(?:work|workspace|home|root|mnt|media|srv)\b)""", text)
        found += [f"{name}: {hit}" for hit in absolute]

    assert [] == found
