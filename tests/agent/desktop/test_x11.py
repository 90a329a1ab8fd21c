"""The focus contract on a real X server, with a window manager and without one; keys are X's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.desktop.companion import Companion
from agent.desktop.hot_keys import HotKey, parse
from agent.desktop.session import TITLE
from drivers.vocabulary.errors import SettingsError, TransportUnavailable

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="X11 is a thing of Linux"),
    pytest.mark.skipif(shutil.which("Xvfb") is None, reason="SKIPPED LOUDLY: no X server here (apt install xvfb)"),
]
WAIT_S = 10.0
KEY = parse("F12")


def until(true: Any, what: str, wait_s: float = WAIT_S) -> None:
    """Wait for another program to get somewhere."""
    ends = time.monotonic() + wait_s
    while not true():
        assert time.monotonic() < ends, what
        time.sleep(0.01)


def shown(eye: Any, *titles: str) -> bool:
    """Whether these windows are there.

    openbox 3.6 may sleep over windows that came while it started, until the next event; on a desk each move of the
    mouse is one, here it is a property of the root.
    """
    if all(eye.find(title) for title in titles):
        return True
    nudge = eye._display.intern_atom("TILLPOINT_NUDGE")
    eye._root.change_property(nudge, nudge, 8, b"")
    eye._display.sync()
    return False


@pytest.fixture(params=["with a window manager", "without one"])
def server(request: Any, tmp_path: Path) -> Iterator[str]:
    """An X server of the test's own; gives its name."""
    if request.param == "with a window manager" and shutil.which("openbox") is None:
        pytest.skip("SKIPPED LOUDLY: no window manager here (apt install openbox)")
    read, write = os.pipe()
    log = (tmp_path / "x.log").open("wb")
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "800x600x24", "-nolisten", "tcp", "-noreset"]
    running = [subprocess.Popen(command, pass_fds=[write], stdout=log, stderr=log)]
    os.close(write)
    with os.fdopen(read) as told:
        name = f":{told.readline().strip()}"
    if request.param == "with a window manager":
        env = {**os.environ, "DISPLAY": name, "HOME": str(tmp_path)}
        running.append(subprocess.Popen(["openbox"], env=env, stdout=log, stderr=log))
        until(lambda: manages(name), "the window manager starts")
    yield name
    for one in reversed(running):
        one.terminate()
        one.wait(WAIT_S)
    log.close()


def manages(name: str) -> bool:
    from agent.desktop.x11 import X11Desktop

    desktop = X11Desktop(name)
    told = desktop._property(desktop._root, "_NET_CLIENT_LIST")  # it is written when all windows are in its hands
    desktop.close()
    return told is not None


class Shop:
    """A till system and a panel, as two windows; and somebody at the keyboard."""

    def __init__(self, name: str) -> None:
        from Xlib import XK, X, display

        self.display = display.Display(name)
        self.root = self.display.screen().root
        self.code = self.display.keysym_to_keycode(XK.string_to_keysym("F12"))
        self.pos = self.window("Frontol 6", X.KeyPressMask)
        self.panel = self.window(f"{TITLE} панель кассира - Chromium", X.KeyPressMask)

    def window(self, title: str, mask: int) -> Any:
        made = self.root.create_window(10, 10, 300, 200, 0, self.display.screen().root_depth, event_mask=mask)
        utf8 = self.display.intern_atom("UTF8_STRING")
        made.change_property(self.display.intern_atom("_NET_WM_NAME"), utf8, 8, title.encode())
        made.map()
        self.display.sync()
        return made

    def strike(self) -> None:
        from Xlib import X
        from Xlib.ext import xtest

        for kind in (X.KeyPress, X.KeyRelease):
            xtest.fake_input(self.display, kind, self.code)
        self.display.sync()


@pytest.fixture
def shop(server: str) -> Iterator[Shop]:
    made = Shop(server)
    yield made
    made.display.close()


@pytest.fixture
def kept(server: str, shop: Shop) -> Iterator[Any]:
    """The hot key, listened to on a thread as the companion does."""
    from agent.desktop.x11 import X11Desktop

    desktop, eye = X11Desktop(server), X11Desktop(server)
    until(lambda: shown(eye, "Frontol", TITLE), "the windows are there")
    eye.activate(shop.pos.id)
    until(lambda: eye.active() == shop.pos.id, "the till system has the focus")
    over, ready = threading.Event(), threading.Event()

    def stop() -> bool:
        ready.set()
        return over.is_set()

    companion = Companion(desktop, title=TITLE, open_panel=lambda: None)
    thread = threading.Thread(target=desktop.listen, args=(KEY, companion.pressed, stop))
    thread.start()
    assert ready.wait(WAIT_S)
    yield eye
    over.set()
    thread.join(WAIT_S)
    desktop.close()
    eye.close()


def test_there_and_back(kept: Any, shop: Shop) -> None:
    """F12 with the till system in front brings the panel, F12 again the till system."""
    shop.strike()
    until(lambda: kept.active() == shop.panel.id, "the panel has the focus")
    shop.strike()
    until(lambda: kept.active() == shop.pos.id, "the till system has it back")


@pytest.mark.usefixtures("kept")
def test_a_key_that_is_taken_is_told(server: str) -> None:
    """Two programs cannot have one key; the second is told what to do."""
    from agent.desktop.x11 import X11Desktop

    second = X11Desktop(server)
    with pytest.raises(SettingsError, match="another program has taken F12"):
        second.listen(KEY, lambda: None, lambda: True)
    second.close()


def test_a_window_that_is_gone_is_no_error(kept: Any, shop: Shop) -> None:
    """Nothing is raised, and it is told."""
    gone = shop.panel.id
    shop.panel.destroy()
    shop.display.sync()
    until(lambda: kept.find(TITLE) is None, "it is gone")

    assert not kept.activate(gone)


def test_a_title_that_gets_shorter_while_it_is_read_is_an_error_we_know(server: str, shop: Shop) -> None:
    """X says BadValue to the second half of the question, and whoever asked can catch it."""
    from Xlib import X
    from Xlib.error import BadValue

    from agent.desktop.x11 import X11Desktop

    eye = X11Desktop(server)
    window, title = eye._display.create_resource_object("window", shop.pos.id), eye._display.intern_atom("_NET_WM_NAME")
    with pytest.raises(BadValue):
        window.get_property(title, X.AnyPropertyType, 100, 10)
    eye.close()


def test_a_key_this_keyboard_lacks_is_named(server: str) -> None:
    """Before anything is taken."""
    from agent.desktop.x11 import X11Desktop

    desktop = X11Desktop(server)
    with pytest.raises(SettingsError, match="no key"):
        desktop.listen(HotKey(key="NoSuchKey"), lambda: None, lambda: True)
    desktop.close()


def test_no_server_is_a_sentence() -> None:
    """A service has no desktop."""
    from agent.desktop.x11 import X11Desktop

    with pytest.raises(TransportUnavailable, match="run this in the cashier's session"):
        X11Desktop("no display")
