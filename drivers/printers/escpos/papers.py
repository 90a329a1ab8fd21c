"""What a slip printer can do, as a row: our own profiles, and by name those of python-escpos; it prints nothing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from drivers.vocabulary.errors import SettingsError

from .models import PROFILES, Profile

#: Paper by columns of font A, 12 dots each: 58 mm is 384 dots, 80 mm is 512 or 576.
CELL_DOTS: Final = 12
COLUMNS_DEFAULT: Final = 42


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """One printer, as far as a slip must know it.

    Attributes:
        profile: its code pages.
        columns: characters of font A in a line.
        dots: how wide a picture may be.
        can_cut, can_qr, can_barcode, can_draw: what it does by itself.
    """

    profile: Profile
    columns: int
    dots: int
    can_cut: bool = True
    can_qr: bool = True
    can_barcode: bool = True
    can_draw: bool = True


@lru_cache(maxsize=16)
def paper_named(name: str, *, columns: int = 0, dots: int = 0) -> Paper:
    """The paper of a profile; `columns` and `dots` overrule it. Raises SettingsError naming what there is."""
    profile = PROFILES.get(name)
    if profile is not None:
        wide = columns or profile.columns or COLUMNS_DEFAULT
        return Paper(profile=profile, columns=wide, dots=dots or wide * CELL_DOTS)
    return _of_library(name, columns=columns, dots=dots)


def _of_library(name: str, *, columns: int, dots: int) -> Paper:
    """A profile of python-escpos (receipt-print-hq/escpos-printer-db)."""
    from escpos.capabilities import CAPABILITIES

    row = CAPABILITIES["profiles"].get(name)
    if row is None:
        ours, theirs = ", ".join(sorted(PROFILES)), ", ".join(sorted(CAPABILITIES["profiles"]))
        raise SettingsError(f"no printer profile {name!r}; use one of ours: {ours}; or of python-escpos: {theirs}")
    wide = columns or int(row["fonts"]["0"]["columns"])
    pixels = row["media"]["width"]["pixels"]
    features = row["features"]
    pages = {int(number): codec for number, page in row["codePages"].items() if (codec := _codec(page))}
    return Paper(
        profile=Profile(name=name, title=f"{row['vendor']} {row['name']}", columns=wide, pages=pages),
        columns=wide,
        dots=dots or (pixels if isinstance(pixels, int) else wide * CELL_DOTS),
        can_cut=bool(features["paperFullCut"] or features["paperPartCut"]),
        can_qr=bool(features["qrCode"]),
        can_barcode=bool(features["barcodeB"]),
        can_draw=bool(features["bitImageRaster"]),
    )


def _codec(page: str) -> str:
    """Python's name of a page as that library calls it; "" for what Python cannot encode."""
    import codecs

    try:
        return codecs.lookup(page.replace("_", "-")).name
    except LookupError:
        return ""
