"""Broken programmes, receipts, customers and times through `evaluate --jsonl`: an answer each, and never a traceback."""

from __future__ import annotations

import copy
import io
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from agent.cli import evaluate as command
from drivers.vocabulary import codec
from tests.cases.receipt_case import PROGRAMMES, read_case

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
CASES = [
    read_case(path.read_text(encoding="utf-8"))
    for path in sorted(PROGRAMMES.glob("*.case.txt"), key=lambda path: path.name)
]
GOOD = [
    {
        "programme": codec.to_builtins(case.programme.file),
        "receipt": codec.to_builtins(case.receipt),
        "customer": codec.to_builtins(case.customer),
        "at": case.now.isoformat(),
        "points": 100,
        "closed": False,
    }
    for case in CASES
]
KEYS = {"programme", "receipt", "customer", "at", "points", "closed"}

#: What stands where something else should: wrong kinds, edges of numbers, moments, names and text.
ODD: list[Any] = [
    None, True, False, 0, 1, -1, 2**31, 2**63, -(2**63), 10**40, 0.1, -0.0, 1e308, "", " ", "a", "A" * 5_000, "0", "-1",
    "1e5", "NaN", "Infinity", "0.001 RUB", "-5.00 RUB", "999999999999999.99 RUB", "1.00 EUR", "1.005 RUB", "1.00 rub",
    "100", "100.00001", "999999999999999", "0.000001", "٣", "\u0000", "\ud800", "💸", "../..", "{}", "Europe/Moscow", "Mars/X",
    "+14:00", "2026-02-29", "2024-02-29", "0001-01-01", "9999-12-31", "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-12:00", "2026-03-01T09:00:00", "24:00", "25:00", "sale", "return", "max", [], {}, [[]], [None],
    {"": ""}, {"id": "x"}, ["a", "a"], [{}], [1, 2, 3], {"kind": "percent_discount"}, {"from": "10:00", "until": "10:00"},
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a tree, its root left out."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in items:
        yield (*path, key)
        yield from places(one, (*path, key))


def spoil(tree: Any, chance: random.Random) -> None:
    """Change one place: another value, a twin, nothing at all, an unknown key, or a value from elsewhere."""
    path = chance.choice(list(places(tree)))
    parent = tree
    for key in path[:-1]:
        parent = parent[key]
    key = path[-1]
    way = chance.randrange(6)
    if way == 0:
        del parent[key]
    elif way == 1 and isinstance(parent, list):
        parent.insert(chance.randrange(len(parent) + 1), copy.deepcopy(parent[key]))
    elif way == 2 and isinstance(parent, dict):
        parent[chance.choice(["unknown", "", "id2", "категория"])] = copy.deepcopy(parent[key])
    elif way == 3 and isinstance(parent, dict) and isinstance(key, str):
        parent[key[:-1] or "x"] = parent.pop(key)
    elif way == 4:
        elsewhere = tree
        for step in chance.choice(list(places(tree))):
            elsewhere = elsewhere[step]
        parent[key] = copy.deepcopy(elsewhere)
    else:
        parent[key] = copy.deepcopy(chance.choice(ODD))


def broken_line(seed: int) -> bytes:
    """A line with one to four things wrong; one in ten is damaged as bytes besides."""
    chance = random.Random(seed)
    question = copy.deepcopy(chance.choice(GOOD))
    if chance.random() < 0.3:
        question[chance.choice(["programme", "receipt", "customer"])] = copy.deepcopy(
            chance.choice(GOOD)[chance.choice(["programme", "receipt", "customer"])]
        )
    for _ in range(chance.randint(1, 4)):
        if list(places(question)):
            spoil(question, chance)
    line = bytearray(json.dumps(question, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass"))
    if chance.random() < 0.1:
        for _ in range(chance.randint(1, 5)):
            line[chance.randrange(len(line))] = chance.randrange(256)
    return bytes(line).replace(b"\n", b" ").replace(b"\r", b" ")


def is_object(line: bytes) -> bool:
    """Whether a field can be named at all; half a surrogate pair is no text that could be read."""
    try:
        return isinstance(msgspec.json.decode(line), dict)
    except (ValueError, RecursionError):
        return False


def answer(line: bytes) -> dict[str, Any]:
    """What the command answers to one line."""
    sink = io.BytesIO()

    assert 0 == command._answer_lines(io.BytesIO(line + b"\n"), sink, None, NOW)
    answers = sink.getvalue().splitlines()

    assert 1 == len(answers), line
    found: dict[str, Any] = json.loads(answers[0])
    return found


@pytest.mark.parametrize(
    "seeds",
    [pytest.param(range(400), id="plain"), pytest.param(range(10_000), id="soak", marks=pytest.mark.soak)],
)
def test_anything_broken_is_answered_by_field(seeds: range) -> None:
    """A decision that adds up, or an error that names the field; never what the program tripped over."""
    refused = 0
    for seed in seeds:
        line = broken_line(seed)
        said = answer(line)
        if "error" not in said:
            off = [effect["amount"] for effect in said.get("effects", ()) if effect["effect"] == "line_discount"]
            kopecks = sum(int(amount.split()[0].replace(".", "")) for amount in off)

            assert kopecks == int(said["discount"].split()[0].replace(".", "")), seed
            continue
        refused += 1
        error = said["error"]

        assert error["message"], seed
        assert not error["message"].startswith("internal error"), (seed, error)
        if is_object(line):
            assert error["field"], (seed, error)

    # Neither half may be empty, or the mistakes are all of one kind.
    assert len(seeds) // 4 < refused < len(seeds)
