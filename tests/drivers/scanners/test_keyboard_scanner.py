"""Scanners that type: every layout, Shift, AltGr, Caps Lock, Alt with digits, the group separator, and a rude twin."""

import itertools
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.key_events import EV_KEY, EVENT_SIZE, KeyEvent, KeyEventReader, pack_event
from drivers.scanners.keyboard.layouts import LAYOUTS, Key, LayoutName, keys_of
from drivers.scanners.keyboard.link import KeyboardScannerLink, KeyboardScannerSettings
from drivers.scanners.keyboard.simulator import KeyboardScannerTwin, Rudeness, Typing
from drivers.vocabulary.events import BankCardRead

MARK = "0104600000000015215AbCdEf\x1d93Abcd"


def _link(**more):
    return KeyboardScannerLink(KeyboardScannerSettings(**more), device="s")


def _codes(events):
    return [event.code for event in events]


def _keys(*strokes):
    """(key, value) pairs as records."""
    return b"".join(pack_event(KeyEvent(EV_KEY, code, value)) for code, value in strokes)


def _press(*codes):
    return _keys(*[(code, value) for code in codes for value in (1, 0)])


@pytest.mark.parametrize("typing", Typing)
@pytest.mark.parametrize("layout", [LayoutName.US, LayoutName.DE, LayoutName.FR])
def test_the_twin_is_understood_in_every_layout_and_every_way(layout, typing):
    """Scanner and driver agree on the layout, whatever the computer is set to."""
    settings = KeyboardScannerSettings(layout=layout)
    link, twin = KeyboardScannerLink(settings, device="s"), KeyboardScannerTwin(settings, typing=typing)
    heard = [_codes(link.feed(scene.from_device, 0.0)) for scene in twin.script()]

    assert [list(scene.codes) for scene in twin.script()] == heard


@pytest.mark.parametrize("layout", LayoutName)
def test_every_character_of_a_layout_is_typed_and_read(layout):
    """All three levels of each key."""
    settings = KeyboardScannerSettings(layout=layout, code_length_max=400)
    text = "".join(character for character in keys_of(LAYOUTS[layout]) if character != " ")
    link = KeyboardScannerLink(settings, device="s")
    (event,) = link.feed(KeyboardScannerTwin(settings).scan("x" + text if layout is not LayoutName.RU else text), 0.0)

    assert event.code.endswith(text)


def test_a_russian_scanner_types_russian_and_its_digits_stay_digits():
    """A scanner programmed for a Russian keyboard sends the keys of the letters; digits are where they always were."""
    settings = KeyboardScannerSettings(layout=LayoutName.RU)
    (event,) = KeyboardScannerLink(settings, device="s").feed(KeyboardScannerTwin(settings).scan("Карта-0017"), 0.0)

    assert "Карта-0017" == event.code


def test_leading_zeros_stay():
    """A card is text, not a number."""
    assert ["0000012345"] == _codes(_link().feed(KeyboardScannerTwin().scan("0000012345"), 0.0))


@pytest.mark.parametrize(
    "typed",
    [
        _keys((Key.LEFT_CTRL, 1), (27, 1), (27, 0), (Key.LEFT_CTRL, 0)),
        _keys((Key.RIGHT_CTRL, 1), (27, 1), (27, 0), (Key.RIGHT_CTRL, 0)),
        _press(Key.F8),
        # Alt+029: 0 is key 82 of the keypad, 2 is 80, 9 is 73.
        _keys((Key.LEFT_ALT, 1), (82, 1), (82, 0), (80, 1), (80, 0), (73, 1), (73, 0), (Key.LEFT_ALT, 0)),
    ],
)
def test_the_group_separator_in_every_way_it_is_typed(typed):
    """Ctrl+] on either side, F8, Alt with digits."""
    twin = KeyboardScannerTwin()
    before, after = MARK.split("\x1d")
    stream = twin.scan(before)[: -6 * EVENT_SIZE] + typed + twin.scan(after)

    assert [MARK] == _codes(_link().feed(stream, 0.0))


def test_f8_may_mean_nothing():
    """Where the settings say so."""
    assert ["1"] == _codes(_link(gs_key="").feed(_press(Key.F8, 2, Key.ENTER), 0.0))


@pytest.mark.parametrize(
    ("layout", "digits", "character"),
    [
        (LayoutName.US, "65", "A"),
        (LayoutName.US, "0228", "ä"),  # ANSI: Windows-1252
        (LayoutName.US, "132", "ä"),  # OEM: code page 437
        (LayoutName.RU, "0202", "К"),  # ANSI: Windows-1251
        (LayoutName.RU, "138", "К"),  # OEM: code page 866
        (LayoutName.US, "1050", "К"),  # a number above 255 is one of Unicode
    ],
)
def test_alt_and_digits_as_windows_reads_them(layout, digits, character):
    """A leading zero means the ANSI page, none the OEM page: the trap in which Cyrillic becomes rubbish."""
    keypad = dict(zip("7894561230", (71, 72, 73, 75, 76, 77, 79, 80, 81, 82), strict=True))
    strokes = [(keypad[digit], value) for digit in digits for value in (1, 0)]
    typed = _keys((Key.LEFT_ALT, 1), *strokes, (Key.LEFT_ALT, 0)) + _press(Key.ENTER)

    assert [character] == _codes(_link(layout=layout).feed(typed, 0.0))


def test_alt_gr_as_windows_says_it():
    """Ctrl and Alt together are AltGr: the closing bracket of a German keyboard, without which no AIM id is read."""
    typed = _keys((Key.LEFT_CTRL, 1), (Key.LEFT_ALT, 1), (10, 1), (10, 0), (Key.LEFT_ALT, 0), (Key.LEFT_CTRL, 0))
    (event,) = _link(layout=LayoutName.DE).feed(typed + KeyboardScannerTwin().scan("Q1X"), 0.0)

    assert ("]Q1", "X") == (event.symbology, event.code)


def test_tab_and_the_keypads_enter_end_a_code_too():
    """Whatever the scanner is programmed for."""
    assert ["1", "2"] == _codes(_link().feed(_press(2, Key.TAB, 3, Key.KEYPAD_ENTER), 0.0))


def test_silence_ends_a_code_until_an_enter_was_seen():
    """After the first Enter, silence means half a code, which is thrown away."""
    link = _link()
    link.feed(_press(2, 3), 0.0)
    assert [] == _codes(link.tick(0.1))
    assert ["12"] == _codes(link.tick(0.2))
    assert ["4"] == _codes(link.feed(_press(5, Key.ENTER), 1.0))
    link.feed(_press(6), 2.0)
    assert [] == _codes(link.tick(2.6))

    assert ["7"] == _codes(link.feed(_press(8, Key.ENTER), 3.0))


@pytest.mark.parametrize(
    ("rudeness", "codes"),
    [
        (Rudeness.NONE, ["POLITE", "2000000000015", "POLITE"]),
        (Rudeness.NO_ENTER, ["POLITE", "POLITE"]),
        (Rudeness.HALF_CODE, ["POLITE", "POLITE"]),
        (Rudeness.LEANED_ON, ["POLITE", "2000000000015", "POLITE"]),
        (Rudeness.STUCK_SHIFT, ["POLITE", "2000000000015", "POLITE"]),
    ],
)
def test_rudeness_is_survived(rudeness, codes):
    """Between two polite scans a rude one costs nothing but itself, a Shift that is never released included."""
    link = _link()
    heard = _codes(link.feed(KeyboardScannerTwin().scan("POLITE"), 0.0))
    heard += _codes(link.feed(KeyboardScannerTwin(rudeness=rudeness).scan("2000000000015"), 1.0))
    heard += _codes(link.tick(3.0))
    heard += _codes(link.feed(KeyboardScannerTwin().scan("POLITE"), 4.0))

    assert codes == heard


def test_a_bank_card_typed_by_a_card_reader_ends_in_the_driver():
    """Track 2 as keys."""
    typed = KeyboardScannerTwin().scan(";4242424242424242=30011010000012345678?")

    assert [BankCardRead(device="s")] == list(_link().feed(typed, 0.0))


def test_a_stream_as_a_64_bit_kernel_wrote_it():
    """The record as `struct input_event` lies in memory: time, EV_MSC with the scan code, EV_KEY, EV_SYN."""
    stream = b""
    for number, code in enumerate((3, 11, Key.ENTER)):
        for value in (1, 0):
            at = (1_772_442_000, 250_000 + number * 8_000)
            stream += struct.pack("<qqHHi", *at, 4, 4, 0x70000 + code)
            stream += struct.pack("<qqHHi", *at, 1, code, value)
            stream += struct.pack("<qqHHi", *at, 0, 0, 0)

    assert ["20"] == _codes(_link().feed(stream, 0.0))


@settings(deadline=None)
@given(st.lists(st.integers(0, 2_000), max_size=10))
def test_any_slicing_gives_the_same_codes(cuts):
    """Where the stream is cut makes no difference."""
    stream = KeyboardScannerTwin().scan("2000000000015") + KeyboardScannerTwin().scan(MARK, symbology="]d2")
    places = sorted(min(cut, len(stream)) for cut in cuts)
    link = _link()
    heard = [
        code for a, b in itertools.pairwise([0, *places, len(stream)]) for code in _codes(link.feed(stream[a:b], 0))
    ]

    assert ["2000000000015", MARK] == heard


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 300), st.integers(-1, 3)), max_size=60), st.sampled_from(LayoutName))
def test_no_keys_make_it_fail(strokes, layout):
    """Whatever is pressed, released and repeated, events are legal codes."""
    link = _link(layout=layout)
    for event in [*link.feed(_keys(*strokes), 0.0), *link.tick(9.0)]:
        assert isinstance(event, BankCardRead) or 0 < len(event.code) <= 200


def test_a_code_with_keys_missing_is_no_code():
    """The kernel says that events were dropped: the rest until Enter would be somebody else's card."""
    dropped = pack_event(KeyEvent(0, 3, 0))
    stream = _press(3, 11, 11) + dropped + _press(11, 6, Key.ENTER) + _press(3, 4, Key.ENTER)

    assert ["23"] == _codes(_link().feed(stream, 0.0))


@given(st.binary(max_size=200))
def test_rubbish_before_a_record_is_skipped(rubbish):
    """Never raises, and goes on reading."""
    reader = KeyEventReader()
    reader.feed(rubbish)
    reader.forget()

    assert [KeyEvent(EV_KEY, 2, 1)] == reader.feed(pack_event(KeyEvent(EV_KEY, 2, 1), at_s=1.5))


def _stamped(stream, begins_s, *, gap_s=0.002):
    """A stream of the twin as a kernel stamps it."""
    events = KeyEventReader().feed(stream)
    return b"".join(pack_event(event, at_s=begins_s + place * gap_s) for place, event in enumerate(events))


def test_two_codes_read_late_are_two():
    """The first lost its Enter; the till was busy and read both at once: the stamps say that there was a pause."""
    link = _link()
    assert ["1"] == _codes(link.feed(_stamped(KeyboardScannerTwin().scan("1"), 1_000.0), 0.0))
    lost = _stamped(KeyboardScannerTwin(rudeness=Rudeness.NO_ENTER).scan("4600000000015"), 1_010.0)
    whole = _stamped(KeyboardScannerTwin().scan("2900000000018"), 1_011.0)

    assert ["2900000000018"] == _codes(link.feed(lost + whole, 20.0))


def test_a_code_read_in_two_halves_is_one():
    """The till was busy for five seconds in the middle of it: no key was late."""
    link = _link()
    link.feed(_stamped(KeyboardScannerTwin().scan("1"), 1_000.0), 0.0)
    stream = _stamped(KeyboardScannerTwin().scan("2900000000018"), 1_010.0)
    half = len(stream) // 48 * 24

    assert [] == _codes(link.feed(stream[:half], 10.0))
    assert ["2900000000018"] == _codes(link.feed(stream[half:], 15.0))


def test_a_clock_that_is_set_back_costs_nothing():
    """A stamp before the last one is no pause."""
    link = _link()
    link.feed(_stamped(KeyboardScannerTwin().scan("1"), 1_000.0), 0.0)
    stream = _stamped(KeyboardScannerTwin().scan("2900000000018"), 500.0)

    assert ["2900000000018"] == _codes(link.feed(stream, 1.0))
