"""`tillpoint panel --stay`: one cashier's session: windows kept open, a hot key, the focus given back."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

from agent.desktop.access import Access
from agent.desktop.browsers import find, words
from agent.desktop.companion import Companion, Desktop
from agent.desktop.hot_keys import parse
from agent.desktop.keeper import Keeper, Process, Window, answers, waiting_page
from agent.desktop.monitors import customers_monitor, monitors_of_this_session, parse_place
from agent.desktop.session import TITLE, desktop_of_this_session, follow
from agent.service.stop_word import StopWord
from agent.snapshot import Snapshot
from drivers.vocabulary.errors import SettingsError, TillpointError, TransportUnavailable

__all__ = ["Update", "profiles_folder", "start_again", "stay"]

log = logging.getLogger(__name__)

UPDATE_LOOK_S: Final = 5.0  # between two looks which version of the agent runs
IDLE_S: Final = 0.25  # between two turns where there is no hot key to listen for
SHOW_NO_ACTIVATE: Final = 4  # SW_SHOWNOACTIVATE: shown, and the focus stays where it is


def stay(
    access: Callable[[], Access],
    *,
    profiles: Path | None = None,
    more: tuple[str, ...] = (),
) -> bool:
    """Until the session ends, or another version of the agent runs: then True, for `start_again`.

    Also when another one keeps the panel of this session already: at once, and False.

    Args:
        access: how the agent is reached; raises TillpointError while it is not.
        profiles: the browsers' folders.
        more: words for the browser, of a test.
    """
    over = StopWord()
    folder = profiles or profiles_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = _only_one(folder / "lock")
    if lock is None:
        log.info("panel.stay: another one keeps the panel of this session")
        return False
    if threading.current_thread() is threading.main_thread():
        over.on_signals("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    _no_console()
    try:
        known = _first(access, folder, more, over)
        return known is not None and _keep_open(known, access, folder, more, over)
    finally:
        lock.close()


def start_again(command: list[str]) -> None:
    """Let the version that runs now go on with this session: the folder that this one was started from may be gone.

    An update leaves the version before in its place, the next one removes it, and a package removes its own at once;
    whoever stays for months would fail at the first module that it loads then.
    """
    log.info("panel.stay: the agent was updated; starting again from its version")
    try:
        if sys.platform == "win32":
            subprocess.Popen(command)  # noqa: S603 - our own launcher
        else:
            os.execv(command[0], command)  # noqa: S606 - our own launcher
    except OSError as error:
        log.error("panel.stay: cannot start %s: %s; log off and on", command[0], error.strerror)  # noqa: TRY400 - for store IT


def profiles_folder() -> Path:
    """Where the browsers keep what they want to keep: the account's own folder for such things."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home()))) / "Tillpoint" / "panel"
    own = os.environ.get("XDG_STATE_HOME", "")
    return (Path(own) if own else Path.home() / ".local" / "state") / "tillpoint" / "panel"


def _first(access: Callable[[], Access], folder: Path, more: tuple[str, ...], over: StopWord) -> Access | None:
    """What the agent says the panel wants; until it is there a page that waits: the till was switched on just now.

    None when the session ended before.
    """
    keeper: Keeper | None = None
    try:
        while True:
            try:
                return access()
            except TillpointError as error:
                if keeper is None:
                    log.info("panel.waits %s", error)
                    keeper = _waiting_keeper(folder, more)
            keeper.step(time.monotonic())
            if over.wait(IDLE_S):
                return None
    finally:
        if keeper is not None:
            keeper.close()


def _waiting_keeper(folder: Path, more: tuple[str, ...]) -> Keeper:
    def unknown() -> Access:
        raise TillpointError("the agent is not there yet")

    try:
        return _keeper(Access(port=0, panel_key=""), unknown, folder, more)
    except SettingsError:  # no browser by the usual names; the settings may name one
        return Keeper(windows=(), start=_nothing, access=unknown, is_up=answers, waiting="", desktop=None)


def _nothing(window: Window, url: str) -> Process:
    raise OSError(f"no browser for {window.name} and {url[:20]}")


def _keep_open(
    known: Access, access: Callable[[], Access], folder: Path, more: tuple[str, ...], over: StopWord
) -> bool:
    keeper, update = _keeper(known, access, folder, more), Update(access, known.version)
    try:
        _turn(keeper, update, known, access, over)
    finally:
        keeper.close()
    return update.is_there and not over.is_said


class Update:
    """Hears that another version of the agent runs than the one that was met first.

    Not than our own: a launcher that starts another one than the service runs would start us again for ever.
    """

    def __init__(self, access: Callable[[], Access], version: str) -> None:
        self._access = access
        self._first = version
        self._look_at_s = 0.0
        self.is_there = False

    def look(self, now_s: float) -> bool:
        """Whether there is one; asks now and then."""
        if self.is_there or now_s < self._look_at_s:
            return self.is_there
        self._look_at_s = now_s + UPDATE_LOOK_S
        with contextlib.suppress(TillpointError):  # it is not up
            version = self._access().version
            self._first = self._first or version
            self.is_there = version not in {"", self._first}
        return self.is_there


def _keeper(known: Access, access: Callable[[], Access], folder: Path, more: tuple[str, ...]) -> Keeper:
    browser = find(known.browser)
    windows = [Window(name="panel", title=TITLE, place=parse_place(known.window), is_full=known.kiosk)]
    monitor = customers_monitor(monitors_of_this_session()) if known.customer_screen else None
    if monitor is not None:
        windows.append(
            Window(name="customer", title=known.customer_title, place=monitor, is_full=True, is_customers=True)
        )
    elif known.customer_screen:
        log.warning("panel.customer_screen: this session has one monitor; the customer's page is not shown")

    def start(window: Window, url: str) -> Process:
        profile = folder / window.name
        profile.mkdir(mode=0o700, parents=True, exist_ok=True)
        command = words(browser, url, profile=profile, place=window.place, is_full=window.is_full, more=more)
        return _started(command)

    try:
        desktop: Desktop | None = desktop_of_this_session()
    except (SettingsError, TransportUnavailable) as error:
        log.warning("panel.desktop %s", error)
        desktop = None
    return Keeper(windows=windows, start=start, access=access, is_up=answers, waiting=waiting_page(), desktop=desktop)


def _started(command: list[str]) -> Process:
    nothing = subprocess.DEVNULL
    if sys.platform == "win32":
        how = subprocess.STARTUPINFO()
        how.dwFlags |= subprocess.STARTF_USESHOWWINDOW
        how.wShowWindow = SHOW_NO_ACTIVATE
        return subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing, startupinfo=how)  # noqa: S603
    return subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing)  # noqa: S603 - our own words


def _turn(keeper: Keeper, update: Update, known: Access, access: Callable[[], Access], over: StopWord) -> None:
    """Listen for the hot key and mind the windows between two strokes; without a key, mind the windows."""
    heard: list[Snapshot] = []
    companion: Companion | None = None

    def turn() -> bool:
        while heard and companion is not None:  # on the thread of the desktop, as everything that touches windows
            companion.changed(heard.pop(0))
        now_s = time.monotonic()
        keeper.step(now_s)
        return over.is_said or update.look(now_s)

    desktop = keeper.desktop
    if desktop is not None:
        companion = Companion(desktop, title=TITLE, open_panel=lambda: None)  # it comes back by itself
        following = threading.Thread(target=_follow, args=(access, heard.append, over), name="follow", daemon=True)
        following.start()
        try:
            desktop.listen(parse(known.hot_key), companion.pressed, turn)
        except SettingsError as error:
            log.warning("panel.hot_key %s", error)
    while not turn():
        over.wait(IDLE_S)


def _follow(access: Callable[[], Access], tell: Callable[[Snapshot], None], over: StopWord) -> None:
    """The till's changes, so that the focus goes back when what the cashier came for is done."""
    while not over.is_said:
        try:
            known = access()
            break
        except TillpointError:
            over.wait(2.0)
    else:
        return

    def port() -> int:
        try:
            return access().port
        except TillpointError as error:
            raise OSError(str(error)) from None

    follow(port, known.secrets(), tell, gone=over)


def _only_one(path: Path) -> IO[Any] | None:
    """The lock of this account's panel, held as long as the file is open; None when another process has it."""
    file = path.open("ab")
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def _no_console() -> None:
    """Windows opens a console for a program of the Run key; nobody needs to look at it."""
    if sys.platform == "win32" and os.environ.get("TILLPOINT_CONSOLE") is None and not sys.stdout.isatty():
        import ctypes

        ctypes.windll.kernel32.FreeConsole()
