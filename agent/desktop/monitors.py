"""Which monitors this session has, and which of them is the customer's; a system is asked behind one function."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Monitor", "customers_monitor", "monitors_of_this_session", "parse_place"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """A rectangle of the desktop, in its pixels."""

    x: int
    y: int
    width: int
    height: int
    is_primary: bool = False


def customers_monitor(monitors: Sequence[Monitor]) -> Monitor | None:
    """The second one: the first that is not the cashier's; None where there is one monitor, or two show the same."""
    if not monitors:
        return None
    cashiers = next((one for one in monitors if one.is_primary), monitors[0])
    return next((one for one in monitors if (one.x, one.y) != (cashiers.x, cashiers.y)), None)


def parse_place(text: str) -> Monitor | None:
    """``360x768+664+0`` as a rectangle; None for ""."""
    if not text:
        return None
    size, x, y = text.split("+")
    width, height = size.split("x")
    return Monitor(x=int(x), y=int(y), width=int(width), height=int(height))


def monitors_of_this_session() -> list[Monitor]:
    """All of them, in the system's order; [] where it does not say."""
    return _of_windows() if sys.platform == "win32" else _of_x11()


def _of_x11(name: str | None = None) -> list[Monitor]:
    """RandR 1.5 (GetMonitors), which every X server since 2015 speaks."""
    from Xlib import display, error

    try:
        connection = display.Display(name)
    except (error.DisplayError, OSError):
        return []
    try:
        told = connection.screen().root.xrandr_get_monitors().monitors
    except (error.XError, AttributeError):  # an X server without it
        return []
    finally:
        connection.close()
    return [
        Monitor(
            x=one["x"],
            y=one["y"],
            width=one["width_in_pixels"],
            height=one["height_in_pixels"],
            is_primary=bool(one["primary"]),
        )
        for one in told
    ]


def _of_windows() -> list[Monitor]:
    """EnumDisplayMonitors; without the scale, since the process says that it minds the dots of each monitor."""
    import ctypes

    import win32api
    import win32con

    if sys.platform == "win32":
        ctypes.windll.user32.SetProcessDPIAware()
    found = []
    for handle, _, (left, top, right, bottom) in win32api.EnumDisplayMonitors(None, None):
        flags = win32api.GetMonitorInfo(int(handle))["Flags"]
        found.append(
            Monitor(
                x=left,
                y=top,
                width=right - left,
                height=bottom - top,
                is_primary=bool(flags & win32con.MONITORINFOF_PRIMARY),
            )
        )
    return found
