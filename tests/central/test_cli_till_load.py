"""`tillpoint central till-load`, on a real file: cards in the clear leave the centre only this way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from central.cli import main

PROGRAMME = """
version = 1
title = "Club"
currency = "RUB"
zone = "Europe/Moscow"
units.bonus = { worth = "1.00 RUB" }
tiers = [ { id = "silver", title = "Silver", spent_from = "5000 RUB" }, { id = "gold", title = "Gold", spent_from = "9000 RUB" } ]

[[rules]]
kind = "tier_discount"
id = "card"
percents = { silver = 5, gold = 7 }

[[rules]]
kind = "tier_discount"
id = "mornings"
percents = { silver = 20 }
when.customer = "identified"
"""
MEMBERS = "id,name,phone,card,tier\nanna,Anna,+79000000001,2900000000018,silver\nolga,Olga,+79000000002,2900000000025,gold\nnina,Nina,+79000000003,,gold\nvera,Vera,,2900000000032,\n"


@pytest.fixture
def central(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command; (status, what it printed, what it complained)."""

    def run(*words: str) -> tuple[int, str, str]:
        status = main([*words, "--database", f"sqlite:///{tmp_path / 'central.db'}"])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    (tmp_path / "members.csv").write_text(MEMBERS, encoding="utf-8")
    (tmp_path / "programme.toml").write_text(PROGRAMME, encoding="utf-8")
    assert 0 == run("members", "load", str(tmp_path / "members.csv"))[0]
    return run


def test_tiers_come_from_the_programme_and_cards_from_the_members(central: Any, tmp_path: Path) -> None:
    """Rules with conditions are not a plain discount; who has no card or no tier is left out; no name leaves unasked."""
    load, flag = tmp_path / "load.txt", tmp_path / "load.flag"
    assert 0 == central("programme", "set", str(tmp_path / "programme.toml"))[0]
    status, told, _ = central("till-load", "frontol", str(load), "--flag", str(flag), "--counter", "3")
    text = load.read_bytes().decode("cp1251")

    assert (0, True) == (status, flag.exists())
    assert f"{load} is written for АТОЛ Frontol 5 and 6: Silver 5 % as 101, Gold 7 % as 102\n" == told
    assert [line.split(";")[1:3] + line.split(";")[9:11] for line in text.splitlines() if ";2900" in line] == [
        ["101", "2900000000018", "3", "5"],
        ["102", "2900000000025", "3", "7"],
    ]
    assert "Anna" not in text
    status, _, complained = central("till-load", "frontol", str(load), "--flag", str(flag))
    assert (1, f"{load} waits: the POS has not taken the one before; nothing was written\n") == (status, complained)


def test_percents_can_be_said(central: Any, tmp_path: Path) -> None:
    load = tmp_path / "load.txt"
    assert 0 == central("till-load", "shtrih_kassir", str(load), "--percent", "gold=7.5", "--clients")[0]
    text = load.read_bytes().decode("cp1251")

    assert "%2900000000025;Olga;" in text
    assert "2900000000018" not in text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("frontol", "x"), "no tier has a plain discount in the programme; say it with --percent TIER=PERCENT"),
        (("frontol", "x", "--percent", "gold"), "write it like gold=7.5"),
        (("frontl", "x"), "no till system is called 'frontl'; known are "),
        (("kilbil", "x"), "takes no load files from us"),
        (("frontol", "x", "--generation", "older"), "--generation older: there are new, old"),
        (
            ("frontol", "/nowhere/x", "--percent", "gold=5"),
            f"cannot write {Path('/nowhere/x')}: No such file or directory",
        ),
    ],
)
def test_what_cannot_be_is_said(central: Any, words: tuple[str, ...], sentence: str) -> None:
    status, _, complained = central("till-load", *words)

    assert status != 0
    assert sentence in complained
