"""What `tillpoint receipts try` says of a capture, as values and on the command line."""

from __future__ import annotations

import argparse
import json

import pytest

from agent.cli import receipts
from drivers.printers.escpos import EscposSettings
from drivers.printers.escpos.driver import receipt_reader
from drivers.printers.escpos.inspect_stream import inspect_stream
from drivers.printers.escpos.models import profile_named
from drivers.printers.escpos.pos_simulator import compose_receipt, sample_receipt

RECEIPT = compose_receipt(sample_receipt(), "ru-two-lines")
UNKNOWN_TILL = (
    "Kauppa Oy\nMaito 1L       2 x 1,90    3,80\nLeipä          1 x 2,10    2,10\nYHTEENSÄ                   5,90\n"
).encode("cp437") + b"\x1dV\x00"


def inspected(stream, **chosen):
    chosen = EscposSettings(**chosen)
    reader = receipt_reader(chosen, device="capture", new_uid=lambda: "p-new")
    return inspect_stream(stream, reader=reader, profile=profile_named(chosen.profile))


def test_each_line_says_what_it_was_taken_for():
    """Items with their numbers, the total, tenders, and the sum that was checked."""
    report = inspected(RECEIPT)
    roles = {line.text.split()[0]: (line.role, line.detail) for line in report.documents[0].lines if line.text.strip()}

    assert ("total", "1410.00") == roles["ИТОГ"]
    assert ("tender", "cash 1500.00") == roles["НАЛИЧНЫМИ"]
    assert ("item", "'Milk 3.2% 1L': 2 x 89.90 = 179.80") == roles["2"]
    assert "169.80 + 1234.50 + 15.00 - 9.30 = 1410.00" == report.documents[0].arithmetic
    assert report.is_escpos


def test_an_unknown_till_gets_a_layout_that_then_works(tmp_path):
    """The proposal, saved as it is, reads the receipt it was made from."""
    report = inspected(UNKNOWN_TILL, currency="EUR")
    assert report.documents[0].document.receipt is None
    path = tmp_path / "my-till.toml"
    path.write_text(report.documents[0].proposal, "utf-8")
    again = inspected(UNKNOWN_TILL, currency="EUR", layouts=(str(path),))

    assert "5.90 EUR" == str(again.documents[0].document.receipt.total)
    assert ["Maito 1L", "Leipä"] == [line.name for line in again.documents[0].document.receipt.lines]


def test_rubbish_is_not_taken_for_a_printer_stream():
    """Neither an empty stream nor random bytes."""
    assert not inspected(b"").is_escpos
    assert not inspected(bytes(range(256)) * 40).is_escpos


def run(*words):
    parser = argparse.ArgumentParser(prog="tillpoint")
    receipts.add_parser(parser.add_subparsers(dest="command", required=True))
    return receipts.run(parser.parse_args(["receipts", "try", *words]))


def test_the_command_shows_a_capture(tmp_path, capsys):
    """In words and as JSON."""
    path = tmp_path / "capture.bin"
    path.write_bytes(RECEIPT)

    assert 0 == run(str(path))
    assert "adds up: 169.80 + 1234.50 + 15.00 - 9.30 = 1410.00" in capsys.readouterr().out
    assert 0 == run(str(path), "--json", "--profile", "epson", "--layout", "ru-two-lines")
    assert "1410.00 RUB" == json.loads(capsys.readouterr().out)["documents"][0]["receipt"]["total"]


def test_the_command_proposes_a_layout(tmp_path, capsys):
    """Exit code 1 says that something was not understood."""
    path = tmp_path / "capture.bin"
    path.write_bytes(UNKNOWN_TILL)

    assert 1 == run(str(path), "--currency", "EUR")
    assert 'total = ["YHTEENSÄ"]' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "words", "expected"),
    [
        (None, [], "cannot read"),
        (b"", [], "is empty"),
        (bytes(range(256)) * 40, [], "holds no ESC/POS document"),
        (RECEIPT, ["--profile", "nonsense"], "no printer profile 'nonsense'"),
        (RECEIPT, ["--layout", "nonsense"], "no layout 'nonsense'"),
        (RECEIPT, ["--currency", "roubles"], "currency"),
    ],
)
def test_errors_are_one_sentence(tmp_path, capsys, content, words, expected):
    """What cannot be used is named, with the next step, and exit code 2."""
    path = tmp_path / "capture.bin"
    if content is not None:
        path.write_bytes(content)

    assert 2 == run(str(path), *words)
    said = capsys.readouterr().err
    assert expected in said
    assert 1 == said.count("\n")
