"""Frames both ways: the makers' vectors, any slicing, damaged streams; one frame later everything is right again."""

import json
import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.printers.isl import frames as frames_module
from drivers.printers.isl.frames import (
    LONG,
    SHORT,
    Damaged,
    Frame,
    FrameReader,
    Signal,
    encode,
    escape,
    unescape,
)
from drivers.vocabulary.errors import LocalProtocolError

CAPTURES = Path(frames_module.__file__).parent / "captures" / "frames.jsonl"
VECTORS = [json.loads(line) for line in CAPTURES.read_text("utf-8").splitlines()]
SHAPES = pytest.mark.parametrize("shape", [SHORT, LONG], ids=["short", "long"])


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_seen_frames_decode_and_encode_back(vector):
    """Real bytes give the frame, and the frame gives the same bytes."""
    shape = LONG if vector["frame"] == "long" else SHORT
    raw = bytes.fromhex(vector["hex"])
    (frame,) = FrameReader(shape, is_host=vector["side"] == "host").feed(raw)

    assert (int(vector["command"], 16), bytes.fromhex(vector["data"])) == (frame.command, frame.data)
    assert raw == encode(frame, shape)


def frames(shape, *, is_host):
    return st.builds(
        Frame,
        sequence=st.integers(0x20, shape.sequence_max),
        command=st.integers(0x20, 0xFF),
        data=st.binary(max_size=100),
        status=st.none()
        if is_host
        else st.lists(st.integers(0x80, 0xFF), min_size=shape.status_size, max_size=shape.status_size).map(bytes),
    )


@SHAPES
@pytest.mark.parametrize("is_host", [True, False])
def test_any_frame_survives_any_slicing(shape, is_host):
    """Encode, cut anywhere, decode: the same frames in the same order."""

    @settings(max_examples=60, deadline=None)
    @given(st.lists(frames(shape, is_host=is_host), max_size=5), st.integers(1, 40))
    def check(sent, slice_size):
        stream = b"".join(encode(frame, shape) for frame in sent)
        reader = FrameReader(shape, is_host=is_host)
        heard = [item for at in range(0, len(stream), slice_size) for item in reader.feed(stream[at : at + slice_size])]

        assert sent == heard
        assert reader.pending_size == 0

    check()


@SHAPES
@pytest.mark.parametrize("is_host", [True, False])
def test_after_any_rubbish_the_next_frame_is_found(shape, is_host):
    """Rubbish, half frames, lengths that promise too much: the frame after them is read."""

    @settings(max_examples=150, deadline=None)
    @given(st.binary(max_size=60), frames(shape, is_host=is_host), st.integers(0, 30), frames(shape, is_host=is_host))
    def check(rubbish, cut, kept, whole):
        reader = FrameReader(shape, is_host=is_host)
        items = reader.feed(rubbish + encode(cut, shape)[:kept] + encode(whole, shape))

        assert whole == [item for item in items if isinstance(item, Frame)][-1]

    check()


def test_control_bytes_travel_escaped():
    """A form feed is 10h 4Ch on the wire; TAB and LF go as they are."""
    assert escape(b"a\x0c\tb\n\x01") == b"a\x10\x4c\tb\n\x10\x41"
    assert unescape(b"a\x10\x4c\tb\n\x10\x41") == b"a\x0c\tb\n\x01"
    assert unescape(b"x\x10") == b"x\x10"


def test_signals_stand_between_frames():
    """SYN while busy, NAK for a damaged frame; a till sends neither."""
    answer = encode(Frame(sequence=0x20, command=0x4A, status=b"\x80" * 6), SHORT)
    items = FrameReader(SHORT, is_host=False).feed(b"\x16\x16" + answer + b"\x15")

    assert [Signal.SYN, Signal.SYN, Signal.NAK] == [item for item in items if isinstance(item, Signal)]
    assert [] == FrameReader(SHORT, is_host=True).feed(b"\x16\x15")


@SHAPES
def test_one_flipped_bit_is_noticed(shape):
    """No damaged frame passes for a whole one with other contents."""
    frame = Frame(sequence=0x2C, command=0x31, data=b"Milk\tA1.20")
    raw = encode(frame, shape)
    for index in range(len(raw)):
        for bit in range(8):
            spoiled = bytearray(raw)
            spoiled[index] ^= 1 << bit
            items = FrameReader(shape, is_host=True).feed(bytes(spoiled))
            assert [] == [item for item in items if isinstance(item, Frame)], (index, bit)


def test_a_wrong_checksum_is_named():
    """The trace says why nothing was understood."""
    raw = bytearray(encode(Frame(sequence=0x20, command=0x38), SHORT))
    raw[-2] ^= 1
    (item,) = FrameReader(SHORT, is_host=True).feed(bytes(raw))

    assert item == Damaged(reason="the checksum is wrong")


def test_what_does_not_fit_is_refused():
    """A frame has room for so much, and numbers run from 20h."""
    with pytest.raises(LocalProtocolError, match="do not fit"):
        encode(Frame(sequence=0x20, command=0x36, data=b"x" * 300), SHORT)
    with pytest.raises(LocalProtocolError, match="sequence"):
        encode(Frame(sequence=0x80, command=0x36), SHORT)


@SHAPES
def test_numbers_run_round(shape):
    """After the last comes 20h."""
    assert shape.next_sequence(shape.sequence_max) == 0x20
    assert shape.next_sequence(0x20) == 0x21


def mutated(shape, rng, size):
    """A stream of frames with bytes flipped, dropped, doubled and put in."""
    out = bytearray()
    while len(out) < size:
        status = None if rng.random() < 0.5 else bytes([0x80] * shape.status_size)
        frame = Frame(
            sequence=rng.randrange(0x20, 0x80),
            command=rng.randrange(0x20, 0x91),
            data=rng.randbytes(rng.randrange(60)),
            status=status,
        )
        raw = bytearray(encode(frame, shape))
        for _ in range(rng.randrange(3)):
            at = rng.randrange(len(raw))
            match rng.randrange(4):
                case 0:
                    raw[at] ^= 1 << rng.randrange(8)
                case 1:
                    del raw[at:]
                    raw.append(0x01)
                case 2:
                    raw[at:at] = rng.randbytes(rng.randrange(1, 9))
                case _:
                    raw += raw[at:]
        out += raw
    return bytes(out)


def digest(shape, *, is_host, size, seed):
    """Read a mutated stream in random slices; after each piece a whole frame must be found."""
    rng = random.Random(seed)
    reader = FrameReader(shape, is_host=is_host)
    status = None if is_host else b"\x80" * shape.status_size
    done = 0
    while done < size:
        piece = mutated(shape, rng, 20_000)
        at = 0
        while at < len(piece):
            step = rng.randrange(1, 700)
            reader.feed(piece[at : at + step])
            at += step
        whole = Frame(sequence=0x20 + done % 60, command=0x4A, data=b"sound", status=status)
        items = reader.feed(encode(whole, shape))
        assert items, "a sound frame was not found"
        assert items[-1] == whole
        assert reader.pending_size <= 4_096
        done += len(piece)
    return done


@SHAPES
@pytest.mark.parametrize("is_host", [True, False])
def test_mutated_streams_are_survived(shape, is_host):
    """The short version of the soak."""
    assert digest(shape, is_host=is_host, size=60_000, seed=5) >= 60_000


@pytest.mark.soak
@SHAPES
@pytest.mark.parametrize("is_host", [True, False])
def test_millions_of_mutated_bytes(shape, is_host):
    """Ten million bytes for each reader: no hang, no growth, right again at the next frame."""
    began_s = time.monotonic()

    assert digest(shape, is_host=is_host, size=10_000_000, seed=int(began_s)) >= 10_000_000
