"""Captures: what is written down, and what must never be."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.transport.memory import memory_pair
from drivers.transport.recording import HELD_BYTES_MAX, Chunk, RecordingTransport, Redactor, read_capture, redact

SECRETS = [
    (b"Tel: +7 (900) 000-00-01\n", b"Tel: +0 (000) 000-00-00\n"),
    (b"89000000001\r\n", b"00000000000\r\n"),
    (b"8 900 000 00 01;", b"0 000 000 00 00;"),
    (b"Card 2000000000015.", b"Card 0000000000000."),
    (b"card 4000 0000 0000 0002\n", b"card 0000 0000 0000 0000\n"),
    (b";4000000000000002=30011010000012345678?", b";0000000000000000=00000000000000000000?"),
    (b"INN 000000000123 FN 9999078900001234\n", b"INN 000000000000 FN 0000000000000000\n"),
    (b"to anna.petrova@example.test\n", b"to xxxx.xxxxxxx@example.test\n"),
    (b"TP1:2000000000015", b"TP1:0000000000000"),
]
KEPT = [
    b"TOTAL 12345.67 RUB 2026-11-21\n",
    b"2 x 149.90 = 299.80\n",
    b"\x1b@\x1dV\x00",
    b"shop@",
]


@pytest.mark.parametrize(("plain", "masked"), SECRETS)
def test_a_secret_never_reaches_the_disk(plain, masked):
    """Phones, cards, tracks, tax numbers and e-mail addresses are masked at their length."""
    assert masked == redact(plain)


@pytest.mark.parametrize("plain", KEPT)
def test_the_rest_stays(plain):
    """Prices, dates and commands are what a capture is for."""
    assert plain == redact(plain)


@pytest.mark.parametrize(("plain", "masked"), SECRETS)
def test_a_secret_cut_by_the_line_is_masked_too(plain, masked):
    """One byte at a time changes nothing."""
    redactor = Redactor()
    heard = b"".join(redactor.feed(bytes((byte,))) for byte in plain) + redactor.flush()

    assert masked == heard


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40) | st.sampled_from([plain for plain, _ in SECRETS]), max_size=8), st.data())
def test_slicing_changes_nothing(parts, data):
    """Any slicing of a short stream is redacted as the whole is."""
    whole = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    redactor = Redactor()
    pieces = [whole[a:b] for a, b in itertools.pairwise([0, *cuts, len(whole)])]
    heard = b"".join(redactor.feed(piece) for piece in pieces) + redactor.flush()

    assert redact(whole) == heard


def test_what_is_held_back_has_a_limit():
    """A stream of letters without an end is written down all the same."""
    redactor = Redactor()
    heard = redactor.feed(b"a" * (HELD_BYTES_MAX * 3))

    assert len(heard) >= HELD_BYTES_MAX


def test_a_capture_can_be_read_back():
    """Who said what, and when."""
    lines, now_s = [], [5.0]
    here, there = memory_pair()
    line = RecordingTransport(here, write_line=lines.append, clock=lambda: now_s[0])
    line.write(b"\x10\x04\x01\n", 1)
    now_s[0] = 5.25
    there.write(b"\x12\n", 1)
    line.read(1)
    line.close()

    assert [Chunk(0, "host", b"\x10\x04\x01\n"), Chunk(250, "device", b"\x12\n")] == read_capture(lines)
