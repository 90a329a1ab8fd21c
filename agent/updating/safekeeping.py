"""What is kept in case a switch goes wrong: the database from before, and what a version that was not well has said."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from agent.updating import trial
from agent.updating.places import Places
from agent.updating.shelf import Shelf

__all__ = ["Safekeeping"]

DATA_S: Final = 300.0  # copying a large database on a slow disk
LOG_CHARS: Final = 400_000
LOGS_MAX: Final = 5


class Safekeeping:
    """Copies and logs below the updater's own folder.

    Args:
        config: the settings file.
        run: runs a command of a version (`agent.updating.trial.run_json`).
    """

    def __init__(self, places: Places, config: Path, run: Callable[..., dict[str, Any]]) -> None:
        self._places = places
        self._shelf = Shelf(places)
        self._config = config
        self._run = run

    def keep_database(self, version: str) -> None:
        """Copy the database before a version touches it; the agent is stopped.

        Raises:
            ReleaseRefused: it cannot be read, or there is no room.
            OSError: the disk failed.
        """
        copy = self._copy(version)
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir(mode=0o700)
        trial.give_to(copy, trial.rights_of(self._places.state))
        self._data("keep", "--to", str(copy))

    def has_database(self, version: str) -> bool:
        """Whether there is a copy from before that version."""
        return self._copy(version).exists()

    def put_database_back(self, version: str) -> bool:
        """Put the copy back if nothing was written since; whether it was. The agent is stopped.

        Raises:
            ReleaseRefused: the copy cannot be read.
        """
        return bool(self._data("restore", "--from", str(self._copy(version))).get("put_back"))

    def drop_database(self, version: str) -> None:
        """The copy is of no more use."""
        shutil.rmtree(self._copy(version), ignore_errors=True)

    def keep_log(self, version: str, reason: str, text: str) -> None:
        """Keep the end of a log, for whoever mends the version; the oldest of a few goes."""
        logs = self._places.work / "logs"
        with contextlib.suppress(OSError):
            logs.mkdir(mode=0o700, parents=True, exist_ok=True)
            (logs / f"{version}.log").write_text(f"{reason}\n\n{text[-LOG_CHARS:]}", "utf-8")
            for old in sorted(logs.iterdir(), key=lambda one: one.stat().st_mtime)[:-LOGS_MAX]:
                old.unlink()

    def _copy(self, version: str) -> Path:
        return self._places.work / f"copy-{version}"

    def _data(self, *words: str) -> dict[str, Any]:
        """Handle the till's files as the service's own account would, never as root."""
        running = self._shelf.named(self._places.good) or self._shelf.current()
        if running is None:
            return {}
        rights = trial.rights_of(self._places.state)
        config = ("--config", str(self._config))
        return self._run(running.path, ("update", "data", *words, *config), rights=rights, timeout_s=DATA_S)
