"""Reads a body, JSON into a value of the vocabulary, with a limit on its size and on the time it may take to come."""

from __future__ import annotations

import re
from typing import Final, TypeVar

import anyio
from starlette.requests import ClientDisconnect, Request

from agent.doors.problems import DoorRefused, of_wire
from drivers.vocabulary import codec

__all__ = ["BODY_BYTES_MAX", "read_body", "read_json"]

T = TypeVar("T")

BODY_BYTES_MAX: Final = 1_048_576  # the longest receipt (2,000 lines) has half of it
BODY_WAIT_S: Final = 10.0  # both ends are on one machine; a body that takes longer is not coming

_JSON: Final = re.compile(r'application/json(?:\s*;\s*charset="?utf-8"?)?', re.IGNORECASE)


async def read_json(request: Request, wanted: type[T]) -> T:
    """The body as `wanted`; raises DoorRefused naming what is wrong with it."""
    if _JSON.fullmatch(request.headers.get("content-type", "").strip()) is None:
        raise DoorRefused(415, "wrong_content_type", "send the body as Content-Type: application/json, in UTF-8")
    try:
        return codec.decode(await read_body(request), wanted)
    except codec.WireError as error:
        raise of_wire(error) from None


async def read_body(request: Request) -> bytes:
    """The whole body; raises DoorRefused for one that is too large, too slow or cut."""
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > BODY_BYTES_MAX:
        raise _too_large()
    body = bytearray()
    try:
        with anyio.fail_after(BODY_WAIT_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY_BYTES_MAX:
                    raise _too_large()
    except TimeoutError:
        raise DoorRefused(408, "body_too_slow", f"the body did not come within {BODY_WAIT_S:g} s") from None
    except ClientDisconnect:
        raise DoorRefused(400, "body_cut", "the connection ended before the body did") from None
    return bytes(body)


def _too_large() -> DoorRefused:
    return DoorRefused(413, "body_too_large", f"a body has at most {BODY_BYTES_MAX} bytes")
