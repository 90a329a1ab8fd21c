"""Whether an answer is what an OpenAPI document says: the part of JSON Schema that such documents use; pure.

Unknown fields are no fault unless the schema forbids them, and unknown words of a schema say nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

__all__ = ["Contract"]

DEPTH_MAX: Final = 60  # of references inside references: a document that goes round in a circle ends somewhere
SHOWN_CHARS: Final = 60
FAULTS_MAX: Final = 3  # of one answer: one wrong type often makes many

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Contract:
    """An OpenAPI 3.1 document."""

    document: Mapping[str, Any]

    def operations(self) -> set[tuple[str, str]]:
        """(method, path with nameless braces) of everything it promises, what is optional aside."""
        found = set()
        for path, item in self._paths().items():
            if isinstance(item, Mapping):
                there = {method: one for method, one in item.items() if method in _METHODS}
                found |= {(method.upper(), _nameless(path)) for method, one in there.items() if not _is_optional(one)}
        return found

    def statuses(self, method: str, path: str) -> Mapping[str, Any] | None:
        """The answers it promises for a route; None when it does not know the route."""
        for known, item in self._paths().items():
            if _nameless(known) == _nameless(path) and isinstance(item, Mapping):
                operation = item.get(method.lower())
                responses = operation.get("responses") if isinstance(operation, Mapping) else None
                return responses if isinstance(responses, Mapping) else None
        return None

    def faults(self, method: str, path: str, status: int, value: Any) -> list[str]:
        """What is wrong with an answer, in words; a route the document does not know is not judged."""
        responses = self.statuses(method, path)
        if responses is None:
            return []
        response = responses.get(str(status), responses.get(f"{status // 100}XX", responses.get("default")))
        if response is None:
            return [f"status {status} is not promised, only {', '.join(sorted(responses))}"]
        schema = self._resolved(response).get("content", {}).get("application/json", {}).get("schema")
        if schema is None:
            return []
        if value is None:
            return ["the body is no JSON"]
        found = _faults(self._resolved, schema, value, "$", DEPTH_MAX)
        return [fault for fault, _ in zip(found, range(FAULTS_MAX), strict=False)]

    def _paths(self) -> Mapping[str, Any]:
        paths = self.document.get("paths")
        return paths if isinstance(paths, Mapping) else {}

    def _resolved(self, schema: Schema) -> Schema:
        """The same with its reference followed."""
        for _ in range(DEPTH_MAX):
            reference = schema.get("$ref")
            if not isinstance(reference, str) or not reference.startswith("#/"):
                return schema
            place: Any = self.document
            for step in reference[2:].split("/"):
                place = place.get(step.replace("~1", "/").replace("~0", "~"), {}) if isinstance(place, Mapping) else {}
            schema = place if isinstance(place, Mapping) else {}
        return {}


_METHODS: Final = {"get", "post", "put", "delete", "patch"}

Resolve = Callable[[Schema], Schema]


def _is_optional(operation: Any) -> bool:
    return isinstance(operation, Mapping) and operation.get("x-tillpoint-optional") is True


def _nameless(path: str) -> str:
    return re.sub(r"{[^}]*}", "{}", path)


def _faults(resolved: Resolve, schema: Any, value: Any, at: str, depth: int) -> Iterator[str]:
    """Each fault with its path."""
    if schema is True or not isinstance(schema, Mapping) or depth <= 0:
        return
    schema = resolved(schema)
    for other in schema.get("allOf", ()):
        yield from _faults(resolved, other, value, at, depth - 1)
    for word in ("anyOf", "oneOf"):
        choices = schema.get(word)
        if choices and all(any(_faults(resolved, one, value, at, depth - 1)) for one in choices):
            yield _best(resolved, choices, value, at, depth)
            return
    wrong = list(_plain_faults(schema, value, at))
    yield from wrong
    if isinstance(value, list) and not wrong:
        yield from _list_faults(resolved, schema, value, at, depth)
    if isinstance(value, dict) and not wrong:
        yield from _object_faults(resolved, schema, value, at, depth)


def _plain_faults(schema: Schema, value: Any, at: str) -> Iterator[str]:
    """What the value itself is, whatever is inside."""
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {_shown(value)} is none of {', '.join(map(str, schema['enum']))}"
    if "const" in schema and value != schema["const"]:
        yield f"{at}: {_shown(value)} is not {schema['const']}"
    wanted = schema.get("type")
    types = [wanted] if isinstance(wanted, str) else list(wanted or ())
    if types and not any(_TYPES.get(one, _anything)(value) for one in types):
        yield f"{at}: {_shown(value)} is not {' or '.join(types)}"
    elif isinstance(value, str):
        yield from _text_faults(schema, value, at)
    elif _TYPES["number"](value) and not schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf):
        yield f"{at}: {value} is out of bounds"


def _best(resolved: Resolve, choices: Any, value: Any, at: str, depth: int) -> str:
    """What to say when none of several schemas fits: the fault that lies deepest."""
    first = [next(_faults(resolved, one, value, at, depth - 1), "") for one in choices]
    return max(first, key=lambda fault: fault.partition(":")[0].count(".") * 1_000 + len(fault))


def _text_faults(schema: Schema, value: str, at: str) -> Iterator[str]:
    if len(value) < schema.get("minLength", 0) or len(value) > schema.get("maxLength", math.inf):
        yield f"{at}: {len(value)} characters are too few or too many"
    pattern = schema.get("pattern")
    if pattern is not None and re.search(pattern, value) is None:
        yield f"{at}: {_shown(value)} does not match {pattern}"
    if schema.get("format") == "date-time" and not _is_moment(value):
        yield f"{at}: {_shown(value)} is no moment with its zone (RFC 3339)"


def _list_faults(resolved: Resolve, schema: Schema, value: list[Any], at: str, depth: int) -> Iterator[str]:
    if len(value) < schema.get("minItems", 0) or len(value) > schema.get("maxItems", math.inf):
        yield f"{at}: {len(value)} items are too few or too many"
    for place, one in enumerate(value):
        yield from _faults(resolved, schema.get("items", True), one, f"{at}[{place}]", depth - 1)


def _object_faults(resolved: Resolve, schema: Schema, value: dict[str, Any], at: str, depth: int) -> Iterator[str]:
    properties = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{at}: the field {name} is missing"
    others = schema.get("additionalProperties", True)
    for name, one in value.items():
        if name in properties:
            yield from _faults(resolved, properties[name], one, f"{at}.{name}", depth - 1)
        elif others is False:
            yield f"{at}: the field {name} is not known, and tills refuse it here"
        else:
            yield from _faults(resolved, others, one, f"{at}.{name}", depth - 1)


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _anything(value: Any) -> bool:
    del value
    return True


_TYPES: Final[dict[str, Callable[[Any], bool]]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_CHARS else f"{text[:SHOWN_CHARS]}…"
