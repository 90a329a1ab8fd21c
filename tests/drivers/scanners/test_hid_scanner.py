"""HID-POS: layouts read from descriptors, reports of every shape, codes over several reports, and a rude twin."""

import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.packets import PACKET_SIZE_MAX, PacketKind, Unpacker, pack
from drivers.scanners.hid.link import HidScannerLink, HidScannerSettings
from drivers.scanners.hid.reports import KNOWN_LAYOUTS, layouts_of
from drivers.scanners.hid.simulator import DESCRIPTOR, HidScannerTwin, Rudeness, Shape
from drivers.vocabulary.events import BankCardRead, CodeScanned

IDENTITY = pack(PacketKind.IDENTITY, b"\xab\x1e\x61\x0b")


def _link(**more):
    return HidScannerLink(HidScannerSettings(**more), device="s")


def _codes(events):
    return [event.code for event in events]


def test_the_usual_descriptor_gives_the_usual_layout():
    """Count, AIM id, 56 bytes, the maker's id and the bit that says more follows, each in its place."""
    assert (KNOWN_LAYOUTS[0],) == layouts_of(DESCRIPTOR)


def test_a_descriptor_without_ids_with_other_sizes():
    """Reports without an id, 30 bytes of data, the three characters as one field, no bit: each is found where it is."""
    descriptor = bytes.fromhex(
        "068c00 0902 a101 0912 a102 1500 26ff00 7508"
        "9501 0b3b000100 8102"  # the byte count with its page in the usage
        "9503 09fb 8102"
        "951e 09fe 820201"
        "c0 c0"
    )
    (layout,) = layouts_of(descriptor)

    assert (0, 0, 1, 4, 30, -1) == (
        layout.report_id,
        layout.count_at,
        layout.aim_at,
        layout.data_at,
        layout.data_size,
        layout.continued_bit,
    )


def test_a_keyboards_descriptor_declares_no_scanned_data():
    """Another interface of the same scanner."""
    assert () == layouts_of(
        bytes.fromhex("05010906a101050719e029e71500250175019508810295017508810195057501050819012905")
    )


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_no_descriptor_makes_it_fail(descriptor):
    """Whatever a device says of itself, an answer comes, and soon."""
    for layout in layouts_of(descriptor):
        assert layout.data_size >= 1


@settings(deadline=None)
@given(st.binary(max_size=len(DESCRIPTOR)), st.integers(0, len(DESCRIPTOR)))
def test_no_damaged_descriptor_makes_it_fail(noise, place):
    """The right one with a piece of noise inside."""
    damaged = DESCRIPTOR[:place] + noise + DESCRIPTOR[place + len(noise) :]
    link = _link()
    link.feed(pack(PacketKind.DESCRIPTOR, damaged), 0.0)
    for report in HidScannerTwin().reports("4600000000015", symbology="]E0"):
        link.feed(pack(PacketKind.REPORT, report), 0.0)


@pytest.mark.parametrize("shape", Shape)
def test_every_shape_is_read(shape):
    """Where makers put the AIM id and the data makes no difference."""
    link, twin = _link(), HidScannerTwin(shape=shape)
    heard = [_codes(link.feed(scene.from_device, 0.0)) for scene in twin.script()]

    assert [list(scene.codes) for scene in twin.script()] == heard


def test_the_symbology_comes_with_the_code():
    """From the AIM id of the report; a long code keeps the one of its first report."""
    link, twin = _link(), HidScannerTwin()
    (event,) = link.feed(twin.hello() + twin.scan("0104600000000015215AbCdEf\x1d93Abcd", symbology="]d2"), 0.0)
    (long,) = link.feed(twin.scan("Q" * 120, symbology="]Q1"), 0.0)

    assert CodeScanned(device="s", code="0104600000000015215AbCdEf\x1d93Abcd", symbology="]d2") == event
    assert ("]Q1", 120) == (long.symbology, len(long.code))


def test_honeywells_own_letter_serves_where_no_aim_id_is_sent():
    """And only for the makers who use it."""
    reports = HidScannerTwin(maker=0x0C2E).scan("4600000000015", vendor="d")
    (honeywell,) = _link().feed(HidScannerTwin(maker=0x0C2E).hello() + reports, 0.0)
    (other,) = _link().feed(HidScannerTwin(maker=0x05F9).hello() + reports, 0.0)

    assert ("]E0", "") == (honeywell.symbology, other.symbology)


def test_makers_who_need_it_are_switched_on_once():
    """Honeywell and Youjie want a feature report; nobody else gets one."""
    link = _link()
    link.feed(HidScannerTwin(maker=0x0C2E).hello(), 0.0)
    sent = Unpacker().feed(link.outgoing())
    quiet = _link()
    quiet.feed(HidScannerTwin(maker=0x05F9).hello(), 0.0)

    assert [(PacketKind.FEATURE, b"\xfe\x01")] == sent
    assert b"" == link.outgoing() == quiet.outgoing()


@pytest.mark.parametrize(
    ("rudeness", "codes"),
    [
        (Rudeness.NONE, ["POLITE", "2000000000015", "POLITE"]),
        (Rudeness.SILENT_ABOUT_ITSELF, ["POLITE", "2000000000015", "POLITE"]),
        (Rudeness.FOREIGN_REPORTS, ["POLITE", "2000000000015", "POLITE"]),
        (Rudeness.HALF_CODE, ["POLITE", "POLITE"]),
        (Rudeness.CUT_REPORT, ["POLITE", "POLITE"]),
    ],
)
def test_rudeness_is_survived(rudeness, codes):
    """Between two polite scans a rude one costs nothing but itself."""
    link, rude = _link(), HidScannerTwin(rudeness=rudeness)
    heard = _codes(link.feed(rude.hello() + HidScannerTwin().scan("POLITE"), 0.0))
    heard += _codes(link.feed(rude.scan("2000000000015", symbology="]E0"), 1.0))
    heard += _codes(link.tick(3.0))
    heard += _codes(link.feed(HidScannerTwin().scan("POLITE"), 4.0))

    assert codes == heard


def test_a_bank_card_on_a_badge_reader_ends_in_the_driver():
    """HID-POS readers have a magnetic head too."""
    assert [BankCardRead(device="s")] == list(_link().feed(HidScannerTwin().scan(";4242424242424242=3001?"), 0.0))


def test_a_code_without_end_costs_a_limited_piece_of_memory():
    """A device that always says that more follows."""
    link = _link()
    report = pack(PacketKind.REPORT, HidScannerTwin(rudeness=Rudeness.HALF_CODE).reports("X" * 40)[0])
    for _ in range(2_000):
        assert [] == link.feed(report, 0.0)

    assert len(link._parts) < 20_000


def test_an_unknown_encoding_is_refused_with_the_settings():
    """The mistake is found when the settings are read."""
    with pytest.raises(msgspec.ValidationError, match="unknown encoding"):
        msgspec.convert({"encoding": "klingon"}, HidScannerSettings)


# ── Packets ─────────────────────────────────────────────────────────────────────────────────────


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(PacketKind), st.binary(max_size=80)), max_size=6),
    st.lists(st.integers(0, 600), max_size=8),
    st.lists(st.binary(max_size=6), min_size=7, max_size=7),
)
def test_packets_survive_any_slicing_and_rubbish_between(packets, cuts, rubbish):
    """Encode then decode is identity; what is between two packets is skipped when it is no start of one."""
    clean = [piece.replace(b"\xf5", b"") for piece in rubbish]
    stream = b"".join(noise + pack(kind, data) for noise, (kind, data) in zip(clean, packets, strict=False))
    places = sorted(min(cut, len(stream)) for cut in cuts)
    unpacker = Unpacker()
    found = [one for a, b in itertools.pairwise([0, *places, len(stream)]) for one in unpacker.feed(stream[a:b])]

    assert packets == [(PacketKind(kind), data) for kind, data in found]


@given(st.binary(max_size=400))
def test_no_stream_makes_the_unpacker_fail(stream):
    """And half a packet is thrown away when asked."""
    unpacker = Unpacker()
    unpacker.feed(stream)
    unpacker.forget()

    assert [(PacketKind.REPORT, b"x")] == unpacker.feed(pack(PacketKind.REPORT, b"x"))


def test_a_packet_too_large_is_refused():
    """Ours to make, so ours to be told."""
    with pytest.raises(ValueError, match="4096 bytes at most"):
        pack(PacketKind.REPORT, bytes(PACKET_SIZE_MAX + 1))
