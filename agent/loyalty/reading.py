"""Plain data to the model, collecting every problem with its place instead of stopping at the first."""

from __future__ import annotations

import re
import types
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Annotated, Any, Final, Union, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo, fields

from agent.loyalty.source import Path
from drivers.vocabulary.money import Money, Percent, Quantity

__all__ = ["Reader", "nearest"]

_WORDS: Final = {
    "int": "a whole number", "str": "text", "object": "a table", "array": "a list", "bool": "true or false",
    "date": "a date such as 2026-01-31", "null": "nothing", "float": "a number with a fraction", "decimal": "a number",
    "datetime": "a date and time", "time": "a time",
}  # fmt: skip
_EXPECTED: Final = re.compile(r"Expected `([a-z| ]+)`, got `([a-z]+)`")
_PLACE: Final = re.compile(r" - at `[^`]*`")


def nearest(word: str, known: list[str]) -> str:
    """The known word that this one was probably meant to be, or ""."""
    import difflib  # needed for a faulty file only

    found = difflib.get_close_matches(word.lower(), known, n=1)
    return found[0] if found else ""


class Reader:
    """Builds a model value from plain data; `problem(path, message, nearest)` is called for each thing wrong."""

    def __init__(self, currency: str, problem: Callable[[Path, str, str], None]) -> None:
        self._currency = currency
        self._problem = problem

    def read(self, value: Any, wanted: Any, path: Path) -> Any:
        """The value as `wanted`, or None when anything in it was reported."""
        wanted = _bare(wanted)
        if isinstance(wanted, list):
            return self._read_choice(value, wanted, path)
        if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
            return self._read_struct(value, wanted, path)
        origin = get_origin(_without_meta(wanted))
        if origin is tuple and isinstance(value, list):
            return self._read_list(value, wanted, path)
        if origin is dict and isinstance(value, dict):
            return self._read_table(value, wanted, path)
        return self._read_leaf(value, wanted, path)

    def _read_leaf(self, value: Any, wanted: Any, path: Path) -> Any:
        try:
            return msgspec.convert(value, wanted, dec_hook=self._exact)
        except msgspec.ValidationError as error:
            choices = _choices(wanted)
            asked = f"one of {', '.join(choices)}" if choices else _description(wanted)
            said = f"expected {asked}, not {_shown(value)}" if asked else _plain_words(str(error))
            self._problem(path, said, nearest(value, choices) if isinstance(value, str) else "")
            return None

    def _read_list(self, value: list[Any], wanted: Any, path: Path) -> Any:
        bare = _without_meta(wanted)
        item = get_args(bare)[0]
        limits = [meta for meta in getattr(wanted, "__metadata__", ()) if isinstance(meta, msgspec.Meta)]
        most = next((meta.max_length for meta in limits if meta.max_length is not None), None)
        if most is not None and len(value) > most:
            self._problem(path, f"at most {most} of these, not {len(value)}", "")
            return None
        read = [self.read(one, item, (*path, i)) for i, one in enumerate(value)]
        return None if any(one is None for one in read) else tuple(read)

    def _read_table(self, value: dict[str, Any], wanted: Any, path: Path) -> Any:
        key_type, item = get_args(_without_meta(wanted))
        read: dict[str, Any] = {}
        for key, one in value.items():
            here = (*path, key)
            read[key] = None if self._read_leaf(key, key_type, here) is None else self.read(one, item, here)
        return None if any(one is None for one in read.values()) else read

    def _read_choice(self, value: Any, choices: list[type[msgspec.Struct]], path: Path) -> Any:
        """A table whose `kind` says which of several it is."""
        if not isinstance(value, dict):
            self._problem(path, f"expected a table, not {_kind_of(value)}", "")
            return None
        known = {str(choice.__struct_config__.tag): choice for choice in choices}
        kind = value.get("kind")
        chosen = known.get(kind) if isinstance(kind, str) else None
        if chosen is None:
            said = "kind is missing" if kind is None else f"no kind {str(kind)[:40]!r}"
            self._problem(
                path if kind is None else (*path, "kind"),
                f"{said}; kinds are {', '.join(known)}",
                nearest(str(kind), list(known)) if kind is not None else "",
            )
            return None
        return self._read_struct({key: one for key, one in value.items() if key != "kind"}, chosen, path)

    def _read_struct(self, value: Any, wanted: type[msgspec.Struct], path: Path) -> Any:
        if not isinstance(value, dict):
            self._problem(path, f"expected a table, not {_kind_of(value)}", "")
            return None
        known = _fields(wanted)
        good = True
        for key in value:
            if key not in known:
                self._problem((*path, key), "unknown key", nearest(key, list(known)))
                good = False
        read: dict[str, Any] = {}
        for key, field in known.items():
            if key in value and not (value[key] is None and field.default is None):
                one = self.read(value[key], field.type, (*path, key))
                good = good and one is not None
                read[field.name] = one
            elif key not in value and field.required:
                self._problem(path, f"{key} is missing", "")
                good = False
        return wanted(**read) if good else None

    def _exact(self, wanted: type, value: Any) -> Any:
        """Money, percent and quantity: text as everywhere, or a bare number in the programme's own currency."""
        if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
            raise ValueError(f"expected a number, not {_kind_of(value)}")  # noqa: TRY004 - msgspec adds the path to a ValueError only
        if isinstance(value, Decimal):
            value = format(value, "f")
        if wanted is Money:
            if isinstance(value, int) or " " not in value:
                return Money.parse(f"{value} {self._currency}")
            money = Money.parse(value)
            if money.currency != self._currency:
                raise ValueError(f"the programme's currency is {self._currency}, not {money.currency}")
            return money
        if wanted in (Percent, Quantity):
            return wanted.parse(str(value))
        raise NotImplementedError(wanted.__name__)


@cache
def _fields(wanted: type[msgspec.Struct]) -> dict[str, FieldInfo]:
    """The keys of a table; the types are read from their annotations, which is slow, once for each kind of table."""
    return {field.encode_name: field for field in fields(wanted)}


def _bare(wanted: Any) -> Any:
    """Without `| None`; a list of tagged tables when there is a choice of them."""
    if get_origin(wanted) in (Union, types.UnionType):
        members = [one for one in get_args(wanted) if one is not type(None)]
        return _bare(members[0]) if len(members) == 1 else members
    return wanted


def _without_meta(wanted: Any) -> Any:
    return get_args(wanted)[0] if get_origin(wanted) is Annotated else wanted


def _description(wanted: Any) -> str:
    """What a field with a form of its own should look like, as the model says."""
    metas = [meta for meta in getattr(wanted, "__metadata__", ()) if isinstance(meta, msgspec.Meta)]
    return next((meta.description for meta in metas if meta.description), "")


def _shown(value: Any) -> str:
    return repr(value[:40]) if isinstance(value, str) else _kind_of(value)


def _kind_of(value: Any) -> str:
    names: dict[type, str] = {
        bool: "true or false", int: "a whole number", str: "text", list: "a list", dict: "a table",
        Decimal: "a number with a fraction", type(None): "nothing",
    }  # fmt: skip
    return names.get(type(value), type(value).__name__)


def _plain_words(message: str) -> str:
    message = _PLACE.sub("", message)
    match = _EXPECTED.fullmatch(message)
    if match is None:
        return message[:1].lower() + message[1:]
    wanted = " or ".join(_WORDS.get(word.strip(), word.strip()) for word in match[1].split("|"))
    return f"expected {wanted}, not {_WORDS.get(match[2], match[2])}"


def _choices(wanted: Any) -> list[str]:
    """The words of an enumeration; none for anything else."""
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return [str(member.value) for member in wanted]
    return []
