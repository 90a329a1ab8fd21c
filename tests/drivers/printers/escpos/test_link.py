"""The conversation: every byte passes at once and in order, documents end where they end, slips fit in."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.printers.escpos import EscposSettings
from drivers.printers.escpos.driver import conversation
from drivers.printers.escpos.link import BLOCK_SILENCE_S, HOLD_S, RAW_SIZE_MAX
from drivers.printers.escpos.pos_simulator import STYLES, compose_receipt, sample_receipt
from drivers.printers.escpos.simulator import VirtualPrinter
from drivers.vocabulary.receipt import DocumentKind

RECEIPT = compose_receipt(sample_receipt(), "ru-two-lines")
CUTS = [b"\x1dV\x00", b"\x1dV\x01", b"\x1dV0", b"\x1dVB\x00", b"\x1dVa\x05", b"\x1bi", b"\x1bm"]


def test_samples_pass_byte_for_byte_in_any_slicing(samples, relayed):
    """The printer gets exactly what the till sent, one byte at a time too."""
    for file in sorted((samples / "escpos").glob("*.bin")):
        data = file.read_bytes()
        for size in (1, 1000):
            link = relayed()
            for start in range(0, len(data), size):
                link.host(data[start : start + size])
            link.gone()

            assert data == link.to_device, (file.name, size)


def test_the_demo_sample_holds_fourteen_documents(samples, relayed):
    """One for each cut, however it is sliced."""
    data = (samples / "escpos" / "demo.bin").read_bytes()
    for size in (1, 64, len(data)):
        link = relayed()
        for start in range(0, len(data), size):
            link.host(data[start : start + size])

        assert 14 == len(link.documents), size


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.one_of(st.binary(max_size=30), st.sampled_from([b"Total\n", b"\x1b@", *CUTS])), max_size=25).map(
        b"".join
    ),
    st.lists(st.integers(1, 40), max_size=30),
)
def test_any_stream_passes_whole_in_any_slicing(data, cuts):
    """At most one byte is ever held, and a tick lets it go."""
    link = conversation(EscposSettings(), device="printer", new_uid=lambda: "p-new")
    out, position, now_s = b"", 0, 0.0

    def take(steps):
        return b"".join(step.data for step in steps if hasattr(step, "data"))

    for size in cuts:
        out += take(link.from_host(data[position : position + size], now_s))
        position = min(len(data), position + size)
        assert position - 1 <= len(out) <= position
        if size % 3 == 0:
            now_s += HOLD_S
            out += take(link.tick(now_s))
            assert position == len(out)
    out += take(link.from_host(data[position:], now_s)) + take(link.host_gone(now_s))

    assert data == out


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.hex())
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_only_the_cut_comes_after_the_end(relayed, cut, size):
    """The lines can be put before the cut, in whatever pieces the cut arrives."""
    stream = b"Hello\n" + cut
    link = relayed()
    for start in range(0, len(stream), size):
        link.host(stream[start : start + size])

    place = link.order.index("end")
    assert b"Hello\n" == b"".join(link.order[:place])
    assert cut == b"".join(link.order[place + 1 :])
    assert link.ends[0].render(["Points: 5"])


def test_a_held_byte_goes_after_50_ms_and_then_no_lines_fit(relayed):
    """The printer never starves; once the GS is out, nothing may be put between it and its V."""
    link = relayed()
    link.host(b"Hello\n\x1d", 1.0)
    assert b"Hello\n" == link.to_device
    link.tick(1.0 + HOLD_S / 2)
    assert b"Hello\n" == link.to_device
    link.tick(1.0 + HOLD_S)
    assert b"Hello\n\x1d" == link.to_device
    link.host(b"V\x00", 1.2)

    assert b"Hello\n\x1dV\x00" == link.to_device
    assert 1 == len(link.documents)
    assert b"" == link.ends[0].render(["Points: 5"])


def test_nothing_is_held_without_an_open_document(relayed):
    """A lone ESC between documents passes at once."""
    assert b"\x1b" == relayed().host(b"\x1b").to_device


def test_a_second_cut_with_nothing_between_is_no_document(relayed):
    """GS V and ESC i in a row, or a drawer pulse and a cut."""
    link = relayed().host(b"Hello\n\x1dV\x00\x1bi\x1bp\x00\x19\xfa\x1dV\x00")

    assert 1 == len(link.documents)


def test_reset_after_text_ends_a_document_and_after_a_logo_does_not(relayed):
    """Tills that never cut begin each receipt with ESC @; a logo before it belongs to the receipt."""
    link = relayed().host(b"\x1b@One\n\x1b@\x1cp\x01\x00\x1b@Two\n\x1b@")

    assert [("One",), ("Two",)] == [document.text for document in link.documents]
    assert [b"\x1b@One\n", b"\x1b@\x1cp\x01\x00\x1b@Two\n"] == [document.raw for document in link.documents]


def test_reset_may_be_told_not_to_end_a_document(relayed):
    """Some tills send ESC @ inside a receipt."""
    link = relayed(reset_ends=False).host(b"One\n\x1b@Two\n\x1dV\x00")

    assert [("One", "Two")] == [document.text for document in link.documents]


def test_silence_ends_a_document_without_a_cut(relayed):
    """After idle_end_s, not before; and the bytes are all out by then."""
    link = relayed(idle_end_s=2.0).host(b"Hello\n", 10.0)
    link.tick(11.9)
    assert [] == link.documents
    link.tick(12.0)
    assert [("Hello",)] == [document.text for document in link.documents]
    assert link.ends[0].render(["Points: 5"])
    link.tick(99.0)
    assert 1 == len(link.documents)


def test_a_till_that_hangs_up_ends_the_document(relayed):
    """Also in the middle of an image; then nothing is put in."""
    link = relayed().host(b"Hello\n\x1dv0\x00\xff\x00\xff\x00abc").gone()

    assert 1 == len(link.documents)
    assert b"" == link.ends[0].render(["Points: 5"])


def test_a_stalled_image_is_given_up_after_a_long_silence(relayed):
    """Whoever joins a stream in the middle of an image is not deaf for ever."""
    link = relayed().host(b"\x1dv0\x00\xff\xff\xff\xffabc", 0.0)
    link.tick(BLOCK_SILENCE_S - 1)
    link.tick(BLOCK_SILENCE_S)
    link.host(b"Hello\n\x1dV\x00", BLOCK_SILENCE_S)

    assert [("Hello",)] == [document.text for document in link.documents]


def test_an_image_only_document_says_so(relayed):
    """Windows drivers print receipts as pictures."""
    link = relayed().host(b"\x1b@\x1dv0\x00\x01\x00\x02\x00\xff\xff\x1dV\x00")
    document = link.documents[0]

    assert (DocumentKind.OTHER, None, ()) == (document.kind, document.receipt, document.text)
    assert "image" in document.problems[0]


def test_raw_is_every_byte_since_the_last_cut(relayed):
    """The evidence is complete, and bounded."""
    link = relayed().host(RECEIPT + RECEIPT)
    end = RECEIPT.rindex(b"\x1dV")

    assert RECEIPT[:end] == link.documents[0].raw
    assert RECEIPT[end + 4 :] + RECEIPT[:end] == link.documents[1].raw


def test_a_long_stream_without_an_end_does_not_grow_memory(relayed):
    """Ten megabytes of text, then of image, without any cut."""
    link = relayed().link
    piece = b"x" * 65_536
    link.from_host(piece, 0.0)
    tracemalloc.start()
    for _ in range(80):
        link.from_host(piece, 0.0)
    link.from_host(b"\n\x1d8L" + (80 * len(piece)).to_bytes(4, "little"), 0.0)
    for _ in range(80):
        link.from_host(piece, 0.0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 4 * RAW_SIZE_MAX


def test_what_the_printer_says_passes_and_is_understood(relayed):
    """Both directions, and the condition of the printer as a sentence."""
    printer = VirtualPrinter(rude=["paper_out"])
    link = relayed()
    poll = b"\x10\x04\x01\x10\x04\x04"
    link.host(poll)
    answer = printer.feed(poll)
    link.take(link.link.from_device(answer, 0.0))

    assert answer == link.to_host
    assert "E301" == link.link.condition.code
    assert "roll" in link.link.condition.sentence
    assert "10 04 04: 72" == link.link.condition.maker_code


# ── Slips ───────────────────────────────────────────────────────────────────────────────────────


def through(link, printer, stream, lines, size=None):
    """Play the mover of the bytes: put the lines in where the conversation says so."""
    for start in range(0, len(stream), size or len(stream)):
        for step in link.from_host(stream[start : start + (size or len(stream))], 0.0):
            printer.feed(step.data if hasattr(step, "data") else step.render(lines))


@pytest.mark.parametrize("style", sorted(name for name, style in STYLES.items() if style.cut))
def test_a_slip_is_on_the_paper_before_the_cut_and_disturbs_nothing(style):
    """The lines stand at the end of the first receipt, and the second is printed as if they had never been."""
    lines = ["Points: +5", "1 234.50 - 10%"]
    stream = compose_receipt(sample_receipt(), style)
    profile = EscposSettings(profile="epson" if STYLES[style].page is not None else "auto")
    link, printer, alone = conversation(profile, device="p"), VirtualPrinter(profile), VirtualPrinter(profile)
    through(link, printer, stream * 2, lines, size=7)
    alone.feed(stream * 2)

    for with_slip, without in zip(printer.paper, alone.paper, strict=True):
        assert without.lines == with_slip.lines[: len(without.lines)]
        assert lines == [line for line in with_slip.lines[len(without.lines) :] if line]


def test_the_tills_formatting_is_put_back(relayed):
    """Centred bold double text of the next receipt comes out as before, also without ESC @."""
    formatting = b"\x1b!\x38\x1ba\x01\x1dB\x01\x1bt\x11\x1b3\x10"
    link = relayed(profile="epson")
    link.host(formatting + "Привет\n".encode("cp866") + b"\x1dVB\x00")
    slip = link.ends[0].render(["¡Señor!"])

    before, _, after = slip.partition(b"\xadSe\xa4or!\n")
    for neutral in (b"\x1b!\x00", b"\x1ba\x00", b"\x1dB\x00", b"\x1bt\x00", b"\x1b2"):
        assert neutral in before
    assert b"\x1b!\x38\x1ba\x01\x1dB\x01\x1bt\x11\x1b3\x10" == after


def test_no_slip_when_it_is_switched_off(relayed):
    """The setting loyalty_lines = false composes nothing."""
    link = relayed(loyalty_lines=False).host(RECEIPT)

    assert b"" == link.ends[0].render(["Points: 5"])
