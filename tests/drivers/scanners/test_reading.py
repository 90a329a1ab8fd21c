"""What every scanner's text passes through: prefixes, symbologies of all makers, noise, and bank cards that end here."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.scanners.reading import read_beginning, read_bytes, read_text
from drivers.scanners.symbologies import SymbologyIds, split_symbology
from drivers.vocabulary.check_digits import holds_bank_number
from drivers.vocabulary.events import BankCardRead, CodeScanned


def _read(text, **more):
    return read_text(text, device="s", code_length_max=200, **more)


@pytest.mark.parametrize(
    ("ids", "text", "symbology", "code"),
    [
        (SymbologyIds.AIM, "]E04600000000015", "]E0", "4600000000015"),
        (SymbologyIds.AIM, "d4600000000015", "", "d4600000000015"),
        (SymbologyIds.HONEYWELL, "d4600000000015", "]E0", "4600000000015"),
        (SymbologyIds.HONEYWELL, "sTP1:CARD-17", "]Q1", "TP1:CARD-17"),
        (SymbologyIds.HONEYWELL, "]Q1TP1:CARD-17", "]Q1", "TP1:CARD-17"),
        (SymbologyIds.ZEBRA, "A4600000000015", "]E0", "4600000000015"),
        (SymbologyIds.ZEBRA, "P000104600000000015215AbC", "]d1", "0104600000000015215AbC"),
        (SymbologyIds.ZEBRA, "P01TP1:CARD-17", "]Q1", "TP1:CARD-17"),
        (SymbologyIds.DATALOGIC, "B4600000000015", "]E0", "4600000000015"),
        (SymbologyIds.DATALOGIC, "A96385074", "]E4", "96385074"),
        (SymbologyIds.DATALOGIC, "4600000000015", "", "4600000000015"),
    ],
)
def test_symbologies_of_all_makers(ids, text, symbology, code):
    """A maker's letter is taken only where the settings say that it is sent; AIM ids are taken always."""
    assert CodeScanned(device="s", code=code, symbology=symbology) == _read(text, ids=ids)


def test_a_symbology_told_apart_is_not_looked_for_in_the_code():
    """A HID report says the symbology beside the code; a code may begin with a bracket itself."""
    assert CodeScanned(device="s", code="]E0X", symbology="]Q1") == _read("]E0X", symbology="]Q1")


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424242",
        "]C04242424242424242",
        "4242 4242 4242 4242",
        ";4242424242424242=30011010000012345678?",
        "%B4242424242424242^NAME/TEST^3001101?;4242424242424242=3001101?",
        "+4242424242424242=30?",
    ],
)
def test_a_bank_card_ends_here(text):
    """Nothing of its number is in what is told."""
    assert BankCardRead(device="s") == _read(text)


@pytest.mark.parametrize(
    "code", ["4600000000015", "0104600000000015215AbC=\x1d91EE06\x1d92" + "QmFzZTY0" * 5 + "=", ";2001234567890?"]
)
def test_other_long_numbers_are_no_bank_cards(code):
    """A product, a marking code with base64 in it, and a loyalty card on a track."""
    assert not holds_bank_number(code)


def test_bytes_that_are_no_text_are_noise():
    """Another speed than ours."""
    assert read_bytes(b"\xff\xfe", device="s", code_length_max=200) is None


@pytest.mark.parametrize(
    ("text", "more", "beginning"),
    [
        ("", {}, ""),
        ("4", {}, "4"),
        ("]", {}, None),
        ("]E", {}, None),
        ("]E0", {}, ""),
        ("]E04", {}, "4"),
        ("~", {"prefix": "~~"}, None),
        ("~~4", {"prefix": "~~"}, "4"),
        ("]E0~", {"prefix": "~~"}, None),
        ("]E0~~4", {"prefix": "~~"}, "4"),
        ("P0", {"ids": SymbologyIds.ZEBRA}, None),
        ("P012", {"ids": SymbologyIds.ZEBRA}, "2"),
    ],
)
def test_the_beginning_of_a_code(text, more, beginning):
    """What cannot be told apart yet is not told."""
    assert beginning == read_beginning(text, **more)


@settings(deadline=None)
@given(st.text(max_size=40), st.sampled_from(SymbologyIds), st.sampled_from(["", "~", "ab"]))
def test_the_beginning_agrees_with_the_whole(text, ids, prefix):
    """Whatever is read in the end began as it was said to."""
    whole = _read(text, ids=ids, prefix=prefix)
    if not isinstance(whole, CodeScanned) or any(character < " " for character in text):
        return
    for length in range(len(text) + 1):
        beginning = read_beginning(text[:length], ids=ids, prefix=prefix)
        if beginning is not None and text == text.strip(" "):
            assert whole.code.startswith(beginning), (text[:length], beginning)


@given(st.text(max_size=20), st.sampled_from(SymbologyIds))
def test_nothing_is_lost_by_taking_a_symbology_off(text, ids):
    """The code is the end of the text."""
    symbology, code = split_symbology(text, ids)

    assert text.endswith(code)
    assert len(symbology) in (0, 3)
