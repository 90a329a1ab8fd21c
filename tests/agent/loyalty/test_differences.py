"""What differs between two programmes, said rule by rule."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st

from agent.loyalty import Programme, load
from agent.loyalty.differences import differences
from agent.loyalty.explain import LANGUAGES
from drivers.vocabulary import codec
from tests.agent.loyalty.soaking import prove


def programme_of(*rules: dict[str, Any], **head: Any) -> Programme:
    """A programme of these rules."""
    file = {"version": 1, "title": "t", "currency": "RUB", "zone": "UTC", "rules": list(rules), **head}
    found = load(codec.encode(file), name="t.json")

    assert isinstance(found, Programme), found
    return found


def percent(name: str, value: str, **more: Any) -> dict[str, Any]:
    """A discount by percent."""
    return {"id": name, "kind": "percent_discount", "percent": value, **more}


def test_the_same_programme_differs_in_nothing() -> None:
    """However its keys are ordered and its defaults are written."""
    old = programme_of(percent("a", "5"))
    new = programme_of({"percent": 5, "kind": "percent_discount", "id": "a", "priority": 0})

    assert [] == differences(old, new)


def test_rules_come_go_and_change() -> None:
    """Each in a sentence, a change with its keys."""
    old = programme_of(percent("a", "5"), percent("b", "7"))
    new = programme_of(percent("a", "6.5"), percent("c", "9", title="Spring"), version=2)

    assert [
        "version: 1 → 2",
        "a: was: a: 5 % off; each position by itself.",
        "a: now: a: 6.5 % off; each position by itself.",
        "  percent: 5 → 6.5",
        "b: removed: b: 7 % off; each position by itself.",
        "c: added: Spring: 9 % off; each position by itself.",
    ] == differences(old, new)


def test_what_no_sentence_says_is_a_key() -> None:
    """A priority is in no sentence, and moves the rule all the same; so does its place."""
    first, second = percent("a", "5"), percent("b", "7")

    assert ["  priority: - → 3"] == differences(programme_of(first), programme_of({**first, "priority": 3}))
    assert ["the rules stand in another order: b, a"] == differences(
        programme_of(first, second), programme_of(second, first)
    )


def test_tiers_and_units_are_named_by_their_id() -> None:
    """A new lowest tier is one addition, not a change of all."""
    gold = {"id": "gold", "spent_from": "10000"}
    old = programme_of(tiers=[gold], units={"bonus": {"worth": "1"}})
    new = programme_of(tiers=[{"id": "silver", "spent_from": "5000"}, gold], units={"bonus": {"worth": "2"}})

    assert [
        "tiers: gold → silver, gold",
        "tiers[silver].id: - → silver",
        "tiers[silver].spent_from: - → 5000.00 RUB",
        "units.bonus.worth: 1.00 RUB → 2.00 RUB",
    ] == differences(old, new)


@pytest.mark.parametrize(
    ("language", "expected"),
    [("ru", "a: убрано: a: скидка 6,5 %; по каждой позиции."), ("th", "a: ลบ: a: ลด 6.5 %; แยกทีละรายการ.")],
)
def test_differences_in_other_languages(language: str, expected: str) -> None:
    """The words and the numbers are the language's."""
    assert [expected] == differences(programme_of(percent("a", "6.5")), programme_of(), language=language)


rules = st.lists(
    st.fixed_dictionaries(
        {"id": st.sampled_from("abc"), "kind": st.just("percent_discount"), "percent": st.integers(1, 3).map(str)},
        optional={"priority": st.integers(0, 1), "title": st.sampled_from(["", "T"])},
    ),
    max_size=3,
    unique_by=lambda rule: rule["id"],
)


@prove(rules, rules, st.integers(1, 2), st.sampled_from(LANGUAGES))
def test_no_difference_is_kept_silent(
    before: list[dict[str, Any]], after: list[dict[str, Any]], version: int, language: str
) -> None:
    """There are lines exactly when the files mean different things."""
    old, new = programme_of(*before), programme_of(*after, version=version)

    assert (old.file != new.file) == bool(differences(old, new, language=language))
