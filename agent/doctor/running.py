"""The agent that runs beside us, asked over its own door: the doctor never takes a port away from it."""

from __future__ import annotations

import http.client
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agent.cli.run import RUNTIME_FILE

__all__ = ["Running", "running_agent"]

ANSWER_S: Final = 3.0  # the agent answers its panel in milliseconds
ANSWER_BYTES_MAX: Final = 1_048_576
_NO_SUCH_PROCESS: Final = 87  # ERROR_INVALID_PARAMETER


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What a running agent said.

    Attributes:
        state: "stopped", "running", or "silent": it says that it runs and its door does not answer.
        status: its snapshot (`agent.snapshot.Snapshot` as JSON); {} when it did not answer.
        why: why it is silent.
        pid: its process.
        metrics: its numbers, as `/metrics` gives them; "" when it did not answer.
    """

    state: str
    status: dict[str, Any]
    why: str = ""
    pid: int = 0
    metrics: str = ""


def running_agent(folder: Path) -> Running:
    """Ask the agent whose state lies in this folder; a stale note of one that was killed counts as stopped."""
    try:
        note = json.loads((folder / RUNTIME_FILE).read_text("utf-8"))
        port, pid = int(note["port"]), int(note["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return Running(state="stopped", status={})
    try:
        token = (folder / "api.token").read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        return _silent(pid, f"its token cannot be read: {error}")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
    try:
        connection.request("GET", "/v1/status", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        body = answer.read(ANSWER_BYTES_MAX)
        if answer.status != 200:
            return _silent(pid, f"it answered {answer.status}")
        status = json.loads(body)
        metrics = _metrics(connection)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return _silent(pid, str(error) or type(error).__name__)
    finally:
        connection.close()
    return Running(state="running", status=status if isinstance(status, dict) else {}, pid=pid, metrics=metrics)


def _metrics(connection: http.client.HTTPConnection) -> str:
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        body = answer.read(ANSWER_BYTES_MAX)
    except (OSError, http.client.HTTPException):
        return ""  # it has said how it is; that it is silent about numbers makes it no silent agent
    is_text = answer.status == 200 and (answer.getheader("content-type") or "").startswith("text/plain")
    return body.decode("utf-8", "replace") if is_text else ""


def _silent(pid: int, why: str) -> Running:
    if not _is_alive(pid):
        return Running(state="stopped", status={})
    return Running(state="silent", status={}, why=why, pid=pid)


if sys.platform == "win32":

    def _is_alive(pid: int) -> bool:
        """Whether the process is there; one that we may not ask is."""
        import pywintypes
        import win32api
        import win32con
        import win32process

        try:
            process = win32api.OpenProcess(win32con.PROCESS_QUERY_LIMITED_INFORMATION, 0, pid)
        except pywintypes.error as error:
            return bool(error.winerror != _NO_SUCH_PROCESS)
        try:
            return win32process.GetExitCodeProcess(process) == win32con.STILL_ACTIVE
        finally:
            win32api.CloseHandle(process)

else:

    def _is_alive(pid: int) -> bool:
        """Whether the process is there; where that cannot be asked, the note is believed."""
        proc = Path("/proc")
        return (proc / str(pid)).exists() if (proc / "self").exists() else True
