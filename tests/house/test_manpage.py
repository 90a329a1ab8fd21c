"""The manual page and the completions are made of the commands themselves, the same bytes each time, and man reads them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli import COMMANDS


@pytest.fixture(scope="module")
def made(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Made twice, as a build does it."""
    folder = tmp_path_factory.mktemp("man")
    spec = importlib.util.spec_from_file_location("manpage", project / "installer" / "build" / "manpage.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    path, epoch = sys.path[:], os.environ.get("SOURCE_DATE_EPOCH")
    os.environ["SOURCE_DATE_EPOCH"] = "1800000000"
    for name in ("one", "two"):
        into = folder / name
        script.main(["--output", str(into / "tillpoint.1"), "--completion", str(into / "tillpoint")])
    yield folder
    sys.path[:] = path
    os.environ.pop("SOURCE_DATE_EPOCH")
    if epoch is not None:
        os.environ["SOURCE_DATE_EPOCH"] = epoch


def test_every_command_is_on_the_page(made: Path) -> None:
    page = (made / "one" / "tillpoint.1").read_text("utf-8")

    assert [] == [name for name in COMMANDS if f"\n.SS tillpoint {name}\n" not in page]
    assert r"\fB\-\-bundle\fR \fIFILE.zip\fR" in page
    assert '.TH TILLPOINT 1 "2027-01-15" "Tillpoint ' in page
    assert [] == [line for line in page.splitlines() if line.startswith("'")]


def test_it_is_the_same_each_time(made: Path) -> None:
    assert [(made / "one" / name).read_bytes() for name in ("tillpoint.1", "tillpoint")] == [
        (made / "two" / name).read_bytes() for name in ("tillpoint.1", "tillpoint")
    ]


@pytest.mark.skipif(
    shutil.which("groff") is None, reason="SKIPPED LOUDLY: groff is not here; man's own reading was NOT tried"
)
def test_man_has_no_complaint(made: Path) -> None:
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z", str(made / "one" / "tillpoint.1")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert "" == done.stderr


@pytest.mark.skipif(shutil.which("bash") is None, reason="SKIPPED LOUDLY: bash is not here")
def test_bash_completes(made: Path) -> None:
    """A command by its beginning, then its options."""
    script = f"""source {made / "one" / "tillpoint"}
COMP_WORDS=(tillpoint doc); COMP_CWORD=1; _tillpoint; echo "${{COMPREPLY[@]}}"
COMP_WORDS=(tillpoint doctor --bu); COMP_CWORD=2; _tillpoint; echo "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, cwd=made)

    assert ["doctor", "--bundle"] == done.stdout.split()
