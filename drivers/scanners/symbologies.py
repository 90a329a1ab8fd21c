"""Which kind of barcode it was: AIM identifiers, and the makers' own letters turned into them; tables, no judgement.

AIM identifier, ISO/IEC 15424: a closing bracket, a letter for the symbology, a character for its variant.
Honeywell (and Newland, Youjie): one letter, which HID-POS reports carry too. Zebra: one letter, or P and two
characters for two-dimensional codes. Datalogic: one letter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

__all__ = ["HONEYWELL", "SYMBOLOGY_SIZE_MAX", "SymbologyIds", "split_symbology"]

SYMBOLOGY_SIZE_MAX: Final = 3

_AIM_ID: Final = re.compile(r"\][A-Za-z][0-9A-Za-z]")


class SymbologyIds(Enum):
    """What the scanner puts before a code to say which kind it is. AIM is taken always; the others are programmed."""

    AIM = "aim"
    HONEYWELL = "honeywell"
    ZEBRA = "zebra"
    DATALOGIC = "datalogic"


#: Honeywell's Code ID characters, "Symbology chart" of its user guides.
HONEYWELL: Final[Mapping[str, str]] = MappingProxyType(
    {
        "d": "]E0",  # EAN-13
        "c": "]E0",  # UPC-A
        "E": "]E0",  # UPC-E
        "D": "]E4",  # EAN-8
        "j": "]C0",  # Code 128
        "I": "]C1",  # GS1-128
        "|": "]C1",
        "b": "]A0",  # Code 39
        "i": "]G0",  # Code 93
        "e": "]I0",  # Interleaved 2 of 5
        "a": "]F0",  # Codabar
        "y": "]e0",  # GS1 DataBar
        "{": "]e0",
        "}": "]e0",
        "r": "]L0",  # PDF417
        "R": "]L0",
        "s": "]Q1",  # QR code
        "w": "]d1",  # Data Matrix
        "z": "]z0",  # Aztec
    }
)

#: Zebra's "Symbol Code Characters", the longest first.
_ZEBRA: Final[Mapping[str, str]] = MappingProxyType(
    {
        "P00": "]d1",
        "P0G": "]d2",
        "P01": "]Q1",
        "P0Q": "]Q3",
        "A": "]E0",
        "B": "]A0",
        "C": "]F0",
        "D": "]C0",
        "E": "]G0",
        "F": "]I0",
        "K": "]C1",
        "R": "]e0",
        "X": "]L0",
        "z": "]z0",
    }
)

#: Datalogic's "Datalogic standard" column.
_DATALOGIC: Final[Mapping[str, str]] = MappingProxyType(
    {
        "A": "]E4",
        "B": "]E0",
        "C": "]E0",
        "D": "]E0",
        "N": "]I0",
        "R": "]F0",
        "T": "]C0",
        "U": "]G0",
        "V": "]A0",
        "W": "]A0",
        "k": "]C1",
        "t": "]e0",
        "u": "]e0",
        "v": "]e0",
    }
)

_TABLES: Final[Mapping[SymbologyIds, Mapping[str, str]]] = {
    SymbologyIds.AIM: {},
    SymbologyIds.HONEYWELL: HONEYWELL,
    SymbologyIds.ZEBRA: _ZEBRA,
    SymbologyIds.DATALOGIC: _DATALOGIC,
}


def split_symbology(text: str, ids: SymbologyIds) -> tuple[str, str]:
    """(AIM id or "", the code without it); a maker's letter is only taken when the settings say that it is sent."""
    aim_id = _AIM_ID.match(text)
    if aim_id is not None:
        return aim_id.group(), text[aim_id.end() :]
    for mark, symbology in _TABLES[ids].items():
        if text.startswith(mark):
            return symbology, text[len(mark) :]
    return "", text
