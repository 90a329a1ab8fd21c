"""What `--set KEY=VALUE` says, as the settings of a driver; no I/O."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from agent.settings import unknown_keys
from drivers.vocabulary import codec
from drivers.vocabulary.errors import SettingsError

__all__ = ["pairs_of", "settings_of"]


def pairs_of(pairs: Sequence[str]) -> dict[str, Any]:
    """``model=shtrih-mini`` → {"model": "shtrih-mini"}; a value that TOML reads (a number, a truth) is read so."""
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise SettingsError(f"--set {pair}: write it like --set model=NAME")
        try:
            found[key] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            found[key] = value
    return found


def settings_of(given: Mapping[str, Any], wanted: type[Any]) -> Any:
    """A driver's settings with these values; raises SettingsError naming what is wrong."""
    wrong = [sentence for _, sentence in unknown_keys(dict(given), wanted)]
    if wrong:
        raise SettingsError(f"--set: {wrong[0]}")
    try:
        return codec.convert(dict(given), wanted)
    except codec.WireError as error:
        raise SettingsError(f"--set: {error}") from None
