"""Requests in and answers out: bounded bodies, JSON of the vocabulary, Problems; knows no table."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy import Connection
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from central.errors import Refusal
from drivers.vocabulary import codec
from drivers.vocabulary.centre import Problem

__all__ = ["REQUEST_BYTES_MAX", "Runs", "answer", "problem", "read_body"]

T = TypeVar("T")

#: Of a decompressed body: a batch has at most 1 MiB of envelopes, and JSON around them; four times that is no batch.
REQUEST_BYTES_MAX: Final = 4_194_304


class Runs(Protocol):
    """Runs work in a transaction, away from the event loop."""

    async def __call__(self, work: Callable[[Connection], T]) -> T:
        """Its answer."""
        ...


async def read_body(request: Request, wanted: type[T]) -> T:
    """The body as a value of the vocabulary.

    Raises:
        Refusal: 400 with the path of the field at fault, 413 too large, 415 an encoding we do not speak.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "", "gzip"}:
        raise Refusal(415, "encoding_unknown", f"content-encoding {encoding!r} is not known here; send gzip or none")
    data = await _received(request)
    if encoding == "gzip":
        data = _unzipped(data)
    try:
        return codec.decode(data, wanted)
    except codec.WireError as error:
        raise Refusal(400, "unreadable", str(error)) from None


async def _received(request: Request) -> bytes:
    data = bytearray()
    try:
        async for chunk in request.stream():
            data += chunk
            if len(data) > REQUEST_BYTES_MAX:
                raise _too_large()
    except ClientDisconnect:
        # A line that broke, which is nothing to log; nobody hears the answer.
        raise Refusal(400, "unreadable", "the request was cut short; send it again") from None
    return bytes(data)


def _unzipped(data: bytes) -> bytes:
    """One whole gzip member of bounded size; what claims to be more is refused before it fills the memory."""
    machine = zlib.decompressobj(wbits=31)
    try:
        plain = machine.decompress(data, REQUEST_BYTES_MAX + 1)
    except zlib.error as error:
        raise Refusal(400, "unreadable", f"not gzip: {error}") from None
    if len(plain) > REQUEST_BYTES_MAX:
        raise _too_large()
    if not machine.eof or machine.unused_data:
        raise Refusal(400, "unreadable", "the gzip body is cut short or has something behind it; send it again")
    return plain


def _too_large() -> Refusal:
    return Refusal(
        413, "too_large", f"a request may have {REQUEST_BYTES_MAX} bytes, decompressed; send fewer envelopes"
    )


def answer(value: Any, *, status: int = 200) -> Response:
    """A value of the vocabulary as JSON."""
    return Response(codec.encode(value), status_code=status, media_type="application/json")


def problem(status: int, body: Problem, *, retry_after_s: int | None = None) -> Response:
    """An error answer."""
    response = answer(body, status=status)
    if retry_after_s is not None:
        response.headers["Retry-After"] = str(retry_after_s)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
