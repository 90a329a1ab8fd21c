"""How a command's parameters lie in bytes, written as words: ``"password:u4 quantity:u5 name:t40"``; pure.

``uN`` unsigned and ``sN`` signed, little-endian, N bytes (money is ``u5``, kopecks); ``bN`` raw bytes; ``tN`` text in
CP1251, ended by NUL, padded with NUL; ``t`` and ``b`` alone take the rest. Fields after ``?`` may be missing from the
end: older firmware sends shorter answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drivers.vocabulary.errors import LocalProtocolError, RemoteProtocolError

CODEC: Final = "cp1251"

Value = int | bytes | str


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter; `size` None takes the rest."""

    name: str
    kind: str
    size: int | None
    is_optional: bool

    def encode(self, value: Value) -> bytes:
        """Its bytes; raises LocalProtocolError when the value does not fit."""
        if isinstance(value, int):
            if self.kind not in "us" or self.size is None:
                raise LocalProtocolError(f"{self.name} is not a number")
            try:
                return value.to_bytes(self.size, "little", signed=self.kind == "s")
            except OverflowError:
                raise LocalProtocolError(f"{self.name}: {value} does not fit {self.size} bytes") from None
        if self.kind not in "tb":
            raise LocalProtocolError(f"{self.name} is a number, not {value!r}")
        data = value.encode(CODEC, "replace") if isinstance(value, str) else value
        if self.size is None:
            return data
        if len(data) > self.size or (self.kind == "b" and len(data) != self.size):
            raise LocalProtocolError(f"{self.name} takes {self.size} bytes, not {len(data)}")
        return data.ljust(self.size, b"\0")

    def decode(self, data: bytes) -> Value:
        """Its value."""
        if self.kind in "us":
            return int.from_bytes(data, "little", signed=self.kind == "s")
        return data.split(b"\0", 1)[0].decode(CODEC, "replace") if self.kind == "t" else data


@dataclass(frozen=True, slots=True)
class Layout:
    """The fields of a request or of an answer, in the order of the wire."""

    fields: tuple[Field, ...]

    def encode(self, values: Mapping[str, Value]) -> bytes:
        """The bytes; optional fields end at the first that is not given. Raises LocalProtocolError."""
        unknown = set(values) - {field.name for field in self.fields}
        if unknown:
            raise LocalProtocolError(f"no such field: {', '.join(sorted(unknown))}")
        parts = []
        for field in self.fields:
            if field.name not in values:
                if field.is_optional:
                    break
                raise LocalProtocolError(f"{field.name} is missing")
            parts.append(field.encode(values[field.name]))
        return b"".join(parts)

    def decode(self, data: bytes) -> dict[str, Value]:
        """The values; bytes missing and bytes left over both raise RemoteProtocolError.

        A text at the end may be shorter than the document says: tills send what they have.
        """
        values: dict[str, Value] = {}
        at = 0
        for index, field in enumerate(self.fields):
            left = len(data) - at
            size = left if field.size is None else field.size
            if size > left:
                if field.is_optional and left == 0:
                    break
                if field.kind != "t" or index + 1 < len(self.fields):
                    raise RemoteProtocolError(f"{field.name} wants {size} bytes, {left} are left")
                size = left
            values[field.name] = field.decode(data[at : at + size])
            at += size
        if at < len(data):
            raise RemoteProtocolError(f"{len(data) - at} bytes more than the command has")
        return values


def parse_layout(words: str) -> Layout:
    """Read the words of a table row; raises ValueError for a row that is written wrong."""
    required, _, optional = words.partition("?")
    return Layout(
        tuple(
            _field(word, is_optional=is_optional)
            for part, is_optional in ((required, False), (optional, True))
            for word in part.split()
        )
    )


def _field(word: str, *, is_optional: bool) -> Field:
    name, _, spec = word.partition(":")
    kind, size = spec[:1], spec[1:]
    if not name or kind not in {"u", "s", "t", "b"} or (kind in "us" and not size):
        raise ValueError(f"not a field: {word!r}")
    return Field(name, kind, int(size) if size else None, is_optional)
