"""A scanner that scans what it is told, politely or rudely; opens no port and reads no clock."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final

from drivers.contract import Scene
from drivers.scanners.serial.link import Frame, SerialScannerSettings, Suffix

__all__ = ["Rudeness", "ScannerTwin"]

_SUFFIXES: Final = {
    Suffix.AUTO: b"\r",
    Suffix.CR: b"\r",
    Suffix.LF: b"\n",
    Suffix.CRLF: b"\r\n",
    Suffix.TAB: b"\t",
    Suffix.NONE: b"",
}


class Rudeness(Enum):
    """What a scanner does wrong."""

    NONE = "none"
    NO_SUFFIX = "no_suffix"
    HALF_CODE = "half_code"
    DOUBLED = "doubled"
    GARBAGE_FIRST = "garbage_first"
    OVERLONG = "overlong"


class ScannerTwin:
    """The simulated scanner; see `drivers.contract.Twin`.

    Args:
        settings: how it is programmed; None is the default.
        char_delay_ms: time between two characters: 1 at 9600 baud, up to 50 for a slow radio link.
        rudeness: what it does wrong with every scan.
    """

    def __init__(
        self,
        settings: SerialScannerSettings | None = None,
        *,
        char_delay_ms: float = 1.0,
        rudeness: Rudeness = Rudeness.NONE,
    ) -> None:
        self._settings = settings or SerialScannerSettings()
        self._char_delay_s = char_delay_ms / 1000
        self._rudeness = rudeness

    def feed(self, data: bytes, now_s: float) -> bytes:  # noqa: ARG002 - the shape of every twin
        """A scanner answers nothing."""
        return b""

    def scan(self, code: str, *, symbology: str = "") -> bytes:
        """The bytes of one scan, with the suffix, the prefix and the rudeness of this scanner."""
        settings = self._settings
        body = (settings.prefix + symbology + code).encode(settings.encoding)
        suffix = _SUFFIXES[settings.suffix]
        if self._rudeness is Rudeness.NO_SUFFIX:
            suffix = b""
        elif self._rudeness is Rudeness.HALF_CODE:
            body, suffix = body[: len(body) // 2], b""
        elif self._rudeness is Rudeness.OVERLONG:
            body *= settings.code_length_max * 5 // max(1, len(body)) + 1
        elif self._rudeness is Rudeness.GARBAGE_FIRST:
            return b"\xff\x00\xfe" + (suffix or b"\r") + self._framed(body, suffix)
        once = self._framed(body, suffix)
        return once * 2 if self._rudeness is Rudeness.DOUBLED else once

    def timed(self, data: bytes) -> Sequence[tuple[float, bytes]]:
        """The same bytes one by one, each with the seconds to wait before it."""
        return [(self._char_delay_s, bytes((byte,))) for byte in data]

    def script(self) -> Sequence[Scene]:
        """What a shop scans in a minute."""
        return [
            Scene(name=name, from_device=self.scan(code, symbology=symbology), codes=(code,))
            for name, code, symbology in _SCRIPT
        ]

    def _framed(self, body: bytes, suffix: bytes) -> bytes:
        if self._settings.frame is Frame.STX_ETX:
            half = self._rudeness is Rudeness.HALF_CODE
            return b"\x02" + body + (b"" if half else b"\x03" + suffix)
        return body + suffix


_SCRIPT: Final = (
    ("a loyalty card", "2000000000015", "]E0"),
    ("a product", "4600000000015", "]E0"),
    ("a marking code with a group separator", "0104600000000015215AbCdEf\x1d93Abcd", "]d2"),
    ("a customer's app", "TP1:2000000000015", "]Q1"),
    ("a card of letters", "CARD-17", ""),
)
