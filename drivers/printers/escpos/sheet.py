"""A whole slip of our own as bytes: text in the printer's letters, or drawn where it has none, codes, and the cut.

The printer is reset first, so nothing depends on what was printed before. Where a letter is not in any of its code
pages: a stand-in if there is one (₽ → руб), else the line is drawn (Thai, mostly), else the letter is a question mark.
"""

from __future__ import annotations

from typing import Any, Final

from drivers.vocabulary.slips import PartKind, Slip, SlipPart

from .commands import BY_NAME
from .drawing import draw_line, missing
from .letters import CODECS, can_encode, encode, has_marks, printable, substitute
from .papers import Paper
from .settings import EscposSlipSettings
from .text import clip, width_of

PARTS_MAX: Final = 120  # a slip longer than an arm is a mistake upstream, and paper
CODE_TEXT_MAX: Final = 600  # a QR code of this length is still read from thermal paper
_QR_DOTS: Final = 5  # of a module at 203 dpi: read by a phone held in the other hand
_BARCODE_DOTS: Final = 80  # height: a hand-held reader needs a centimetre
_LINE_FEED: Final = b"\n"


def render_slip(slip: Slip, paper: Paper, settings: EscposSlipSettings) -> bytes:
    """The bytes that print the slip and cut it off."""
    sheet = _Sheet(paper, settings)
    for part in slip.parts[:PARTS_MAX]:
        sheet.add(part)
    return sheet.end()


class _Sheet:
    """One slip in the making."""

    def __init__(self, paper: Paper, settings: EscposSlipSettings) -> None:
        from escpos.printer import Dummy

        self._paper = paper
        self._settings = settings
        self._printer: Any = Dummy()
        self._codec = ""
        self._raw(BY_NAME["reset"].code)
        self._raw(BY_NAME["kanji_off"].code)  # printers sold in China read two bytes as one letter until told

    def add(self, part: SlipPart) -> None:
        if part.kind is PartKind.QR:
            self._qr(part.text)
        elif part.kind is PartKind.BARCODE:
            self._barcode(part.text)
        else:
            self._line(part.text, is_title=part.kind is PartKind.TITLE)

    def end(self) -> bytes:
        settings = self._settings
        self._raw(BY_NAME["feed_lines"].code + bytes([settings.feed_lines]))
        if settings.cut != "none" and self._paper.can_cut:
            self._raw(BY_NAME["cut"].code + (b"\x00" if settings.cut == "full" else b"\x01"))
        output: bytes = self._printer.output
        return output

    # ── Text ────────────────────────────────────────────────────────────────────────────────────

    def _line(self, text: str, *, is_title: bool) -> None:
        text = printable(text)
        columns = self._paper.columns
        page, codec = self._page_for(text)
        drawn = b""
        if codec is None or (has_marks(text) and self._settings.marks == "draw"):
            drawn = self._drawn(clip(text, columns))
        if drawn:
            self._raw(drawn)
            return
        codec = codec or self._codec or "cp437"
        if page is not None and codec != self._codec:
            self._raw(BY_NAME["code_page"].code + bytes([page]))
            self._codec = codec
        body = encode(clip(refit(substitute(text, codec), columns), columns), codec)
        self._raw(_bold(on=True) + body + _LINE_FEED + _bold(on=False) if is_title else body + _LINE_FEED)

    def _page_for(self, text: str) -> tuple[int | None, str | None]:
        """(number, codec) of the page in use or the first other one that has every letter; no codec when none has."""
        if text.isascii():
            return None, self._codec or "cp437"
        for codec in dict.fromkeys((self._codec or CODECS[0], *CODECS)):
            page = self._paper.profile.page_of(codec)
            if page is not None and can_encode(substitute(text, codec), codec):
                return page, codec
        return None, None

    def _drawn(self, text: str) -> bytes:
        settings, paper = self._settings, self._paper
        if settings.marks == "printer" and has_marks(text):
            return b""
        if not paper.can_draw:
            return b""
        return draw_line(text, columns=paper.columns, dots=paper.dots, own=settings.font)

    # ── Codes ───────────────────────────────────────────────────────────────────────────────────

    def _qr(self, text: str) -> None:
        if not text or len(text) > CODE_TEXT_MAX or self._settings.codes == "none":
            return
        is_native = self._paper.can_qr and self._settings.codes == "printer"
        if not is_native and not self._paper.can_draw:
            return
        self._raw(BY_NAME["align"].code + b"\x01")
        self._printer.qr(text, size=_QR_DOTS, native=is_native)
        self._raw(_LINE_FEED + BY_NAME["align"].code + b"\x00")

    def _barcode(self, text: str) -> None:
        """CODE128 where it fits the paper in modules of two dots or more; else a QR code, which always does."""
        if not text.isascii() or not text.isprintable() or self._settings.codes == "none":
            return
        # 11 modules a character, start and check sign; the stop sign has 13, and 20 stay white.
        modules = 11 * (len(text) + 2) + 13 + 20
        width = min(3, self._paper.dots // modules)
        if width < 2 or not self._paper.can_barcode or self._settings.codes != "printer":
            self._qr(text)
            return
        self._raw(BY_NAME["align"].code + b"\x01")
        self._raw(BY_NAME["barcode_height"].code + bytes([_BARCODE_DOTS]))
        self._raw(BY_NAME["barcode_width"].code + bytes([width]))
        self._raw(BY_NAME["barcode_text"].code + b"\x00")
        # GS k    [m:1 = 73] [n:1] ['{B':2] [data]: code set B has every printable ASCII character.
        data = b"{B" + text.replace("{", "{{").encode("ascii")
        self._raw(BY_NAME["barcode"].code + bytes([73, len(data)]) + data)
        self._raw(_LINE_FEED + BY_NAME["align"].code + b"\x00")

    def _raw(self, data: bytes) -> None:
        self._printer._raw(data)  # noqa: SLF001 - Dummy's one way to send bytes as they are


def warm_up() -> None:
    """Import python-escpos now (180 ms, 9 MB), so that the first slip of the day does not wait for it."""
    import escpos.printer  # noqa: F401 - imported for the import's own sake


def letters_lost(text: str, paper: Paper, settings: EscposSlipSettings) -> str:
    """The letters of the lines of a text that this printer lacks and that cannot be drawn here either."""
    lost: dict[str, None] = {}
    for line in map(printable, text.splitlines()):
        pages = [codec for codec in CODECS if paper.profile.page_of(codec) is not None]
        is_drawn = has_marks(line) and settings.marks == "draw"
        if not is_drawn and (line.isascii() or any(can_encode(substitute(line, codec), codec) for codec in pages)):
            continue
        if is_drawn or settings.marks == "draw" or not has_marks(line):
            lost |= dict.fromkeys(missing(line, own=settings.font) if paper.can_draw else _foreign(line))
        else:
            lost |= dict.fromkeys(_foreign(line))
    return "".join(lost)


def _foreign(line: str) -> list[str]:
    return [letter for letter in line if not letter.isascii()]


def refit(text: str, columns: int) -> str:
    """A line that stand-ins made too long, with blanks taken from its last gap: the number stays at the right edge."""
    while width_of(text) > columns:
        gap = text.rfind("  ")
        if gap < 0:
            return text
        text = text[:gap] + text[gap + 1 :]
    return text


def _bold(*, on: bool) -> bytes:
    return BY_NAME["bold"].code + (b"\x01" if on else b"\x00")
