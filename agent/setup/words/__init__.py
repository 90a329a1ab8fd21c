"""The words of the set-up: a JSON file for each language, English and Russian today."""

from __future__ import annotations

import json
import locale
import os
import sys
from importlib import resources
from typing import Final

__all__ = ["LANGUAGES", "Words", "language_of_system"]

LANGUAGES: Final = ("en", "ru")


class Words:
    """Sentences of one language.

    Args:
        language: one of LANGUAGES.
    """

    def __init__(self, language: str) -> None:
        self.language = language
        text = resources.files("agent.setup.words").joinpath(f"{language}.json").read_text("utf-8")
        self._words: dict[str, str] = json.loads(text)

    def __call__(self, key: str, **blanks: object) -> str:
        """The sentence with its blanks filled in."""
        return self._words[key].format(**blanks) if blanks else self._words[key]


def language_of_system() -> str:
    """What whoever sits here reads: Russian where the system says so, English otherwise."""
    told = [os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG")]
    if sys.platform == "win32":
        import ctypes

        told.append(locale.windows_locale.get(ctypes.windll.kernel32.GetUserDefaultUILanguage(), ""))
    first = next((word for word in told if word), "")
    return "ru" if first.lower().startswith("ru") else "en"
