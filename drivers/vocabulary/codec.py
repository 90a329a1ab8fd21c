"""Values to canonical JSON bytes and back; the same bytes for the same value on every machine.

Canonical means: UTF-8, no white space, keys in alphabetical order, defaults left out. Hashes are taken over
these bytes.
"""

from __future__ import annotations

import threading
from typing import Any, Final, TypeVar

import msgspec

from drivers.vocabulary.money import Money, Percent, Quantity

__all__ = ["WireError", "convert", "decode", "encode", "schema", "to_builtins"]

T = TypeVar("T")

#: What decode() raises: the message names the path of the field at fault, as in ``$.lines[2].price``.
WireError = msgspec.ValidationError

_TEXT_TYPES: Final = (Money, Quantity, Percent)


def _encode_hook(value: Any) -> Any:
    if isinstance(value, _TEXT_TYPES):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} has no wire form")


def _decode_hook(wanted: type, value: Any) -> Any:
    if wanted in _TEXT_TYPES:
        if not isinstance(value, str):
            raise ValueError(f"expected text such as {_EXAMPLES[wanted]!r}, got {type(value).__name__}")
        return wanted.parse(value)
    raise NotImplementedError(f"{wanted.__name__} has no wire form")


_EXAMPLES: Final = {Money: "124.50 RUB", Quantity: "0.351", Percent: "7.5"}
_PATTERNS: Final = {
    Money: r"^-?\d{1,15}(\.\d{1,3})? [A-Z]{3}$",
    Quantity: r"^-?\d{1,15}(\.\d{1,6})?$",
    Percent: r"^-?\d{1,15}(\.\d{1,4})?$",
}

_encoder: Final = msgspec.json.Encoder(enc_hook=_encode_hook, order="sorted")
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}
_making: Final = threading.Lock()


def encode(value: Any) -> bytes:
    """Canonical JSON bytes of any vocabulary value."""
    return _encoder.encode(value)


def decode(data: bytes | str, wanted: type[T]) -> T:
    """Read JSON as `wanted`; raises WireError with the path of the field at fault, also for broken JSON."""
    decoder = _decoder(wanted)
    try:
        result: T = decoder.decode(data)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"not JSON: {error}") from None
    return result


def _decoder(wanted: Any) -> msgspec.json.Decoder[Any]:
    """One for each type, made by one thread at a time.

    While a decoder is made, msgspec fills a table of each type inside, which another thread may already read. A server
    process once ended with a null pointer in msgspec at its first burst of requests; that is the likeliest cause,
    though it was never reproduced. A type whose decoder is here has full tables.
    """
    decoder = _decoders.get(wanted)
    if decoder is None:
        with _making:
            decoder = _decoders.get(wanted) or msgspec.json.Decoder(wanted, dec_hook=_decode_hook)
            _decoders[wanted] = decoder
    return decoder


def convert(value: Any, wanted: type[T]) -> T:
    """Turn plain dicts and lists (from TOML, say) into `wanted`; raises WireError like decode()."""
    _decoder(wanted)  # the same tables serve here
    return msgspec.convert(value, wanted, dec_hook=_decode_hook)


def to_builtins(value: Any) -> Any:
    """Plain dicts, lists and text, for printing and for templates."""
    return msgspec.to_builtins(value, enc_hook=_encode_hook, order="sorted")


def schema(types: list[type], ref_template: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """JSON Schema 2020-12 of `types`: (one schema each, shared components)."""

    def hook(wanted: type) -> dict[str, Any]:
        return {"type": "string", "pattern": _PATTERNS[wanted], "examples": [_EXAMPLES[wanted]]}

    schemas, components = msgspec.json.schema_components(types, schema_hook=hook, ref_template=ref_template)
    return list(schemas), dict(components)
