"""What support does with a till's file: look at it beside the agent, export it, verify it, send a refused one again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.cli import main
from agent.cli.export import LEFT_OUT, without_people
from agent.cli.journal import CHAIN_BROKEN
from drivers.vocabulary import checkout as contract


@pytest.fixture
def config(rig: Any, tmp_path: Path) -> Path:
    """Settings of the till whose desk is open in this process: a running agent."""
    path = tmp_path / "config.toml"
    path.write_text(f"[till]\nstate_folder = {json.dumps(str(rig.folder))}\n", "utf-8")
    return path


@pytest.fixture
def sell(rig: Any) -> Callable[..., str]:
    """Confirm receipts; the last one's claim code."""

    def confirm(*numbers: int) -> str:
        claim = ""
        for number in numbers:
            receipt = rig.paid(f"r-{number}", "100", "0")
            request = contract.ConfirmRequest(receipt=receipt, customer_id="m-2")
            claim = rig.desk.confirm(request, source="api").claim_code
        return claim

    return confirm


@pytest.fixture
def call(config: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command: exit code, standard output, standard error."""

    def run(*words: str) -> tuple[int, str, str]:
        code = main([*words, "--config", str(config)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


# ── export ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_export_is_json_lines_in_order_with_their_state(rig: Any, sell: Any, call: Any) -> None:
    """To the standard output, beside the running agent; the hashes are the chain's."""
    sell(1, 2, 3)
    rig.desk.store.settle(epoch=1, through=2, refused={2: "unknown customer"})
    code, out, _ = call("queue", "export")
    told = lines(out)

    assert 0 == code
    assert [1, 2, 3] == [one["sequence"] for one in told]
    assert ["acknowledged", "refused", "waiting"] == [one["state"] for one in told]
    assert "unknown customer" == told[1]["reason"]
    assert told[0]["hash"] == told[1]["previous"]
    assert "r-3" == told[2]["body"]["receipt"]["uid"]


def test_an_export_names_nobody(sell: Any, call: Any) -> None:
    """The customer is in the envelope on disk, and not in what is given away."""
    sell(1)
    _, shown, _ = call("journal", "--json")
    _, out, _ = call("queue", "export")

    assert "m-2" in shown
    assert "m-2" not in out
    assert LEFT_OUT == lines(out)[0]["body"]["customer_id"]


def test_whatever_could_name_a_person_is_left_out_wherever_it_is() -> None:
    """By the name of the field, at any depth; an empty field stays empty, goods keep their names."""
    body = {
        "contact": {"box": "00"},
        "phone_mask": "+7900***01",
        "receipt": {"cashier": "Olga", "lines": [{"name": "tea"}], "number": "12"},
        "customer_id": None,
        "raw": "TOTAL",
    }

    assert {
        "contact": LEFT_OUT,
        "phone_mask": LEFT_OUT,
        "receipt": {"cashier": LEFT_OUT, "lines": [{"name": "tea"}], "number": "12"},
        "customer_id": None,
        "raw": LEFT_OUT,
    } == without_people(body)


def test_an_export_goes_on_where_it_was_broken_off(sell: Any, call: Any, tmp_path: Path) -> None:
    """A torn last line is written anew, what is there is not written twice."""
    sell(1, 2, 3)
    file = tmp_path / "export.jsonl"
    assert "3 envelopes written" in call("queue", "export", "--to", str(file))[1]
    file.write_bytes(file.read_bytes()[:-40])
    sell(4)
    assert 2 == json.loads(call("queue", "export", "--to", str(file), "--json")[1])["written"]
    assert 0 == json.loads(call("queue", "export", "--to", str(file), "--json")[1])["written"]

    assert [1, 2, 3, 4] == [one["sequence"] for one in lines(file.read_text("utf-8"))]


@pytest.mark.parametrize("content", ["dear diary\n", "dear diary", '{"epoch": 1}\n'])
def test_a_foreign_file_is_left_as_it_is(sell: Any, call: Any, tmp_path: Path, content: str) -> None:
    """A mistyped name must not cost anybody a file."""
    sell(1)
    file = tmp_path / "diary.txt"
    file.write_text(content, "utf-8")
    code, _, error = call("queue", "export", "--to", str(file))

    assert (1, content) == (code, file.read_text("utf-8"))
    assert "is no export" in error


def test_another_tills_export_is_not_gone_on_with(sell: Any, call: Any, tmp_path: Path) -> None:
    """The hash of its last line is not ours."""
    sell(1)
    file = tmp_path / "export.jsonl"
    call("queue", "export", "--to", str(file))
    line = lines(file.read_text("utf-8"))[0]
    file.write_text(json.dumps(line | {"hash": "0" * 64}) + "\n", "utf-8")

    assert "of another till" in call("queue", "export", "--to", str(file))[2]


def test_a_folder_that_cannot_be_written_is_a_sentence(sell: Any, call: Any, tmp_path: Path) -> None:
    """Exit code 1, with the file's name."""
    sell(1)
    code, _, error = call("queue", "export", "--to", str(tmp_path / "none" / "export.jsonl"))

    assert 1 == code
    assert "give another file" in error


# ── retry ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_refused_envelope_is_sent_again_while_the_agent_is_stopped(rig: Any, sell: Any, call: Any) -> None:
    """Beside a running agent it is a sentence; afterwards the shelf is empty and the fact waits again."""
    sell(1, 2)
    rig.desk.store.settle(epoch=1, through=2, refused={1: "unknown customer"})
    refused = json.loads(call("queue", "shelf", "--json")[1])[0]
    code, _, error = call("queue", "retry", refused["id"])
    assert (1, "unknown customer") == (code, refused["reason"])
    assert "the agent is running" in error
    rig.desk.close()
    try:
        assert (0, "1 will be sent once more when the agent runs\n") == call("queue", "retry", refused["id"])[:2]
        assert [] == json.loads(call("queue", "shelf", "--json")[1])
        assert [3] == [one["sequence"] for one in json.loads(call("queue", "list", "--json")[1])]
        assert 2 == len(json.loads(call("journal", "--receipt", "r-1", "--json")[1]))
        assert 0 == call("journal", "--verify")[0]
    finally:
        rig.open()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [([], "say which"), (["x", "--all"], "say which"), (["nobody"], "nobody is not on the shelf")],
)
def test_a_retry_says_what_it_wants(sell: Any, call: Any, words: list[str], sentence: str) -> None:
    """Nothing, both, or an id that is not there."""
    sell(1)
    code, _, error = call("queue", "retry", *words)

    assert 1 == code
    assert sentence in error


# ── journal ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_slip_a_receipt_a_customer_and_a_day_are_found(rig: Any, sell: Any, call: Any) -> None:
    """By what the person at the counter can say; the last moment of a day belongs to it."""
    sell(1)
    rig.clock.at = rig.clock.at.replace(hour=20, minute=59, second=59, microsecond=999_000)  # 23:59:59.999 in Moscow
    claim = sell(2)
    rig.clock.at += timedelta(milliseconds=1)
    sell(3)

    def receipts(*words: str) -> list[str]:
        return [one["receipt"] for one in json.loads(call("journal", *words, "--json")[1])]

    assert ["r-2"] == receipts("--claim", claim.lower().replace("0", "o"))
    assert ["r-1"] == receipts("--receipt", "r-1")
    assert ["r-3", "r-2", "r-1"] == receipts("--customer", "m-2")
    assert ["r-1", "r-2"] == receipts("--day", "2026-03-02")
    assert ["r-3"] == receipts("--day", "2026-03-03")
    assert 1 == call("journal", "--receipt", "r-9")[0]


def test_a_broken_chain_is_an_exit_code_of_its_own_and_a_place(rig: Any, sell: Any, call: Any) -> None:
    """Somebody changed a byte of a receipt: which one, what is wrong, how much before it holds."""
    sell(1, 2, 3)
    rig.desk.close()
    try:
        with closing(sqlite3.connect(rig.folder / "till.db")) as database:
            changed = "update envelope set body = cast(replace(body, 'r-2', 'r-X') as blob) where sequence = 2"
            database.execute(changed)
            database.commit()
        code, out, _ = call("journal", "--verify")
        told = json.loads(call("journal", "--verify", "--json")[1])
    finally:
        rig.open()

    assert CHAIN_BROKEN == code
    assert "breaks at envelope 2 of epoch 1: it was changed; the 1 before it hold" in out
    assert {"ok": False, "checked": 1, "broken": [1, 2], "why": "was changed"} == told


def test_a_damaged_file_is_a_sentence(rig: Any, sell: Any, call: Any) -> None:
    """Not a traceback: exit code 1, and what to do."""
    sell(1)
    rig.desk.close()
    file = rig.folder / "till.db"
    whole = file.read_bytes()
    try:
        file.write_bytes(b"dear diary, " * 5_000)
        answers = [call("queue", "status"), call("journal", "--verify")]
    finally:
        file.write_bytes(whole)
        rig.open()

    assert [1, 1] == [code for code, _, _ in answers]
    assert all("not a database" in error for _, _, error in answers)
