"""Lines of a report in every encoding a POS writes, and its numbers, in whatever pieces they come."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from drivers.tills.report_lines import Lines, moment, quantity_steps, units

TEXT = "#\r\n1;Хлеб;12,50\r\nпо¤ловина\r\nне конец"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("step", [1, 3, 1000])
def test_every_encoding_tells_itself(encoding: str, step: int) -> None:
    data = TEXT.encode(encoding)
    lines = Lines("auto", "r.txt")
    found = [line for start in range(0, len(data), step) for line in lines.feed(data[start : start + step])]

    assert ["#", "1;Хлеб;12,50", "по¤ловина"] == found
    assert ("не конец", 3, "") == (lines.last(), lines.number, lines.problem)
    assert lines.held


def test_lines_of_two_encodings_in_one_file() -> None:
    """A POS that was updated goes on in UTF-8 where it wrote Windows-1251 before."""
    data = "1;Хлеб\r\n".encode("cp1251") + b"2;Cheese\r\n"

    assert ["1;Хлеб", "2;Cheese"] == Lines("auto", "r").feed(data)


def test_a_wrong_encoding_is_said_with_line_and_next_step() -> None:
    """What came before it is read; the rest is left as it is."""
    lines = Lines("utf-8", "r.txt")

    assert ["#", "1;bread"] == lines.feed("#\n1;bread\n2;Хлеб\n3;x\n".encode("cp1251"))
    assert lines.problem.startswith("r.txt, line 3: this is not utf-8; set reports.encoding")
    assert [] == lines.feed(b"4;x\n")


def test_an_endless_line_is_some_other_file() -> None:
    lines = Lines("auto", "photo.txt")
    lines.feed(b"x" * 70_000)

    assert "too long for a transaction" in lines.problem


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("12,50", 1250),
        ("-0,5", -50),
        ("", 0),
        ("7", 700),
        ("3.335", 334),
        ("-16,49", -1649),
        (" 1,00 ", 100),
        ("1e2", 10000),
    ],
)
def test_amounts(text: str, minor: int) -> None:
    assert minor == units(text, 2)


@pytest.mark.parametrize("text", ["x", "1,2,3", "nan", "inf", "1e400", "9" * 60, "--1", "1_0"])
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="number"):
        units(text, 2)


def test_quantities_and_times() -> None:
    assert 351_000 == quantity_steps("0,351")
    assert datetime(2023, 4, 5, 19, 30, 1, tzinfo=UTC) == moment("05.04.23", "19:30:01", UTC)
    assert datetime(2016, 2, 11, 9, 5, tzinfo=UTC) == moment("11.02.2016", "9:05", UTC)
    assert moment("31.02.2016", "1:00:00", UTC) is None
    assert moment("", "", UTC) is None
