"""The codes of explanations as sentences, in English, Russian and Thai; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping

from agent.loyalty.compile import TIERS_RULE
from agent.loyalty.model import Unit
from agent.loyalty.sentences import CODES, COUNTED, HINTS, NOUNS, NUMBERS, REWARDS, TAILS
from agent.loyalty.wording import LANGUAGES, money_text, number_text, plural
from drivers.vocabulary.decision import Explanation, Hint

__all__ = ["CODES", "HINTS", "LANGUAGES", "sentence"]


def sentence(
    said: Explanation | Hint,
    *,
    language: str = "en",
    titles: Mapping[str, str] | None = None,
    units: Mapping[str, Unit] | None = None,
) -> str:
    """One line a person can read: the rule's title and what it did, why it did nothing, or what is still missing.

    Args:
        said: an explanation or a hint of a decision.
        language: one of LANGUAGES; another is read as English.
        titles: what people call each rule, by its id, which stands in where there is none.
        units: the programme's, for the names of points; without them a unit is called by its id.
    """
    names = titles or {}
    place = LANGUAGES.index(language) if language in LANGUAGES else 0
    texts = HINTS.get(said.code) if isinstance(said, Hint) else CODES.get(said.code)
    template = texts[place] if texts is not None else said.code
    if isinstance(said, Hint) and said.rule == TIERS_RULE:
        return _filled(template, _spoken(said.values, place, units or {}))
    values = _spoken(said.values, place, units or {})
    if "by" in values:
        values["by"] = names.get(values["by"]) or values["by"]
    return f"{names.get(said.rule) or said.rule}: {_filled(template, values)}"


def _spoken(values: Mapping[str, str], place: int, units: Mapping[str, Unit]) -> dict[str, str]:
    """The values as the language writes them: money, numbers, units by their number, nouns in their form."""
    language = LANGUAGES[place]
    spoken = {name: money_text(value, language) for name, value in values.items()}
    for name in NUMBERS & values.keys():
        spoken[name] = number_text(spoken[name], language)
    if "unit" in values:
        spoken["unit"] = _unit(values, language, units)
    for name, texts in TAILS.items():
        spoken[f"{name}_tail"] = _filled(texts[place], spoken) if name in values else ""
    if "missing" in values:
        for noun, forms in NOUNS.items():
            spoken[noun] = plural(language, values["missing"], forms[place])
        reward = REWARDS.get(values.get("reward", ""))
        spoken["reward"] = _filled(reward[place], spoken) if reward is not None else ""
    return spoken


def _unit(values: Mapping[str, str], language: str, units: Mapping[str, Unit]) -> str:
    """The points' name in the form their number asks for; without such names the unit's title, or its id."""
    name = values["unit"]
    unit = units.get(name)
    if unit is None:
        return name
    forms = unit.names.get(language)
    counted = next((key for key in COUNTED if key in values), None)
    if forms is None or counted is None:
        return unit.title or name
    return plural(language, values[counted], forms, genitive=counted != "points")


def _filled(template: str, values: Mapping[str, str]) -> str:
    """Put the values in; one that is missing leaves an ellipsis rather than an error."""
    text = template
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    while "{" in text and "}" in text.partition("{")[2]:
        before, _, rest = text.partition("{")
        text = f"{before}…{rest.partition('}')[2]}"
    return text
