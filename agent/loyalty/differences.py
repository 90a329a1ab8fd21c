"""What differs between two programmes, rule by rule in plain sentences; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from agent.loyalty.describe import describe
from agent.loyalty.explain import LANGUAGES
from agent.loyalty.programme import Programme
from drivers.vocabulary import codec

__all__ = ["differences"]

#: Phrase → its text in each of LANGUAGES.
_PHRASES: Final[dict[str, tuple[str, str, str]]] = {
    "added": ("added: {new}", "добавлено: {new}", "เพิ่ม: {new}"),
    "removed": ("removed: {old}", "убрано: {old}", "ลบ: {old}"),
    "was": ("was: {old}", "было: {old}", "เดิม: {old}"),
    "now": ("now: {new}", "стало: {new}", "ใหม่: {new}"),
    "order": (
        "the rules stand in another order: {new}",
        "правила идут в другом порядке: {new}",
        "ลำดับกฎเปลี่ยนเป็น: {new}",
    ),
}

Flat = dict[str, str]


def differences(old: Programme, new: Programme, *, language: str = "en") -> list[str]:
    """Lines that say what changed; none when both programmes mean the same.

    First the header (version, units, tiers, groups), then each rule: added, removed, or how its sentence was and is,
    with every key that differs, because a sentence does not say all (a priority, say).
    """
    say = _Speaker(LANGUAGES.index(language) if language in LANGUAGES else 0)
    before, after = codec.to_builtins(old.file), codec.to_builtins(new.file)
    rules_before = {rule["id"]: rule for rule in before.pop("rules", [])}
    rules_after = {rule["id"]: rule for rule in after.pop("rules", [])}
    lines = say.changes(_flat(before), _flat(after))
    said_before = dict(zip(rules_before, describe(old, language=language), strict=True))
    said_after = dict(zip(rules_after, describe(new, language=language), strict=True))
    for name in {**rules_before, **rules_after}:
        if name not in rules_after:
            lines.append(f"{name}: {say('removed', old=said_before[name])}")
        elif name not in rules_before:
            lines.append(f"{name}: {say('added', new=said_after[name])}")
        elif rules_before[name] != rules_after[name]:
            lines += _rule(say, name, (said_before[name], said_after[name]), rules_before[name], rules_after[name])
    kept_before = [name for name in rules_before if name in rules_after]
    kept_after = [name for name in rules_after if name in rules_before]
    if kept_before != kept_after:
        lines.append(say("order", new=", ".join(kept_after)))
    return lines


def _rule(
    say: _Speaker, name: str, said: tuple[str, str], before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[str]:
    lines = []
    if said[0] != said[1]:
        lines = [f"{name}: {say('was', old=said[0])}", f"{name}: {say('now', new=said[1])}"]
    return lines + [f"  {line}" for line in say.changes(_flat(before), _flat(after))]


class _Speaker:
    """Phrases in one language."""

    def __init__(self, place: int) -> None:
        self._place = place

    def __call__(self, phrase: str, **values: str) -> str:
        return _PHRASES[phrase][self._place].format_map(values)

    def changes(self, before: Flat, after: Flat) -> list[str]:
        """One line a key that differs, in the order of the newer file."""
        keys = [*after, *(key for key in before if key not in after)]
        return [
            f"{key}: {before.get(key, '-')} → {after.get(key, '-')}"
            for key in keys
            if before.get(key) != after.get(key)
        ]


def _flat(value: Any, path: str = "") -> Flat:
    """Plain data as path → text; entries that have an id are named by it, so that moving one is no change of it."""
    if isinstance(value, Mapping) and value:
        parts = {f"{path}.{key}".lstrip("."): one for key, one in value.items()}
    elif isinstance(value, (list, tuple)) and value:
        named = all(isinstance(one, Mapping) and "id" in one for one in value)
        parts = {f"{path}[{one['id'] if named else place}]": one for place, one in enumerate(value)}
        if named:
            return {path: ", ".join(one["id"] for one in value)} | _flats(parts)
    else:
        return {path: _text(value)}
    return _flats(parts)


def _flats(parts: Mapping[str, Any]) -> Flat:
    flat: Flat = {}
    for path, one in parts.items():
        flat |= _flat(one, path)
    return flat


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) and value else codec.encode(value).decode()
