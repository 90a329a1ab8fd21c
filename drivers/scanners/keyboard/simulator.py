"""A scanner that types what it is told, in the layout it is programmed for; opens no device and reads no clock."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final

from drivers.contract import Scene
from drivers.key_events import EV_KEY, EV_SYN, KeyEvent, pack_event
from drivers.scanners.keyboard.layouts import KEYPAD, LAYOUTS, Key, keys_of
from drivers.scanners.keyboard.link import KeyboardScannerSettings

__all__ = ["KeyboardScannerTwin", "Rudeness", "Typing"]

_EV_MSC: Final = 0x04
_MSC_SCAN: Final = 0x04
_KEYPAD_DIGITS: Final = {digit: code for code, digit in KEYPAD.items()}
_BRACKET: Final = 27  # Ctrl with the key of "]" is the group separator


class Typing(Enum):
    """How makers type."""

    KEYS = "keys"
    KEYPAD = "keypad"  # digits on the keypad
    ALT = "alt"  # every character as Alt and the digits of its number: no layout can spoil it
    CAPS_LOCK = "caps_lock"  # Caps Lock once, and then letters turned round


class Rudeness(Enum):
    """What a scanner does wrong."""

    NONE = "none"
    NO_ENTER = "no_enter"
    HALF_CODE = "half_code"
    LEANED_ON = "leaned_on"
    STUCK_SHIFT = "stuck_shift"


class KeyboardScannerTwin:
    """The simulated scanner; see `drivers.contract.Twin`."""

    def __init__(
        self,
        settings: KeyboardScannerSettings | None = None,
        *,
        typing: Typing = Typing.KEYS,
        rudeness: Rudeness = Rudeness.NONE,
    ) -> None:
        self._settings = settings or KeyboardScannerSettings()
        self._keys = keys_of(LAYOUTS[self._settings.layout])
        self._typing = typing
        self._rudeness = rudeness

    def feed(self, data: bytes, now_s: float) -> bytes:  # noqa: ARG002 - the shape of every twin
        """A keyboard answers nothing."""
        return b""

    def scan(self, code: str, *, symbology: str = "") -> bytes:
        """The events of one scan, Enter included."""
        text = self._settings.prefix + symbology + code
        if self._rudeness is Rudeness.HALF_CODE:
            return b"".join(self._type(character) for character in text[: len(text) // 2])
        typed = b"".join(self._type(character) for character in text)
        if self._typing is Typing.CAPS_LOCK:
            typed = self._stroke(Key.CAPS_LOCK) + typed + self._stroke(Key.CAPS_LOCK)
        if self._rudeness is Rudeness.LEANED_ON:
            typed += _event(KeyEvent(EV_KEY, 2, 2)) * 5
        if self._rudeness is Rudeness.STUCK_SHIFT:
            typed += _event(KeyEvent(EV_KEY, Key.LEFT_SHIFT, 1))
        return typed if self._rudeness is Rudeness.NO_ENTER else typed + self._stroke(Key.ENTER)

    def script(self) -> Sequence[Scene]:
        """What a shop scans in a minute."""
        return [
            Scene(name=name, from_device=self.scan(code, symbology=symbology), codes=(code,))
            for name, code, symbology in _SCRIPT
        ]

    def _type(self, character: str) -> bytes:
        if self._typing is Typing.ALT:
            digits = (f"{ord(character):04}" if ord(character) < 0x80 else str(ord(character))).rjust(3, "0")
            return self._stroke(*(_KEYPAD_DIGITS[digit] for digit in digits), held=(Key.LEFT_ALT,))
        if character == "\x1d":
            return self._stroke(_BRACKET, held=(Key.LEFT_CTRL,))
        if self._typing is Typing.KEYPAD and character in _KEYPAD_DIGITS:
            return self._stroke(_KEYPAD_DIGITS[character])
        if self._typing is Typing.CAPS_LOCK:
            character = character.swapcase()
        code, held = self._keys[character]
        return self._stroke(code, held=held)

    @staticmethod
    def _stroke(*codes: int, held: tuple[int, ...] = ()) -> bytes:
        """Press what is held, press and release each key, release what is held."""
        strokes = [(code, 1) for code in held]
        for code in codes:
            strokes += [(code, 1), (code, 0)]
        strokes += [(code, 0) for code in held]
        return b"".join(_event(KeyEvent(EV_KEY, code, value)) for code, value in strokes)


def _event(event: KeyEvent) -> bytes:
    """An event as a kernel sends it: the scan code before it, the end of the group after it."""
    return (
        pack_event(KeyEvent(_EV_MSC, _MSC_SCAN, 0x70000 + event.code))
        + pack_event(event)
        + pack_event(KeyEvent(EV_SYN, 0, 0))
    )


_SCRIPT: Final = (
    ("a loyalty card", "2000000000015", "]E0"),
    ("a product", "4600000000015", "]E0"),
    ("a marking code with a group separator", "0104600000000015215AbCdEf\x1d93Abcd", "]d2"),
    ("a customer's app", "TP1:2000000000015", "]Q1"),
    ("a card with leading zeros", "0000012345", ""),
)
