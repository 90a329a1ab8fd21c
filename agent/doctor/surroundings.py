"""What of the machine belongs into a support bundle: the log, how the service manager sees us, the history of updates.

Each is asked of what is there; what cannot be had is an empty text, and a bundle goes without it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Final

from agent.service.log_file import last_lines
from agent.service.logs import log_file
from agent.settings import Settings

__all__ = ["log_text", "service_state", "update_history"]

LOG_LINES: Final = 5_000
LOG_BYTES_MAX: Final = 4_194_304
PROGRAM_S: Final = 20.0
HISTORY_BYTES_MAX: Final = 262_144
HISTORY_FILES_MAX: Final = 20
#: Logs of the processes beside the agent: the service itself on Windows, the updater.
OTHER_LOGS: Final = ("service", "updater")
_PROPERTIES: Final = (
    "ActiveState,SubState,Result,NRestarts,ExecMainStartTimestamp,ExecMainStatus,ExecMainCode,MemoryCurrent,TasksCurrent,"
    "WatchdogUSec,FragmentPath,UnitFileState"
)

Ask = Callable[[Sequence[str]], str]
"""Runs a program of the system and returns what it said, "" when it is not there."""


def ask_program(words: Sequence[str]) -> str:
    """The real one: bounded in time, and nothing of ours on its command line."""
    program = shutil.which(words[0])
    if program is None:
        return ""
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            [program, *words[1:]], capture_output=True, check=False, timeout=PROGRAM_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout[-LOG_BYTES_MAX:].decode("utf-8", "replace")


def log_text(settings: Settings | None, *, ask: Ask = ask_program) -> str:
    """The newest lines of our own files, else of systemd's journal."""
    if settings is not None:
        path = log_file(settings.log, settings.state_folder)
        lines = last_lines(path, LOG_LINES)
        for name in OTHER_LOGS:
            found = last_lines(path.with_name(f"{name}.log"), LOG_LINES // 5)
            lines = [*lines, *([f"── {name}.log"] if found else []), *found]
        if lines:
            return "\n".join(lines)[-LOG_BYTES_MAX:] + "\n"
    return ask(["journalctl", "-u", "tillpoint", "-n", str(LOG_LINES), "--no-pager", "-o", "short-iso"])


def service_state(*, ask: Ask = ask_program) -> str:
    """How often it was started again, and why it ended last."""
    if sys.platform == "win32":
        return ask(["sc", "queryex", "Tillpoint"]) + ask(["sc", "qfailure", "Tillpoint"])
    return ask(["systemctl", "show", "tillpoint", "tillpoint-update", "--no-pager", "-p", _PROPERTIES])


def update_history(settings: Settings) -> str:
    """What the updater tells of itself: which version runs, which was well last, what was tried and taken back."""
    from agent.updating.places import places_of

    places = places_of(settings)
    inbox = sorted(places.inbox.glob("*.json"))[:HISTORY_FILES_MAX] if places.inbox.is_dir() else []
    found = []
    for path in (places.current, places.good, places.status, *inbox):
        try:
            text = path.read_bytes()[-HISTORY_BYTES_MAX:].decode("utf-8", "replace")
        except OSError:
            continue  # no update was ever tried here
        found.append(f"── {path}\n{text.rstrip()}\n")
    return "\n".join(found)
