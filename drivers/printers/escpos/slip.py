"""Loyalty lines to bytes that fit into the till's own stream without disturbing it; it moves no bytes.

It writes its few commands itself, byte for byte what python-escpos would: that library costs 180 ms and 9 MB, and lines
put into a stream need nothing else of it. Everything the lines change is put back: what the till had set is sent again,
in the order the till sent it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .commands import BY_NAME
from .document import Formatting
from .letters import CODECS, cost, encode, printable, substitute
from .models import COLUMNS_KNOWN, Profile
from .text import TWO_BYTE_CODEC, clip, width_of

LINES_MAX: Final = 60  # a slip longer than a hand is a mistake upstream, and paper
FEED_BEFORE_CUT_LINES: Final = 5  # the head stands about 15 mm above the knife, and a line is 4.2 mm
FEED_WITHOUT_CUT_LINES: Final = 4  # past the tear bar

_LINE_FEED: Final = b"\n"
#: Normal print mode, not emphasised, to the left: what python-escpos sends for it, which a test compares.
_PLAIN: Final = b"\x1b!\x00" * 3 + b"\x1bE\x00" + b"\x1ba\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in the stream the lines go.

    Attributes:
        is_open: bytes may be put in here; False inside a command or a page.
        codecs: how this document's own text was read, by page number.
        feeds: line feeds wanted after the lines, 0 when the cut feeds by itself.
        text_columns: the longest line of the document.
    """

    is_open: bool
    formatting: Formatting
    codecs: dict[int | None, str]
    feeds: int
    text_columns: int


def compose_slip(lines: Sequence[str], *, place: Place, profile: Profile, columns: int) -> bytes:
    """The bytes that print `lines` at `place` and leave the printer as it was; b"" when nothing can be printed there.

    Lines are clipped to the paper; control characters never reach the printer, so no name on a slip can be a command.
    """
    if not lines or not place.is_open or place.formatting.page_mode:
        return b""
    wanted = [printable(line) for line in lines[:LINES_MAX]]
    width = paper_columns(columns, profile, place.text_columns)
    page, codec, selects = _choose_page("".join(wanted), place, profile)
    sent = bytearray()
    if place.formatting.line_open:
        sent += _LINE_FEED
    sent += _neutral(place.formatting)
    if selects and page is not None:
        sent += BY_NAME["code_page"].code + bytes([page])
    for line in wanted:
        sent += encode(clip(substitute(line, codec), width), codec) + _LINE_FEED
    if place.feeds:
        sent += BY_NAME["feed_lines"].code + bytes([place.feeds])
    sent += _restored(place.formatting, page_changed=selects)
    return bytes(sent)


def paper_columns(columns: int, profile: Profile, text_columns: int) -> int:
    """How wide the paper is: as set, else the profile's, else guessed from what was printed."""
    return columns or profile.columns or guess_columns(text_columns)


def guess_columns(text_columns: int) -> int:
    """The narrowest known paper that holds the document's longest line."""
    return next((known for known in COLUMNS_KNOWN if known >= text_columns), COLUMNS_KNOWN[-1])


def columns_of(lines: Sequence[str]) -> int:
    """The longest line of a document in columns."""
    return max((width_of(line.rstrip()) for line in lines), default=0)


def _choose_page(text: str, place: Place, profile: Profile) -> tuple[int | None, str, bool]:
    """(page number, codec, whether ESC t must be sent): the page in use if it can print the lines."""
    current = place.formatting.page
    used = place.codecs.get(current) or (profile.pages.get(current) if current is not None else None) or "cp437"
    if place.formatting.two_byte:
        return current, TWO_BYTE_CODEC, False
    if used == "utf-8" or cost(text, used) == 0:
        return current, used, False
    best: tuple[int, int, int, str] | None = None
    for order, codec in enumerate(CODECS):
        page = profile.page_of(codec)
        if page is not None:
            candidate = (cost(text, codec), order, page, codec)
            best = candidate if best is None or candidate < best else best
    if best is None or best[0] >= cost(text, used):
        return current, used, False
    return best[2], best[3], True


def _neutral(formatting: Formatting) -> bytes:
    sent = b"".join(row.neutral for row, _ in formatting.states)
    # Whatever is known: an agent started in the middle of a receipt has not heard what was set before.
    return sent + BY_NAME["size"].neutral + _PLAIN


def _restored(formatting: Formatting, *, page_changed: bool) -> bytes:
    sent = b"".join(bytes_ for row, bytes_ in formatting.states if row.state != "code_page" or page_changed)
    if page_changed and formatting.page is None:
        # No page was ever selected: 0 is what ESC @ selects on all but specially configured printers.
        sent += BY_NAME["code_page"].code + b"\x00"
    return sent
