"""One scanner for two readers: what is not ours reaches the POS byte for byte, and as early as it can."""

import itertools

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.checkout.codes.recogniser import Recogniser
from agent.checkout.codes.whose import LoyaltyJudge
from drivers.packets import PacketKind, pack
from drivers.scanners.hid.link import HidScannerLink, HidScannerSettings
from drivers.scanners.hid.simulator import HidScannerTwin
from drivers.scanners.keyboard.link import KeyboardScannerLink, KeyboardScannerSettings
from drivers.scanners.keyboard.simulator import KeyboardScannerTwin
from drivers.scanners.serial.link import Frame, SerialScannerLink, SerialScannerSettings, Suffix
from drivers.scanners.serial.simulator import ScannerTwin
from drivers.sharing import SharedBytes, SharedCodes
from drivers.vocabulary.events import CodeScanned

JUDGE = LoyaltyJudge(Recogniser(normalise_phone=lambda _: None))
CARD, APP, PRODUCT, WEIGHED = "2000000000015", "TP1:CARD-17", "4600000000015", "2200155005006"
MARK = "0104600000000015215AbCdEf\x1d93Abcd"
BANK = ";4242424242424242=30011010000012345678?"
RECEIPT = "t=20260302T1200&s=100.00&fn=9999078900004792&i=17&fp=1234567890&n=1"
OURS = {CARD, APP}
ALL = (CARD, PRODUCT, APP, WEIGHED, MARK, CARD, BANK, RECEIPT, "", "x" * 300, PRODUCT)


def _shared(**more):
    return SharedBytes(SerialScannerLink(SerialScannerSettings(**more), device="s"), JUDGE)


def _play(shared, chunks):
    """(what the POS got, what we were told) of (time, bytes) pieces."""
    passed, events = b"", []
    for now_s, data in chunks:
        out, found = shared.feed(data, now_s) if data else shared.tick(now_s)
        passed += out
        events += found
    return passed, [event.code for event in events if isinstance(event, CodeScanned)]


@pytest.mark.parametrize("suffix", Suffix)
@pytest.mark.parametrize("frame", Frame)
@pytest.mark.parametrize("prefix", ["", "~"])
@pytest.mark.parametrize("symbology", ["", "]E0"])
def test_products_reach_the_pos_byte_for_byte(suffix, frame, prefix, symbology):
    """However the scanner is programmed; cards are kept with everything that belongs to them."""
    programmed = SerialScannerSettings(suffix=suffix, frame=frame, prefix=prefix)
    twin, shared = ScannerTwin(programmed), SharedBytes(SerialScannerLink(programmed, device="s"), JUDGE)
    passed, told, expected, now_s = b"", [], b"", 0.0
    for code in ALL:
        data = twin.scan(code, symbology=symbology if code.isdigit() else "")
        expected += b"" if code in OURS else data
        for byte in data:
            now_s += 0.005
            out, found = shared.feed(bytes((byte,)), now_s)
            passed += out
            told += found
        now_s += 1.0
        out, found = shared.tick(now_s)
        passed += out
        told += found

    assert expected == passed
    assert [CARD, APP, CARD, RECEIPT] == [event.code for event in told]


def test_a_product_is_not_waited_for():
    """Its first character says that it is no card: it leaves at once, and so does each that follows."""
    shared = _shared()
    passed = [shared.feed(bytes((byte,)), 0.001 * place)[0] for place, byte in enumerate(f"{PRODUCT}\r".encode())]

    assert [bytes((byte,)) for byte in f"{PRODUCT}\r".encode()] == passed


def test_weighed_goods_are_held_for_two_characters():
    """A card begins with 20 or 29, goods of the shop's scales with 21 to 28."""
    shared = _shared()
    passed = [shared.feed(bytes((byte,)), 0.0)[0] for byte in f"{WEIGHED}\r".encode()]

    assert [b"", b"22", b"0"] == passed[:3]


def test_what_looked_like_a_card_and_is_none_leaves_with_its_end():
    """A wrong check digit is known with the last digit: the whole code then goes in one piece."""
    shared = _shared()
    out = [shared.feed(bytes((byte,)), 0.0)[0] for byte in b"2000000000016\r"]

    assert [b""] * 13 + [b"2000000000016\r"] == out


def test_half_a_code_reaches_the_pos_as_it_would_without_us():
    """A scanner that breaks off in the middle of a card; the next code begins anew."""
    passed, told = _play(_shared(suffix=Suffix.CR), [(0.0, b"200000"), (1.0, b""), (2.0, f"{CARD}\r".encode())])

    assert (b"200000", [CARD]) == (passed, told)


def test_the_line_feed_after_a_kept_code_is_kept_too():
    """The POS must not see an empty code; the one after a product belongs to the product."""
    stream = f"{CARD}\r\n{PRODUCT}\r\n{CARD}\r\n".encode()
    for suffix in (Suffix.AUTO, Suffix.CR, Suffix.CRLF):
        for slices in ([stream], [bytes((byte,)) for byte in stream]):
            passed, told = _play(_shared(suffix=suffix), [(0.0, piece) for piece in slices])

            assert (f"{PRODUCT}\r\n".encode(), [CARD, CARD]) == (passed, told), suffix


_PIECES = st.sampled_from(
    ["20", "29", "46", "TP1:", ";", "?", "\r", "\n", "\t", "\x02", "\x03", "]E0", "~", "0" * 11, "ж"]
)


@example(["ж", CARD, "?"], [], Suffix.AUTO, Frame.PLAIN)
@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.one_of(_PIECES, st.sampled_from(ALL)), max_size=14),
    st.lists(st.integers(0, 400), max_size=10),
    st.sampled_from(Suffix),
    st.sampled_from(Frame),
)
def test_the_pos_gets_all_but_what_we_were_told(pieces, cuts, suffix, frame):
    """Any stream in any slicing: in order, nothing added; and without a card in it, nothing missing."""
    stream = "".join(pieces).encode()
    places = sorted(min(cut, len(stream)) for cut in cuts)
    chunks = [(0.0, stream[a:b]) for a, b in itertools.pairwise([0, *places, len(stream)])]
    passed, told = _play(_shared(suffix=suffix, frame=frame), [*chunks, (5.0, b""), (9.0, b"")])
    rest = iter(stream)

    assert all(byte in rest for byte in passed)  # a subsequence
    if not any(code.startswith(("2", "TP1", "T", ";", "ж")) for code in told):  # ж is the key of ; in Russian
        assert stream == passed


def test_what_is_held_has_a_limit():
    """A pattern that takes anything, and a scanner that never ends: the POS gets it all, and memory stays small."""

    class Greedy:
        def fate(self, scanned):
            return JUDGE.fate(scanned)

        def may_be_kept(self, beginning):
            return True

    shared = SharedBytes(SerialScannerLink(SerialScannerSettings(suffix=Suffix.CR), device="s"), Greedy())
    passed = b"".join(shared.feed(b"x" * 100, 0.0)[0] for _ in range(200))
    passed += shared.feed(b"\r", 0.0)[0]

    assert b"x" * 20_000 + b"\r" == passed
    assert len(shared._held) == 0


def test_a_scanner_of_reports_gives_whole_codes():
    """What is the POS's goes as text with a carriage return; a code too long for us too."""
    shared, twin = SharedCodes(HidScannerLink(HidScannerSettings(), device="s"), JUDGE), HidScannerTwin()
    passed, told = b"", []
    for code in (CARD, PRODUCT, MARK, BANK, "L" * 300, APP):
        out, found = shared.feed(twin.scan(code), 0.0)
        passed += out
        told += found

    assert b"".join(code.encode() + b"\r" for code in (PRODUCT, MARK, BANK, "L" * 300)) == passed
    assert [CARD, APP] == [event.code for event in told]
    assert b"" == shared.outgoing(b"beep")
    shared.feed(pack(PacketKind.IDENTITY, b"\x2e\x0c\x61\x0b"), 0.0)
    assert shared.outgoing(b"beep").startswith(b"\xf5\x8c")


def test_a_scanner_that_types_gives_whole_codes():
    """With the group separators a keyboard would lose; a code without an Enter ends by silence."""
    link = KeyboardScannerLink(KeyboardScannerSettings(), device="s")
    shared, twin = SharedCodes(link, JUDGE), KeyboardScannerTwin()
    passed, told = _play(shared, [(0.0, twin.scan(MARK)), (1.0, twin.scan(CARD))])
    fresh = SharedCodes(KeyboardScannerLink(KeyboardScannerSettings(), device="s"), JUDGE)
    silent, _ = _play(fresh, [(0.0, twin.scan(PRODUCT)[: -6 * 24]), (0.3, b"")])

    assert (f"{MARK}\r".encode(), [CARD]) == (passed, told)
    assert f"{PRODUCT}\r".encode() == silent


def test_what_the_pos_sends_reaches_a_serial_scanner():
    """A trigger, a beep."""
    assert b"\x16T\r" == _shared().outgoing(b"\x16T\r")
