"""Key events of a scanner that types → scanned codes; no I/O, no clock, and no judgement of what a code means.

Keys are read as keys, so the computer's layout, its Caps Lock and its language do not matter; what matters is the
layout the scanner is programmed for. A character comes as a key with Shift, AltGr or Caps Lock, as Ctrl with a letter
(control characters: Ctrl+] is the group separator), or as Alt with digits of the keypad, in the two ways of Windows:
with a leading zero the number is one of the ANSI code page, without one of the OEM code page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from msgspec import Meta, Struct

from drivers.key_events import EV_KEY, EV_SYN, SYN_DROPPED, KeyEventReader
from drivers.scanners.keyboard.layouts import KEYPAD, LAYOUTS, Key, LayoutName
from drivers.scanners.reading import TEXT_SIZE_MAX, read_text
from drivers.scanners.symbologies import SymbologyIds
from drivers.vocabulary.events import Event

__all__ = ["HALF_CODE_S", "KeyboardScannerLink", "KeyboardScannerSettings"]

HALF_CODE_S = 0.5  # the slowest radio scanners type a character in 50 ms
_ENDS: Final = frozenset((Key.ENTER, Key.KEYPAD_ENTER, Key.TAB))
_SHIFTS: Final = frozenset((Key.LEFT_SHIFT, Key.RIGHT_SHIFT))
_CONTROLS: Final = frozenset((Key.LEFT_CTRL, Key.RIGHT_CTRL))
_MODIFIERS: Final = _SHIFTS | _CONTROLS | {Key.LEFT_ALT, Key.RIGHT_ALT}
_GROUP_SEPARATOR: Final = "\x1d"
#: Ctrl with these keys of a US keyboard gives the control characters above 26, as a terminal does.
_CONTROL_KEYS: Final = {26: "\x1b", 43: "\x1c", 27: _GROUP_SEPARATOR, 7: "\x1e", 12: "\x1f"}
_ALT_DIGITS_MAX: Final = 5  # Alt+65535 is the largest number there is
_OEM_CODE_PAGES: Final = {LayoutName.RU: "cp866"}
_ANSI_CODE_PAGES: Final = {LayoutName.RU: "cp1251"}
_PRESSED: Final = 1
_RELEASED: Final = 0


class KeyboardScannerSettings(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How the scanner is programmed; the defaults suit one fresh from the box.

    Attributes:
        layout: the keyboard country of the scanner itself; the computer's layout does not matter.
        prefix: what the scanner puts before each code, "" for nothing; a code without it is a half code.
        symbology_ids: whose letters say which kind of code it was; AIM identifiers are read always.
        gs_key: how it types the group separator, besides Ctrl+] and Alt+029: "f8" for the key F8, "" for neither.
        gap_ms: silence that ends a code where there is no Enter and no Tab.
        code_length_max: a longer code is noise.
    """

    layout: LayoutName = LayoutName.US
    prefix: Annotated[str, Meta(max_length=16)] = ""
    symbology_ids: SymbologyIds = SymbologyIds.AIM
    gs_key: Annotated[str, Meta(pattern="^(f8)?$")] = "f8"
    gap_ms: Annotated[int, Meta(ge=20, le=2000)] = 150
    code_length_max: Annotated[int, Meta(ge=4, le=4296)] = 200


class KeyboardScannerLink:
    """The conversation with one scanner; see `drivers.contract.ReaderConversation`."""

    def __init__(self, settings: KeyboardScannerSettings, *, device: str) -> None:
        self._settings = settings
        self._device = device
        self._layout = LAYOUTS[settings.layout]
        self._reader = KeyEventReader()
        self._held: set[int] = set()
        self._is_caps = False
        self._alt_digits = ""
        self._is_spoiled = False
        self._text: list[str] = []
        self._heard_at_s = 0.0
        self._stamp_s = 0.0  # of the newest event, where the system stamps them
        self._is_suffix_sure = False  # once a code ended with Enter, silence means half a code

    def feed(self, data: bytes, now_s: float) -> Sequence[Event]:
        """Bytes in any slicing; the codes that ended in them."""
        return [event for _, event in self.codes(data, now_s) if event is not None]

    def codes(self, data: bytes, now_s: float) -> Sequence[tuple[bytes, Event | None]]:
        """The same, each with the text of the code; also codes that are none to us (None).

        Where the system stamps events, its stamps say how long the silence between them was: on a busy till they are
        read late, two codes at once, or half of one long after the other half.
        """
        found = self._silence(now_s) if not self._stamp_s else []
        if data:
            self._heard_at_s = now_s
        for at_s, (kind, code, value) in self._reader.timed(data):
            if self._stamp_s and at_s:
                found += self._pause(at_s - self._stamp_s)
            self._stamp_s = at_s or self._stamp_s
            if kind == EV_KEY:
                self._key(code, value, found)
            elif (kind, code) == (EV_SYN, SYN_DROPPED):
                self._spoil()
        return found

    def tick(self, now_s: float) -> Sequence[Event]:
        """Silence ends a code where nothing else does, and throws half a code away where an end is expected."""
        return [event for _, event in self._silence(now_s) if event is not None]

    def _silence(self, now_s: float) -> list[tuple[bytes, Event | None]]:
        """Nothing was heard since the last event."""
        silence_s = now_s - self._heard_at_s
        if silence_s >= max(HALF_CODE_S, self._settings.gap_ms / 1000):
            self._reader.forget()
        return self._pause(silence_s)

    def _pause(self, silence_s: float) -> list[tuple[bytes, Event | None]]:
        """So long no key was pressed."""
        found: list[tuple[bytes, Event | None]] = []
        if silence_s >= max(HALF_CODE_S, self._settings.gap_ms / 1000):
            # A plug that was pulled between press and release leaves keys held for ever.
            self._held.clear()
            self._alt_digits = ""
            self._is_spoiled = False
        if self._text and self._is_suffix_sure and silence_s >= HALF_CODE_S:
            self._text.clear()
        elif self._text and not self._is_suffix_sure and silence_s >= self._settings.gap_ms / 1000:
            self._end(found)
        return found

    def outgoing(self) -> bytes:
        """Nothing: a scanner is only listened to."""
        return b""

    def _spoil(self) -> None:
        """Keys were lost on their way: what is left of the code until its end would be another code."""
        self._text.clear()
        self._held.clear()
        self._alt_digits = ""
        self._is_spoiled = True

    def _key(self, code: int, value: int, found: list[tuple[bytes, Event | None]]) -> None:
        if value == _RELEASED:
            self._held.discard(code)
            if code == Key.LEFT_ALT and self._alt_digits:
                self._put(self._by_alt())
            return
        if value != _PRESSED:  # a key the keyboard repeats is one a person leans on
            return
        if code in _MODIFIERS:
            self._held.add(code)
        elif code == Key.CAPS_LOCK:
            self._is_caps = not self._is_caps
        elif code in _ENDS and not self._held & _CONTROLS:
            self._is_suffix_sure = True
            self._end(found)
        else:
            self._put(self._character(code))

    def _character(self, code: int) -> str:
        """What a key means with what is held."""
        held = self._held
        # Windows, and scanners made for it, type AltGr as Ctrl and Alt.
        if Key.RIGHT_ALT in held or (Key.LEFT_ALT in held and held & _CONTROLS):
            return self._layout.get(code, ("", "", ""))[2]
        if Key.LEFT_ALT in held:
            digit = KEYPAD.get(code, "")
            if digit.isdigit() and len(self._alt_digits) < _ALT_DIGITS_MAX:
                self._alt_digits += digit
            return ""
        if held & _CONTROLS:
            return self._by_control(code)
        if code == Key.F8 and self._settings.gs_key == "f8":
            return _GROUP_SEPARATOR
        if code in KEYPAD:
            return KEYPAD[code]
        plain, shifted, _ = self._layout.get(code, ("", "", ""))
        is_shifted = bool(held & _SHIFTS)
        # Caps Lock turns letters and leaves digits and signs alone.
        if self._is_caps and plain.isalpha() and shifted == plain.upper():
            is_shifted = not is_shifted
        return shifted if is_shifted else plain

    def _by_control(self, code: int) -> str:
        if code in _CONTROL_KEYS:
            return _CONTROL_KEYS[code]
        letter = LAYOUTS[LayoutName.US].get(code, ("", "", ""))[0]
        return chr(ord(letter) - 0x60) if letter.isalpha() else ""

    def _by_alt(self) -> str:
        """Alt and digits of the keypad, as Windows reads them."""
        digits, self._alt_digits = self._alt_digits, ""
        number = int(digits)
        if number < 0x80:
            return chr(number)
        if number > 0xFF:
            # Surrogates and numbers beyond the plane are no characters.
            return chr(number) if number < 0xD800 or 0xE000 <= number <= 0xFFFD else ""
        pages = _ANSI_CODE_PAGES if digits.startswith("0") else _OEM_CODE_PAGES
        page = pages.get(self._settings.layout, "cp1252" if digits.startswith("0") else "cp437")
        return bytes((number,)).decode(page, errors="ignore")

    def _put(self, character: str) -> None:
        if character and len(self._text) <= TEXT_SIZE_MAX:
            self._text.append(character)

    def _end(self, found: list[tuple[bytes, Event | None]]) -> None:
        text = "" if self._is_spoiled else "".join(self._text)
        self._text.clear()
        self._is_spoiled = False
        settings = self._settings
        scanned = read_text(
            text,
            device=self._device,
            code_length_max=settings.code_length_max,
            prefix=settings.prefix,
            ids=settings.symbology_ids,
        )
        if text:
            found.append((text.encode(errors="ignore"), scanned))
