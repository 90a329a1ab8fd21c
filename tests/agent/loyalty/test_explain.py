"""Every code the engine can say has a sentence in every language, and the engine imports nothing it must not."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from agent import loyalty
from agent.loyalty.counter_hints import COUNTER_HINTS
from agent.loyalty.explain import CODES, HINTS, LANGUAGES, sentence
from agent.loyalty.hints import HINT_OF
from agent.loyalty.model import Unit
from drivers.vocabulary.decision import Explanation, Hint

ROOM = Path(loyalty.__file__).parent


def test_every_code_has_its_sentences() -> None:
    """The codes written in the engine and those of the catalogue are the same."""
    said = set()
    for path in ROOM.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        said |= set(re.findall(r'Rejection\(\s*"(\w+)"', text))
        said |= set(
            re.findall(r'"(capped_by_\w+|rounded_to_step|below_least|caller_limit|\w+_due|donation_most)"', text)
        )
        said |= set(re.findall(r'\.applied\([\w.]+, "(\w+)"', text))

    # "applied" is a default; the reasons of a limit are the caller's to name.
    assert said | {"applied", "offline_cap", "lease"} == set(CODES)


@pytest.mark.parametrize("code", sorted({**CODES, **HINTS}))
def test_languages_say_the_same(code: str) -> None:
    """Each language has the same blanks."""
    blanks = [sorted(re.findall(r"\{(\w+)\}", text)) for text in {**CODES, **HINTS}[code]]

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


def test_every_hint_has_its_sentences() -> None:
    """The hints that the engine gives and those of the catalogue are the same."""
    assert {*HINT_OF.values(), *COUNTER_HINTS.values(), "to_tier"} == set(HINTS)


BONUS = {
    "bonus": Unit(
        title="Bonuses", names={"en": ("point", "points"), "ru": ("бонус", "бонуса", "бонусов"), "th": ("แต้ม",)}
    )
}


@pytest.mark.parametrize(
    ("points", "language", "expected"),
    [
        ("1", "en", "1 point earned"),
        ("21", "en", "21 points earned"),
        ("1.0", "en", "1.0 points earned"),
        ("1", "ru", "начислено 1 бонус"),
        ("2", "ru", "начислено 2 бонуса"),
        ("5", "ru", "начислено 5 бонусов"),
        ("11", "ru", "начислено 11 бонусов"),
        ("12", "ru", "начислено 12 бонусов"),
        ("21", "ru", "начислено 21 бонус"),
        ("111", "ru", "начислено 111 бонусов"),
        ("1240", "ru", "начислено 1\xa0240 бонусов"),
        ("1.5", "ru", "начислено 1,5 бонуса"),
        ("5", "th", "ได้รับ 5 แต้ม"),
        ("1240", "th", "ได้รับ 1,240 แต้ม"),
    ],
)
def test_row_39_points_are_counted_in_the_right_form(points: str, language: str, expected: str) -> None:
    """1, 2, 5, 11 and 21 render right, and a fraction has its own form."""
    why = Explanation(rule="back", applied=True, code="points_earned", values={"points": points, "unit": "bonus"})

    assert f"back: {expected}" == sentence(why, language=language, units=BONUS)


@pytest.mark.parametrize(
    ("most", "expected"),
    [("1", "до 1 бонуса"), ("2", "до 2 бонусов"), ("21", "до 21 бонуса"), ("370", "до 370 бонусов")],
)
def test_up_to_so_many_points_is_the_genitive(most: str, expected: str) -> None:
    """Russian has another form after "up to" than after the bare number."""
    why = Explanation(rule="spend", applied=False, code="not_asked", values={"most": most, "unit": "bonus"})

    assert f"spend: можно списать {expected}" == sentence(why, language="ru", units=BONUS)


def test_a_unit_without_names_is_its_title_or_its_id() -> None:
    """Names are an addition: a programme without them reads as before."""
    why = Explanation(rule="x", applied=True, code="multiplied", values={"factor": "1.5", "unit": "bonus"})

    assert "x: Bonuses × 1,5" == sentence(why, language="ru", units=BONUS)
    assert "x: bonus times 1.5" == sentence(why)


def hint(code: str, missing: str, **more: str) -> Hint:
    """A hint of a rule named r."""
    return Hint(rule="r", code=code, values={"have": "2", "need": "5", "missing": missing, **more})


@pytest.mark.parametrize(
    ("said", "language", "expected"),
    [
        (hint("more_items", "1", reward="factor", gain="2"), "en", "r: 1 more item → ×2 (2 of 5)"),
        (hint("more_items", "3"), "en", "r: 3 more items (2 of 5)"),
        (hint("more_items", "1", reward="factor", gain="2"), "ru", "r: ещё 1 товар → ×2 (2 из 5)"),
        (hint("more_items", "3"), "ru", "r: ещё 3 товара (2 из 5)"),
        (hint("more_items", "0.649"), "ru", "r: ещё 0,649 товара (2 из 5)"),
        (hint("more_items", "1"), "th", "r: อีก 1 ชิ้น (2 จาก 5)"),
        (hint("more_positions", "3"), "ru", "r: ещё 3 позиции (2 из 5)"),
        (hint("more_money", "200.00 RUB", reward="percent", gain="7.5"), "en", "r: 200.00\xa0RUB more → 7.5 % off"),
        (hint("more_money", "200.00 RUB", reward="percent", gain="7.5"), "ru", "r: ещё 200,00\xa0₽ → скидка 7,5 %"),
        (hint("something_new", "1"), "en", "r: something_new"),
    ],
)
def test_row_107_what_is_missing_is_said(said: Hint, language: str, expected: str) -> None:
    """How much more, for what, and how far one is."""
    assert expected == sentence(said, language=language)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "1,500.00\xa0RUB to Gold"),
        ("ru", "до уровня Gold: 1\xa0500,00\xa0₽"),
        ("th", "อีก 1,500.00\xa0RUB ถึงระดับ Gold"),
    ],
)
def test_the_way_to_the_next_tier_is_said(language: str, expected: str) -> None:
    """Money, and the tier as people call it."""
    values = {"have": "8500.00 RUB", "need": "10000.00 RUB", "missing": "1500.00 RUB", "tier": "Gold"}

    assert expected == sentence(Hint(rule="tiers", code="to_tier", values=values), language=language)


@pytest.mark.parametrize("path", sorted(ROOM.glob("*.py")), ids=lambda path: path.stem)
def test_the_engine_is_pure(path: Path) -> None:
    """No clock, disk, socket, thread, log, random and no float in the whole room."""
    allowed = {
        "__future__", "agent", "base64", "collections", "dataclasses", "datetime", "decimal", "difflib", "drivers", "enum", "functools",
        "hashlib", "hmac", "json", "math", "msgspec", "re", "tomllib", "types", "typing", "zoneinfo",
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


def test_a_limit_says_from_when_on_there_is_again() -> None:
    """And one that never ends says nothing of it."""
    values = {"counter": "скидка сотрудника", "most": "1000.00 RUB"}
    ever = Explanation(rule="staff", applied=False, code="limit_reached", values=values)
    day = Explanation(rule="staff", applied=False, code="limit_reached", values={**values, "until": "2026-11-23"})

    assert "staff: лимит 1\N{NO-BREAK SPACE}000,00\N{NO-BREAK SPACE}₽ исчерпан (скидка сотрудника)" == sentence(
        ever, language="ru"
    )
    assert sentence(day, language="ru").endswith("(скидка сотрудника); снова с 2026-11-23")


@pytest.mark.parametrize(
    ("missing", "words"),
    [("1", "ещё 1 покупка по 2026-11-30"), ("3", "ещё 3 покупки по"), ("5", "ещё 5 покупок по")],
)
def test_purchases_of_a_counter_are_counted_in_the_right_form(missing: str, words: str) -> None:
    """One, few, many."""
    values = {"counter": "c", "have": "2", "need": "7", "missing": missing, "through": "2026-11-30"}

    assert words in sentence(Hint(rule="r", code="counter_purchases", values=values), language="ru")
