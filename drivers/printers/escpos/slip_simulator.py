"""The twin of a slip printer: the virtual printer, and the slips it must print in the conformance suite."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from drivers.contract import Scene
from drivers.vocabulary.slips import PartKind, Slip, SlipPart

from .settings import EscposSettings, EscposSlipSettings
from .simulator import VirtualPrinter

_TITLE = "БОНУСНАЯ ПРОГРАММА Клуб"
_LINES = ("Карта              +7900***01", "Было бонусов             1 240", "СТАЛО                    1 002")


class SlipTwin(VirtualPrinter):
    """A virtual printer with scenes for slips."""

    def __init__(self, settings: EscposSlipSettings | None = None, *, rude: Iterable[str] = ()) -> None:
        super().__init__(EscposSettings(profile=(settings or EscposSlipSettings()).profile), rude=rude)

    def script(self) -> Sequence[Scene]:
        """A slip in Russian, one in plain letters with codes."""
        text = [SlipPart(PartKind.TITLE, _TITLE), *(SlipPart(PartKind.TEXT, line) for line in _LINES)]
        codes = [SlipPart(PartKind.TEXT, "Code"), SlipPart(PartKind.BARCODE, "K7Q2M8X4T9"), SlipPart(PartKind.QR, "hi")]
        return [
            Scene(name="a slip", slip=Slip(name="1", parts=tuple(text)), paper=(_TITLE, *_LINES)),
            Scene(name="codes", slip=Slip(name="2", parts=tuple(codes)), paper=("Code",)),
        ]
