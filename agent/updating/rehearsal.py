"""A version tries itself: the whole agent on a copy of the till's files, with no device and no line, once up and down.

Run in a process of its own, by the version that is tried (`tillpoint update rehearse`); what it prints is read by the
version that runs, so its words only ever grow.
"""

from __future__ import annotations

import http.client
import json
import shutil
import stat
from pathlib import Path
from typing import Any, Final

from msgspec.structs import replace

from agent.settings import Settings
from agent.sync.client import own_version
from drivers.vocabulary.errors import TillpointError
from offline_queue.copies import copy_database, put_back, size_bytes
from offline_queue.migrations import TILL

__all__ = ["copy_state", "keep_database", "put_database_back", "rehearse"]

ANSWER_S: Final = 10.0
SMALL_BYTES: Final = 1 << 20  # identity, keys, PINs; what is larger is a cache or a log
DATABASE: Final = "till.db"

_NOT_COPIED: Final = (".db", ".db-wal", ".db-shm", ".lock", ".ballast", ".log", ".new", ".left")


def copy_state(state: Path, into: Path) -> dict[str, Any]:
    """Copy what a till knows into an empty folder, beside the agent that runs: its database, its small files."""
    for one in into.iterdir():
        shutil.rmtree(one) if one.is_dir() and not one.is_symlink() else one.unlink()
    for one in state.iterdir():
        if one.name.endswith(_NOT_COPIED) or one.name == "runtime.json":
            continue
        found = one.lstat()
        if stat.S_ISREG(found.st_mode) and found.st_size <= SMALL_BYTES:
            shutil.copy2(one, into / one.name)
    if (state / DATABASE).exists():
        copy_database(state / DATABASE, into / DATABASE)
    return {"copied": True}


def keep_database(state: Path, into: Path) -> dict[str, Any]:
    """Copy the database alone, before a migration; the agent is stopped."""
    if not (state / DATABASE).exists():
        return {"kept": False}
    copy_database(state / DATABASE, into / DATABASE)
    return {"kept": True, "bytes": size_bytes(into / DATABASE)}


def put_database_back(kept: Path, state: Path) -> dict[str, Any]:
    """Put the copy back if nothing was written since; the agent is stopped."""
    if not (kept / DATABASE).exists():
        return {"put_back": False}
    return {"put_back": put_back(kept / DATABASE, state / DATABASE)}


def rehearse(settings: Settings, state: Path) -> dict[str, Any]:
    """Start everything but devices and sync on the copied files, ask the local API once, stop.

    Returns:
        version, schema, and the troubles that the settings or the start had: sentences.
    """
    from agent.assembly import Agent, check

    troubles = check(settings)
    agent = Agent(
        replace(
            settings,
            till=replace(settings.till, state_folder=str(state)),
            doors=replace(settings.doors, port=0),
            devices=(),
            till_systems=(),
            updates=replace(settings.updates, install="off"),
            log=replace(settings.log, files=0, event_log=False),
        ),
        is_rehearsal=True,
    )
    agent.start()
    try:
        troubles += agent.troubles
        _import_the_rest()
        if agent.port:
            _ask(agent.port, state)
    finally:
        agent.stop()
    return {"version": own_version(), "schema": TILL.version, "troubles": troubles}


def _import_the_rest() -> None:
    """What is imported with the first use must be there too."""
    import importlib

    for name in ("agent.sync.service", "agent.sync.update_line", "agent.doctor.examine", "httpx", "tenacity"):
        importlib.import_module(name)


def _ask(port: int, state: Path) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
    try:
        token = (state / "api.token").read_text("ascii").strip()
        connection.request("GET", "/v1/status", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        if answer.status != 200:
            raise TillpointError(f"the local API answered {answer.status} in the rehearsal")
        json.loads(answer.read())
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise TillpointError(f"the local API did not answer in the rehearsal: {error}") from None
    finally:
        connection.close()
