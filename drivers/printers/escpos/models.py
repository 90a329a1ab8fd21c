"""Printer profiles as rows: code page numbers by maker, columns, national sets; brands are data, never classes.

`ESC t n` means another code page at another maker, so decoding needs a profile; "auto" decides by majority and by
the look of the text (text.py). Numbers: command references of the makers, see README.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from drivers.vocabulary.errors import SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One family of printers.

    Attributes:
        columns: characters of font A in a line at the usual paper width.
        pages: number of ESC t → Python codec.
        guesses: whether a selected page may be overruled by the look of the text (only "auto").
    """

    name: str
    title: str
    columns: int
    pages: dict[int, str] = field(repr=False)
    guesses: bool = False

    def page_of(self, codec: str) -> int | None:
        """The lowest number that selects this codec, or None."""
        return min((number for number, name in self.pages.items() if name == codec), default=None)


_COMMON: Final = {0: "cp437", 2: "cp850", 3: "cp860", 4: "cp863", 5: "cp865"}
_EPSON: Final = _COMMON | {
    13: "cp857", 14: "cp737", 16: "cp1252", 17: "cp866", 18: "cp852", 19: "cp858",
    20: "cp874", 21: "cp874", 22: "cp874", 23: "cp874", 24: "cp874", 25: "cp874", 26: "cp874",
    32: "cp720", 33: "cp775", 34: "cp855", 37: "cp864", 40: "iso8859-15", 44: "cp1125", 45: "cp1250", 46: "cp1251",
    47: "cp1253", 48: "cp1254", 49: "cp1255", 50: "cp1256", 51: "cp1257", 52: "cp1258", 53: "kz1048",
}  # fmt: skip
_SAFE: Final = _COMMON | {16: "cp1252", 17: "cp866", 18: "cp852", 19: "cp858"}
_ZJIANG: Final = _COMMON | {
    16: "cp1252", 17: "cp866", 18: "cp852", 19: "cp858", 50: "cp437", 52: "cp437", 53: "cp858", 54: "cp852",
    59: "cp866", 61: "cp857", 64: "cp737", 70: "cp874", 71: "cp1252", 72: "cp1250", 73: "cp1251", 92: "cp1256",
    93: "cp720",
}  # fmt: skip

PROFILES: Final[dict[str, Profile]] = {
    profile.name: profile
    for profile in (
        Profile(name="auto", title="decide by the numbers most makers use and by the text", columns=0, pages=_EPSON,
                guesses=True),
        Profile(name="epson", title="Epson TM, ATOL RP, Seiko and most compatibles, 80 mm", columns=48, pages=_EPSON),
        Profile(name="epson-58", title="Epson and compatibles, 58 mm", columns=32, pages=_EPSON),
        Profile(name="tm-t88iii", title="Epson TM-T88III", columns=42, pages={**_SAFE, 6: "cp1251"}),
        Profile(name="tm-t88iv", title="Epson TM-T88IV, TM-T70", columns=42, pages=_SAFE),
        Profile(name="citizen", title="Citizen CT-S", columns=48,
                pages={**_SAFE, 6: "cp852", 7: "cp866", 8: "cp857", 9: "cp1252"}),
        Profile(name="rongta", title="Rongta RP", columns=48,
                pages={**_SAFE, 6: "cp1251", 7: "cp866", 24: "cp737", 30: "cp1250", 44: "iso8859-15", 47: "cp874"}),
        Profile(name="zjiang", title="Zjiang POS-58xx, Netum, PBM", columns=32, pages=_ZJIANG),
        Profile(name="zjiang-80", title="Zjiang POS-80xx, Netum NT-80", columns=48, pages=_ZJIANG),
        Profile(name="kefar", title="Kefar KR", columns=48,
                pages={0: "cp437", 2: "cp850", 11: "cp1252", 12: "cp866", 13: "cp852", 14: "cp858", 28: "cp437",
                       30: "cp437", 31: "cp858", 32: "cp852", 37: "cp866", 42: "cp737", 48: "cp874", 49: "cp1252",
                       50: "cp1250", 51: "cp1251", 68: "cp852"}),
        Profile(name="yhdaa", title="YHDAA YHD-8390", columns=48,
                pages={0: "cp437", 2: "cp850", 11: "cp1252", 12: "cp866", 13: "cp852", 14: "cp858", 18: "cp1251"}),
        Profile(name="aures", title="Aures OCD and ODP", columns=42,
                pages={0: "cp437", 2: "cp850", 9: "cp852", 11: "cp866", 12: "cp1251", 16: "cp1252", 18: "cp1250",
                       19: "cp858"}),
        Profile(name="star", title="Star TSP and TUP, Star mcPrint", columns=48,
                pages={0: "cp437", 1: "cp437", 2: "cp932", 3: "cp437", 4: "cp858", 5: "cp852", 10: "cp866",
                       12: "cp857", 15: "cp737", 21: "cp874", 32: "cp1252", 33: "cp1250", 34: "cp1251"}),
        Profile(name="wincor", title="Wincor Nixdorf TH230", columns=42,
                pages={0: "cp437", 1: "cp850", 2: "cp852", 6: "cp858", 7: "cp866", 8: "cp1252", 10: "cp737",
                       11: "cp874", 17: "cp1250"}),
        Profile(name="bixolon", title="Bixolon SRP, Sunmi", columns=48, pages={**_SAFE, 21: "cp874"}),
        Profile(name="munbyn", title="Munbyn ITPP", columns=48, pages={**_SAFE, 6: "cp1252", 21: "cp874"}),
    )
}  # fmt: skip

# ESC R n: what these twelve places of ASCII become. Epson command reference, "character code tables".
NATIONAL_PLACES: Final = "#$@[\\]^`{|}~"
_NATIONAL: Final = (
    "#$@[\\]^`{|}~",  # 0 USA
    "#$à°ç§^`éùè¨",  # 1 France
    "#$§ÄÖÜ^`äöüß",  # 2 Germany
    "£$@[\\]^`{|}~",  # 3 United Kingdom
    "#$@ÆØÅ^`æøå~",  # 4 Denmark I
    "#¤ÉÄÖÅÜéäöåü",  # 5 Sweden
    "#$@°\\é^ùàòèì",  # 6 Italy
    "₧$@¡Ñ¿^`¨ñ}~",  # 7 Spain I
    "#$@[¥]^`{|}~",  # 8 Japan
    "#¤ÉÆØÅÜéæøåü",  # 9 Norway
    "#$ÉÆØÅÜéæøåü",  # 10 Denmark II
    "#$á¡Ñ¿é`íñóú",  # 11 Spain II
    "#$á¡Ñ¿éüíñóú",  # 12 Latin America
    "#$@[₩]^`{|}~",  # 13 Korea
    "#$ŽŠĐĆČžšđćč",  # 14 Slovenia, Croatia
    "#¥@[\\]^`{|}~",  # 15 China
)
NATIONAL_SETS: Final[tuple[dict[int, str], ...]] = tuple(
    {ord(place): new for place, new in zip(NATIONAL_PLACES, row, strict=True) if place != new} for row in _NATIONAL
)

# Widths of paper in characters of font A or B; "auto" takes the first that holds the longest line of the document.
COLUMNS_KNOWN: Final = (32, 42, 48, 56, 64)


def profile_named(name: str) -> Profile:
    """The row of this name; raises SettingsError naming those that exist."""
    try:
        return PROFILES[name]
    except KeyError:
        raise SettingsError(
            f"no printer profile {name!r}; use one of {', '.join(sorted(PROFILES))} (auto when in doubt)",
        ) from None
