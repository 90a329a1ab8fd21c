"""`tillpoint programme` diff, keys, sign, verify and coverage as they are called: real files."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.cli import main
from agent.cli.coverage import Row, coverage, read_rows
from tests.cases.receipt_case import PROGRAMMES

GROCERY = PROGRAMMES / "grocery.toml"
TESTS = PROGRAMMES.parents[1] / "tests"


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """The grocery programme with another share."""
    path = tmp_path / "changed.toml"
    path.write_text(GROCERY.read_text(encoding="utf-8").replace("share = 30", "share = 50"), encoding="utf-8")
    return path


def test_diff_ends_with_1_when_anything_differs(changed: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """And with 0, saying nothing, when nothing does."""
    assert 0 == main(["programme", "diff", str(GROCERY), str(GROCERY)])
    assert "" == capfd.readouterr().out
    assert 1 == main(["programme", "diff", str(GROCERY), str(changed), "--lang", "ru"])
    said = capfd.readouterr().out

    assert "spend: было: Pay with bonuses: bonus оплачивают до 30 % товаров" in said
    assert "spend: стало: Pay with bonuses: bonus оплачивают до 50 % товаров" in said
    assert "  share: 30 → 50" in said


def test_diff_of_a_bad_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What is wrong with it is said."""
    bad = tmp_path / "bad.toml"
    bad.write_text("version = 1\n", encoding="utf-8")

    assert 1 == main(["programme", "diff", str(GROCERY), str(bad)])
    said = capfd.readouterr()

    assert "title is missing" in said.out
    assert "both files must be good programmes" in said.err


def test_sign_and_verify(changed: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A signed file verifies; one byte more, or no signature, does not."""
    name = str(tmp_path / "centre")

    assert 0 == main(["programme", "keys", name])
    assert 0 == main(["programme", "sign", str(changed), "--key", f"{name}.key"])
    assert changed.with_name("changed.toml.sig").is_file()
    assert 0 == main(["programme", "verify", str(changed), "--key", f"{name}.pub"])
    assert "Grocery round the corner, version 1, signed with key" in capfd.readouterr().out
    changed.write_bytes(changed.read_bytes() + b"\n")
    assert 1 == main(["programme", "verify", str(changed), "--key", f"{name}.pub"])
    assert "the file was changed after it was signed" in capfd.readouterr().err
    assert 1 == main(["programme", "verify", str(GROCERY), "--key", f"{name}.pub"])
    assert "cannot read" in capfd.readouterr().err


def test_a_bad_programme_is_not_signed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A till would refuse it anyway."""
    bad = tmp_path / "bad.toml"
    bad.write_text("version = 1\n", encoding="utf-8")

    assert 0 == main(["programme", "keys", str(tmp_path / "k")])
    assert 1 == main(["programme", "sign", str(bad), "--key", str(tmp_path / "k.key")])
    assert not bad.with_name("bad.toml.sig").exists()
    assert "title is missing" in capfd.readouterr().out


def test_coverage_reads_names(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A name may carry several rows; what no name carries is not covered."""
    cases = tmp_path / "cases"
    cases.mkdir()
    (cases / "rows.toml").write_text('[rows]\n47 = "times two"\n9 = "codes"\n4 = "gain"\n', encoding="utf-8")
    (cases / "test_a.py").write_text(
        "def test_row_47_row_4_both() -> None: ...\ndef helper_row_9() -> None: ...\ndef test_arrow_9() -> None: ...\n",
        encoding="utf-8",
    )

    assert 1 == main(["programme", "coverage", "--tests", str(tmp_path)])
    assert [
        "  4  gain: cases/test_a.py::test_row_47_row_4_both",
        "  9  codes: NOT COVERED",
        " 47  times two: cases/test_a.py::test_row_47_row_4_both",
        "2 of 3 rows covered; not covered: 9",
    ] == capfd.readouterr().out.splitlines()


def test_coverage_of_another_folder_is_one_sentence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It says where to call it."""
    assert 1 == main(["programme", "coverage", "--tests", str(tmp_path)])
    assert "call it in the project's folder" in capfd.readouterr().err


def test_no_test_names_a_row_that_is_not_listed() -> None:
    """Every row that a case's name carries is in the list, by its number."""
    rows = read_rows(TESTS / "cases" / "rows.toml")
    every = coverage([Row(number, "") for number in range(1, 200)], TESTS)
    named = {row.number for row, tests in every.items() if any(test.startswith("cases/") for test in tests)}

    assert set() == named - {row.number for row in rows}
