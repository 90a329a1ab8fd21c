"""Frames of both low-level protocols: the known bytes, any slicing, rubbish, and the next frame after it."""

import pytest
from hypothesis import strategies as st

from drivers.printers.atol import buffer
from drivers.printers.atol.buffer import Said
from drivers.printers.atol.commands import BY_NAME, TABLE, named, read_request
from drivers.printers.atol.frames import (
    ACK,
    ENQ,
    EOT,
    NAK,
    STX,
    Block,
    Control,
    Decoder2,
    Decoder3,
    Frame3,
    Junk,
    crc8,
    encode2,
    encode3,
)
from drivers.printers.atol.layout import bcd, from_bcd, parse_layout
from drivers.vocabulary.errors import LocalProtocolError, RemoteProtocolError
from tests.agent.loyalty.soaking import prove

# Frames of a real session: abort, add "device type" under number 2, ask for it three times.
VECTORS = {
    "fe 01 00 06 c4 58": (6, buffer.abort()),
    "fe 06 00 07 c1 01 02 00 00 a5 8d": (7, buffer.add(2, named("device_type").encode(0))),
    "fe 02 00 08 c3 02 fc": (8, buffer.request(2)),
    "fe 02 00 09 c3 02 ba": (9, buffer.request(2)),
    "fe 02 00 0a c3 02 70": (10, buffer.request(2)),
}


@pytest.mark.parametrize("wire", VECTORS)
def test_the_known_frames_come_back_as_the_same_bytes(wire):
    number, data = VECTORS[wire]
    wire = bytes.fromhex(wire)

    assert Decoder3().feed(wire) == [Frame3(number, data)]
    assert wire == encode3(number, data)


def test_stuffing():
    assert encode3(1, b"\xfe\xfd")[4:-1].startswith(b"\xfd\xee\xfd\xed")
    assert encode2(b"\x10\x03\x02") == bytes.fromhex("02 1010 1003 02 03") + bytes([0x10 ^ 0x10 ^ 0x10 ^ 3 ^ 2 ^ 3])
    number = next(n for n in range(0xE0) if crc8(bytes([n, 1])) in (0xFE, 0xFD))
    assert len(encode3(number, b"\x01")) == 7
    assert Decoder3().feed(encode3(number, b"\x01")) == [Frame3(number, b"\x01")]


def test_what_does_not_fit_is_refused():
    for wrong in (lambda: encode2(b""), lambda: encode2(bytes(3_001)), lambda: encode3(0xE0, b""),
                  lambda: encode3(1, bytes(0x4000))):  # fmt: skip
        with pytest.raises(LocalProtocolError):
            wrong()


def test_control_bytes_stand_between_blocks():
    items = Decoder2().feed(bytes([ENQ, ACK]) + encode2(b"\x05\x06") + bytes([EOT, 0xFF, NAK]))

    assert items == [Control(ENQ), Control(ACK), Block(b"\x05\x06"), Control(EOT), Junk(b"\xff"), Control(NAK)]


def test_a_block_that_a_control_byte_announces_is_read_after_a_spoiled_one():
    """The end of the first block is lost: the second one is found inside what looked like the first."""
    spoiled = encode2(b"\x00\x00\x3f\x20")[:-2]
    items = Decoder2().feed(spoiled + bytes([EOT, ENQ]) + encode2(b"\x00\x00\x45"))

    assert items[0].is_frame
    assert items[-1] == Block(b"\x00\x00\x45")
    assert Control(ENQ) in items


def test_fe_inside_a_frame_begins_the_next_one():
    whole = encode3(7, b"\xfe\xfd\x10")

    assert whole.count(b"\xfe") == 1
    items = Decoder3().feed(whole[:5] + whole)
    assert items[-1] == Frame3(7, b"\xfe\xfd\x10")
    assert items[0].is_frame


def test_a_length_with_eight_bits_is_no_length():
    items = Decoder3().feed(b"\xfe\x80\x00" + encode3(1, b"x"))

    assert items[-1] == Frame3(1, b"x")


def test_noise_is_not_kept():
    first, second = Decoder2(), Decoder3()
    for _ in range(100):
        first.feed(bytes([STX]) * 1_000)
        second.feed(b"\x00" * 1_000)
        assert first.kept_size <= 12_010
        assert second.kept_size == 0
    first.silence()

    assert first.feed(encode2(b"x"))[-1] == Block(b"x")


blocks = st.binary(min_size=1, max_size=300)


@prove(st.lists(st.one_of(blocks, st.sampled_from([ENQ, ACK, NAK, EOT])), max_size=8), st.integers(1, 9))
def test_any_slicing_gives_the_same_items(parts, step):
    wire = b"".join(bytes([part]) if isinstance(part, int) else encode2(part) for part in parts)
    decoder = Decoder2()
    found = [item for at in range(0, len(wire), step) for item in decoder.feed(wire[at : at + step])]

    assert [Control(part) if isinstance(part, int) else Block(part) for part in parts] == found
    assert decoder.is_between


@prove(st.lists(st.tuples(st.integers(0, 0xDF), st.binary(max_size=600)), max_size=4), st.integers(1, 9))
def test_any_slicing_gives_the_same_frames(parts, step):
    wire = b"".join(encode3(number, data) for number, data in parts)
    decoder = Decoder3()
    found = [item for at in range(0, len(wire), step) for item in decoder.feed(wire[at : at + step])]

    assert [Frame3(number, data) for number, data in parts] == found


def _mutated(data, wire):
    flips = data.draw(st.lists(st.tuples(st.integers(0, len(wire) - 1), st.integers(0, 255)), max_size=6))
    spoiled = bytearray(wire)
    for at, byte in flips:
        spoiled[at] = byte
    return bytes(spoiled)


@prove(st.data())
def test_after_a_spoiled_stream_the_next_frame_is_read(data):
    """The soak feeds 2 000 streams of 5.2 KB and more: 10 million bytes for each protocol."""
    seed = data.draw(st.binary(min_size=130, max_size=250))
    first, second = Decoder2(), Decoder3()
    first.feed(_mutated(data, (bytes([ENQ]) + encode2(seed)) * 40))
    second.feed(_mutated(data, encode3(9, seed) * 40))
    assert first.kept_size <= 12_010
    assert second.kept_size <= 16_400
    first.silence()
    assert first.is_between

    assert first.feed(encode2(seed)) == [Block(seed)]
    assert second.feed(encode3(1, seed))[-1] == Frame3(1, seed)


@prove(st.lists(st.binary(max_size=60), max_size=20))
def test_rubbish_never_raises(parts):
    for decoder in (Decoder2(), Decoder3()):
        for part in parts:
            decoder.feed(part)
        decoder.silence()
        assert decoder.is_between


# ── Commands ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("command", TABLE, ids=lambda command: command.name)
def test_every_row_is_written_and_read(command):
    """A request with each field at its largest comes back; so does an answer."""
    values = {field.name: _largest(field) for field in command.request.fields}
    password, found, read = read_request(command.encode(30, **values))

    assert (password, found, read) == (30, command, values)
    answers = {field.name: _largest(field) for field in command.answer.fields}
    assert command.decode_answer(command.encode_answer(0, **answers)).values == answers
    if command.has_error:
        assert command.decode_answer(command.encode_answer(0x67)).error == 0x67
    assert command.decode_answer(b"\x55\x7a\x00").error == 0x7A or command.name in ("mode", "device_type")


def _largest(field):
    if field.kind == "t":
        return "Хлеб"
    if field.kind == "b":
        return bytes(field.size or 5)
    return 10 ** (2 * field.size) - 1 if field.kind == "d" else 256**field.size - 1


def test_names_and_opcodes_are_unique():
    assert len(BY_NAME) == len(TABLE) == len({command.opcode for command in TABLE})
    with pytest.raises(LocalProtocolError):
        named("sing")
    assert read_request(b"\x00\x30\xee") is None


def test_fields():
    assert bcd(12_345, 3) == b"\x01\x23\x45"
    assert from_bcd(b"\x01\x23\x45") == 12_345
    with pytest.raises(LocalProtocolError):
        bcd(100, 1)
    with pytest.raises(RemoteProtocolError):
        from_bcd(b"\x0a")
    layout = parse_layout("a:u1 b:b2 c:d1")
    for values in ({}, {"a": 300, "b": b"xx", "c": 1}, {"a": 1, "b": b"x", "c": 1}, {"a": "x", "b": b"xx", "c": 1},
                   {"a": 1, "b": b"xx", "c": 1, "d": 1}):  # fmt: skip
        with pytest.raises(LocalProtocolError):
            layout.encode(values)
    with pytest.raises(RemoteProtocolError):
        layout.decode(b"\x01\x02")


@pytest.mark.parametrize("data", [b"", b"\x44", b"\x55", b"\x99\x00"])
def test_what_is_no_answer_is_refused(data):
    with pytest.raises(RemoteProtocolError):
        named("last_document").decode_answer(data)


def test_what_the_buffer_says():
    assert buffer.read_said(b"\xa3\x55\x00", is_async=False) == Said(0xA3, b"\x55\x00")
    assert buffer.read_said(b"\xa6\x05\x55", is_async=True) == Said(0xA6, b"\x55", 5)
    assert buffer.read_said(b"", is_async=False) is None
    assert buffer.read_said(b"\xa6", is_async=True) is None
    assert buffer.acknowledge(3) == b"\xc2\x03"
