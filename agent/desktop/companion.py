"""The focus contract with a till system: who has the keyboard when; decides, and leaves windows to a `Desktop`.

1. The panel never takes the focus by itself, whatever is scanned or changes.
2. The hot key brings the panel to the front; again, and what had the focus before has it back.
3. When what the cashier came for is done (points are going to be spent, the customer has gone, a product was scanned),
   the focus goes back by itself, if it was the hot key that took it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from agent.desktop.hot_keys import HotKey
from agent.desktop.monitors import Monitor
from agent.snapshot import Screen, Snapshot

__all__ = ["Companion", "Desktop", "is_done"]

log = logging.getLogger(__name__)


class Desktop(Protocol):
    """Windows by their numbers, as the system counts them; a number that is gone is no error."""

    def active(self) -> int | None:
        """The window with the focus; None for none that can be named."""
        ...

    def find(self, title: str) -> int | None:
        """A window whose title begins so."""
        ...

    def activate(self, window: int) -> bool:
        """Bring a window to the front and give it the focus; whether it has it."""
        ...

    def place(self, window: int, monitor: Monitor) -> None:
        """Put a window there, without giving it the focus; a full one stays full."""
        ...

    def listen(self, key: HotKey, pressed: Callable[[], None], stop: Callable[[], bool]) -> None:
        """Take a key for us alone and call `pressed` for each stroke, until `stop` says so; raises SettingsError."""
        ...


def is_done(before: Snapshot, after: Snapshot) -> bool:
    """Whether the cashier came for something that is done now, and goes on with the sale."""
    if after.screen is Screen.NOT_LOYALTY and before.screen is not Screen.NOT_LOYALTY:
        return True
    if after.wish is not None and after.wish != before.wish:
        return True
    return before.customer is not None and after.customer is None


class Companion:
    """Remembers who had the focus.

    Args:
        desktop: the windows.
        title: how the panel's title begins.
        open_panel: opens the panel in a browser, when there is no window of it.
    """

    def __init__(self, desktop: Desktop, *, title: str, open_panel: Callable[[], None]) -> None:
        self._desktop = desktop
        self._title = title
        self._open_panel = open_panel
        self._before: int | None = None
        self._shown: Snapshot | None = None

    def pressed(self) -> None:
        """The hot key: to the panel, or back."""
        active = self._desktop.active()
        panel = self._desktop.find(self._title)
        if panel is not None and active == panel:
            self.give_back()
            return
        self._before = active
        if panel is None:
            log.info("focus.open")
            self._open_panel()
        elif not self._desktop.activate(panel):
            log.warning("focus.refused: the system did not give the panel the focus")

    def changed(self, after: Snapshot) -> None:
        """The till shows something else."""
        before, self._shown = self._shown, after
        if before is not None and is_done(before, after):
            self.give_back()

    def give_back(self) -> None:
        """Whoever had the focus before the hot key has it again; nothing when the hot key did not take it."""
        before, self._before = self._before, None
        if before is None or self._desktop.active() != self._desktop.find(self._title):
            return  # the cashier has gone elsewhere already
        if not self._desktop.activate(before):
            log.warning("focus.lost: the window that had the focus is gone")
