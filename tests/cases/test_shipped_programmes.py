"""Every programme in docs/programmes decides the receipt written beside it as the text says."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.loyalty.describe import describe
from agent.loyalty.explain import LANGUAGES
from tests.cases.receipt_case import PROGRAMMES, read_case, read_programme, told

SHIPPED = sorted(PROGRAMMES.glob("*.toml"), key=lambda path: path.name)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_programme_decides_as_written(path: Path) -> None:
    """The case beside the programme is what it does."""
    case = read_case(path.with_suffix("").with_suffix(".case.txt").read_text(encoding="utf-8"))
    actual = told(case)

    assert case.expected == actual, "decided:\n" + "\n".join(actual)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_programme_is_described_in_every_language(path: Path) -> None:
    """One sentence a rule, with every blank filled."""
    programme = read_programme(path.stem, [])
    for language in LANGUAGES:
        lines = describe(programme, language=language)

        assert len(programme.file.rules) == len(lines)
        assert not any("{" in line for line in lines)


def test_there_is_a_case_for_each_shipped_programme() -> None:
    """A programme without a case, or a case without a programme, is a mistake."""
    cases = sorted(path.name.removesuffix(".case.txt") for path in PROGRAMMES.glob("*.case.txt"))

    assert [path.stem for path in SHIPPED] == cases
