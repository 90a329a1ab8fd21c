"""Frames of both protocols: real bytes, any slicing, rubbish, and the next frame after it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.printers.shtrih.frames import (
    ACK,
    ENQ,
    NAK,
    Control,
    Decoder,
    Decoder2,
    Frame,
    Frame2,
    Junk,
    crc16,
    encode,
    encode2,
)
from drivers.vocabulary.errors import LocalProtocolError

# Written down from the layouts; the full list of real frames is read where the samples are.
V1 = {
    "02 05 10 1e 00 00 00 0b": "10 1e 00 00 00",
    "02 06 8d 01 00 00 00 00 8a": "8d 01 00 00 00 00",
    "02 03 ff 3a 73 b5": "ff 3a 73",
    "02 05 ff 3f 00 85 00 40": "ff 3f 00 85 00",
}
V2 = {
    "8f 00 00 0f 1d": (None, ""),
    "8f 07 00 26 00 10 01 00 00 00 e4 14": (0x26, "10 01 00 00 00"),
    "8f 05 00 17 00 ff 46 00 ee 83": (0x17, "ff 46 00"),
}


def _h(text):
    return bytes.fromhex(text)


@pytest.mark.parametrize("wire", V1)
def test_a_frame_of_protocol_1_is_read_and_written(wire):
    assert [Frame(_h(V1[wire]))] == Decoder().feed(_h(wire))
    assert _h(wire) == encode(_h(V1[wire]))


@pytest.mark.parametrize("wire", V2)
def test_a_frame_of_protocol_2_is_read_and_written(wire):
    number, body = V2[wire]

    assert [Frame2(number, _h(body))] == Decoder2().feed(_h(wire))
    assert _h(wire) == encode2(number, _h(body))


def test_the_crc_is_the_one_of_the_protocol_document():
    assert crc16(b"\x00\x00") == 0x1D0F
    assert crc16(_h("03 00 06 00 fc")) == 0x63ED


def test_every_real_frame_comes_back_as_the_same_bytes(samples):
    frames = json.loads((samples / "shtrih-frames.json").read_text(encoding="utf-8"))["frames"]
    for row in frames:
        wire = _h(row["hex"])
        if row["proto"] == "v1":
            (item,) = Decoder().feed(wire)
            assert isinstance(item, Frame), row
            assert wire == encode(item.body)
        else:
            (item,) = Decoder2().feed(wire)
            assert isinstance(item, Frame2), row
            assert wire == encode2(item.number, item.body)

    assert len(frames) >= 47


def test_ff_before_a_control_byte_is_junk():
    assert [Junk(b"\xff\xff"), Control(ACK)] == Decoder().feed(b"\xff\xff\x06")


def test_an_empty_frame_and_a_frame_too_long_are_refused():
    with pytest.raises(LocalProtocolError):
        encode(b"")
    with pytest.raises(LocalProtocolError):
        encode(bytes(256))
    with pytest.raises(LocalProtocolError):
        encode2(None, b"x")
    assert any(isinstance(item, Junk) and item.is_frame for item in Decoder().feed(b"\x02\x00\x00"))


def test_a_frame_behind_a_false_beginning_is_found_after_silence():
    """A lone STX announces 255 bytes; the frame behind it must not be lost."""
    decoder = Decoder()
    items = decoder.feed(b"\x02\xff" + encode(b"\x10\x00"))

    assert items == []
    assert Frame(b"\x10\x00") in decoder.silence()
    assert decoder.is_between


def test_8f_inside_a_frame_begins_the_next_one():
    whole = encode2(7, b"\x8f\x9f\x10")

    assert whole.count(b"\x8f") == 1
    items = Decoder2().feed(whole[:5] + whole)
    assert items[-1] == Frame2(7, b"\x8f\x9f\x10")
    assert isinstance(items[0], Junk)
    assert items[0].is_frame


bodies = st.binary(min_size=1, max_size=255)


@given(st.lists(st.one_of(bodies, st.sampled_from([ENQ, ACK, NAK])), max_size=8), st.integers(1, 9))
def test_any_slicing_gives_the_same_items(parts, step):
    wire = b"".join(bytes([part]) if isinstance(part, int) else encode(part) for part in parts)
    expected = [Control(part) if isinstance(part, int) else Frame(part) for part in parts]
    decoder = Decoder()
    found = [item for at in range(0, len(wire), step) for item in decoder.feed(wire[at : at + step])]

    assert expected == found
    assert decoder.is_between


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=600)), max_size=4), st.integers(1, 9))
def test_any_slicing_gives_the_same_items_of_protocol_2(parts, step):
    wire = b"".join(encode2(number, body) for number, body in parts)
    decoder = Decoder2()
    found = [item for at in range(0, len(wire), step) for item in decoder.feed(wire[at : at + step])]

    assert [Frame2(number, body) for number, body in parts] == found


def _mutated(data, wire):
    flips = data.draw(st.lists(st.tuples(st.integers(0, len(wire) - 1), st.integers(0, 255)), max_size=6))
    spoiled = bytearray(wire)
    for at, byte in flips:
        spoiled[at] = byte
    return bytes(spoiled)


@given(st.data())
def test_after_a_spoiled_stream_the_next_frame_is_read(data):
    parts = data.draw(st.lists(bodies, min_size=1, max_size=5))
    decoder = Decoder()
    decoder.feed(_mutated(data, b"".join(map(encode, parts))))
    assert decoder.kept_size <= 258
    decoder.silence()

    assert decoder.is_between
    assert decoder.feed(encode(b"\x10\x01")) == [Frame(b"\x10\x01")]


@given(st.data())
def test_after_a_spoiled_stream_the_next_frame_of_protocol_2_is_read(data):
    parts = data.draw(st.lists(bodies, min_size=1, max_size=5))
    decoder = Decoder2()
    decoder.feed(_mutated(data, b"".join(encode2(3, part) for part in parts)))

    assert decoder.feed(encode2(4, b"\x10"))[-1] == Frame2(4, b"\x10")


@pytest.mark.soak
@settings(max_examples=2_000, deadline=None)
@given(st.data())
def test_millions_of_spoiled_bytes(data):
    """2 000 streams of 5.3 KB and more, 10.6 million bytes for each protocol: no hang, no growth, resynchronised."""
    seed = data.draw(st.binary(min_size=130, max_size=250))
    wire1, wire2 = encode(seed) * 40, encode2(9, seed) * 40
    first, second = Decoder(), Decoder2()
    first.feed(_mutated(data, wire1))
    second.feed(_mutated(data, wire2))
    assert first.kept_size <= 258
    assert second.kept_size <= 65_539
    first.silence()

    assert first.feed(encode(seed)) == [Frame(seed)]
    assert second.feed(encode2(1, seed))[-1] == Frame2(1, seed)
