"""Bytes to letters: code pages by number and by look, UTF-8, two-byte characters, national sets."""

from __future__ import annotations

import codecs

import pytest

from drivers.printers.escpos.document import DocumentBuilder
from drivers.printers.escpos.frames import Tokenizer
from drivers.printers.escpos.models import NATIONAL_PLACES, NATIONAL_SETS, PROFILES, profile_named
from drivers.printers.escpos.text import clip, guess_codec, width_of
from drivers.vocabulary.errors import SettingsError

RUSSIAN = "Молоко пастеризованное 3,2%\nИТОГО К ОПЛАТЕ 90.00\nСпасибо за покупку!"
THAI = "นมสด 45.00\nรวมทั้งสิ้น\nเงินสด ขอบคุณค่ะ"
CHINESE = "咖啡 合计 谢谢光临 收银员"
FRENCH = "Crème brûlée, thé à la menthe"
POLISH = "Zażółć gęślą jaźń"


def printed(stream, profile="auto"):
    tokenizer, builder = Tokenizer(), DocumentBuilder()
    for token in tokenizer.feed(stream):
        builder.take(token)
    return builder.finish(profile_named(profile))


def test_every_row_names_codecs_that_exist():
    """A typing error in a profile fails here."""
    for profile in PROFILES.values():
        for number, codec in profile.pages.items():
            assert 0 <= number <= 255
            codecs.lookup(codec)


def test_national_sets_change_twelve_places():
    """Sixteen sets of twelve places, the first of them plain ASCII."""
    assert 16 == len(NATIONAL_SETS)
    assert {} == NATIONAL_SETS[0]
    assert all({ord(place) for place in NATIONAL_PLACES} >= set(row) for row in NATIONAL_SETS)


def test_an_unknown_profile_is_refused_by_name():
    """The sentence names those that exist."""
    with pytest.raises(SettingsError, match="epson"):
        profile_named("espon")


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        (RUSSIAN, "cp866"), (RUSSIAN, "cp1251"), (RUSSIAN.upper(), "cp866"), (RUSSIAN.upper(), "cp1251"),
        (THAI, "cp874"), (CHINESE, "gb18030"), (FRENCH, "cp437"), (FRENCH, "cp1252"),
    ],
)  # fmt: skip
def test_the_look_of_the_text_tells_the_page(text, codec):
    """Without any ESC t the letters decide."""
    assert text == text.encode(codec).decode(guess_codec(text.encode(codec)))


@pytest.mark.parametrize("text", [RUSSIAN, THAI, CHINESE, FRENCH, POLISH])
def test_strict_utf8_is_tried_first(text):
    """Tills of this decade send UTF-8 without saying so."""
    assert tuple(text.split("\n")) == printed(text.encode()).lines


@pytest.mark.parametrize(
    ("profile", "page", "codec", "text"),
    [
        ("epson", 17, "cp866", "раб"), ("epson", 46, "cp1251", "уже"), ("zjiang", 73, "cp1251", RUSSIAN),
        ("star", 10, "cp866", RUSSIAN), ("star", 34, "cp1251", RUSSIAN), ("epson", 18, "cp852", POLISH),
        ("aures", 12, "cp1251", RUSSIAN), ("rongta", 47, "cp874", THAI), ("wincor", 11, "cp874", THAI),
        ("kefar", 12, "cp866", RUSSIAN), ("citizen", 7, "cp866", RUSSIAN), ("tm-t88iii", 6, "cp1251", RUSSIAN),
    ],
)  # fmt: skip
def test_a_profile_reads_its_own_numbers(profile, page, codec, text):
    """The same number is another page at another maker."""
    stream = b"\x1bt" + bytes([page]) + text.encode(codec)

    assert tuple(text.split("\n")) == printed(stream, profile).lines


def test_auto_overrules_a_number_that_cannot_be_right():
    """ESC t 6 is cp1251 at some makers and nothing at Epson; ESC t 17 with cp1251 letters is a lie."""
    for page in (6, 17, 73):
        stream = b"\x1bt" + bytes([page]) + RUSSIAN.encode("cp1251")

        assert tuple(RUSSIAN.split("\n")) == printed(stream).lines


def test_two_byte_characters_and_back():
    """FS & until FS . is GB18030, a character cut in two by a command included."""
    data = "咖啡".encode("gb18030")
    stream = b"A " + b"\x1c&" + data[:1] + b"\x1bE\x01" + data[1:] + b"\x1c. B\n"

    assert ("A 咖啡 B",) == printed(stream).lines


def test_a_national_set_changes_letters_until_the_next():
    """ESC R 2 is German."""
    assert ("ÄÖÜ [",) == printed(b"\x1bR\x02[\\]\x1bR\x00 [").lines


def test_ends_of_lines_and_jumps_to_columns():
    """CR LF is one end, also with a command between; a jump is a gap; blank edges go."""
    stream = b"\n\none\r\ntwo\r\x1bE\x00\nthree\x1b$\x40\x01 4\tfive\x1bd\x03six\n\n"

    assert ("one", "two", "three   4       five", "", "six") == printed(stream).lines


def test_codes_are_kept():
    """A QR code, an old barcode, a new one with its set named."""
    data = b"t=20260512T1230"
    qr = b"\x1d(k" + (len(data) + 3).to_bytes(2, "little") + b"1P0" + data
    stream = qr + b"\x1dk\x024006381333931\x00\x1dk\x49\x06{BAB-1"

    assert ("t=20260512T1230", "4006381333931", "AB-1") == printed(stream).codes


def test_width_and_clip():
    """Marks take no column, wide characters two, and no letter loses its mark."""
    assert [3, 2, 4] == [width_of(text) for text in ("abc", "นี่น", "咖啡")]
    assert ("นี่", "咖") == (clip("นี่น", 1), clip("咖啡", 3))
