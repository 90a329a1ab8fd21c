"""The HTTP service of an infobase, closed receipts and what it answers; a codec, served by whoever hosts it.

It keeps a register of closed receipts as `TillpointHTTP.bsl` does: a number for each, given once.
"""

from __future__ import annotations

import hmac
import json
import re
from base64 import b64decode
from binascii import Error as NotBase64
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from drivers.tills.contract import HttpReply, HttpRequest, Story
from drivers.tills.onec.twin import package

__all__ = ["OnecService"]

ROOT: Final = "/hs/tillpoint"
LIMIT_MAX: Final = 500
_SPAN: Final = re.compile(r"(\d{1,15})-(\d{1,15})")


@dataclass(slots=True, kw_only=True)
class OnecService:
    """One infobase.

    Attributes:
        base: its GUID.
        login: ``user:password``.
        rows: its register, by number.
    """

    base: str
    login: str = field(default="tillpoint:secret", repr=False)
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)

    def play(self, story: Story) -> None:
        """A sale is closed, and a return of a part of it."""
        if story.abandon:
            return
        sold = [(line, line.quantity) for line in story.lines]
        body = package(sold, kind="1", phone=story.customer, number=story.number)
        self.put(story.uid, story.at, body.decode())
        if story.refund:
            back = [(story.lines[place - 1], quantity) for place, quantity in story.refund]
            body = package(back, kind="2", phone=story.customer, number=story.number + 1)
            self.put(f"{int(story.uid.replace('-', ''), 16) ^ 1:032x}", story.at, body.decode(), sale=story.uid)

    def put(self, document: str, at: datetime, inside: str, *, number: int = 0, **more: Any) -> int:
        """Note a closed receipt; its number."""
        number = number or max(self.rows, default=0) + 1
        closed_at = at.replace(tzinfo=None).isoformat(timespec="seconds")
        self.rows[number] = {
            "number": number, "document": document, "closed_at": closed_at, "package": inside, **more,
        }  # fmt: skip
        return number

    def answer(self, request: HttpRequest) -> HttpReply:
        """One request."""
        if not self._may(request.headers.get("authorization", "")):
            return HttpReply(status=401, body=b"", headers={"www-authenticate": 'Basic realm="1C"'})
        calls = {f"{ROOT}/ping": self._ping, f"{ROOT}/last": self._last, f"{ROOT}/receipts": self._receipts}
        call = calls.get(request.path)
        if call is None or request.method != "GET":
            return HttpReply(status=404, body="Метод не найден".encode(), content_type="text/plain; charset=utf-8")
        return HttpReply(body=b"\xef\xbb\xbf" + json.dumps(call(dict(request.query)), ensure_ascii=False).encode())

    def _may(self, authorization: str) -> bool:
        scheme, _, coded = authorization.partition(" ")
        try:
            shown = b64decode(coded)
        except NotBase64:
            return False
        return scheme.lower() == "basic" and hmac.compare_digest(shown, self.login.encode())

    def _ping(self, _query: dict[str, str]) -> dict[str, Any]:
        return {"base": self.base, "version": 1}

    def _last(self, query: dict[str, str]) -> dict[str, Any]:
        before = query["before"]
        return {"number": max((number for number, row in self.rows.items() if row["closed_at"] < before), default=0)}

    def _receipts(self, query: dict[str, str]) -> dict[str, Any]:
        after, limit = int(query["after"]), min(int(query["limit"]), LIMIT_MAX)
        spans = [(int(first), int(last)) for first, last in _SPAN.findall(query.get("missing", ""))]
        wanted = sorted(
            number for number in self.rows if number > after or any(first <= number <= last for first, last in spans)
        )
        return {"base": self.base, "receipts": [self.rows[number] for number in wanted[:limit]]}
