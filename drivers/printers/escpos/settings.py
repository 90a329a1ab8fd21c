"""The printer's own table in the settings file; checked without opening anything."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct


class EscposSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The device's own table in the settings file.

    Attributes:
        profile: printer family; decides code page numbers and columns (`tillpoint receipts try --profile`).
        columns: characters in a line, 0 to take it from the profile or the text.
        currency: of every amount on the paper.
        layouts: names of shipped layouts or paths of .toml files; empty tries all shipped ones.
        idle_end_s: a document without a cut ends after so much silence.
        reset_ends: ESC @ after text ends a document; switch it off for a till that sends ESC @ inside a receipt.
        loyalty_lines: print loyalty lines before the cut.
        utc_offset_minutes: the till's clock, minutes east of UTC.
        zone: the till's clock by name (``Europe/Moscow``); wins over utc_offset_minutes, needs a zone database.
    """

    profile: str = "auto"
    columns: Annotated[int, Meta(ge=0, le=128)] = 0
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")] = "RUB"
    layouts: tuple[str, ...] = ()
    idle_end_s: Annotated[float, Meta(ge=0.5, le=60)] = 3.0
    reset_ends: bool = True
    loyalty_lines: bool = True
    utc_offset_minutes: Annotated[int, Meta(ge=-840, le=840)] = 180
    zone: str = ""


class EscposSlipSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table of a printer of our own that prints slips (driver ``escpos_slip``).

    Attributes:
        profile: printer family: a row of ours or a profile of python-escpos (``TM-T88V``).
        columns: characters in a line, 0 to take it from the profile.
        dots: how wide a picture may be, 0 to take it from the profile or the columns.
        cut: how the slip is cut off; "none" for a printer with a tear bar.
        feed_lines: lines fed before the cut: the head stands above the knife.
        marks: who places the marks of Thai above and below letters: "draw" them, or the "printer" does it by itself.
        font: a font file to draw with; empty takes one of the system.
        codes: who makes QR codes and barcodes: the "printer", a "picture" of ours, or "none".
        asks: ask the printer how it is before and after a slip; false for one that answers nonsense.
    """

    profile: str = "auto"
    columns: Annotated[int, Meta(ge=0, le=64)] = 0
    dots: Annotated[int, Meta(ge=0, le=1024)] = 0
    cut: Literal["partial", "full", "none"] = "partial"
    feed_lines: Annotated[int, Meta(ge=0, le=20)] = 5
    marks: Literal["draw", "printer"] = "draw"
    font: Annotated[str, Meta(max_length=400)] = ""
    codes: Literal["printer", "picture", "none"] = "printer"
    asks: bool = True
