"""Loyalty lines as bytes: code pages, substitutes, width, and no way to smuggle a command."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.printers.escpos.commands import BY_NAME
from drivers.printers.escpos.document import Formatting
from drivers.printers.escpos.frames import Tokenizer
from drivers.printers.escpos.models import profile_named
from drivers.printers.escpos.slip import FEED_BEFORE_CUT_LINES, Place, columns_of, compose_slip, guess_columns
from drivers.printers.escpos.text import width_of


def place(**given_place):
    known = {
        "is_open": True,
        "formatting": Formatting(),
        "codecs": {},
        "feeds": 0,
        "text_columns": 30,
    }
    return Place(**(known | given_place))


def text_of(slip, codec):
    return b"".join(token.data for token in Tokenizer().feed(slip) if token.command.name == "text").decode(codec)


def test_the_page_in_use_is_kept_when_it_can_print_the_lines():
    """No ESC t is sent, so nothing needs to be put back."""
    slip = compose_slip(
        ["Баллы: +5 ₽ «ура»"],
        place=place(formatting=Formatting(page=17), codecs={17: "cp866"}),
        profile=profile_named("epson"),
        columns=0,
    )

    assert 'Баллы: +5 руб "ура"\n' == text_of(slip, "cp866")
    assert b"\x1bt" not in slip


def test_another_page_is_selected_by_the_printers_own_number():
    """Thai on a printer that stands on page 0, and the old page afterwards."""
    selected = (BY_NAME["code_page"], b"\x1bt\x00")
    slip = compose_slip(
        ["แต้ม +5"],
        place=place(formatting=Formatting(page=0, states=(selected,)), codecs={0: "cp437"}),
        profile=profile_named("epson"),
        columns=0,
    )

    assert b"\x1bt\x14" in slip
    assert slip.endswith(b"\x1bt\x00")
    assert "แต้ม +5\n" == text_of(slip, "cp874")


def test_what_no_page_can_print_is_replaced():
    """An accent is dropped before its letter, the rest becomes a question mark."""
    slip = compose_slip(["Dvořák ☃ 5"], place=place(), profile=profile_named("tm-t88iii"), columns=0)

    assert "?" in text_of(slip, "cp437") or "Dvorak" in text_of(slip, "cp852")


def test_lines_are_clipped_to_the_paper_and_marks_take_no_column():
    """32 columns of Thai are more than 32 characters."""
    line = "ที่นี่" * 20
    slip = compose_slip([line], place=place(), profile=profile_named("epson-58"), columns=0)
    printed = text_of(slip, "cp874").rstrip("\n")

    assert line.startswith(printed)
    assert 32 == width_of(printed) < len(printed)


def test_an_open_line_is_closed_first_and_the_knife_meets_blank_paper():
    """The slip begins on its own line and feeds when the cut does not."""
    slip = compose_slip(
        ["A"],
        place=place(formatting=Formatting(line_open=True), feeds=FEED_BEFORE_CUT_LINES),
        profile=profile_named("epson"),
        columns=0,
    )

    assert slip.startswith(b"\n")
    assert b"A\n\x1bd" + bytes([FEED_BEFORE_CUT_LINES]) in slip


@pytest.mark.parametrize("closed", [{"is_open": False}, {"formatting": Formatting(page_mode=True)}])
def test_nothing_is_put_inside_a_command_or_a_page(closed):
    """There is no place for lines there."""
    assert b"" == compose_slip(["A"], place=place(**closed), profile=profile_named("auto"), columns=0)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=5))
def test_no_line_can_be_a_command(lines):
    """Whatever a customer is called, the slip holds text and our own formatting only."""
    slip = compose_slip(lines, place=place(), profile=profile_named("epson"), columns=42)
    names = {token.command.name for token in Tokenizer().feed(slip)}

    assert names <= {"text", "mode", "align", "bold", "size", "code_page"}


def test_columns_are_guessed_from_the_document():
    """The narrowest paper that holds the longest line."""
    assert [32, 42, 48, 64] == [guess_columns(width) for width in (0, 33, 48, 200)]
    assert 5 == columns_of(["abc", "abcde  "])


def test_the_bytes_are_those_of_the_library():
    """python-escpos sends the same for plain text to the left and for feeding the paper."""
    from escpos.printer import Dummy

    printer = Dummy()
    printer.set(align="left", bold=False, normal_textsize=True)
    printer._raw(b"A\n")
    printer.print_and_feed(FEED_BEFORE_CUT_LINES)
    slip = compose_slip(["A"], place=place(feeds=FEED_BEFORE_CUT_LINES), profile=profile_named("epson"), columns=0)

    assert printer.output == slip.removeprefix(BY_NAME["size"].neutral)


def test_a_slip_in_line_costs_no_library():
    """Neither the driver nor its first slip imports python-escpos: 180 ms and 9 MB that the till keeps."""
    code = (
        "import sys; from drivers.printers.escpos import driver; driver.warm_up() if driver.warm_up else None; "
        "from tests.drivers.printers.escpos.test_slip import place; "
        "from drivers.printers.escpos.models import profile_named; from drivers.printers.escpos.slip import compose_slip; "
        "print(bool(compose_slip(['A'], place=place(), profile=profile_named('epson'), columns=0)), "
        "'escpos' in sys.modules, 'PIL' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "True False False" == done.stdout.strip()


def test_warming_up_leaves_nothing_to_wait_for():
    """After it the first conversation compiles nothing."""
    code = (
        "from drivers.printers.escpos import driver; driver.warm_up(); "
        "from drivers.printers.escpos.layout_files import _compiled, shipped_names; "
        "driver.conversation(None, device='p'); "
        "print(_compiled.cache_info().misses == len(shipped_names()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "True" == done.stdout.strip()


def test_warming_up_a_slip_printer_imports_its_library():
    """Its first slip has a QR code to make."""
    code = (
        "import sys; from drivers.printers.escpos import slip_driver as d; d.warm_up(); print('escpos' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "True" == done.stdout.strip()
