"""`dev.py` says what is missing and what to do, on a machine that lacks it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def checkout(project: Path, tmp_path: Path) -> Path:
    """What dev.py needs of a fresh checkout, without an environment."""
    for name in ("dev.py", "pyproject.toml", "requirements.lock", "requirements-dev.lock", "requirements-bench.lock"):
        shutil.copy(project / name, tmp_path)
    return tmp_path


def dev(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it as a newcomer would."""
    return subprocess.run(
        [sys.executable, "dev.py", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


def test_an_unknown_bench_is_named(checkout: Path) -> None:
    """With what there is instead; nothing is installed for it."""
    done = dev(checkout, "bench", "proxi")

    assert 2 == done.returncode
    assert "no bench called proxi; there are: start, proxy, engine, queue" in done.stderr
    assert not (checkout / ".venv").exists()


def test_without_a_network_it_says_how_to_go_on(checkout: Path) -> None:
    """A folder of wheels, or a .venv from elsewhere."""
    done = dev(checkout, "demo", PIP_NO_INDEX="1", PIP_FIND_LINKS=str(checkout / "none"), PIP_EXTRA_INDEX_URL="")

    assert 2 == done.returncode
    assert "PIP_FIND_LINKS=folder" in done.stderr


def test_help_names_every_command(checkout: Path) -> None:
    """A newcomer's first call."""
    done = dev(checkout, "--help")

    assert 0 == done.returncode
    assert all(name in done.stdout for name in ("demo", "test", "lint", "bench", "soak", "build", "lock"))
