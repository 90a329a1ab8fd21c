"""Every code the engine can say has a sentence in every language, and the engine imports nothing it must not."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from agent import loyalty
from agent.loyalty.explain import CODES, LANGUAGES, sentence
from drivers.vocabulary.decision import Explanation

ROOM = Path(loyalty.__file__).parent


def test_every_code_has_its_sentences() -> None:
    """The codes written in the engine and those of the catalogue are the same."""
    said = set()
    for path in ROOM.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        said |= set(re.findall(r'Rejection\(\s*"(\w+)"', text))
        said |= set(re.findall(r'"(capped_by_\w+|rounded_to_step|below_least|caller_limit)"', text))
        said |= set(re.findall(r'\.applied\([\w.]+, "(\w+)"', text))

    # "applied" is a default; the reasons of a limit are the caller's to name.
    assert said | {"applied", "offline_cap", "lease"} == set(CODES)


@pytest.mark.parametrize("code", sorted(CODES))
def test_languages_say_the_same(code: str) -> None:
    """Each language has the same blanks."""
    blanks = [sorted(re.findall(r"\{(\w+)\}", text)) for text in CODES[code]]

    assert [blanks[0]] * len(LANGUAGES) == blanks


def test_a_sentence_names_rules_by_title() -> None:
    """What beat a rule is called as people call it."""
    why = Explanation(rule="card", applied=False, code="beaten", values={"by": "sale"})
    titles = {"card": "Карта", "sale": "Распродажа"}

    assert "Карта: выгоднее Распродажа" == sentence(why, language="ru", titles=titles)
    assert "card: sale gives more" == sentence(why)


def test_a_missing_value_is_no_error() -> None:
    """An explanation of an older programme may lack one, and a code of a newer one has no sentence."""
    assert "a: begins on …" == sentence(Explanation(rule="a", applied=False, code="not_yet"))
    assert "a: something_new" == sentence(Explanation(rule="a", applied=False, code="something_new"))


@pytest.mark.parametrize("path", sorted(ROOM.glob("*.py")), ids=lambda path: path.stem)
def test_the_engine_is_pure(path: Path) -> None:
    """No clock, disk, socket, thread, log, random and no float in the whole room."""
    allowed = {
        "__future__", "agent", "collections", "dataclasses", "datetime", "decimal", "difflib", "drivers", "enum", "functools",
        "json", "math", "msgspec", "re", "tomllib", "types", "typing", "zoneinfo",
    }  # fmt: skip
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        name.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    }
    imported |= {(node.module or "").split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    floats = [
        node.lineno for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, float)
    ]
    divisions = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)]
    calls = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} & {"now", "today", "utcnow"}

    assert set() == imported - allowed
    assert [] == floats + divisions
    assert set() == calls
