"""Asks the agent how it is, from outside; believes nothing but what it can check, and waits for nothing for long."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any, Final

from agent.updating.records import read_file
from agent.updating.watch import Look
from drivers.vocabulary.release import ReleaseRefused

__all__ = ["look_at"]

ANSWER_S: Final = 3.0
ANSWER_BYTES_MAX: Final = 1 << 20
NOTE_BYTES_MAX: Final = 65_536


def look_at(state: Path) -> Look:
    """How the agent is whose files lie in this folder."""
    try:
        note = json.loads(read_file(state / "runtime.json", bytes_max=NOTE_BYTES_MAX))
        port, pid = int(note["port"]), int(note["pid"])
    except (ReleaseRefused, ValueError, KeyError, TypeError):
        return Look(state="stopped", why="it has not said that it runs")
    version = str(note.get("version", ""))
    troubles = tuple(str(one) for one in note.get("troubles", ()))
    try:
        status = _status(port, read_file(state / "api.token", bytes_max=1_000).decode("ascii").strip())
    except (OSError, http.client.HTTPException, ValueError, ReleaseRefused) as error:
        why = str(error) or type(error).__name__
        return Look(state="silent", pid=pid, version=version, troubles=troubles, why=why)
    return Look(state="running", pid=pid, version=version, troubles=troubles, status=status)


def _status(port: int, token: str) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
    try:
        connection.request("GET", "/v1/status", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        body = answer.read(ANSWER_BYTES_MAX)
        if answer.status != 200:
            raise ValueError(f"it answered {answer.status}")
        status = json.loads(body)
    finally:
        connection.close()
    if not isinstance(status, dict):
        raise ValueError("it answered something else than its status")  # noqa: TRY004 - a fault of what was sent
    return status
