"""Columns: numbers are never cut, Thai marks take none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.slips.text import column_width, fit, group_digits, languages, pair, plural, words


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("คะแนนคงเหลือ", 11), ("ที่", 1), ("Было", 4)])
def test_width_counts_columns(text: str, columns: int) -> None:
    """Vowels above and below a Thai consonant take no column."""
    assert columns == column_width(text)


@given(st.text(max_size=60), st.integers(0, 10**9), st.sampled_from([24, 32, 42, 48, 64]))
def test_a_pair_is_exactly_as_wide_as_the_printer(label: str, number: int, columns: int) -> None:
    """The label gives way, the number stands whole at the right edge."""
    label = "".join(character for character in label if character.isprintable())
    line = pair(label, str(number), columns)

    assert columns == column_width(line)
    assert line.endswith(str(number))


def test_a_long_text_ends_in_dots() -> None:
    """Something was left out, and it shows."""
    assert fit("БОНУСНАЯ ПРОГРАММА", 8) == "БОНУСН.."


@pytest.mark.parametrize(
    ("number", "language", "form"),
    [
        (1, "ru", "one"), (2, "ru", "few"), (5, "ru", "many"), (11, "ru", "many"), (21, "ru", "one"), (101, "ru", "one"),
        (0, "ru", "many"), (112, "ru", "many"), (1, "en", "one"), (2, "en", "other"), (1, "th", "other"),
    ],
)  # fmt: skip
def test_plural_forms(number: int, language: str, form: str) -> None:
    """CLDR rules for whole numbers."""
    assert form == plural(number, language)


def test_digits_are_grouped() -> None:
    """A plain space: printers know no other."""
    assert group_digits(1240, "ru") == "1 240"
    assert group_digits(1240, "en") == "1,240"


def test_every_language_has_every_word() -> None:
    """A fourth language is one more file, and a whole one."""
    assert {"en", "ru", "th"} <= languages()
    assert [name for name in sorted(languages()) if words(name).keys() != words("en").keys()] == []
