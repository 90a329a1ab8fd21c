"""Tokens to a printed document: text lines, codes, images, and the printer's formatting state; it judges nothing.

The formatting state outlives a document, as it does in the printer; it is what a slip must put back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .commands import Command, Effect
from .frames import Token
from .models import Profile
from .text import Run, decode_document

# A receipt has tens of lines, a Z report hundreds; more is a stream that is not text, and memory stays bounded.
LINES_MAX: Final = 5_000
LINE_SIZE_MAX: Final = 1_000  # the widest printers have 64 columns; the rest of such a line is dropped
CODES_MAX: Final = 50  # barcodes and QR codes kept per document
TAB_COLUMNS: Final = 8  # the printer's default tab stops

_GAP: Final = b"  "  # a jump to a column is at least a gap between columns
_GRAPHICS_PRINT: Final = frozenset({2, 50, 69, 85})  # GS ( L functions that put an image on paper
_SYMBOL_STORE: Final = 80  # GS ( k: store the data of a two-dimensional code


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """One document as it came on paper.

    Attributes:
        lines: text, trailing blanks cut, blank lines at both ends dropped.
        codes: what barcodes and QR codes say, in order.
        images: how many images were printed; with no lines the document is a picture of a receipt.
        drawer: whether the cash drawer was opened.
        codecs: page number → the codec it was read with.
    """

    lines: tuple[str, ...]
    codes: tuple[str, ...] = ()
    images: int = 0
    drawer: bool = False
    codecs: dict[int | None, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Formatting:
    """What the printer is set to at one moment, as far as the stream said.

    Attributes:
        states: state → the command that set it, in the order they came.
        line_open: something stands on the current line, so a slip begins with a line feed.
        page_mode: the printer collects a page; nothing may be put in.
    """

    states: tuple[tuple[Command, bytes], ...] = ()
    page: int | None = None
    two_byte: bool = False
    line_open: bool = False
    page_mode: bool = False


class DocumentBuilder:
    """Takes tokens one after another; asked for the document when it ends."""

    def __init__(self) -> None:
        self._page: int | None = None
        self._national = 0
        self._two_byte = False
        self._page_mode = False
        self._states: dict[str, tuple[Command, bytes]] = {}
        self._actions: dict[Effect, Callable[[Token], None]] = {
            Effect.TEXT: self._text,
            Effect.RESET: self._reset,
            Effect.FEED: self._feed,
            Effect.FORMAT: self._format,
            Effect.CODE_PAGE: self._code_page,
            Effect.NATIONAL_SET: self._national_set,
            Effect.KANJI_ON: self._kanji,
            Effect.KANJI_OFF: self._kanji,
            Effect.PAGE_MODE: self._page_on,
            Effect.STANDARD_MODE: self._page_off,
            Effect.PAGE_PRINT: self._page_print,
            Effect.IMAGE: self._image,
            Effect.SYMBOL: self._symbol,
            Effect.BARCODE: self._barcode,
            Effect.DRAWER: self._drawer_pulse,
        }
        self._clear()

    def _clear(self) -> None:
        self._lines: list[list[Run]] = []
        self._line: list[Run] = []
        self._line_size = 0
        self._after_return = False
        self._has_text = False
        self._codes: list[str] = []
        self._images = 0
        self._drawer = False

    @property
    def has_text(self) -> bool:
        """Something readable is on the paper since the last document."""
        return self._has_text

    @property
    def has_content(self) -> bool:
        """Text, a code or an image is on the paper; a drawer pulse alone is no document."""
        return self._has_text or bool(self._codes) or self._images > 0

    @property
    def formatting(self) -> Formatting:
        """What the printer is set to now."""
        return Formatting(
            states=tuple(self._states.values()),
            page=self._page,
            two_byte=self._two_byte,
            line_open=bool(self._line),
            page_mode=self._page_mode,
        )

    def take(self, token: Token) -> None:
        """Take the next token; those without effect are passed over."""
        action = self._actions.get(token.command.effect)
        if action is not None:
            action(token)
        elif token.command.name in ("position_absolute", "position_relative", "margin_begin"):
            self._append(_GAP)

    def finish(self, profile: Profile) -> Printed:
        """The document so far, decoded; the next one starts empty, under the same formatting."""
        self._end_line()
        decoded = decode_document(self._lines, profile)
        lines = [line.replace("\xa0", " ").expandtabs(TAB_COLUMNS).rstrip() for line in decoded.lines]
        while lines and not lines[-1]:
            lines.pop()
        while lines and not lines[0]:
            lines.pop(0)
        printed = Printed(
            lines=tuple(lines),
            codes=tuple(self._codes),
            images=self._images,
            drawer=self._drawer,
            codecs=decoded.codecs,
        )
        self._clear()
        return printed

    # ── Effects ─────────────────────────────────────────────────────────────────────────────────

    def _text(self, token: Token) -> None:
        data = token.data
        if self._after_return and data[:1] == b"\n":
            data = data[1:]  # CR LF is one end of line, also when a command stands between the two
        self._after_return = data.endswith(b"\r") if data else False
        parts = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for part in parts[:-1]:
            self._append(part)
            self._end_line()
        self._append(parts[-1])

    def _append(self, data: bytes) -> None:
        data = data[: max(0, LINE_SIZE_MAX - self._line_size)]
        if not data:
            return
        self._line_size += len(data)
        if not self._has_text and data.strip():
            self._has_text = True
        run = Run(data, self._page, self._national, self._two_byte)
        if self._line and self._line[-1][1:] == run[1:]:
            # One character may be printed in two pieces, with a formatting command between its bytes.
            run = run._replace(data=self._line.pop().data + data)
        self._line.append(run)

    def _end_line(self) -> None:
        if len(self._lines) < LINES_MAX:
            self._lines.append(self._line)
        self._line = []
        self._line_size = 0

    def _feed(self, token: Token) -> None:
        if self._line:
            self._end_line()
        if token.command.name == "feed_lines" and token.data and token.data[0] > 1:
            self._end_line()

    def _reset(self, _token: Token) -> None:
        # ESC @ also throws away what stands on an unfinished line; we keep it, it may be the total.
        if self._line:
            self._end_line()
        self._page, self._national, self._two_byte, self._page_mode = None, 0, False, False
        self._states.clear()

    def _remember(self, token: Token) -> None:
        # Taken out first: the order of arrival matters, because ESC ! overrules ESC E and the other way round.
        self._states.pop(token.command.state, None)
        self._states[token.command.state] = (token.command, token.command.code + token.data)

    def _format(self, token: Token) -> None:
        self._remember(token)

    def _code_page(self, token: Token) -> None:
        self._remember(token)
        self._page = token.data[0]

    def _national_set(self, token: Token) -> None:
        self._remember(token)
        self._national = token.data[0]

    def _kanji(self, token: Token) -> None:
        self._two_byte = token.command.effect is Effect.KANJI_ON

    def _page_on(self, _token: Token) -> None:
        self._page_mode = True

    def _page_off(self, _token: Token) -> None:
        self._page_mode = False

    def _page_print(self, token: Token) -> None:
        if self._line:
            self._end_line()
        if token.command.name == "page_print":
            self._page_mode = False

    def _image(self, _token: Token) -> None:
        self._images += 1

    def _drawer_pulse(self, _token: Token) -> None:
        self._drawer = True

    def _symbol(self, token: Token) -> None:
        # GS ( k    ['k':1] [pL pH:2] [cn:1] [fn:1] [m:1] [data]
        # GS ( L    ['L':1] [pL pH:2] [m:1] [fn:1] …
        data = token.data
        if data[:1] == b"k" and len(data) > 6 and data[4] == _SYMBOL_STORE:
            self._code(data[6:])
        elif data[:1] == b"L" and len(data) > 4 and data[4] in _GRAPHICS_PRINT:
            self._images += 1

    def _barcode(self, token: Token) -> None:
        # GS k    [m:1 = 0..6] [data] [NUL:1]    or    [m:1 = 65..79] [n:1] [data:n]
        data = token.data
        if data and data[0] <= 6:
            self._code(data[1:].rstrip(b"\x00"))
        elif data:
            payload = data[2:]
            # CODE128 names its first character set in two bytes: {A {B {C.
            is_set_named = data[0] == 73 and payload[:1] == b"{"
            self._code(payload[2:] if is_set_named else payload)

    def _code(self, payload: bytes) -> None:
        if payload and len(self._codes) < CODES_MAX:
            try:
                self._codes.append(payload.decode("utf-8"))
            except UnicodeDecodeError:
                self._codes.append(payload.decode("latin-1"))
