"""Tells systemd that the agent is ready, stopping, and alive: the `sd_notify` protocol, one datagram a message.

Source: sd_notify(3), sd_watchdog_enabled(3). Without `NOTIFY_SOCKET` in the environment nothing is told.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["Notifier"]

log = logging.getLogger(__name__)

SHARE: Final = 3  # as many signs of life in the time systemd waits for one


@dataclass(slots=True)
class Notifier:
    """Sends to the service manager; a message that cannot be sent is logged once and missed.

    Attributes:
        address: of the socket, "" for nobody.
        watchdog_s: how long systemd waits for a sign of life, 0 when it does not.
    """

    address: str = ""
    watchdog_s: float = 0.0
    _is_told: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, *, pid: int | None = None) -> Notifier:
        """As systemd says it in the environment; a watchdog that is another process's is not ours."""
        given = os.environ if environment is None else environment
        wait = given.get("WATCHDOG_USEC", "")
        whose = given.get("WATCHDOG_PID", "")
        is_ours = not whose or whose == str(os.getpid() if pid is None else pid)
        seconds = int(wait) / 1_000_000 if wait.isdecimal() and is_ours else 0.0
        return cls(address=given.get("NOTIFY_SOCKET", ""), watchdog_s=seconds)

    @property
    def every_s(self) -> float:
        """How often to call `alive`; 0 when nobody waits for it."""
        return self.watchdog_s / SHARE

    def ready(self, status: str) -> None:
        """Everything that can be started has been."""
        self._send(f"READY=1\nSTATUS={status}")

    def status(self, status: str) -> None:
        """One line for `systemctl status`."""
        self._send(f"STATUS={status}")

    def alive(self) -> None:
        """A sign of life."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """The end has begun."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self.address or not hasattr(socket, "AF_UNIX"):
            return
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
                line.connect(address)
                line.sendall(message.encode())
        except OSError as error:
            if not self._is_told:
                self._is_told = True
                log.warning("service.notify reason=%s", error.strerror or error)
