"""The tokenizer: any slicing, every row of the table, and nothing makes it fail or grow."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.printers.escpos.commands import BY_NAME, COMMANDS, PREFIXES, Effect
from drivers.printers.escpos.frames import BLOCK_KEPT_MAX, PENDING_SIZE_MAX, Tokenizer


def tokens_of(data, size=None):
    tokenizer = Tokenizer()
    tokens = []
    for start in range(0, len(data), size or max(1, len(data))):
        tokens += tokenizer.feed(data[start : start + (size or len(data))])
    return tokens + tokenizer.finish()


def joined(tokens):
    """Neighbouring runs of text and of stray bytes as one, because slicing may part them."""
    result = []
    for token in tokens:
        name = token.command.name
        if result and result[-1][0] == name and name in ("text", "control"):
            result[-1] = (name, result[-1][1] + token.data)
        else:
            result.append((name, token.data))
    return result


# One complete example of each counted command: parameters after the opcode.
EXAMPLES = {
    "status_now": [b"\x01", b"\x07\x01", b"\x12\x01"],
    "real_time": [b"\x01\x00\x01", b"\x02\x01\x08", b"\x03" + bytes(5), b"\x07\x01", b"\x08" + bytes(7)],
    "tab_stops": [b"\x00", b"\x08\x10\x18\x00", bytes(range(1, 33)) + b"\x00"],
    "image_strip": [b"\x00\x03\x00abc", b"\x21\x02\x00abcdef", b"\x20\x00\x00"],
    "own_characters_define": [b"\x03\x41\x42" + b"\x02" + bytes(6) + b"\x01" + bytes(3), b"\x03\x42\x41"],
    "extended_esc": [b"A\x03\x00\x61\x03\x02"],
    "cut": [b"\x00", b"\x01", b"0", b"1", b"A\x00", b"B\x03", b"a\x00", b"b\x00", b"g\x00", b"h\x00", b"\x05"],
    "image_download": [b"\x01\x02" + bytes(16)],
    "image_raster": [b"0\x00\x02\x00\x03\x00" + bytes(6)],
    "graphics_large": [b"L\x04\x00\x00\x000p01"],
    "extended_gs": [b"k\x03\x00\x31\x51\x30", b"L\x02\x00\x30\x32"],
    "barcode": [b"\x02590123412345\x00", b"\x43\x0c590123412345", b"\x49\x05{BAB1", b"\x20"],
    "counter_set": [b"0\x01\x02", b"1" + bytes(6), b"2\x01\x00", b";1;2;3;4;5;"],
    "logo_define": [b"\x01\x01\x00\x01\x00" + bytes(8), b"\x02" + (b"\x01\x00\x01\x00" + bytes(8)) * 2],
    "extended_fs": [b"C\x02\x00\x30\x32"],
}


def test_every_row_is_declared_whole():
    """A typing error in any row fails here."""
    codes = [row.code for row in COMMANDS]
    names = [row.name for row in COMMANDS]

    assert len(set(codes)) == len(codes)
    assert len(set(names)) == len(names)
    for row in COMMANDS:
        assert len(row.code) == 2, row
        assert row.code[0] in PREFIXES, row
        assert (row.fixed is None) == (row.rule is not None), row
        assert row.what, row
        assert (row.effect is Effect.FORMAT) <= bool(row.neutral), row


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_every_row_eats_exactly_its_parameters(row):
    """The letter after the command is text again, in one piece and byte by byte."""
    parameters = EXAMPLES[row.name] if row.fixed is None else [b"A" * row.fixed]
    for given_parameters in parameters:
        stream = b"x" + row.code + given_parameters + b"y"
        expected = [("text", b"x"), (row.name, None), ("text", b"y")]
        for size in (None, 1):
            actual = [(name, data if name == "text" else None) for name, data in joined(tokens_of(stream, size))]

            assert expected == actual


def test_offsets_and_sizes_cover_the_stream_without_a_gap(samples):
    """Each token begins where the one before ended."""
    for file in sorted((samples / "escpos").glob("*.bin")):
        data = file.read_bytes()
        position = 0
        for token in tokens_of(data):
            assert position == token.start, file.name
            position += token.size

        assert len(data) == position, file.name


def test_samples_hold_no_unknown_command_in_any_slicing(samples):
    """The public samples are read whole, and the same in slices of 1, 7 and 4096 bytes."""
    for file in sorted((samples / "escpos").glob("*.bin")):
        data = file.read_bytes()
        expected = joined(tokens_of(data))

        assert not [name for name, _ in expected if name in ("unknown", "truncated")], file.name
        for size in (1, 7, 4096):
            assert expected == joined(tokens_of(data, size)), (file.name, size)


def test_a_counted_block_is_never_looked_into():
    """Status requests, cuts and resets inside an image are image."""
    inside = b"\x10\x04\x01\x1dV\x00\x1b@\x1bi"
    image = b"\x1dv0\x00" + len(inside).to_bytes(2, "little") + b"\x01\x00" + inside

    assert ["image_raster", "text"] == [name for name, _ in joined(tokens_of(image + b"end"))]


def test_an_unknown_opcode_has_no_parameters_and_hides_no_cut():
    """ESC x is two bytes; a prefix before a prefix is one stray byte."""
    assert [("unknown", b"\x1bz"), ("text", b"A")] == joined(tokens_of(b"\x1bzA"))
    assert [("unknown", b"\x1b"), ("cut", b"\x00")] == joined(tokens_of(b"\x1b\x1dV\x00"))
    assert [("unknown", b"\x10"), ("text", b"A")] == joined(tokens_of(b"\x10A"))
    assert [("unknown", b"\x1dv"), ("text", b"1")] == joined(tokens_of(b"\x1dv1"))


def test_a_truncated_stream_says_so_and_starts_anew():
    """What was incomplete comes out once, and the next bytes are read afresh."""
    tokenizer = Tokenizer()
    tokenizer.feed(b"\x1dv0\x00\xff\xff\xff\xffabc")

    assert ["truncated"] == [token.command.name for token in tokenizer.finish()]
    assert ["text"] == [token.command.name for token in tokenizer.feed(b"hello")]


def test_a_hundred_megabytes_of_image_are_not_kept():
    """An image is counted and dropped; only what the reader needs of a code is kept."""
    tokenizer = Tokenizer()
    piece = bytes(1_048_576)
    tracemalloc.start()
    tokenizer.feed(b"\x1d8L" + (100 * len(piece)).to_bytes(4, "little"))
    for _ in range(100):
        tokens = tokenizer.feed(piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert ["graphics_large"] == [token.command.name for token in tokens]
    assert 100 * len(piece) + 7 == tokens[0].size
    assert len(tokens[0].data) <= BLOCK_KEPT_MAX + 16
    assert peak < 4 * len(piece)


@given(st.binary(max_size=400), st.lists(st.integers(1, 50), max_size=40))
def test_any_bytes_in_any_slicing_give_the_same_tokens(data, cuts):
    """Random bytes never raise, lose nothing, and slicing does not matter."""
    tokenizer = Tokenizer()
    tokens, position = [], 0
    for size in cuts:
        tokens += tokenizer.feed(data[position : position + size])
        position += size
        assert len(tokenizer.pending) <= PENDING_SIZE_MAX
    tokens += tokenizer.feed(data[position:]) + tokenizer.finish()

    assert len(data) == sum(token.size for token in tokens)
    assert joined(tokens_of(data)) == joined(tokens)


_pieces = st.one_of(
    st.binary(max_size=20),
    st.sampled_from([row.code for row in COMMANDS]),
    st.sampled_from([row.code + EXAMPLES[row.name][0] for row in COMMANDS if row.fixed is None]),
)


@settings(max_examples=200)
@given(st.lists(_pieces, max_size=30).map(b"".join))
def test_broken_commands_lose_no_byte(data):
    """Streams made of opcodes, halves of opcodes and rubbish are covered to the last byte."""
    whole, single = tokens_of(data), tokens_of(data, 1)

    assert len(data) == sum(token.size for token in whole)
    assert joined(whole) == joined(single)


def test_the_names_the_reader_relies_on_exist():
    """Other modules look these rows up by name."""
    assert {"size", "code_page", "feed_lines", "position_absolute"} <= set(BY_NAME)


def test_python_escpos_writes_nothing_unknown():
    """Whatever the library sends, the table knows it."""
    from escpos.printer import Dummy
    from PIL import Image

    printer = Dummy(profile="TM-T88V")
    printer.set(align="center", font="b", bold=True, underline=1, width=2, height=2, custom_size=True, invert=True)
    printer.text("Крем-брюле, Straße, €\n")
    printer.set_with_default()
    printer.barcode("4006381333931", "EAN13", 64, 2, "", "")
    printer.barcode("{BABC-123", "CODE128", function_type="B")
    printer.qr("t=20260512T1230&s=135.00", native=True)
    for kind in ("bitImageRaster", "graphics", "bitImageColumn"):
        printer.image(Image.new("1", (64, 32)), impl=kind)
    printer.line_spacing(30)
    printer.cashdraw(2)
    printer.buzzer(1, 1)
    printer.panel_buttons(enable=False)
    printer.cut()
    names = [name for name, _ in joined(tokens_of(printer.output))]

    assert not {"unknown", "control", "truncated"} & set(names)
    assert {"barcode", "extended_gs", "image_raster", "image_strip", "drawer", "cut"} <= set(names)
