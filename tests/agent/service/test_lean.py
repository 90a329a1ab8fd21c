"""The daemon without its libraries' command lines: looked at in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LOOK = """
import sys
from agent.service.lean import leave_out_command_lines
{before}
leave_out_command_lines()
import httpx
from agent.doors.server import DoorServer
import uvicorn
httpx.Client().close()
print([one for one in ("click", "multiprocessing", "rich") if one in sys.modules], uvicorn.Server.__module__)
"""


def said(project: Path, before: str = "") -> str:
    command = [sys.executable, "-c", LOOK.format(before=before)]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=True).stdout.strip()


def test_nobody_loads_a_command_line(project: Path) -> None:
    """And the server is the library's own."""
    assert "[] uvicorn.server" == said(project)


def test_a_library_that_is_there_already_stays_as_it_is(project: Path) -> None:
    """A test, or a program that has both sides."""
    assert "uvicorn.server" in said(project, before="import uvicorn; assert uvicorn.run")
