"""The PostgreSQL that the tests start goes with them, also when they are killed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.postgresql import missing

GONE_S = 20.0

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


def test_a_killed_run_leaves_no_server_and_no_folder(project: Path) -> None:
    """SIGKILL gives nobody a chance to clean up behind himself."""
    words = "import sys; from tests.postgresql import PostgreSQL as P; p = P(); print(p.folder, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", words], cwd=project, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        folder = Path(child.stdout.readline().strip())
        server = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        child.kill()
    deadline = time.monotonic() + GONE_S
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.05)

    assert not folder.exists()
    assert not Path(f"/proc/{server}").exists() or "Z" in Path(f"/proc/{server}/stat").read_text().split(")")[1]
