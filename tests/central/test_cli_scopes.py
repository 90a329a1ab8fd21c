"""`tillpoint central scopes`, on a real file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from central.cli import main
from central.database import open_database
from central.tills import enrol
from drivers.vocabulary.centre import EnrolRequest


@pytest.fixture
def central(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command; (status, what it printed, what it complained)."""

    def run(*words: str) -> tuple[int, str, str]:
        status = main([*words, "--database", f"sqlite:///{tmp_path / 'central.db'}"])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return run


@pytest.fixture
def till(central: Any, tmp_path: Path) -> str:
    """A till of the north with one member at home there."""
    _, code, _ = central("enrol-code", "--shop", "s1", "--till", "n1", "--scope", "north")
    database = open_database(f"sqlite:///{tmp_path / 'central.db'}")
    with database.write() as connection:
        enrol(connection, EnrolRequest(code=code.strip()), currency="RUB", now=datetime.now(UTC))
    database.close()
    file = tmp_path / "members.csv"
    file.write_text("id,name,card,scope\nnina,Nina,29000001,north\nolga,Olga,29000002,\n", encoding="utf-8")
    assert 0 == central("members", "load", str(file))[0]
    return "n1"


def test_scopes_are_listed_and_set(central: Any, till: str) -> None:
    """Each with its tills, customers and look-ups; a till is moved and told what that means."""
    before = central("scopes", "list")[1]
    moved = central("scopes", "set", till, "south")
    again = central("scopes", "set", till, "south")
    after = central("scopes", "list")[1]

    assert "(everybody): 0 tills, 2 customers; look-ups: 0 found, 0 unknown, 0 refused" in before
    assert "north: 1 tills, 1 customers, 1 at home" in before
    assert 0 == moved[0]
    assert moved[1].startswith("till n1: north → south, 0 customers entered it; a new scope: ")
    assert "has the scope south already" in again[1]
    assert "south: 1 tills, 0 customers" in after


def test_pruning_leaves_homes(central: Any, till: str) -> None:
    """A scope with nobody but its own."""
    assert (0, "0 customers left a scope in which they were not seen for 180 days\n") == central("scopes", "prune")[:2]
    assert "1 at home" in central("scopes", "list")[1]


def test_a_snapshot_of_a_scope_is_made(central: Any, till: str) -> None:
    """Now, not tomorrow."""
    status, out, _ = central("snapshot", "--scope", "north")

    assert 0 == status
    assert "is ready" in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("scopes", "set", "nowhere", "north"), "no till 'nowhere'"),
        (("scopes", "set", "n1", "The North"), "small letters"),
        (("scopes", "prune", "--older-than", "0"), "from 1 to 3650"),
        (("enrol-code", "--shop", "s1", "--till", "t2", "--scope", "a b"), "small letters"),
        (("snapshot", "--scope", "A"), "small letters"),
    ],
)
def test_what_cannot_be_is_said(central: Any, till: str, words: tuple[str, ...], sentence: str) -> None:
    """In one sentence with the next step."""
    status, _, complaint = central(*words)

    assert 1 == status
    assert sentence in complaint
