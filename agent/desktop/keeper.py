"""Keeps the panel, and the customer's screen, open in the cashier's session: starts the browser, and starts it again.

It never takes the keyboard from the till system: whatever had the focus before a window of ours appeared has it back.
Everything is a turn of `step`, on the one thread that touches windows; browsers and windows are behind two protocols.
"""

from __future__ import annotations

import base64
import http.client
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Final, Protocol

from agent.desktop.access import Access
from agent.desktop.companion import Desktop
from agent.desktop.monitors import Monitor
from drivers.vocabulary.errors import TillpointError

__all__ = ["Keeper", "Process", "Start", "Window", "answers", "waiting_page"]

log = logging.getLogger(__name__)

LOOK_S: Final = 0.5  # between two looks; nobody sees a quicker one
ASK_S: Final = 0.5  # an agent that runs answers in a few milliseconds
FIRST_PAUSE_S: Final = 1.0
PAUSE_S_MAX: Final = 30.0
LASTED_S: Final = 60.0  # a browser that lived so long and ends is started at once
APPEARS_S: Final = 20.0  # a slow till's first start of a browser; after that its window is left where it is


class Process(Protocol):
    """A browser that runs (`subprocess.Popen`)."""

    def poll(self) -> int | None:
        """None while it runs."""
        ...

    def terminate(self) -> None:
        """Ask it to end."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """Until it has ended; raises subprocess.TimeoutExpired."""
        ...

    def kill(self) -> None:
        """End it."""
        ...


Start = Callable[["Window", str], Process]
"""Starts a browser for a window with an address."""


@dataclass(slots=True, kw_only=True)
class Window:
    """One window of ours and how far it is.

    Attributes:
        name: of its browser's folder.
        title: how its title begins.
        place: where it belongs, None anywhere.
        is_full: it has the whole monitor.
        is_customers: it shows the customer's page, and nothing before the agent answers.
    """

    name: str
    title: str
    place: Monitor | None = None
    is_full: bool = False
    is_customers: bool = False
    process: Process | None = None
    shows_panel: bool = False
    started_s: float = 0.0
    again_s: float = 0.0
    failures: int = 0
    is_settled: bool = True
    before: int | None = None


@dataclass(slots=True, kw_only=True)
class Keeper:
    """See the file.

    Args:
        windows: what is to be open.
        start: starts browsers.
        access: how the agent is reached; raises TillpointError while it is not.
        is_up: whether the agent answers at a port.
        waiting: address of the page that is shown until then.
        desktop: windows; None where the session has none that can be asked (Wayland).
    """

    windows: Sequence[Window]
    start: Start
    access: Callable[[], Access]
    is_up: Callable[[int], bool]
    waiting: str
    desktop: Desktop | None
    _looked_s: float = field(default=-LOOK_S, init=False)
    _said: str = field(default="", init=False)

    def step(self, now_s: float) -> None:
        """Look after every window, if it is time to."""
        if now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = now_s
        access = self._reached() if any(not one.shows_panel or _is_gone(one) for one in self.windows) else None
        for window in self.windows:
            self._mind(window, access, now_s)

    def close(self, timeout_s: float = 5.0) -> None:
        """End every browser."""
        for window in self.windows:
            _end(window, timeout_s)

    def _reached(self) -> Access | None:
        """How to reach an agent that answers; None while none does, which is said once."""
        try:
            access = self.access()
        except TillpointError as error:
            self._say(str(error))
            return None
        if not self.is_up(access.port):
            self._say(f"the agent does not answer at port {access.port} yet")
            return None
        self._say("")
        return access

    def _say(self, words: str) -> None:
        if words != self._said:
            self._said = words
            log.info("panel.waits %s", words or "no more: the agent answers")

    def _mind(self, window: Window, access: Access | None, now_s: float) -> None:
        if window.process is not None and window.process.poll() is not None:
            lasted = now_s - window.started_s >= LASTED_S
            window.failures = 0 if lasted else window.failures + 1
            pause_s = 0.0 if lasted else min(FIRST_PAUSE_S * 2 ** (window.failures - 1), PAUSE_S_MAX)
            log.warning("panel.browser window=%s ended=%s again_in_s=%g", window.name, window.process.poll(), pause_s)
            window.process, window.shows_panel, window.again_s = None, False, now_s + pause_s
        if access is not None and not window.shows_panel and now_s >= window.again_s:
            _end(window, 5.0)  # the page that waited
            secrets = access.secrets()
            url = secrets.customer_url(access.port) if window.is_customers else secrets.panel_url(access.port)
            self._open(window, url, now_s)
            window.shows_panel = window.process is not None
        elif window.process is None and not window.is_customers and now_s >= window.again_s:
            self._open(window, self.waiting, now_s)
        self._settle(window, now_s)

    def _open(self, window: Window, url: str, now_s: float) -> None:
        window.before = self.desktop.active() if self.desktop is not None else None
        window.started_s, window.is_settled = now_s, False
        try:
            window.process = self.start(window, url)
        except OSError as error:
            window.failures += 1
            window.again_s = now_s + min(FIRST_PAUSE_S * 2 ** (window.failures - 1), PAUSE_S_MAX)
            log.error("panel.browser window=%s reason=%s", window.name, error)  # noqa: TRY400 - for store IT

    def _settle(self, window: Window, now_s: float) -> None:
        """Once it has appeared: to its place, and the focus back to whoever had it."""
        if window.is_settled or self.desktop is None or window.process is None:
            return
        found = self.desktop.find(window.title)
        if found is None:
            window.is_settled = now_s - window.started_s > APPEARS_S
            return
        if window.place is not None:
            self.desktop.place(found, window.place)
        if window.before is None:
            window.is_settled = True
        elif self.desktop.active() == found:
            self.desktop.activate(window.before)
            window.is_settled = True
        else:
            # A browser may ask for the focus a moment after its window is there.
            window.is_settled = now_s - window.started_s > APPEARS_S


def _is_gone(window: Window) -> bool:
    return window.process is None or window.process.poll() is not None


def _end(window: Window, timeout_s: float) -> None:
    process, window.process = window.process, None
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(timeout_s)
    except Exception:  # noqa: BLE001 - subprocess.TimeoutExpired, or whatever a system has instead
        process.kill()
        process.wait(timeout_s)


def answers(port: int) -> bool:
    """Whether an agent answers at this port of the machine's own."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=ASK_S)
    try:
        line.request("GET", "/healthz")
        return line.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()


def waiting_page() -> str:
    """The page as an address: it needs no file that a browser in a sandbox could not read, and no server."""
    page = (resources.files("agent.desktop") / "waiting.html").read_bytes()
    return f"data:text/html;base64,{base64.b64encode(page).decode()}"
