"""`tillpoint panel --hot-key`: runs in the cashier's own session and keeps the focus contract until it is ended.

The agent itself is a service without a desktop, so this is a program of its own. It hears the till by the panel's live
stream, on loopback, and knows its secrets because it runs as somebody who may read them.
"""

from __future__ import annotations

import http
import http.client
import logging
import os
import sys
import threading
from collections.abc import Callable
from typing import Final

from agent.desktop.companion import Companion, Desktop
from agent.desktop.hot_keys import HotKey
from agent.doors.keys import DoorSecrets
from agent.service.stop_word import StopWord
from agent.snapshot import Snapshot
from drivers.vocabulary import codec
from drivers.vocabulary.errors import SettingsError

__all__ = ["TITLE", "desktop_of_this_session", "follow", "keep"]

log = logging.getLogger(__name__)

TITLE: Final = "Tillpoint –"  # what the panel's title begins with, in every language
RETRY_S: Final = 2.0  # the agent restarts in less
SILENCE_S: Final = 60.0  # the stream beats four times in it


def desktop_of_this_session() -> Desktop:
    """The desktop this runs on; raises SettingsError where none can be had."""
    if sys.platform == "win32":
        from agent.desktop.windows import WindowsDesktop

        return WindowsDesktop()
    if os.environ.get("WAYLAND_DISPLAY") and not os.environ.get("DISPLAY"):
        raise SettingsError(
            "Wayland gives no program a key of its own or another's focus: bind a key of the desktop to "
            "`tillpoint panel`, or run the till's session on X11"
        )
    from agent.desktop.x11 import X11Desktop

    return X11Desktop()


def keep(
    desktop: Desktop, key: HotKey, *, port: Callable[[], int], secrets: DoorSecrets, open_panel: Callable[[], None]
) -> None:
    """Listen until the process is ended."""
    companion = Companion(desktop, title=TITLE, open_panel=open_panel)
    heard: list[Snapshot] = []

    def stop() -> bool:
        while heard:  # on the thread of the desktop, as everything that touches windows
            companion.changed(heard.pop(0))
        return False

    following = threading.Thread(target=follow, args=(port, secrets, heard.append), name="follow", daemon=True)
    following.start()
    desktop.listen(key, companion.pressed, stop)


def follow(
    port: Callable[[], int],
    secrets: DoorSecrets,
    tell: Callable[[Snapshot], None],
    *,
    gone: StopWord | None = None,
) -> None:
    """Tell each snapshot of the running agent, over every restart of it, until `gone`; runs on its own thread."""
    gone = gone or StopWord()
    while not gone.is_said:
        try:
            _read_stream(port(), secrets, tell, gone)
        except (OSError, ValueError, http.client.HTTPException) as why:
            log.info("focus.no_agent %s", why)
        gone.wait(RETRY_S)


def _read_stream(port: int, secrets: DoorSecrets, tell: Callable[[Snapshot], None], gone: StopWord) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SILENCE_S)
    try:
        headers = {"Cookie": f"tillpoint_{port}={secrets.new_session()}"}
        connection.request("GET", "/panel/stream", headers=headers)
        answer = connection.getresponse()
        if answer.status != http.HTTPStatus.OK:
            raise ValueError(f"the agent answers {answer.status}")
        is_snapshot = False
        while not gone.is_said:
            line = answer.readline()
            if not line:
                return
            if line.startswith(b"event: "):
                is_snapshot = line == b"event: snapshot\n"
            elif line.startswith(b"data: ") and is_snapshot:
                tell(codec.decode(line.removeprefix(b"data: "), Snapshot))
    finally:
        connection.close()
