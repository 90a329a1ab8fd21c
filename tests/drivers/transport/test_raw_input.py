"""Raw input of Windows: scan codes as key codes, one keyboard among several; the window behind it is a double here."""

import pytest

from drivers.key_events import KeyEvent, KeyEventReader
from drivers.scanners.keyboard.layouts import Key
from drivers.scanners.keyboard.link import KeyboardScannerLink, KeyboardScannerSettings
from drivers.transport.raw_input import RawInputEndpoint, is_named, key_event
from drivers.vocabulary.errors import TransportUnavailable

SCANNER = r"\\?\HID#VID_0C2E&PID_0B61&MI_01#7&1a2b&0&0000#{884b96c3-56ef-11d1-bc8c-00a0c91405dd}"
PEOPLE = r"\\?\HID#VID_046D&PID_C31C#6&3c4d&0&0000#{884b96c3-56ef-11d1-bc8c-00a0c91405dd}"
BREAK, E0, E1 = 1, 2, 4


class Window:
    """The seam as Windows would fill it."""

    def __init__(self, *batches, names=(PEOPLE, SCANNER)):
        self.batches = list(batches)
        self.names = list(names)
        self.is_closed = False

    def keys(self, timeout_s):
        return self.batches.pop(0) if self.batches else []

    def keyboards(self):
        return self.names

    def close(self):
        self.is_closed = True


def _typed(name, *codes):
    return [(name, code, flags) for code in codes for flags in (0, BREAK)]


@pytest.mark.parametrize(
    ("make_code", "flags", "event"),
    [
        (2, 0, (2, 1)),
        (2, BREAK, (2, 0)),
        (0x1C, 0, (Key.ENTER, 1)),
        (0x1C, E0, (Key.KEYPAD_ENTER, 1)),
        (0x38, E0 | BREAK, (Key.RIGHT_ALT, 0)),
        (0x1D, E0, (Key.RIGHT_CTRL, 1)),
        (0x2A, E0, None),  # the false Shift before an arrow
        (0x45, E1, None),  # Pause
        (0xFF, 0, None),  # too many keys at once
        (0, 0, None),
        (0x7F, 0, None),
    ],
)
def test_a_raw_key_is_the_key_linux_would_name(make_code, flags, event):
    """Up to 88 the numbers are the same; keys with E0 have numbers of their own."""
    found = key_event(make_code, flags, is_held=False)

    assert event == (None if found is None else (found.code, found.value))


def test_only_the_scanner_is_heard():
    """What people type on the other keyboard is not taken for a scan; a key that repeats is told as one."""
    window = Window(
        [*_typed(PEOPLE, 3, 3, 3), *_typed(SCANNER, 3, 11), ("", 4, 0)],
        [(SCANNER, 2, 0), (SCANNER, 2, 0), (SCANNER, 2, BREAK), *_typed(SCANNER, 0x1C)],
    )
    transport = RawInputEndpoint("rawinput:VID_0C2E&PID_0B61", "vid_0c2e&pid_0b61", make_window=lambda: window).open(0)
    link = KeyboardScannerLink(KeyboardScannerSettings(), device="s")
    heard = [*link.feed(transport.read(0.1), 0.0), *link.feed(transport.read(0.1), 0.0)]
    transport.close()

    assert ["201"] == [event.code for event in heard]
    assert window.is_closed


def test_a_repeated_press_is_value_two():
    """As Linux says it."""
    window = Window([(SCANNER, 2, 0), (SCANNER, 2, 0)])
    transport = RawInputEndpoint("rawinput:VID_0C2E", "VID_0C2E", make_window=lambda: window).open(0)

    assert [KeyEvent(1, 2, 1), KeyEvent(1, 2, 2)] == KeyEventReader().feed(transport.read(0))


def test_a_keyboard_that_is_not_there():
    """Told with where its name stands; the window is taken down."""
    window = Window(names=[PEOPLE])
    with pytest.raises(TransportUnavailable, match="device manager") as caught:
        RawInputEndpoint("rawinput:VID_0C2E", "VID_0C2E", make_window=lambda: window).open(0)

    assert ("missing", True) == (caught.value.reason, window.is_closed)


def test_another_system_says_what_to_write():
    """On Linux the same scanner is an input device."""
    import sys

    if sys.platform == "win32":
        pytest.skip("SKIPPED LOUDLY: this is Windows, where it opens")
    with pytest.raises(TransportUnavailable, match="evdev:"):
        RawInputEndpoint("rawinput:VID_0C2E", "VID_0C2E").open(0)


def test_names_are_compared_without_case():
    """Windows writes them in capitals, people do not."""
    assert is_named(SCANNER, "vid_0c2e&pid_0b61")
    assert not is_named(PEOPLE, "vid_0c2e")
