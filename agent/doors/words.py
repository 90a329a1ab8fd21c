"""The panel's words: one JSON file per language beside the page, English where a language lacks one.

They are made of gettext catalogues (`python3 dev.py words`); what begins with "_" says how the language counts.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Final

from drivers.vocabulary.errors import SettingsError

__all__ = ["Words", "languages", "load_words"]

Words = dict[str, str]

_FOLDER: Final = resources.files("agent.doors") / "panel" / "words"


def languages() -> tuple[str, ...]:
    """The languages there are, in alphabetical order."""
    return tuple(sorted(file.name.removesuffix(".json") for file in _FOLDER.iterdir() if file.name.endswith(".json")))


def load_words(language: str) -> Words:
    """The words of one language; raises SettingsError naming the setting and the languages there are."""
    if language not in languages():
        raise SettingsError(f"panel.language: no words for {language!r}; choose one of {', '.join(languages())}")
    return _read("en") | _read(language)


def _read(language: str) -> Words:
    words: Words = json.loads((_FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    return words
