"""`tillpoint evaluate` and `tillpoint programme` as they are called: real files, real pipes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.cli import main
from agent.loyalty import evaluate, load
from drivers.vocabulary import codec
from tests.cases.receipt_case import PROGRAMMES, read_case

CASE = read_case((PROGRAMMES / "grocery.case.txt").read_text(encoding="utf-8"))
ROOT = PROGRAMMES.parents[1]


def ask_lines(*lines: bytes, words: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Answers of a fresh `tillpoint evaluate --jsonl` to these lines."""
    command = [sys.executable, "-m", "agent.cli", "evaluate", "--jsonl", *words]
    done = subprocess.run(
        command, input=b"\n".join(lines) + b"\n", capture_output=True, timeout=60, check=False, cwd=ROOT
    )

    assert (0, b"") == (done.returncode, done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def question(**changes: Any) -> dict[str, Any]:
    """A good line, changed here and there; None takes a key away."""
    whole = {
        "programme": codec.to_builtins(CASE.programme.file),
        "receipt": codec.to_builtins(CASE.receipt),
        "customer": codec.to_builtins(CASE.customer),
        "at": CASE.now.isoformat(),
        "points": 100,
        **changes,
    }
    return {key: value for key, value in whole.items() if value is not None}


def dumped(**changes: Any) -> bytes:
    """The same as a line."""
    return json.dumps(question(**changes)).encode()


def test_a_line_is_decided_as_the_engine_decides() -> None:
    """Byte for byte what evaluate() says; the programme may be TOML text, or come with the command."""
    toml = (PROGRAMMES / "grocery.toml").read_text(encoding="utf-8")
    answers = ask_lines(
        dumped(),
        dumped(programme=toml),
        dumped(programme=None),
        words=("--programme", str(PROGRAMMES / "grocery.toml")),
    )
    expected = json.loads(codec.encode(CASE.decision))

    assert [expected] * 3 == answers


def test_a_line_may_name_a_donation_and_a_partner() -> None:
    """What is given to a fund leaves the balance; a partner that the programme does not name is told."""
    (answer,) = ask_lines(dumped(points=0, donation=50, partner="bank"))

    assert [
        {"effect": "points_donated", "rule": "shelter", "unit": "bonus", "amount": 50, "fund": "Shelter for dogs"}
    ] == [effect for effect in answer["effects"] if effect["effect"] == "points_donated"]
    assert "partner_unknown" in [why["code"] for why in answer["explanations"]]


def test_it_never_stops_at_a_bad_line() -> None:
    """Each bad line is answered with the field at fault, and the good one after it is decided."""
    receipt = question()["receipt"]
    broken = {**receipt, "lines": [{**receipt["lines"][0], "price": 89.9}, *receipt["lines"][1:]]}
    answers = ask_lines(
        b"not json",
        b"\xff\xfe",
        b"[" * 5000,
        b"",
        b"null",
        b"{}",
        dumped(receipt=broken),
        dumped(receipt={**receipt, "totl": 1}),
        dumped(programme={**question()["programme"], "rulez": []}),
        dumped(customer={"id": ""}),
        dumped(at="yesterday"),
        dumped(at="2026-03-03T09:15:00"),
        dumped(points="all"),
        dumped(programme=None),
        dumped(),
    )
    fields = [answer["error"]["field"] if "error" in answer else "decided" for answer in answers]

    assert [
        "",
        "",
        "",
        "",
        "receipt",
        "receipt.lines[0].price",
        "receipt.totl",
        "programme.rulez",
        "customer.id",
        "at",
        "at",
        "points",
        "programme",
        "decided",
    ] == fields
    assert not any("internal" in answer["error"]["message"] for answer in answers if "error" in answer)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """The grocery case as files, and the command that reads them."""
    (tmp_path / "receipt.json").write_bytes(codec.encode(CASE.receipt))
    (tmp_path / "customer.json").write_bytes(codec.encode(CASE.customer))
    return [
        "evaluate",
        *("--programme", str(PROGRAMMES / "grocery.toml")),
        *("--receipt", str(tmp_path / "receipt.json")),
        *("--customer", str(tmp_path / "customer.json")),
        *("--at", CASE.now.isoformat()),
    ]


def test_files_are_decided(files: list[str], capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """One receipt, one line of JSON."""
    assert 0 == main([*files, "--points", "100"])
    assert codec.encode(CASE.decision) + b"\n" == capfdbinary.readouterr().out


def test_a_decision_in_words(files: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    """For a person at a terminal."""
    assert 0 == main([*files, "--points", "max", "--lang", "ru"])
    assert "Card discount: скидка 71,00\N{NO-BREAK SPACE}₽" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--points", "many"], "points: write a whole number or max, not 'many'"),
        (["--at", "noon"], "at: "),
        (["--receipt", "nowhere.json"], "cannot read nowhere.json"),
        (["--programme", "nowhere.toml"], "cannot read nowhere.toml"),
    ],
)
def test_a_wrong_word_is_one_sentence(
    files: list[str], words: list[str], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """No traceback, an exit code, and what to mend."""
    assert 1 == main([*files, *words])
    assert said in capfd.readouterr().err


def test_programme_check(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Good files are named, bad ones are mended line by line."""
    bad = tmp_path / "bad.toml"
    bad.write_text('version = 1\ntitel = "t"\n', encoding="utf-8")

    assert 0 == main(["programme", "check", str(PROGRAMMES / "grocery.toml")])
    assert 1 == main(["programme", "check", str(bad)])
    said = capfd.readouterr().out

    assert "Grocery round the corner, version 1: 10 rules" in said
    assert f"{bad}:2: titel: unknown key; did you mean title?" in said


def test_programme_explain_and_schema(capfd: pytest.CaptureFixture[str]) -> None:
    """Sentences in a language, and a schema that is JSON."""
    assert 0 == main(["programme", "explain", str(PROGRAMMES / "discount-card.toml"), "--lang", "th"])
    assert "ลดตามระดับ: Regular 5 %, Friend of the house 10 %" in capfd.readouterr().out
    assert 0 == main(["programme", "schema"])
    assert "ProgrammeFile" in json.loads(capfd.readouterr().out)["$defs"]


def test_the_case_is_what_the_files_say() -> None:
    """The decision compared with above is the engine's own."""
    programme = load((PROGRAMMES / "grocery.toml").read_bytes(), name="grocery.toml")

    assert not isinstance(programme, list)
    assert CASE.decision == evaluate(programme, CASE.receipt, CASE.customer, CASE.now, points=CASE.ask)
