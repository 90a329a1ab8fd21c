"""A stream as a picture of its paper: text, bold and wide letters, raster images, QR codes and barcodes, the cut.

For people: support looks at what a till printed, the documents show slips. It is not the printer: letters come from the
system's fonts. Pillow and qrcode come with python-escpos and are imported here, late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from .commands import Effect
from .drawing import CELL_DOTS, LINE_DOTS, clusters, line_picture
from .frames import Token, Tokenizer
from .models import Profile
from .text import clip

LINE_GAP: Final = 30  # from line to line at the printer's default spacing of 1/6 inch
MARGIN: Final = 16  # white around the paper, in dots
ROWS_MAX: Final = 20_000  # two and a half metres of paper; more is a mistake, and memory
_QR_STORE: Final = 80
_QR_SIZE: Final = 67
_QR_PRINT: Final = 81
_CODE128: Final = 73


def picture_of(stream: bytes, *, profile: Profile, columns: int) -> Any:
    """The stream's paper as a one-bit Pillow image, `columns` × 12 dots wide and a margin around it."""
    from PIL import Image

    paper = _Paper(stream, profile, columns)
    tokenizer = Tokenizer()
    for token in (*tokenizer.feed(stream), *tokenizer.finish()):
        paper.take(token)
    rows = paper.rows()
    height = sum(row.size[1] for row in rows) + 2 * MARGIN
    whole = Image.new("1", (columns * CELL_DOTS + 2 * MARGIN, height), 1)
    top = MARGIN
    for row in rows:
        whole.paste(row, (MARGIN, top))
        top += row.size[1]
    return whole


class _Paper:
    """Rows of dots, from top to bottom."""

    def __init__(self, stream: bytes, profile: Profile, columns: int) -> None:
        self._stream = stream
        self._profile = profile
        self._columns = columns
        self._dots = columns * CELL_DOTS
        self._rows: list[Any] = []
        self._height = 0
        self._line = b""
        self._codec = "cp437"
        self._centred = False
        self._bold = False
        self._scale = (1, 1)
        self._qr = b""
        self._qr_size = 3
        self._bar_height = 162  # the printer's own default
        self._bar_width = 3
        self._actions: dict[Effect, Callable[[Token], None]] = {
            Effect.TEXT: self._text,
            Effect.CODE_PAGE: self._set_page,
            Effect.RESET: self._reset,
            Effect.FEED: self._feed,
            Effect.FORMAT: self._format,
            Effect.SYMBOL: self._symbol,
            Effect.BARCODE: self._barcode,
            Effect.CUT: self._cut,
        }
        self._named: dict[str, Callable[[Token], None]] = {
            "image_raster": self._raster,
            "barcode_height": self._set_bar_height,
            "barcode_width": self._set_bar_width,
        }

    def rows(self) -> list[Any]:
        """Everything printed; what stands on an unfinished line is printed too."""
        if self._line:
            self._end_line()
        return self._rows

    def take(self, token: Token) -> None:
        """The next token; those that leave nothing on paper are passed over."""
        action = self._actions.get(token.command.effect) or self._named.get(token.command.name)
        if action is not None:
            action(token)

    def _set_page(self, token: Token) -> None:
        self._codec = self._profile.pages.get(token.data[0], "cp437")

    def _reset(self, _token: Token) -> None:
        self._codec, self._centred, self._bold, self._scale = "cp437", False, False, (1, 1)

    def _set_bar_height(self, token: Token) -> None:
        self._bar_height = token.data[0]

    def _set_bar_width(self, token: Token) -> None:
        self._bar_width = token.data[0]

    # ── Text ────────────────────────────────────────────────────────────────────────────────────

    def _text(self, token: Token) -> None:
        parts = token.data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for part in parts[:-1]:
            self._line += part
            self._end_line()
        self._line += parts[-1]

    def _end_line(self) -> None:
        text, self._line = self._line.decode(self._codec, "replace"), b""
        wide, high = self._scale
        columns = self._columns // wide
        for piece in _pieces(text, columns):
            row = line_picture(piece, columns=columns, dots=columns * CELL_DOTS) or self._blank(LINE_DOTS)
            if self._bold:
                row = _bolder(row)
            if (wide, high) != (1, 1):
                row = row.resize((row.size[0] * wide, row.size[1] * high))
            self._add(row if not self._centred else self._middle(row, len(clusters(piece)) * CELL_DOTS * wide))

    def _feed(self, token: Token) -> None:
        if self._line:
            self._end_line()
        if token.command.name == "feed_lines":
            self._add(self._blank(token.data[0] * LINE_GAP))

    def _format(self, token: Token) -> None:
        name, value = token.command.name, token.data[0] if token.data else 0
        if name == "align":
            self._centred = value in (1, 49)
        elif name == "bold":
            self._bold = bool(value & 1)
        elif name == "size":
            self._scale = (value >> 4 & 7) + 1, (value & 7) + 1
        elif name == "mode":
            self._bold, self._scale = bool(value & 8), (2 if value & 0x20 else 1, 2 if value & 0x10 else 1)

    # ── Pictures and codes ──────────────────────────────────────────────────────────────────────

    def _raster(self, token: Token) -> None:
        # GS v 0    ['0':1] [m:1] [xL xH:2] [yL yH:2] [dots]; the tokenizer drops the dots, so they are read here.
        from PIL import Image

        width, height = token.data[2] | token.data[3] << 8, token.data[4] | token.data[5] << 8
        body = self._stream[token.start + 8 : token.start + token.size]
        if not width or not height or len(body) < width * height:
            return
        image = Image.frombytes("1", (width * 8, height), bytes(byte ^ 0xFF for byte in body))
        self._add(image.crop((0, 0, min(self._dots, width * 8), height)))

    def _symbol(self, token: Token) -> None:
        data = token.data
        # GS ( k    ['k':1] [pL pH:2] [cn:1 = 49] [fn:1] …
        if data[:1] != b"k" or len(data) < 6 or data[3] != 49:
            return
        if data[4] == _QR_SIZE:
            self._qr_size = data[5]
        elif data[4] == _QR_STORE:
            self._qr = data[6:]
        elif data[4] == _QR_PRINT and self._qr:
            self._add(self._centre(_qr_picture(self._qr, self._qr_size)))

    def _barcode(self, token: Token) -> None:
        data = token.data
        if data[:1] != bytes([_CODE128]) or len(data) < 4:
            return
        from barcode import Code128
        from PIL import Image

        text = data[2:].removeprefix(b"{B").replace(b"{{", b"{").decode("ascii", "replace")
        modules = Code128(text).build()[0]
        bars = Image.new("1", (len(modules), 1), 1)
        bars.putdata([0 if module == "1" else 1 for module in modules])
        self._add(self._centre(bars.resize((len(modules) * self._bar_width, self._bar_height))))

    def _cut(self, _token: Token) -> None:
        if self._line:
            self._end_line()
        line = self._blank(3)
        for left in range(0, self._dots, 12):
            line.paste(0, (left, 1, left + 6, 2))
        self._add(line)

    # ── Rows ────────────────────────────────────────────────────────────────────────────────────

    def _add(self, row: Any) -> None:
        if self._height + row.size[1] <= ROWS_MAX:
            self._rows.append(row)
            self._height += row.size[1]

    def _blank(self, height: int) -> Any:
        from PIL import Image

        return Image.new("1", (self._dots, height), 1)

    def _centre(self, image: Any) -> Any:
        row = self._blank(image.size[1])
        row.paste(image, (max(0, (self._dots - image.size[0]) // 2) if self._centred else 0, 0))
        return row

    def _middle(self, row: Any, used: int) -> Any:
        moved = self._blank(row.size[1])
        moved.paste(row, (max(0, (self._dots - used) // 2), 0))
        return moved


def _pieces(text: str, columns: int) -> Iterable[str]:
    """A line as the printer breaks it: at its last column."""
    while True:
        piece = clip(text, columns)
        yield piece
        text = text[len(piece) :]
        if not text or not piece:
            return


def _bolder(row: Any) -> Any:
    """The row printed twice, a dot apart, as the printer does it."""
    from PIL import ImageChops

    return ImageChops.logical_and(row, ImageChops.offset(row, 1, 0))


def _qr_picture(data: bytes, size: int) -> Any:
    import qrcode

    code = qrcode.QRCode(border=2, box_size=max(1, size), error_correction=qrcode.ERROR_CORRECT_L)
    code.add_data(data)
    return code.make_image().get_image().convert("1")
