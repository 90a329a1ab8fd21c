"""Letters as dots, for a printer that has no such letters: a line of text becomes a raster picture of the same columns.

Every character stands in its own column and marks stand with their letter, so that sums stay under one another. Pillow
comes with python-escpos and is imported with the first line that needs it. The font is the system's: the first that has
the letter, of those a shop's machine usually has.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from .letters import has_marks

LINE_DOTS: Final = 32  # a printed line is 24 dots high, and lines of different kinds must not touch
MARKED_LINE_DOTS: Final = 42  # Thai marks stand two storeys above
BELOW_DOTS: Final = 9  # under the base line
CELL_DOTS: Final = 12  # font A of nearly every receipt printer is 12 × 24
_NOWHERE: Final = "\U0010fffe"  # no font has it: what a font draws for it is what it draws for a missing letter
_INK: Final = 128  # darker than half is a dot

#: File names of fonts with Cyrillic, Thai or both, fixed width first; looked for in the system's folders.
FONT_FILES: Final = (
    "DejaVuSansMono.ttf", "consola.ttf", "LiberationMono-Regular.ttf", "NotoSansMono-Regular.ttf", "cour.ttf",
    "Loma.ttf", "Loma.otf", "tahoma.ttf", "LeelawUI.ttf", "NotoSansThai-Regular.ttf", "Garuda.ttf", "TlwgMono.ttf",
    "DejaVuSans.ttf", "segoeui.ttf", "arial.ttf",
)  # fmt: skip


def font_folders() -> tuple[Path, ...]:
    """Where the system keeps its fonts."""
    if sys.platform == "win32":
        return (Path(os.environ.get("WINDIR", r"C:\Windows")) / "Fonts",)
    return Path("/usr/share/fonts"), Path("/usr/local/share/fonts")


@lru_cache(maxsize=4)
def fonts(own: str = "") -> tuple[str, ...]:
    """Paths of the fonts to draw with, best first; `own` is the one of the settings."""
    wanted = {name.lower(): place for place, name in enumerate(FONT_FILES)}
    found: dict[str, str] = {}
    for folder in font_folders():
        for path in _files(folder):
            if path.name.lower() in wanted:
                found.setdefault(path.name.lower(), str(path))
    ordered = [found[name] for name in sorted(found, key=lambda name: wanted[name])]
    return (own, *ordered) if own else tuple(ordered)


def _files(folder: Path) -> Iterable[Path]:
    try:
        yield from sorted(folder.rglob("*.[to]tf"))
    except OSError:
        return


def missing(text: str, *, own: str = "") -> str:
    """The letters of `text` that no font here has, each once."""
    lacking = (letter for letter in dict.fromkeys(text) if letter > " " and not _font_with(letter, own))
    return "".join(lacking)


def draw_line(text: str, *, columns: int, dots: int, own: str = "") -> bytes:
    """GS v 0 with the line as a picture `dots` wide; b"" when Pillow or a font is not there."""
    picture = line_picture(text, columns=columns, dots=dots, own=own)
    return b"" if picture is None else raster(picture)


def line_picture(text: str, *, columns: int, dots: int, own: str = "") -> Any:
    """The line as a one-bit Pillow image, dark on light; None when a font for it is not there."""
    if missing(text, own=own):
        return None
    from PIL import Image, ImageDraw

    cell = max(1, dots // max(1, columns))
    height = MARKED_LINE_DOTS if has_marks(text) else LINE_DOTS
    picture = Image.new("L", (dots, height), 255)
    draw = ImageDraw.Draw(picture)
    column = 0
    for cluster in clusters(text):
        font = _sized(_font_with(cluster[0], own) or "", cell)
        left = column * cell
        if cluster.strip():
            _draw_cluster(draw, cluster, font, (left, height - BELOW_DOTS), cell)
        column += 2 if unicodedata.east_asian_width(cluster[0]) in "WF" else 1
    dots_only = picture.point(lambda tone: 0 if tone < _INK else 255)
    # Rows above the highest mark are paper and time on a slow line: two storeys are rarely used.
    top = (dots_only.point(lambda tone: 255 - tone).getbbox() or (0, 0, 0, 0))[1]
    spare = max(0, min(top - 1, height - LINE_DOTS))
    return dots_only.crop((0, spare, dots, height)).convert("1")


def _draw_cluster(draw: Any, cluster: str, font: Any, at: tuple[int, int], cell: int) -> None:
    """A letter in the middle of its column, and its marks where the font has them, over the same middle."""
    (left, floor), base, marks = at, cluster[0], cluster[1:]
    draw.text((left + max(0.0, (cell - font.getlength(base)) / 2), floor), base, font=font, fill=0, anchor="ls")
    roof: float | None = None  # the top of the marks above so far: a tone stands on its vowel, not in it
    for mark in marks:
        begins, top, ends, bottom = _ink(font, mark)
        lift = 0.0
        if bottom <= 0:
            lift = max(0.0, bottom - roof + 1) if roof is not None else 0.0
            roof = top - lift
        # Marks of Thai lean to the right edge of their letter.
        place = (left + (cell - (ends - begins)) / 2 + 1 - begins, floor - lift)
        draw.text(place, mark, font=font, fill=0, anchor="ls")


def _ink(font: Any, mark: str) -> tuple[int, int, int, int]:
    """Where the dots of a mark are, from the base line; the font's own box begins at the base line."""
    mask, (left, top) = font.getmask2(mark, anchor="ls")
    begins, first, ends, last = mask.getbbox() or (0, 0, 0, 0)
    return left + begins, top + first, left + ends, top + last


def raster(picture: Any) -> bytes:
    """A one-bit image as GS v 0: [1D 76 30] [m:1 = 0] [bytes a row:2] [rows:2] [dots, the left one high]."""
    width, height = (int(size) for size in picture.size)
    row_bytes = (width + 7) // 8
    head: bytes = b"\x1dv0\x00" + row_bytes.to_bytes(2, "little") + height.to_bytes(2, "little")
    # In a one-bit image of Pillow white is 1; on paper a dot is 1. Bits past the width are white.
    data = bytearray(byte ^ 0xFF for byte in picture.tobytes())
    spare = row_bytes * 8 - width
    if spare:
        mask = 0xFF << spare & 0xFF
        for end in range(row_bytes - 1, len(data), row_bytes):
            data[end] &= mask
    return head + bytes(data)


def clusters(text: str) -> list[str]:
    """Letters with the marks that belong to them."""
    found: list[str] = []
    for character in text:
        if found and unicodedata.category(character) in ("Mn", "Me", "Cf"):
            found[-1] += character
        else:
            found.append(character)
    return found


@lru_cache(maxsize=1024)
def _font_with(letter: str, own: str) -> str | None:
    """The first font that has the letter."""
    if letter == " ":
        return next(iter(fonts(own)), None)
    return next((path for path in fonts(own) if _has(path, letter)), None)


def _has(path: str, letter: str) -> bool:
    try:
        font = _loaded(path, 20)
    except OSError:  # a file that is no font
        return False
    mask, nothing = font.getmask(letter), font.getmask(_NOWHERE)
    return bool(mask.getbbox()) and bytes(mask) != bytes(nothing)


@lru_cache(maxsize=64)
def _sized(path: str, cell: int) -> Any:
    """The font in the largest size whose digits fit the cell."""
    for size in range(28, 7, -1):
        font = _loaded(path, size)
        if font.getlength("0") <= cell + 0.1:
            return font
    return _loaded(path, 8)


@lru_cache(maxsize=64)
def _loaded(path: str, size: int) -> Any:
    from PIL import ImageFont

    # The basic layout is the same on every machine; the other one needs a library that Windows lacks.
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)
