"""Regular expressions from the settings: compiled, or refused before they can make the till wait.

Python's matcher backtracks: a pattern with repeats inside repeats takes minutes for thirty characters. Patterns for
card numbers need none of that, so what might be slow is refused when the settings are read, by shape, with the key.
"""

from __future__ import annotations

import re
import warnings
from typing import Final

from drivers.vocabulary.errors import SettingsError

__all__ = ["LONG_REPEATS_MAX", "VARIABLE_REPEATS_MAX", "compile_pattern"]

LONG_REPEATS_MAX = 2  # of more than SPAN_MAX choices: 200 characters make at most 200² / 2 tries
VARIABLE_REPEATS_MAX = 8  # of any kind, "?" included: each may double the tries
SPAN_MAX = 20
_REPEAT: Final = re.compile(r"(?P<sign>[*+?])|\{(?P<low>[0-9]*)(?P<comma>,)?(?P<high>[0-9]*)\}")
_UNBOUNDED: Final = 1_000_000
_SINGLE: Final = {"(": "open", ")": "close", "|": "or"}


def compile_pattern(pattern: str, *, take: str | int, where: str) -> re.Pattern[str]:
    """Compile `pattern`; raises SettingsError naming the key `where` when it is wrong, may be slow or has no `take`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)  # a pattern that will mean something else one day
            compiled = re.compile(pattern)
    except (re.error, FutureWarning, OverflowError, RecursionError) as error:
        raise SettingsError(f'{where}: "{pattern}" is no regular expression: {error}; correct it') from error
    is_there = take in compiled.groupindex if isinstance(take, str) else 0 <= take <= compiled.groups
    if not is_there:
        raise SettingsError(f'{where}: "{pattern}" has no group {take!r} to take; write (?P<{take}>…) or take = 0')
    reason = _why_slow(pattern)
    if reason:
        raise SettingsError(f'{where}: "{pattern}" may make the till wait: {reason}; write it with fixed counts')
    return compiled


def _why_slow(pattern: str) -> str:
    """Walk the pattern once: what is repeated, how often, and whether it varies inside; "" when nothing is wrong."""
    varies = [False]  # one for each open group: whether something inside can match in more than one way
    variable = long = 0
    is_group_end, group_varies = False, False
    place = 0
    while place < len(pattern):
        step, kind = _token(pattern, place)
        if kind == "repeat":
            low, high = _bounds(pattern[place : place + step])
            if is_group_end and group_varies and high > 1:
                return "a repeat inside a repeat"
            if low != high:
                varies[-1] = True
                variable += 1
                long += high - low > SPAN_MAX
            is_group_end = False
        elif kind == "open":
            varies.append(False)
        elif kind == "close":
            group_varies = varies.pop()
            varies[-1] = varies[-1] or group_varies
            is_group_end = True
        else:
            varies[-1] = varies[-1] or kind == "or"
            is_group_end = False
        place += step
    if variable > VARIABLE_REPEATS_MAX or long > LONG_REPEATS_MAX:
        return "too many repeats of open length"
    return ""


def _token(pattern: str, place: int) -> tuple[int, str]:
    """Length and kind of what stands at `place`: plain, or, open, close, repeat."""
    character = pattern[place]
    if character == "\\":
        return 2, "plain"
    if character == "[":
        return _class_length(pattern, place), "plain"
    if pattern.startswith("(?", place):
        return 2, "open"
    if character in _SINGLE:
        return 1, _SINGLE[character]
    repeat = _REPEAT.match(pattern, place)
    if repeat is not None and repeat.group() not in ("{}", "{,}"):
        length = len(repeat.group())
        # A lazy or possessive mark belongs to the repeat.
        return length + (pattern[place + length : place + length + 1] in ("?", "+")), "repeat"
    return 1, "plain"


def _class_length(pattern: str, place: int) -> int:
    end = place + 1
    if pattern.startswith("^", end):
        end += 1
    if pattern.startswith("]", end):
        end += 1
    while pattern[end] != "]":
        end += 2 if pattern[end] == "\\" else 1
    return end + 1 - place


def _bounds(text: str) -> tuple[int, int]:
    repeat = _REPEAT.match(text)
    assert repeat is not None
    sign = repeat["sign"]
    if sign:
        return (1 if sign == "+" else 0), (1 if sign == "?" else _UNBOUNDED)
    low = int(repeat["low"] or 0)
    if not repeat["comma"]:
        return low, low
    return low, int(repeat["high"]) if repeat["high"] else _UNBOUNDED
