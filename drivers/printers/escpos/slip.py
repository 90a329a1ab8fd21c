"""Loyalty lines to bytes that fit into the till's own stream without disturbing it; it moves no bytes.

The only importer of python-escpos here. The library is dear (180 ms), so it is imported with the first slip. Everything
the lines change is put back: what the till had set is sent again, in the order the till sent it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from .commands import BY_NAME
from .document import Formatting
from .letters import CODECS, cost, encode, printable, substitute
from .models import COLUMNS_KNOWN, Profile
from .text import TWO_BYTE_CODEC, clip, width_of

LINES_MAX: Final = 60  # a slip longer than a hand is a mistake upstream, and paper
FEED_BEFORE_CUT_LINES: Final = 5  # the head stands about 15 mm above the knife, and a line is 4.2 mm
FEED_WITHOUT_CUT_LINES: Final = 4  # past the tear bar

_LINE_FEED: Final = b"\n"  # Dummy.ln() would select a code page of its own choice


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
    from escpos.printer import Dummy

    printer: Any = Dummy()
    if place.formatting.line_open:
        printer._raw(_LINE_FEED)  # noqa: SLF001 - Dummy's one way to send bytes as they are
    _neutralise(printer, place.formatting)
    if selects and page is not None:
        printer._raw(BY_NAME["code_page"].code + bytes([page]))  # noqa: SLF001
    for line in wanted:
        printer._raw(encode(clip(substitute(line, codec), width), codec) + _LINE_FEED)  # noqa: SLF001
    if place.feeds:
        printer.print_and_feed(place.feeds)
    _restore(printer, place.formatting, page_changed=selects)
    output: bytes = printer.output
    return output


def warm_up() -> None:
    """Import the library now, so that the first receipt of the day does not wait for it."""
    import escpos.printer  # noqa: F401 - imported for the import's own sake


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


def _neutralise(printer: Any, formatting: Formatting) -> None:
    for row, _ in formatting.states:
        if row.neutral:
            printer._raw(row.neutral)  # noqa: SLF001
    # Whatever is known: an agent started in the middle of a receipt has not heard what was set before.
    printer._raw(BY_NAME["size"].neutral)  # noqa: SLF001
    printer.set(align="left", bold=False, normal_textsize=True)


def _restore(printer: Any, formatting: Formatting, *, page_changed: bool) -> None:
    for row, sent in formatting.states:
        if row.state != "code_page" or page_changed:
            printer._raw(sent)  # noqa: SLF001
    if page_changed and formatting.page is None:
        # No page was ever selected: 0 is what ESC @ selects on all but specially configured printers.
        printer._raw(BY_NAME["code_page"].code + b"\x00")  # noqa: SLF001
