"""Messages of HTTP/1.1 → bytes: requests of our clients, answers of twins, a request with another body; pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from drivers.http_wire import WITHOUT_BODY

_REASONS: Final = {
    200: "OK", 201: "Created", 204: "No Content", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found",
    405: "Method Not Allowed", 409: "Conflict", 500: "Internal Server Error", 501: "Not Implemented",
}  # fmt: skip


def encode_request(method: str, target: str, headers: Sequence[tuple[str, str]], body: bytes = b"") -> bytes:
    """A request with the length of its body."""
    rows = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    if body or method in ("POST", "PUT"):
        rows.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*rows, "", ""]).encode("latin-1") + body


def encode_response(status: int, headers: Sequence[tuple[str, str]], body: bytes = b"") -> bytes:
    """An answer with the length of its body."""
    rows = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}", *(f"{name}: {value}" for name, value in headers)]
    if status not in WITHOUT_BODY:
        rows.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*rows, "", ""]).encode("latin-1") + body


def with_body(request: bytes, body: bytes) -> bytes:
    """The same request with another body: its length is written anew, every other header stays as it was.

    Raises ValueError for bytes that are no whole head and body.
    """
    head, gap, _ = request.lstrip(b"\r\n").partition(b"\r\n\r\n")
    if not gap:
        raise ValueError("a request has a head that ends with an empty line")
    dropped = (b"content-length", b"transfer-encoding", b"content-encoding")
    rows = head.split(b"\r\n")
    kept = [row for row in rows if row.partition(b":")[0].strip().lower() not in dropped]
    return b"\r\n".join([*kept, b"Content-Length: %d" % len(body), b"", b""]) + body
