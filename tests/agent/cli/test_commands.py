"""Every command, called wrongly: one sentence with the next step, exit code 1 or 2, never a traceback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.cli import COMMANDS, main


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Settings whose state folder is not there yet."""
    path = tmp_path / "config.toml"
    path.write_text(f"[till]\nstate_folder = {json.dumps(str(tmp_path / 'state'))}\n", "utf-8")
    return path


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["queue", "status"], "start the agent once to make it"),
        (["queue", "list"], "start the agent once to make it"),
        (["journal"], "start the agent once to make it"),
        (["journal", "--verify"], "start the agent once to make it"),
        (["panel"], "start it with: tillpoint run"),
        (["enrol", "http://127.0.0.1:1", "abcd-efgh"], "cannot reach http://127.0.0.1:1"),
        (["enrol", "http://centre.example", "abcd-efgh"], "https"),
        (["enrol", "ftp://centre.example", "abcd-efgh"], "https"),
    ],
)
def test_before_anything_is_there(
    config: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    """A newcomer's first calls."""
    code = main([*words, "--config", str(config)])

    assert 1 == code
    assert sentence in capsys.readouterr().err


def test_an_unknown_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2: the command line is wrong."""
    assert 2 == main(["jurnal"])
    assert "did you mean 'journal'?" in capsys.readouterr().err


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Also without a word."""
    assert 0 == main([])
    overview = capsys.readouterr().out

    assert [] == [name for name in COMMANDS if f"  {name}" not in overview]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_its_own_help(capsys: pytest.CaptureFixture[str], name: str) -> None:
    """`tillpoint NAME --help` works for each."""
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])

    said = capsys.readouterr().out
    assert 0 == ended.value.code
    assert f"tillpoint {name}" in said
    assert said.split("\n\n")[1].endswith("."), "no sentence says what it is for"


def test_a_till_offers_nothing_that_needs_a_centre(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not installed there is not listed, and its name is no slip of the finger."""
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **wanted: ())

    assert 0 == main([])
    overview = capsys.readouterr().out
    assert [] == [name for name in ("demo", "central", "simulate") if f"  {name} " in overview]
    assert 2 == main(["central", "run"])
    assert "central is not on a till" in capsys.readouterr().err


def test_queue_and_journal_beside_a_till(rig: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What waits, one envelope whole, what happened with a slip, and that the chain holds."""
    from drivers.vocabulary import checkout as contract

    config = tmp_path / "config.toml"
    config.write_text(f"[till]\nstate_folder = {json.dumps(str(rig.folder))}\n", "utf-8")
    request = contract.ConfirmRequest(receipt=rig.paid("r-1", "100", "0"), customer_id="m-2")
    claim = rig.desk.confirm(request, source="api").claim_code

    def told(*words: str) -> Any:
        code = main([*words, "--json", "--config", str(config)])
        out = capsys.readouterr().out
        assert 0 == code, out
        return json.loads(out)

    assert 1 == told("queue", "status")["waiting"]
    waiting = told("queue", "list")
    assert ["receipt.confirmed"] == [one["kind"] for one in waiting]
    assert "m-2" == told("queue", "show", waiting[0]["id"])["body"]["customer_id"]
    assert [] == told("queue", "shelf")
    assert ["r-1"] == [one["receipt"] for one in told("journal", "--claim", claim.lower())]
    assert ["+10"] == [one["points"] for one in told("journal", "--customer", "m-2")]
    assert 1 == len(told("journal", "--day", "2026-03-02"))
    assert 1 == main(["journal", "--day", "yesterday", "--config", str(config)])
    assert "write it like 2026-03-02" in capsys.readouterr().err
    assert told("journal", "--verify") == {"ok": True, "checked": 1, "broken": None, "why": ""}
