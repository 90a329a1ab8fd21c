"""Whoever keeps the service running, as the updater needs it: stop, start, is it there, what did it say."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol

from drivers.vocabulary.errors import TillpointError

if TYPE_CHECKING:
    from agent.settings import Settings

__all__ = ["Manager", "ManagerError", "Systemd", "own_manager"]

UNIT: Final = "tillpoint.service"
STOP_S: Final = 90.0  # what systemd gives a unit before it kills it
LOG_LINES: Final = 2_000


class ManagerError(TillpointError):
    """The service manager did not do what it was told; the message has its own words."""


class Manager(Protocol):
    """Stops and starts the agent."""

    def stop(self) -> None:
        """Stop the service and wait until its process has ended; harmless when it does not run.

        Raises:
            ManagerError: it still runs.
        """
        ...

    def start(self) -> None:
        """Start the service; harmless when it runs. Returns when the manager has taken the order.

        Raises:
            ManagerError: the manager refused.
        """
        ...

    def is_running(self) -> bool:
        """Whether it runs or is being started."""
        ...

    def log_since(self, moment: datetime) -> str:
        """What the service has said since; "" when that cannot be read."""
        ...


class Systemd:
    """`systemctl` and `journalctl`."""

    def stop(self) -> None:
        """As the contract says; systemctl waits for the end."""
        self._control("stop", timeout_s=STOP_S + 30.0)

    def start(self) -> None:
        """As the contract says."""
        self._call("systemctl", "reset-failed", UNIT, timeout_s=10.0)  # a limit of starts that an earlier try used up
        self._control("start", "--no-block", timeout_s=30.0)

    def is_running(self) -> bool:
        """As the contract says."""
        state = self._call("systemctl", "show", "--property=ActiveState", "--value", UNIT, timeout_s=10.0).stdout
        return state.strip() in {"active", "activating", "reloading"}

    def log_since(self, moment: datetime) -> str:
        """As the contract says."""
        since = f"@{int(moment.timestamp())}"
        words = ("--unit", UNIT, "--since", since, "--lines", str(LOG_LINES), "--output", "short-iso", "--no-pager")
        return self._call("journalctl", *words, timeout_s=30.0).stdout

    def _control(self, verb: str, *more: str, timeout_s: float) -> None:
        done = self._call("systemctl", verb, *more, UNIT, timeout_s=timeout_s)
        if done.returncode:
            said = " ".join(done.stderr.split())[:300] or f"exit code {done.returncode}"
            raise ManagerError(f"systemctl {verb} {UNIT} failed: {said}")

    @staticmethod
    def _call(*words: str, timeout_s: float) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(  # noqa: S603 - fixed words
                words, capture_output=True, text=True, timeout=timeout_s, check=False, stdin=subprocess.DEVNULL
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return subprocess.CompletedProcess(words, 1, "", f"{words[0]}: {error}")


def own_manager(settings: Settings) -> Manager:
    """The one of this system."""
    if sys.platform == "win32":
        from agent.service.logs import FILE_NAME, log_folder
        from agent.service.scm import own_scm
        from agent.updating.scm import WindowsServices

        return WindowsServices(own_scm(), log_folder(settings.log, settings.state_folder) / f"{FILE_NAME}.log")
    del settings
    return Systemd()
