"""The virtual printer: paper, answers and rudeness; and the reader of such answers."""

from __future__ import annotations

import pytest

from drivers.printers.escpos import driver
from drivers.printers.escpos.pos_simulator import compose_receipt, sample_receipt
from drivers.printers.escpos.simulator import Rudeness, VirtualPrinter
from drivers.printers.escpos.status import SENTENCES, StatusReader, Trouble

POLLS = [b"\x10\x04\x01", b"\x10\x04\x02", b"\x10\x04\x03", b"\x10\x04\x04", b"\x1dr\x01", b"\x1bv"]


def test_a_ready_printer_answers_as_the_manual_says():
    """Fixed bits of real-time answers, zeros of plain ones, text of the identity."""
    printer = VirtualPrinter()

    assert [b"\x12"] * 4 + [b"\x00"] * 2 == [printer.feed(poll) for poll in POLLS]
    assert b"\x10\x00\x00\x00" == printer.feed(b"\x1da\xff")
    assert b"\x5fTwin-80\x00" == printer.feed(b"\x1dI\x43")
    assert b"\x20" == printer.feed(b"\x1dI\x01")
    assert b"\x00" == printer.feed(b"\x1bu\x00")


def test_a_request_inside_an_image_is_not_answered():
    """It is image."""
    assert b"" == VirtualPrinter().feed(b"\x1dv0\x00\x03\x00\x01\x00\x10\x04\x01")


@pytest.mark.parametrize(
    ("rude", "code", "answers"),
    [
        ("paper_out", "E301", [b"\x1a", b"\x32", b"\x12", b"\x72", b"\x0c", b"\x0c"]),
        ("cover_open", "E302", [b"\x1a", b"\x16", b"\x12", b"\x12", b"\x00", b"\x00"]),
        ("cutter_jammed", "E303", [b"\x1a", b"\x52", b"\x5a", b"\x12", b"\x00", b"\x00"]),
        ("offline", "E305", [b"\x1a", b"\x12", b"\x12", b"\x12", b"\x00", b"\x00"]),
        ("paper_near_end", "W301", [b"\x12", b"\x12", b"\x12", b"\x1e", b"\x03", b"\x03"]),
    ],
)
def test_each_trouble_reads_the_same_by_every_way(rude, code, answers):
    """Asked in real time, asked plainly, or told by itself: one code, one sentence."""
    assert answers == [VirtualPrinter(rude=[rude]).feed(poll) for poll in POLLS]
    for way in (b"".join(POLLS[:4]), b"\x1da\xff"):
        reader, printer = StatusReader(), VirtualPrinter(rude=[rude])
        for number in range(0, len(way), 3):
            reader.asked(way[number : number + 2], way[number + 2])
        for byte in printer.feed(way):
            reader.answered(bytes([byte]))

        assert code == reader.condition.code


def test_automatic_status_comes_at_once_and_with_every_change():
    """The till learns of the open cover and of the closed one."""
    printer, reader = VirtualPrinter(), StatusReader()
    reader.answered(printer.feed(b"\x1da\xff"))
    reader.answered(printer.be_rude("cover_open"))
    assert "E302" == reader.condition.code
    reader.answered(printer.be_rude("cover_open", on=False))
    assert "" == reader.condition.code


def test_paper_out_keeps_the_bytes_until_there_is_paper():
    """Nothing is lost and nothing is printed twice."""
    printer = VirtualPrinter(rude=["paper_out"])
    printer.feed(b"Hello\n\x1dV\x00")
    assert () == printer.paper
    printer.be_rude("paper_out", on=False)
    assert [("Hello",)] == [paper.lines for paper in printer.paper]


@pytest.mark.parametrize(
    ("rude", "answer"), [("silence", b""), ("half_answer", b"\x10\x00"), ("duplicate_answer", b"\x10\x00\x00\x00" * 2)]
)
def test_rude_answers(rude, answer):
    """Each kind of bad answer has a name."""
    assert answer == VirtualPrinter(rude=[rude]).feed(b"\x1da\xff")


def test_every_rudeness_leaves_the_reader_standing():
    """Whatever comes back, the reader neither raises nor grows."""
    for rude in Rudeness:
        printer, reader = VirtualPrinter(rude=[rude.value]), StatusReader()
        for _ in range(300):
            reader.asked(b"\x10\x04", 1)
            reader.answered(printer.feed(b"\x10\x04\x01\x1dI\x43\x1da\xff"))

        assert reader.condition.code in {"", *(trouble.value for trouble in Trouble)}


def test_garbage_is_not_a_trouble():
    """Every byte value alone and in a row."""
    reader = StatusReader()
    reader.answered(bytes(range(256)) * 20)

    assert set(Trouble) == set(SENTENCES)


def test_the_paper_of_a_receipt():
    """What was printed, and what hangs out uncut."""
    printer = VirtualPrinter()
    printer.feed(compose_receipt(sample_receipt(), "ru-two-lines"))
    printer.feed(compose_receipt(sample_receipt(), "th-no-cut"))

    assert 1 == len(printer.paper)
    assert "КАССОВЫЙ ЧЕК" in printer.paper[0].lines
    assert 2 == printer.drawer_pulses
    torn = printer.tear_off()
    assert torn is not None
    assert "เงินทอน" in torn.lines[-3]
    assert printer.tear_off() is None


def test_the_script_keeps_its_word():
    """The scenes of the conformance suite hold as many documents as they say."""
    for scene in VirtualPrinter().script():
        link = driver.conversation(None, device="printer")
        steps = link.from_host(scene.from_host, 0.0)

        assert scene.documents == sum(hasattr(step, "document") for step in steps), scene.name
