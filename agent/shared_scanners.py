"""A scanner that the POS reads too: its thread, the POS's port, and who decides whose a code is, put together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from agent.checkout.codes.recogniser import Recogniser
from agent.checkout.codes.whose import LoyaltyJudge
from drivers.contract import Driver
from drivers.pos_line import PassingOn, PosLine
from drivers.transport.address import endpoint
from drivers.vocabulary.errors import SettingsError
from drivers.vocabulary.events import Event
from drivers.worker import ReaderWorker

__all__ = ["SharedScanner", "check_pass_on", "pos_name"]


def pos_name(device: str) -> str:
    """How the POS's port of a shared scanner is called on the panel."""
    return f"{device}/pos"


def check_pass_on(driver: Driver, port: str, pass_on: str) -> None:
    """Raises SettingsError when a device cannot be shared, or its two addresses are one."""
    if driver.sharing is None:
        raise SettingsError(f"pass_on is of no use here; a device of driver {driver.name} has nothing to share")
    endpoint(pass_on)
    if port.partition("?")[0] == pass_on.partition("?")[0]:
        raise SettingsError("pass_on is the scanner's own port; name the one the POS reads, such as one of a pair")


class SharedScanner:
    """Two threads that look like one worker.

    Args:
        name: the scanner's name in the settings.
        driver: its driver, and `own`: the driver's own settings.
        port: where the scanner is; `pass_on`: where the POS reads.
        recogniser: what a code is.
    """

    def __init__(
        self,
        *,
        name: str,
        driver: Driver,
        own: Any,
        port: str,
        pass_on: str,
        recogniser: Recogniser,
        emit: Callable[[Event], None],
        stop: threading.Event,
    ) -> None:
        if driver.sharing is None:
            raise AssertionError(f"{name}: settings were not checked")
        self.line = PosLine(name=pos_name(name), endpoint=endpoint(pass_on), emit=emit, stop=stop)
        share = partial(driver.sharing, own, LoyaltyJudge(recogniser), device=name)
        self._reader = ReaderWorker(
            name=name,
            endpoint=endpoint(port),
            conversation_factory=lambda: PassingOn(share(), self.line),
            emit=emit,
            stop=stop,
        )

    def start(self) -> None:
        """Start both; the POS's port first, so that the first product finds it."""
        self.line.start()
        self._reader.start()

    def join(self, timeout_s: float) -> bool:
        """Wait for both to end; False when one has not in time."""
        return all([self._reader.join(timeout_s), self.line.join(timeout_s)])
