"""Tells whoever watches that the agent is ready, stopping, and alive: systemd, or the babysitter of a Windows service.

systemd hears it by the `sd_notify` protocol, one datagram a message (sd_notify(3), sd_watchdog_enabled(3)); the
babysitter (`agent.service.babysitter`) on standard output, one line a message. Without either in the environment
nothing is told.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["ALIVE", "BABYSAT", "MARK", "READY", "STATUS", "UPDATE_WANTED", "Notifier", "hear_orders"]

log = logging.getLogger(__name__)

#: The environment of a child that has a babysitter; it is told as often as systemd would be.
BABYSAT: Final = {"TILLPOINT_BABYSITTER": "pipe", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": ""}
#: Before each message on standard output.
MARK: Final = b"tillpoint-notify:"
READY: Final = "READY"
ALIVE: Final = "WATCHDOG"
STATUS: Final = "STATUS"
UPDATE_WANTED: Final = "UPDATE"
_OUTPUT: Final = 1
_INPUT: Final = 0

SHARE: Final = 3  # as many signs of life in the time systemd waits for one


@dataclass(slots=True)
class Notifier:
    """Sends to the service manager; a message that cannot be sent is logged once and missed.

    Attributes:
        address: of the socket, "" for nobody.
        watchdog_s: how long systemd waits for a sign of life, 0 when it does not.
        is_babysat: a babysitter reads our standard output.
    """

    address: str = ""
    watchdog_s: float = 0.0
    is_babysat: bool = False
    _is_told: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None, *, pid: int | None = None) -> Notifier:
        """As systemd says it in the environment; a watchdog that is another process's is not ours."""
        given = os.environ if environment is None else environment
        wait = given.get("WATCHDOG_USEC", "")
        whose = given.get("WATCHDOG_PID", "")
        is_ours = not whose or whose == str(os.getpid() if pid is None else pid)
        seconds = int(wait) / 1_000_000 if wait.isdecimal() and is_ours else 0.0
        is_babysat = given.get("TILLPOINT_BABYSITTER", "") == BABYSAT["TILLPOINT_BABYSITTER"]
        return cls(address=given.get("NOTIFY_SOCKET", ""), watchdog_s=seconds, is_babysat=is_babysat)

    @property
    def every_s(self) -> float:
        """How often to call `alive`; 0 when nobody waits for it."""
        return self.watchdog_s / SHARE

    def ready(self, status: str) -> None:
        """Everything that can be started has been."""
        self._send(f"READY=1\nSTATUS={status}")
        self._say(READY, status)

    def status(self, status: str) -> None:
        """One line for `systemctl status`."""
        self._send(f"STATUS={status}")
        self._say(STATUS, status)

    def alive(self) -> None:
        """A sign of life."""
        self._send("WATCHDOG=1")
        self._say(ALIVE, "1")

    def update_wanted(self) -> None:
        """There is work for the updater; systemd sees that for itself (tillpoint-update.path)."""
        self._say(UPDATE_WANTED, "1")

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

    def _say(self, name: str, value: str) -> None:
        """A line to the babysitter; written at once, and beside whatever else is printed."""
        if not self.is_babysat:
            return
        line = MARK + f"{name}={' '.join(value.split())}\n".encode()
        try:
            os.write(_OUTPUT, line)
        except OSError as error:
            if not self._is_told:
                self._is_told = True
                log.warning("service.notify reason=%s", error.strerror)


def hear_orders(stop: Callable[[], None], *, handle: int = _INPUT) -> threading.Thread:
    """Call `stop` when the babysitter says so, or is gone: its pipe ends. Reads on a thread of its own.

    Not by `sys.stdin`: a thread that holds its lock would end the interpreter with an error.
    """

    def listen() -> None:
        try:
            os.read(handle, 100)  # "stop", or nothing when the other end has closed
        except OSError as error:
            log.warning("service.orders reason=%s", error.strerror)
        stop()

    thread = threading.Thread(target=listen, name="orders", daemon=True)
    thread.start()
    return thread
