"""Windows and one hot key on X11: by the window manager (EWMH) where there is one, by X itself where there is none.

Sources: Xlib – C Language X Interface, §12 (grabs); Extended Window Manager Hints 1.5 (_NET_ACTIVE_WINDOW,
_NET_CLIENT_LIST). A grab is taken with each combination of Num Lock and Caps Lock, or a lit lamp would end it.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Iterator
from typing import Any, Final

from Xlib import XK, X, Xatom, display, error
from Xlib.protocol import event

from agent.desktop.hot_keys import HotKey
from agent.desktop.monitors import Monitor
from drivers.vocabulary.errors import SettingsError, TransportUnavailable

__all__ = ["X11Desktop"]

WAIT_S: Final = 0.5  # between two looks whether to stop
SOURCE_PAGER: Final = 2  # EWMH: the request comes from the user's own tool, so it is obeyed
DEPTH_MAX: Final = 2  # without a window manager: a window and the frame some toolkits put around it
_KEYSYMS: Final = {"ScrollLock": "Scroll_Lock"}
_LOCKS: Final = (0, X.LockMask, X.Mod2Mask, X.LockMask | X.Mod2Mask)


class X11Desktop:
    """One connection to the X server; used on one thread. Raises TransportUnavailable when there is no server."""

    def __init__(self, name: str | None = None) -> None:
        try:
            self._display = _connected(name)
            self._clock = _Clock(name)
        except (error.DisplayError, OSError) as why:
            raise TransportUnavailable(f"no X11 desktop here: {why}; run this in the cashier's session") from None
        self._root = self._display.screen().root
        self._errors: list[Any] = []
        self._display.set_error_handler(lambda said, _: self._errors.append(said))

    def active(self) -> int | None:
        """The window that the window manager calls active, else the top window with X's own focus."""
        told = self._property(self._root, "_NET_ACTIVE_WINDOW")
        if told:
            return int(told[0]) or None
        if self._has_manager():
            return None
        focus = self._display.get_input_focus().focus
        return self._top(focus).id if hasattr(focus, "id") and focus.id != self._root.id else None

    def find(self, title: str) -> int | None:
        """A managed window whose title begins so; without a manager, any mapped one."""
        return next((window.id for window in self._windows() if self._title(window).startswith(title)), None)

    def activate(self, window: int) -> bool:
        """By the window manager, which also brings it back from the task bar; else raised and given X's focus."""
        target = self._display.create_resource_object("window", window)
        self._errors.clear()
        if self._has_manager():
            asked = event.ClientMessage(
                window=target,
                client_type=self._display.intern_atom("_NET_ACTIVE_WINDOW"),
                data=(32, [SOURCE_PAGER, self._clock.now_ms(), 0, 0, 0]),
            )
            self._root.send_event(asked, event_mask=X.SubstructureRedirectMask | X.SubstructureNotifyMask)
        else:
            target.configure(stack_mode=X.Above)
            target.set_input_focus(X.RevertToParent, X.CurrentTime)
        try:
            target.get_attributes()  # a manager's list may still have a window that is gone
        except error.XError:
            return False
        return not self._errors and any(one.id == window for one in self._windows())

    def place(self, window: int, monitor: Monitor) -> None:
        """ConfigureWindow, which a window manager takes as a wish; nothing when it is there already."""
        target = self._display.create_resource_object("window", window)
        try:
            at = target.translate_coords(self._root, 0, 0)
            size = target.get_geometry()
        except error.XError:
            return  # the window went while we looked
        if (-at.x, -at.y, size.width, size.height) == (monitor.x, monitor.y, monitor.width, monitor.height):
            return
        target.configure(x=monitor.x, y=monitor.y, width=monitor.width, height=monitor.height)
        self._display.sync()

    def listen(self, key: HotKey, pressed: Callable[[], None], stop: Callable[[], bool]) -> None:
        """Grab the key on the whole screen; raises SettingsError when another program has it."""
        code = self._display.keysym_to_keycode(XK.string_to_keysym(_KEYSYMS.get(key.key, key.key)))
        held = (X.ControlMask if key.ctrl else 0) | (X.Mod1Mask if key.alt else 0) | (X.ShiftMask if key.shift else 0)
        if not code:
            raise SettingsError(f"panel.hot_key: this keyboard has no key {key.key}; choose another")
        self._errors.clear()
        for lock in _LOCKS:
            self._root.grab_key(
                code, held | lock, owner_events=False, pointer_mode=X.GrabModeAsync, keyboard_mode=X.GrabModeAsync
            )
        self._display.sync()
        if self._errors:
            raise SettingsError(f"panel.hot_key: another program has taken {key.key}; choose another key, or end that")
        try:
            while not stop():
                if not self._display.pending_events():
                    select.select([self._display.fileno()], [], [], WAIT_S)
                for _ in range(self._display.pending_events()):
                    if self._display.next_event().type == X.KeyPress:
                        pressed()
        finally:
            self._root.ungrab_key(code, X.AnyModifier)
            self._display.flush()

    def close(self) -> None:
        """Give the connections back, and with them the key."""
        self._clock.close()
        self._display.close()

    # ── Inside ──

    def _has_manager(self) -> bool:
        return bool(self._property(self._root, "_NET_SUPPORTING_WM_CHECK"))

    def _property(self, window: Any, name: str) -> Any:
        try:
            told = window.get_full_property(self._display.intern_atom(name), X.AnyPropertyType)
        except error.XError:
            return None  # the window went while we looked
        return told.value if told is not None else None

    def _windows(self) -> Iterator[Any]:
        told = self._property(self._root, "_NET_CLIENT_LIST") if self._has_manager() else None
        if told is not None:
            yield from (self._display.create_resource_object("window", one) for one in told)
            return
        level = [self._root]
        for _ in range(DEPTH_MAX):
            level = [child for one in level for child in self._children(one)]
            yield from level

    def _children(self, window: Any) -> list[Any]:
        try:
            return list(window.query_tree().children)
        except error.XError:
            return []

    def _top(self, window: Any) -> Any:
        """The child of the root that a window is in: browsers give the focus to one of theirs."""
        while True:
            parent = window.query_tree().parent
            if not hasattr(parent, "id") or parent.id == self._root.id:
                return window
            window = parent

    def _title(self, window: Any) -> str:
        for name in ("_NET_WM_NAME", "WM_NAME"):
            told = self._property(window, name)
            if told:
                return told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
        return ""


def _connected(name: str | None) -> display.Display:
    """A connection that can read each of X's errors.

    python-xlib 0.33 adds RandR's own as codes 0, 1 and 2, of a kind that it cannot read: a title that gets shorter
    between the two requests it is read by (BadValue) would end the program.
    """
    made = display.Display(name)
    for code in (X.BadRequest, X.BadValue):
        made.extension_add_error(code, error.xerror_class[code])
    return made


class _Clock:
    """The X server's own time, without which a window manager may take a wish for an old one and refuse it.

    It is told of a property of a window of ours as it changes (ICCCM 2.0 §2.1), on a connection of its own: so no
    stroke of the hot key is in the way.
    """

    def __init__(self, name: str | None) -> None:
        self._display = _connected(name)
        root = self._display.screen().root
        self._window = root.create_window(-1, -1, 1, 1, 0, X.CopyFromParent, event_mask=X.PropertyChangeMask)
        self._property = self._display.intern_atom("WM_CLASS")

    def now_ms(self) -> int:
        self._window.change_property(self._property, Xatom.STRING, 8, b"", mode=X.PropModeAppend)
        while True:
            told = self._display.next_event()
            if told.type == X.PropertyNotify:
                return int(told.time)

    def close(self) -> None:
        self._display.close()
