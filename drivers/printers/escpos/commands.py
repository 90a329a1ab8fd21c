"""The ESC/POS command table: every opcode once, with its length rule and its effect; it reads no stream itself.

Parser, virtual printer and slip composer read the same rows. Lengths are those of Epson's ESC/POS command reference
and of the open parsers named in README.md. Every opcode is two bytes: a prefix and a letter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

DLE: Final = 0x10
ESC: Final = 0x1B
FS: Final = 0x1C
GS: Final = 0x1D
PREFIXES: Final = frozenset({DLE, ESC, FS, GS})

# Longest list ended by NUL: 32 tab stops for ESC D, a barcode of the old kind for GS k. A missing NUL ends there.
TAB_STOPS_MAX: Final = 32
BARCODE_SIZE_MAX: Final = 255


class Effect(Enum):
    """What a command does to the document; most do nothing that matters to a receipt."""

    TEXT = "text"
    CONTROL = "control"
    UNKNOWN = "unknown"
    TRUNCATED = "truncated"
    NONE = "none"
    RESET = "reset"
    FEED = "feed"
    FORMAT = "format"
    CODE_PAGE = "code_page"
    NATIONAL_SET = "national_set"
    KANJI_ON = "kanji_on"
    KANJI_OFF = "kanji_off"
    PAGE_MODE = "page_mode"
    STANDARD_MODE = "standard_mode"
    PAGE_PRINT = "page_print"
    IMAGE = "image"
    IMAGE_PART = "image_part"
    BARCODE = "barcode"
    SYMBOL = "symbol"
    DRAWER = "drawer"
    CUT = "cut"
    STATUS = "status"


class Measure(NamedTuple):
    """How long a command is, once its header is known.

    Attributes:
        header: parameter bytes after the opcode, counts included.
        body: bytes of the block that follows; never interpreted.
        parts: how many more (header, body) parts follow; only ESC & and FS q have them.
        unit: what the header says of every part (ESC &: bytes in a column).
    """

    header: int
    body: int = 0
    parts: int = 0
    unit: int = 0


Rule = Callable[[bytes, int], Measure | None]
"""(bytes, where the parameters start) → the measure, or None while the header is not complete."""

PartRule = Callable[[bytes, int, int], Measure | None]
"""(bytes, where the part starts, unit) → the measure of one part, or None while its header is not complete."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One row.

    Attributes:
        name: for logs, tests and `receipts try`.
        code: prefix and letter.
        what: one phrase.
        fixed: parameter bytes, or None when `rule` must count.
        keeps: whether the block carries data that matters (a barcode, a QR); images are counted and dropped.
        state: which formatting state it sets ("align"), so that a slip can put it back; "" for none.
        neutral: the bytes that bring this state to what ESC @ makes of it.
    """

    name: str
    code: bytes
    what: str
    effect: Effect = Effect.NONE
    fixed: int | None = 0
    rule: Rule | None = None
    part: PartRule | None = None
    keeps: bool = False
    state: str = ""
    neutral: bytes = b""


def _u16(data: bytes, at: int) -> int:
    return data[at] | data[at + 1] << 8


# ── Length rules ────────────────────────────────────────────────────────────────────────────────


def _by_first(counts: dict[int, int], otherwise: int) -> Rule:
    """The first parameter says how many parameters there are (itself included)."""

    def rule(data: bytes, at: int) -> Measure | None:
        return Measure(counts.get(data[at], otherwise)) if at < len(data) else None

    return rule


def _counted(data: bytes, at: int) -> Measure | None:
    # ESC ( , GS ( , FS (    [fn:1] [pL:1] [pH:1] [data:p]
    return Measure(3, _u16(data, at + 1)) if at + 3 <= len(data) else None


def _large_graphics(data: bytes, at: int) -> Measure | None:
    # GS 8 L    ['L':1] [p1 p2 p3 p4:4] [data:p]; another letter is not a known command: no parameters
    if at < len(data) and data[at] != 0x4C:
        return Measure(0)
    return Measure(5, int.from_bytes(data[at + 1 : at + 5], "little")) if at + 5 <= len(data) else None


def _raster(data: bytes, at: int) -> Measure | None:
    # GS v 0    ['0':1] [m:1] [xL xH:2] [yL yH:2] [data:x*y]; another letter: no parameters
    if at < len(data) and data[at] != 0x30:
        return Measure(0)
    return Measure(6, _u16(data, at + 2) * _u16(data, at + 4)) if at + 6 <= len(data) else None


def _strip(data: bytes, at: int) -> Measure | None:
    # ESC *    [m:1] [nL nH:2] [data: n, or 3n for the 24-dot modes 32 and 33]
    if at + 3 > len(data):
        return None
    return Measure(3, _u16(data, at + 1) * (3 if data[at] in (32, 33) else 1))


def _downloaded_image(data: bytes, at: int) -> Measure | None:
    # GS *    [x:1] [y:1] [data: x*y*8]
    return Measure(2, data[at] * data[at + 1] * 8) if at + 2 <= len(data) else None


def _tab_stops(data: bytes, at: int) -> Measure | None:
    # ESC D    [n:0..32] [NUL:1]
    return _until_nul(data, at, skip=0, size_max=TAB_STOPS_MAX)


def _until_nul(data: bytes, at: int, *, skip: int, size_max: int) -> Measure | None:
    found = data.find(0, at + skip, at + skip + size_max + 1)
    if found >= 0:
        return Measure(found - at + 1)
    return Measure(skip + size_max) if len(data) - at - skip > size_max else None


def _barcode(data: bytes, at: int) -> Measure | None:
    # GS k    [m:1 = 0..6] [data] [NUL:1]    or    [m:1 = 65..79] [n:1] [data:n]; another m: no data
    if at >= len(data):
        return None
    if data[at] <= 6:
        return _until_nul(data, at, skip=1, size_max=BARCODE_SIZE_MAX)
    if not 65 <= data[at] <= 79:
        return Measure(1)
    return Measure(2, data[at + 1]) if at + 2 <= len(data) else None


def _own_characters(data: bytes, at: int) -> Measure | None:
    # ESC &    [y:1] [c1:1] [c2:1] then per character [x:1] [data: x*y]
    if at + 3 > len(data):
        return None
    return Measure(3, parts=max(0, data[at + 2] - data[at + 1] + 1), unit=data[at])


def _own_character(data: bytes, at: int, unit: int) -> Measure | None:
    return Measure(1, data[at] * unit) if at < len(data) else None


def _logos(data: bytes, at: int) -> Measure | None:
    # FS q    [n:1] then per image [xL xH:2] [yL yH:2] [data: x*y*8]
    return Measure(1, parts=data[at]) if at < len(data) else None


def _logo(data: bytes, at: int, _unit: int) -> Measure | None:
    return Measure(4, _u16(data, at) * _u16(data, at + 2) * 8) if at + 4 <= len(data) else None


def _counter(data: bytes, at: int) -> Measure | None:
    # GS C    '0' [m n:2] · '1' [aL aH bL bH n r:6] · '2' [nL nH:2] · ';' five numbers, each ended by ';'
    if at >= len(data):
        return None
    if data[at] != 0x3B:
        return Measure({0x30: 3, 0x31: 7, 0x32: 3}.get(data[at], 0))
    end = at
    for _ in range(5):
        end = data.find(b";", end + 1, at + COUNTER_SIZE_MAX)
        if end < 0:
            return Measure(1) if len(data) - at >= COUNTER_SIZE_MAX else None
    return Measure(end - at + 1)


COUNTER_SIZE_MAX: Final = 40  # five numbers of at most five digits, with room

# GS V: these forms feed to the cutter by themselves and take one more parameter, n.
CUT_WITH_FEED: Final = frozenset({65, 66, 97, 98, 103, 104})


# ── The table ───────────────────────────────────────────────────────────────────────────────────


def _row(name: str, code: bytes, what: str, effect: Effect = Effect.NONE, fixed: int | None = 0) -> Command:
    return Command(name=name, code=code, what=what, effect=effect, fixed=fixed)


def _format(  # noqa: PLR0917 - rows of a table read best as rows
    name: str, code: bytes, what: str, fixed: int, neutral: bytes = b"", state: str = ""
) -> Command:
    """A formatting state; one-parameter states are neutral at 0 unless said otherwise."""
    return Command(
        name=name, code=code, what=what, effect=Effect.FORMAT, fixed=fixed,
        state=state or name, neutral=neutral or code + bytes(fixed),
    )  # fmt: skip


def _counting(name: str, code: bytes, what: str, effect: Effect, rule: Rule, *, keeps: bool = False) -> Command:
    return Command(name=name, code=code, what=what, effect=effect, fixed=None, rule=rule, keeps=keeps)


# What is not a command of two bytes: runs of text, stray control bytes, unknown opcodes, a stream that stops half-way.
TEXT: Final = _row("text", b"", "printable bytes, with LF, CR and HT among them", Effect.TEXT)
CONTROL: Final = _row("control", b"", "control bytes that mean nothing here", Effect.CONTROL)
UNKNOWN: Final = _row("unknown", b"", "an opcode that is not in the table; taken to have no parameters", Effect.UNKNOWN)
TRUNCATED: Final = _row("truncated", b"", "a command the stream stopped in", Effect.TRUNCATED)
PAGE_PRINT: Final = _row("page_print", b"\x0c", "page mode: print and go back to standard mode", Effect.PAGE_PRINT)
PAGE_CANCEL: Final = _row("page_cancel", b"\x18", "page mode: forget the page")

COMMANDS: Final[tuple[Command, ...]] = (
    # DLE: real-time requests
    _counting("status_now", b"\x10\x04", "real-time status", Effect.STATUS, _by_first({7: 2, 8: 2, 18: 2}, 1)),
    _row("recover", b"\x10\x05", "real-time request to recover", Effect.NONE, 1),
    _counting("real_time", b"\x10\x14", "real-time pulse, power off, buzzer, clear", Effect.NONE,
              _by_first({1: 3, 2: 3, 3: 6, 7: 2, 8: 8}, 1)),
    # ESC, no parameters
    _row("reset", b"\x1b@", "initialise", Effect.RESET),
    _format("line_spacing_default", b"\x1b2", "default line spacing", 0, b"\x1b2", "line_spacing"),
    _row("label_back", b"\x1b<", "return home"),
    _row("page_mode", b"\x1bL", "page mode", Effect.PAGE_MODE),
    _row("standard_mode", b"\x1bS", "standard mode", Effect.STANDARD_MODE),
    _row("page_data_print", b"\x1b\x0c", "print the page, stay in page mode", Effect.PAGE_PRINT),
    _row("cut_partial_one", b"\x1bi", "partial cut, one point left", Effect.CUT),
    _row("cut_partial_three", b"\x1bm", "partial cut, three points left", Effect.CUT),
    _row("paper_status", b"\x1bv", "transmit paper status", Effect.STATUS),
    _format("italic_on", b"\x1b4", "italic on", 0, b"\x1b5", "italic"),
    _format("italic_off", b"\x1b5", "italic off", 0, b"\x1b5", "italic"),
    # ESC, one parameter
    _format("mode", b"\x1b!", "print mode: font, bold, size, underline at once", 1),
    _format("underline", b"\x1b-", "underline", 1),
    _format("line_spacing", b"\x1b3", "line spacing", 1, b"\x1b2"),
    _row("line_spacing_star", b"\x1b+", "line spacing, other makers", Effect.NONE, 1),
    _row("peripheral_select", b"\x1b=", "which device listens", Effect.NONE, 1),
    _row("own_characters_cancel", b"\x1b?", "cancel a user-defined character", Effect.NONE, 1),
    _format("bold", b"\x1bE", "emphasised", 1),
    _format("double_strike", b"\x1bG", "double strike", 1),
    _row("feed_dots", b"\x1bJ", "print and feed n units", Effect.FEED, 1),
    _row("feed_back_dots", b"\x1bK", "print and feed back n units", Effect.FEED, 1),
    _format("font", b"\x1bM", "character font", 1),
    Command(name="national_set", code=b"\x1bR", what="national set of 12 ASCII places", effect=Effect.NATIONAL_SET,
            fixed=1, state="national_set", neutral=b"\x1bR\x00"),
    _row("page_direction", b"\x1bT", "page mode: direction", Effect.NONE, 1),
    _row("unidirectional", b"\x1bU", "print in one direction", Effect.NONE, 1),
    _format("rotation", b"\x1bV", "turned by 90 degrees", 1),
    _format("align", b"\x1ba", "left, centre, right", 1),
    _row("feed_lines", b"\x1bd", "print and feed n lines", Effect.FEED, 1),
    _row("feed_back_lines", b"\x1be", "print and feed back n lines", Effect.FEED, 1),
    _format("colour", b"\x1br", "print colour", 1),
    Command(name="code_page", code=b"\x1bt", what="code page; the numbers differ by maker", effect=Effect.CODE_PAGE,
            fixed=1, state="code_page"),
    _row("peripheral_status", b"\x1bu", "transmit drawer status", Effect.STATUS, 1),
    _format("upside_down", b"\x1b{", "upside down", 1),
    _format("spacing_right", b"\x1b ", "space after each character", 1),
    _format("own_characters", b"\x1b%", "use user-defined characters", 1),
    _row("chinese_smoothing", b"\x1b1", "makers differ; one parameter", Effect.NONE, 1),
    # ESC, more parameters
    _row("position_absolute", b"\x1b$", "absolute print position", Effect.NONE, 2),
    _row("position_relative", b"\x1b\\", "relative print position", Effect.NONE, 2),
    _row("sensors", b"\x1bc", "paper sensors, panel buttons: selector and value", Effect.NONE, 2),
    _row("buzzer", b"\x1bB", "buzzer: times and length", Effect.NONE, 2),
    _row("drawer", b"\x1bp", "pulse to the cash drawer", Effect.DRAWER, 3),
    _row("page_area", b"\x1bW", "page mode: print area", Effect.NONE, 8),
    _counting("tab_stops", b"\x1bD", "horizontal tab stops", Effect.NONE, _tab_stops),
    _counting("image_strip", b"\x1b*", "bit image strip, 8 or 24 dots high", Effect.IMAGE, _strip),
    Command(name="own_characters_define", code=b"\x1b&", what="define characters", fixed=None,
            rule=_own_characters, part=_own_character),
    _counting("extended_esc", b"\x1b(", "counted ESC functions", Effect.NONE, _counted),
    # GS, one parameter or none
    _format("size", b"\x1d!", "character size", 1),
    _format("reverse", b"\x1dB", "white on black", 1),
    _row("barcode_text", b"\x1dH", "where the digits of a barcode go", Effect.NONE, 1),
    _row("margin_begin", b"\x1dT", "go to the beginning of the line", Effect.NONE, 1),
    _row("status_auto", b"\x1da", "automatic status back", Effect.STATUS, 1),
    _format("smoothing", b"\x1db", "smoothing", 1),
    _row("barcode_font", b"\x1df", "font of barcode digits", Effect.NONE, 1),
    _row("barcode_height", b"\x1dh", "barcode height", Effect.NONE, 1),
    _row("status_back", b"\x1dr", "transmit status", Effect.STATUS, 1),
    _row("barcode_width", b"\x1dw", "barcode width", Effect.NONE, 1),
    _row("image_downloaded_print", b"\x1d/", "print the downloaded image", Effect.IMAGE, 1),
    _row("identity", b"\x1dI", "transmit printer id", Effect.STATUS, 1),
    _row("speed", b"\x1dE", "head energising and speed", Effect.NONE, 1),
    _row("density", b"\x1d|", "print density", Effect.NONE, 1),
    _row("macro", b"\x1d:", "start or end a macro", Effect.NONE, 0),
    # GS, more parameters
    _format("margin_left", b"\x1dL", "left margin", 2),
    _format("width", b"\x1dW", "print area width", 2, b"\x1dW\xff\xff"),
    _row("motion_units", b"\x1dP", "motion units", Effect.NONE, 2),
    _row("page_position_absolute", b"\x1d$", "page mode: vertical position", Effect.NONE, 2),
    _row("page_position_relative", b"\x1d\\", "page mode: relative vertical position", Effect.NONE, 2),
    _counting("cut", b"\x1dV", "cut, with or without feed", Effect.CUT,
              _by_first(dict.fromkeys(CUT_WITH_FEED, 2), 1)),
    _counting("image_download", b"\x1d*", "download an image", Effect.IMAGE_PART, _downloaded_image),
    _counting("image_raster", b"\x1dv", "print a raster image (GS v 0)", Effect.IMAGE, _raster),
    _counting("graphics_large", b"\x1d8", "graphics with a four-byte count (GS 8 L)", Effect.IMAGE_PART,
              _large_graphics, keeps=True),
    _counting("extended_gs", b"\x1d(", "counted GS functions: k two-dimensional codes, L graphics", Effect.SYMBOL,
              _counted, keeps=True),
    _counting("barcode", b"\x1dk", "print a barcode", Effect.BARCODE, _barcode, keeps=True),
    _row("macro_run", b"\x1d^", "run the macro", Effect.NONE, 3),
    _row("counter_print", b"\x1dc", "print the counter", Effect.NONE, 0),
    _counting("counter_set", b"\x1dC", "set the counter", Effect.NONE, _counter),
    # FS: two-byte characters and images in the printer's own memory
    _row("kanji_off", b"\x1c.", "two-byte characters off", Effect.KANJI_OFF),
    _row("kanji_on", b"\x1c&", "two-byte characters on", Effect.KANJI_ON),
    _row("kanji_code", b"\x1cC", "two-byte code system", Effect.NONE, 1),
    _format("kanji_mode", b"\x1c!", "print mode of two-byte characters", 1),
    _format("kanji_underline", b"\x1c-", "underline of two-byte characters", 1),
    _format("kanji_size", b"\x1cW", "four times the size for two-byte characters", 1),
    _row("kanji_spacing", b"\x1cS", "space around two-byte characters", Effect.NONE, 2),
    _row("logo_print", b"\x1cp", "print an image of the printer's memory", Effect.IMAGE, 2),
    Command(name="logo_define", code=b"\x1cq", what="store images in the printer's memory", fixed=None,
            rule=_logos, part=_logo),
    _counting("extended_fs", b"\x1c(", "counted FS functions", Effect.NONE, _counted, keeps=True),
    _row("upside_down_select", b"\x1c}", "maker's own, 60h and a number", Effect.NONE, 2),
)  # fmt: skip

BY_CODE: Final[dict[bytes, Command]] = {row.code: row for row in COMMANDS}
BY_NAME: Final[dict[str, Command]] = {row.name: row for row in COMMANDS}
