"""Fields of low-level commands: a line of text → a layout that writes and reads them; pure.

``name:type`` separated by spaces: ``uN`` a number of N bytes, the highest first; ``dN`` 2 × N decimal digits, two in a
byte, the highest first; ``bN`` raw bytes; ``b`` and ``t`` take the rest, raw or as text in CP866.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drivers.vocabulary.errors import LocalProtocolError, RemoteProtocolError

CODEC: Final = "cp866"
Value = int | str | bytes


@dataclass(frozen=True, slots=True)
class Field:
    """One field; size 0 takes the rest."""

    name: str
    kind: str
    size: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Fields in order."""

    fields: tuple[Field, ...]

    def encode(self, values: dict[str, Value]) -> bytes:
        """Raises LocalProtocolError for a value that is missing, unknown or too large."""
        unknown = values.keys() - {field.name for field in self.fields}
        if unknown:
            raise LocalProtocolError(f"no field {', '.join(sorted(unknown))}")
        return b"".join(_write(field, values) for field in self.fields)

    def decode(self, data: bytes) -> dict[str, Value]:
        """Raises RemoteProtocolError for bytes that are too few; what comes after the last field is left out."""
        values: dict[str, Value] = {}
        at = 0
        for field in self.fields:
            part = data[at : at + field.size] if field.size else data[at:]
            if len(part) < field.size:
                raise RemoteProtocolError(f"{field.name}: {field.size} bytes are due, {len(part)} came")
            values[field.name] = _read(field, part)
            at += len(part)
        return values


def parse_layout(text: str) -> Layout:
    """See the module."""
    fields = []
    for word in text.split():
        name, _, kind = word.partition(":")
        fields.append(Field(name, kind[0], int(kind[1:] or 0)))
    return Layout(tuple(fields))


def bcd(number: int, size: int) -> bytes:
    """A number as 2 × size decimal digits; raises LocalProtocolError when it has more."""
    digits = f"{number:0{2 * size}d}"
    if number < 0 or len(digits) > 2 * size:
        raise LocalProtocolError(f"{number} has more than {2 * size} digits")
    return bytes.fromhex(digits)


def from_bcd(data: bytes) -> int:
    """Raises RemoteProtocolError for half bytes above 9."""
    digits = data.hex()
    if not digits.isdigit():
        raise RemoteProtocolError(f"no decimal digits: {data.hex(' ')}")
    return int(digits)


def _write(field: Field, values: dict[str, Value]) -> bytes:
    value = values.get(field.name, b"" if field.kind in "bt" and not field.size else None)
    if value is None:
        raise LocalProtocolError(f"{field.name} is missing")
    if field.kind == "t":
        return value if isinstance(value, bytes) else str(value).encode(CODEC, "replace")
    if field.kind == "b":
        if not isinstance(value, bytes) or (field.size and len(value) != field.size):
            raise LocalProtocolError(f"{field.name}: {field.size or 'some'} raw bytes are due")
        return value
    if not isinstance(value, int):
        raise LocalProtocolError(f"{field.name}: a number is due")
    if field.kind == "d":
        return bcd(value, field.size)
    try:
        return value.to_bytes(field.size, "big")
    except OverflowError:
        raise LocalProtocolError(f"{field.name}: {value} does not fit {field.size} bytes") from None


def _read(field: Field, part: bytes) -> Value:
    if field.kind == "t":
        return part.decode(CODEC, "replace").rstrip("\0 ")
    if field.kind == "b":
        return part
    return from_bcd(part) if field.kind == "d" else int.from_bytes(part, "big")
