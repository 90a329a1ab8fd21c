"""The services of Windows as the updater needs them: a babysitter that ends with its agent when it is told to stop."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

from agent.service.scm import Scm, ScmError
from agent.service.service_plan import AGENT
from agent.updating.manager import ManagerError

__all__ = ["WindowsServices"]

STOP_S: Final = 60.0  # the babysitter gives its agent less
START_S: Final = 60.0
LOG_BYTES: Final = 200_000


class WindowsServices:
    """The service control manager.

    Args:
        scm: that of this machine.
        log: the agent's own log file, for what it said; None keeps nothing.
    """

    def __init__(self, scm: Scm, log: Path | None = None) -> None:
        self._scm = scm
        self._log = log

    def stop(self) -> None:
        """As the contract says."""
        try:
            self._scm.stop(AGENT, wait_s=STOP_S)
        except ScmError as error:
            raise ManagerError(str(error)) from None

    def start(self) -> None:
        """As the contract says."""
        try:
            self._scm.start(AGENT, wait_s=START_S)
        except ScmError as error:
            raise ManagerError(str(error)) from None

    def is_running(self) -> bool:
        """As the contract says."""
        try:
            return self._scm.state(AGENT).state in {"running", "starting"}
        except ScmError as error:
            raise ManagerError(str(error)) from None

    def log_since(self, moment: datetime) -> str:
        """The end of the agent's own log file; its lines have their times."""
        del moment
        if self._log is None:
            return ""
        try:
            with self._log.open("rb") as file:
                file.seek(max(0, self._log.stat().st_size - LOG_BYTES))
                return file.read(LOG_BYTES).decode("utf-8", "replace")
        except OSError:
            return ""
