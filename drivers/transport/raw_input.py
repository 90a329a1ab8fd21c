"""Keys of one keyboard of Windows (raw input), told from all others by its name; no protocol.

Windows says which keyboard a key came from and cannot keep it from the others: what a scanner types still reaches the
window in front. So this is for scanners that cannot be put into serial or HID-POS mode. A service has no desktop and
hears no keys: the agent must run in the cashier's session. The translation below is tested everywhere;
the calls behind it (`raw_input_windows`) under Wine, and not on real Windows yet.

Microsoft, "RAWKEYBOARD structure": MakeCode is the scan code of an AT keyboard (set 1), and so is a key code of Linux
up to 88; keys with an E0 prefix have numbers of their own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final, Protocol

from drivers.key_events import EV_KEY, KeyEvent, pack_event
from drivers.vocabulary.errors import TransportUnavailable

__all__ = ["KeyboardWindow", "RawInputEndpoint", "RawInputTransport", "is_named", "key_event"]

_BREAK: Final = 0x01  # RI_KEY_BREAK: released
_E0: Final = 0x02  # RI_KEY_E0
_E1: Final = 0x04  # RI_KEY_E1: only Pause
_PLAIN_MAX: Final = 88
_OVERRUN: Final = 0xFF  # KEYBOARD_OVERRUN_MAKE_CODE
#: Scan code after E0 → key code of Linux.
_EXTENDED: Final = {0x1C: 96, 0x1D: 97, 0x35: 98, 0x38: 100, 0x47: 102, 0x48: 103, 0x4B: 105, 0x4D: 106, 0x50: 108}


def key_event(make_code: int, flags: int, *, is_held: bool) -> KeyEvent | None:
    """One raw key as the event Linux would give; None for what is no key.

    Args:
        make_code: RAWKEYBOARD.MakeCode.
        flags: RAWKEYBOARD.Flags.
        is_held: whether the key was pressed already: Windows repeats a press, Linux calls that value 2.
    """
    if flags & _E1 or make_code == _OVERRUN:
        return None
    plain = make_code if 0 < make_code <= _PLAIN_MAX else 0
    # E0 2A and E0 36 are the false Shifts around the keys of the middle block: they are in no table.
    code = _EXTENDED.get(make_code, 0) if flags & _E0 else plain
    if not code:
        return None
    if flags & _BREAK:
        return KeyEvent(EV_KEY, code, 0)
    return KeyEvent(EV_KEY, code, 2 if is_held else 1)


def is_named(device_name: str, wanted: str) -> bool:
    r"""Whether Windows' name of a keyboard (``\\?\HID#VID_0C2E&PID_0B61#…``) holds what the address says."""
    return wanted.upper() in device_name.upper()


class KeyboardWindow(Protocol):
    """The seam to Windows: a window nobody sees, which is told of every key of every keyboard."""

    def keys(self, timeout_s: float) -> list[tuple[str, int, int]]:
        """(name of the keyboard, MakeCode, Flags) of each key since the last call, waiting so long for the first."""
        ...

    def keyboards(self) -> list[str]:
        """Names of the keyboards that are there."""
        ...

    def close(self) -> None:
        """Be told no more. On the thread that made the window."""
        ...


class RawInputTransport:
    """The keys of one keyboard; see `drivers.transport.contract.Transport`. All calls are on one thread."""

    def __init__(self, address: str, wanted: str, window: KeyboardWindow) -> None:
        self.address = address
        self._wanted = wanted
        self._window = window
        self._held: set[int] = set()

    def read(self, timeout_s: float) -> bytes:
        """As the contract says; records of `drivers.key_events`."""
        found = []
        for name, make_code, flags in self._window.keys(timeout_s):
            if not is_named(name, self._wanted):
                continue
            event = key_event(make_code, flags, is_held=False)
            if event is None:
                continue
            if event.value and event.code in self._held:
                event = event._replace(value=2)
            (self._held.add if event.value else self._held.discard)(event.code)
            found.append(pack_event(event))
        return b"".join(found)

    def write(self, data: bytes, timeout_s: float) -> None:
        """Thrown away: a scanner that types is only listened to."""

    def finish(self) -> None:
        """No effect on a device."""

    def abort(self) -> None:
        """As close."""
        self.close()

    def close(self) -> None:
        """As the contract says."""
        self._window.close()


class RawInputEndpoint:
    """A keyboard by a piece of its name.

    Args:
        address: ``rawinput:VID_0C2E&PID_0B61``.
        wanted: the piece.
        make_window: makes the seam; None is Windows itself.
    """

    is_line = True

    def __init__(self, address: str, wanted: str, *, make_window: Callable[[], KeyboardWindow] | None = None) -> None:
        self._address = address
        self._wanted = wanted
        self._make_window = make_window

    @property
    def address(self) -> str:
        """As it was written."""
        return self._address

    def open(self, timeout_s: float) -> RawInputTransport:  # noqa: ARG002 - opening does not wait
        """Be told of keys; raises TransportUnavailable with the cause and the next step."""
        window = self._make_window() if self._make_window is not None else _windows(self._address)
        if not any(is_named(name, self._wanted) for name in window.keyboards()):
            window.close()
            raise TransportUnavailable(
                f"cannot open {self._address}: no keyboard of that name is plugged in; its name is in the device"
                " manager (Details, Hardware Ids)",
                reason="missing",
            )
        return RawInputTransport(self._address, self._wanted, window)

    def visitor_waits(self) -> bool:
        """Nobody comes to a device."""
        return False

    def close(self) -> None:
        """Nothing listens."""


def _windows(address: str) -> KeyboardWindow:
    if sys.platform == "win32":
        from drivers.transport.raw_input_windows import RawInputWindow

        return RawInputWindow(address)
    raise TransportUnavailable(
        f"cannot open {address}: only Windows has raw input; on Linux write evdev:/dev/input/by-id/…-event-kbd",
        reason="driver",
    )
