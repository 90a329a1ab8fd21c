"""The serial scanner: codes out of bytes in any slicing, half codes thrown away, and its own rude twin."""

import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.scanners.serial.link import Frame, SerialScannerLink, SerialScannerSettings, Suffix
from drivers.scanners.serial.simulator import Rudeness, ScannerTwin
from drivers.vocabulary.events import CodeScanned


def _scan(data, now_s=0.0, **settings):
    return _codes(SerialScannerLink(SerialScannerSettings(**settings), device="s").feed(data, now_s))


def _codes(events):
    return [event.code for event in events]


@pytest.mark.parametrize(
    ("suffix", "data", "codes"),
    [
        (Suffix.AUTO, b"A1\rB2\nC3\r\nD4\tE", ["A1", "B2", "C3", "D4"]),
        (Suffix.CR, b"A1\rB2\rC", ["A1", "B2"]),
        (Suffix.CR, b"A1\r\nB2\r\n", ["A1", "B2"]),
        (Suffix.LF, b"A1\nB2\n", ["A1", "B2"]),
        (Suffix.CRLF, b"A1\r\nB2\r\n", ["A1", "B2"]),
        (Suffix.TAB, b"A1\tB2\t", ["A1", "B2"]),
        (Suffix.NONE, b"A1", []),
    ],
)
def test_suffixes(suffix, data, codes):
    """Each suffix ends a code and is no part of it."""
    assert codes == _scan(data, suffix=suffix)


def test_silence_ends_a_code_where_there_is_no_suffix():
    """Eighty milliseconds after the last character the code is whole, not before."""
    link = SerialScannerLink(SerialScannerSettings(suffix=Suffix.NONE), device="s")
    link.feed(b"CARD", 10.0)
    assert _codes(link.feed(b"-17", 10.05)) == []
    assert _codes(link.tick(10.12)) == []

    assert _codes(link.tick(10.14)) == ["CARD-17"]
    assert _codes(link.tick(11.0)) == []


def test_silence_before_the_next_bytes_ends_a_code_too():
    """A thread that was busy still tells two codes apart."""
    link = SerialScannerLink(SerialScannerSettings(suffix=Suffix.NONE), device="s")
    link.feed(b"FIRST", 10.0)

    assert _codes(link.feed(b"SECOND", 11.0)) == ["FIRST"]


def test_half_a_code_never_meets_the_next():
    """With a suffix known, half a code is thrown away after half a second."""
    link = SerialScannerLink(SerialScannerSettings(suffix=Suffix.CR), device="s")
    link.feed(b"200000", 10.0)

    assert _codes(link.feed(b"2000000000015\r", 11.0)) == ["2000000000015"]


def test_auto_learns_that_there_is_a_suffix():
    """After the first suffix, silence is half a code and no end."""
    link = SerialScannerLink(SerialScannerSettings(), device="s")
    assert _codes(link.feed(b"WHOLE\r", 10.0)) == ["WHOLE"]
    link.feed(b"HAL", 12.0)
    assert _codes(link.tick(12.2)) == []
    assert _codes(link.tick(13.0)) == []

    assert _codes(link.feed(b"NEXT\r", 13.1)) == ["NEXT"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"]E04600000000015\r", ("4600000000015", "]E0")),
        (b"]d20104600000000015215AbC\x1d93Abcd\r", ("0104600000000015215AbC\x1d93Abcd", "]d2")),
        (b"\x02A\x03\r", ("A", "")),
        (b"]Q1\xd0\x9a\xd0\xb0\r", ("Ка", "]Q1")),
        (b"] not an id\r", ("] not an id", "")),
        (b" 123 \r", ("123", "")),
    ],
)
def test_the_symbology_is_kept_apart(data, expected):
    """The AIM id is no part of the code, and the group separator is."""
    (event,) = SerialScannerLink(SerialScannerSettings(), device="s").feed(data, 0.0)

    assert CodeScanned(device="s", code=expected[0], symbology=expected[1]) == event


@pytest.mark.parametrize("data", [b"~]E0123\r", b"]E0~123\r"])
def test_prefix_and_symbology_in_either_order(data):
    """Scanners differ in which comes first."""
    (event,) = SerialScannerLink(SerialScannerSettings(prefix="~"), device="s").feed(data, 0.0)

    assert (event.code, event.symbology) == ("123", "]E0")


def test_a_code_without_its_prefix_is_half_a_code():
    """What does not begin as it must is not taken."""
    assert _scan(b"23\r~123\r", prefix="~") == ["123"]


def test_frames_by_stx_and_etx():
    """What is outside is noise, and a new STX begins again."""
    assert _scan(b"x\x02A\x03\r\ny\x02B\x02C\x03", frame=Frame.STX_ETX) == ["A", "C"]


def test_a_code_too_long_is_skipped_to_its_end():
    """Noise without an end costs a limited piece of memory, and the next code is read."""
    assert _scan(b"9" * 100_000 + b"\rCARD\r") == ["CARD"]
    assert _scan(b"9" * 201 + b"\rCARD\r") == ["CARD"]
    assert _scan(b"9" * 200 + b"\r") == ["9" * 200]


def test_noise_is_no_code():
    """Bytes that are no text (another speed, a plug being put in) are thrown away."""
    assert _scan(b"\xff\x00\xfe\r\r\n\x00\rCARD\r") == ["CARD"]


def test_another_encoding():
    """A QR code in the old Russian encoding is read when the settings say so."""
    assert _scan("Карта\r".encode("cp1251"), encoding="cp1251") == ["Карта"]


def test_an_unknown_encoding_is_refused_with_the_settings():
    """The mistake is found when the settings are read."""
    with pytest.raises(msgspec.ValidationError, match="unknown encoding"):
        msgspec.convert({"encoding": "klingon"}, SerialScannerSettings)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["2000000000015", "]E04600000000015", "CARD-17", "01\x1d21"]), max_size=6), st.data())
def test_any_slicing_gives_the_same_codes(codes, data):
    """Where the line cuts the stream makes no difference."""
    stream = "".join(f"{code}\r\n" for code in codes).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    link = SerialScannerLink(SerialScannerSettings(), device="s")
    events = [event for a, b in itertools.pairwise([0, *cuts, len(stream)]) for event in link.feed(stream[a:b], 0.0)]

    assert _scan(stream) == _codes(events)


@settings(deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=30), st.floats(0, 2)), max_size=20), st.sampled_from(Suffix))
def test_nothing_a_scanner_sends_makes_it_fail(pieces, suffix):
    """Whatever comes, events are legal codes and nothing is raised."""
    link = SerialScannerLink(SerialScannerSettings(suffix=suffix), device="s")
    now_s = 0.0
    for piece, pause_s in pieces:
        now_s += pause_s
        for event in [*link.feed(piece, now_s), *link.tick(now_s)]:
            assert 0 < len(event.code) <= 200


@pytest.mark.parametrize("suffix", Suffix)
@pytest.mark.parametrize("frame", Frame)
@pytest.mark.parametrize("prefix", ["", "~"])
def test_the_twin_is_understood_however_it_is_programmed(suffix, frame, prefix):
    """Driver and simulator agree on every setting."""
    settings = SerialScannerSettings(suffix=suffix, frame=frame, prefix=prefix)
    link, twin = SerialScannerLink(settings, device="s"), ScannerTwin(settings)
    heard, now_s = [], 0.0
    for scene in twin.script():
        for pause_s, byte in twin.timed(scene.from_device):
            now_s += pause_s
            heard += _codes(link.feed(byte, now_s))
        now_s += 1.0
        heard += _codes(link.tick(now_s))

    assert [code for scene in twin.script() for code in scene.codes] == heard


@pytest.mark.parametrize(
    ("rudeness", "codes"),
    [
        (Rudeness.NO_SUFFIX, ["POLITE", "POLITE"]),
        (Rudeness.HALF_CODE, ["POLITE", "POLITE"]),
        (Rudeness.DOUBLED, ["POLITE", "2000000000015", "2000000000015", "POLITE"]),
        (Rudeness.GARBAGE_FIRST, ["POLITE", "2000000000015", "POLITE"]),
        (Rudeness.OVERLONG, ["POLITE", "POLITE"]),
        (Rudeness.NONE, ["POLITE", "2000000000015", "POLITE"]),
    ],
)
def test_rudeness_is_survived(rudeness, codes):
    """Between two polite scans a rude one costs nothing but itself."""
    link = SerialScannerLink(SerialScannerSettings(), device="s")
    heard = _codes(link.feed(ScannerTwin().scan("POLITE"), 0.0))
    heard += _codes(link.feed(ScannerTwin(rudeness=rudeness).scan("2000000000015"), 5.0))
    heard += _codes(link.tick(9.0))
    heard += _codes(link.feed(ScannerTwin().scan("POLITE"), 10.0))

    assert codes == heard
