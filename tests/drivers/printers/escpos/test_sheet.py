"""Slips of our own as bytes: letters a printer lacks, signs of currencies, pictures, codes, profiles, settings."""

import pytest

from drivers.printers.escpos import EscposSlipSettings, drawing, slip_driver
from drivers.printers.escpos.models import profile_named
from drivers.printers.escpos.papers import paper_named
from drivers.printers.escpos.picture import picture_of
from drivers.printers.escpos.sheet import refit
from drivers.printers.escpos.simulator import VirtualPrinter
from drivers.vocabulary.errors import SettingsError
from drivers.vocabulary.slips import PartKind, Slip, SlipPart


def rendered(*parts, **settings):
    slip = Slip(
        name="1",
        parts=tuple(SlipPart(*part) if isinstance(part, tuple) else SlipPart(PartKind.TEXT, part) for part in parts),
    )
    return slip_driver.conversation(EscposSlipSettings(**settings), device="slips").render(slip)


def paper(stream):
    twin = VirtualPrinter()
    twin.feed(stream)
    return twin.paper[0]


def test_the_sign_the_page_lacks_becomes_letters_and_the_sum_stays_at_the_edge():
    """₽ is in no page of a receipt printer: руб, and two blanks fewer before it."""
    line = "Итого" + " " * 26 + "1 240,00 ₽"
    printed = paper(rendered(line, columns=41)).lines[0]

    assert "Итого" + " " * 24 + "1 240,00 руб" == printed
    assert 41 == len(printed)


def test_a_line_without_a_gap_is_clipped():
    assert "abc" == refit("abc", 2)
    assert "a b" == refit("a   b", 3)


@pytest.mark.parametrize(("text", "page"), [("Привет", 17), ("Hello", None), ("Grüße", 0)])
def test_the_code_page_is_selected_when_it_is_needed(text, page):
    """And only then; the same page is not selected twice."""
    stream = rendered(text, text)

    assert (0 if page is None else 1) == stream.count(b"\x1bt")
    assert page is None or b"\x1bt" + bytes([page]) in stream
    assert (text, text) == paper(stream).lines


def test_thai_is_drawn_and_by_wish_left_to_the_printer(needs_fonts):
    """Marks above and below take no column, and few printers place them."""
    drawn, own = rendered("คะแนนที่ได้รับ"), rendered("คะแนนที่ได้รับ", marks="printer")

    assert b"\x1dv0\x00" in drawn
    assert b"\x1dv0\x00" not in own
    assert ("คะแนนที่ได้รับ",) == paper(own).lines


def test_without_a_font_a_letter_is_a_question_mark(monkeypatch):
    """A slip with holes is better than none."""
    monkeypatch.setattr(drawing, "missing", lambda text, own="": text)

    assert ("??? 1",) == paper(rendered("漢字仮 1")).lines


def test_letters_that_would_be_lost_are_named(monkeypatch, needs_fonts):
    """Cyrillic is in a page, Thai is drawn, Chinese is in no font here; without fonts Thai is lost."""

    def lacks(text, **settings):
        return slip_driver.conversation(EscposSlipSettings(**settings), device="slips").lacks(text)

    assert "" == lacks("Привет\nคะแนนที่\n1 240 ₽")
    assert "" == lacks("คะแนนที่", marks="printer")
    monkeypatch.setattr(drawing, "fonts", lambda own="": ())
    drawing._font_with.cache_clear()
    try:
        assert "ที่" == lacks("Hi\nที่")
        assert "" == lacks("Привет")
    finally:
        drawing._font_with.cache_clear()


def test_a_drawn_line_is_as_wide_as_the_paper(needs_fonts):
    """GS v 0: 48 bytes a row on 384 dots, and never more."""
    stream = rendered("ที่", columns=32)
    at = stream.index(b"\x1dv0\x00")

    assert (48, 0) == tuple(stream[at + 4 : at + 6])
    drawn = drawing.draw_line("ที่", columns=33, dots=390)
    rows = drawn[6] | drawn[7] << 8
    assert len(drawn) == 8 + 49 * rows
    assert drawing.LINE_DOTS <= rows < drawing.MARKED_LINE_DOTS


def test_no_name_is_a_command():
    """A customer called ESC p 0 opens no drawer."""
    stream = rendered("Anna\x1bp0\x10\x10 \x1dV\x00")

    assert 1 == stream.count(b"\x1dV")
    assert b"\x1bp" not in stream


def test_codes_are_the_printers_or_drawn():
    """A QR code by the printer's own command, or as a picture; or not at all."""
    qr, bar = (PartKind.QR, "https://club.example/"), (PartKind.BARCODE, "K7Q2M8X4T9")

    assert ("https://club.example/", "K7Q2M8X4T9") == paper(rendered("x", qr, bar)).codes
    as_pictures = paper(rendered("x", qr, bar, codes="picture"))
    assert ((), 2) == (as_pictures.codes, as_pictures.images)
    assert ((), 0) == (paper(rendered("x", qr, bar, codes="none")).codes, paper(rendered("x", qr, codes="none")).images)


def test_a_barcode_too_wide_for_the_paper_becomes_a_qr_code():
    """58 mm have no room for a long code in bars of two dots."""
    long = "TPC1-ABCDEFGHIJKLMNOPQRST"
    stream = rendered("x", (PartKind.BARCODE, long), columns=32)

    assert b"\x1dk" not in stream
    assert (long,) == paper(stream).codes


@pytest.mark.parametrize(("cut", "ends"), [("partial", b"\x1dV\x01"), ("full", b"\x1dV\x00"), ("none", b"\x1bd\x05")])
def test_how_a_slip_ends(cut, ends):
    assert rendered("x", cut=cut).endswith(ends)


def test_profiles_of_the_library_are_known_by_name():
    """Columns, dots, pages and what the printer cannot do."""
    tm, small = paper_named("TM-T88V"), paper_named("NT-5890K")

    assert (42, 512, True) == (tm.columns, tm.dots, tm.can_qr)
    assert 17 == tm.profile.page_of("cp866")
    assert small.columns < tm.columns
    with pytest.raises(SettingsError, match="TM-T88V"):
        paper_named("TM-T99")
    assert (56, 672) == (paper_named("auto", columns=56).columns, paper_named("auto", columns=56).dots)


def test_the_picture_of_any_stream(needs_fonts):
    """Wide letters, bold ones, centred ones, a cut, a picture that was cut off: it never raises."""
    stream = b"\x1b@\x1ba\x01\x1d!\x11BIG\n\x1d!\x00\x1bE\x01bold\n\x1b!\x38x\n\x1dV\x00\x1dv0\x00\x02\x00\x09\x00half"
    picture = picture_of(stream, profile=profile_named("auto"), columns=32)

    assert 32 * 12 + 32 == picture.size[0]
    assert picture.size[1] > 100


@pytest.fixture
def needs_fonts():
    if drawing.missing("ทA"):
        pytest.skip("SKIPPED LOUDLY: no font here has Thai (fonts-dejavu-core, fonts-thai-tlwg)")
