"""Windows and one hot key on Windows: RegisterHotKey, and the foreground that its message gives the right to.

Sources: Microsoft, RegisterHotKey and SetForegroundWindow (winuser.h). Windows reserves a bare F12 for debuggers:
registering it succeeds where none is attached. Not run on real Windows yet.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from agent.desktop.hot_keys import HotKey
from agent.desktop.monitors import Monitor
from drivers.vocabulary.errors import SettingsError

__all__ = ["WindowsDesktop", "virtual_key"]

ID: Final = 1
WAIT_S: Final = 0.02  # a stroke is answered at once; fifty looks a second cost nothing that can be measured
_MODIFIERS: Final = {"alt": 0x0001, "ctrl": 0x0002, "shift": 0x0004}
_NO_REPEAT: Final = 0x4000
_KEYS: Final = {"Pause": 0x13, "Insert": 0x2D, "ScrollLock": 0x91}
_F1: Final = 0x70


def virtual_key(key: HotKey) -> tuple[int, int]:
    """(modifiers, virtual-key code) as RegisterHotKey wants them."""
    held = sum(bit for name, bit in _MODIFIERS.items() if getattr(key, name))
    code = _KEYS[key.key] if key.key in _KEYS else _F1 + int(key.key[1:]) - 1
    return held | _NO_REPEAT, code


class WindowsDesktop:
    """The windows of the session this runs in; used on one thread."""

    def active(self) -> int | None:
        """The foreground window."""
        import win32gui

        return int(win32gui.GetForegroundWindow()) or None

    def find(self, title: str) -> int | None:
        """A visible top window whose title begins so."""
        import win32gui

        found: list[int] = []

        def look(window: int, _: Any) -> bool:
            if win32gui.IsWindowVisible(window) and win32gui.GetWindowText(window).startswith(title):
                found.append(window)
            return True

        win32gui.EnumWindows(look, None)
        return found[0] if found else None

    def activate(self, window: int) -> bool:
        """To the front, out of the task bar if it lies there; Windows allows it to whoever got the hot key."""
        import pywintypes
        import win32con
        import win32gui

        try:
            if win32gui.IsIconic(window):
                win32gui.ShowWindow(window, win32con.SW_RESTORE)
            win32gui.SetForegroundWindow(window)
        except pywintypes.error:
            return False
        return int(win32gui.GetForegroundWindow()) == window

    def place(self, window: int, monitor: Monitor) -> None:
        """SetWindowPos, which neither brings it to the front nor gives it the focus."""
        import pywintypes
        import win32con
        import win32gui

        try:
            flags = win32con.SWP_NOACTIVATE | win32con.SWP_NOZORDER
            win32gui.SetWindowPos(window, 0, monitor.x, monitor.y, monitor.width, monitor.height, flags)
        except pywintypes.error:
            return  # the window went while we looked

    def listen(self, key: HotKey, pressed: Callable[[], None], stop: Callable[[], bool]) -> None:
        """Register the key for this thread and take its messages; raises SettingsError when it is taken."""
        if sys.platform != "win32":
            raise SettingsError("panel.hot_key: this is no Windows")
        import win32con
        import win32gui

        held, code = virtual_key(key)
        user32 = ctypes.WinDLL("user32", use_last_error=True)
        if not user32.RegisterHotKey(None, ID, held, code):
            raise SettingsError(f"panel.hot_key: another program has taken {key.key}; choose another key, or end that")
        try:
            while not stop():
                there, message = win32gui.PeekMessage(0, 0, 0, win32con.PM_REMOVE)
                if not there:
                    time.sleep(WAIT_S)
                elif message[1] == win32con.WM_HOTKEY:
                    pressed()
        finally:
            user32.UnregisterHotKey(None, ID)

    def close(self) -> None:
        """Nothing is held."""
