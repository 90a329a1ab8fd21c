"""Reads closed receipts out of Эвотор's cloud, store by store, from a cursor on; yields requests, does no I/O."""

from __future__ import annotations

import json
from collections.abc import Generator
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from drivers.tills.clouds import CloudRequest, ReadBatch, ReadReceipt
from drivers.tills.contract import DoorContext, HttpReply
from drivers.tills.evotor.settings import EvotorSettings
from drivers.tills.evotor.wire import document_of, loads
from drivers.vocabulary.checkout import ConfirmRequest, RefundRequest
from drivers.vocabulary.receipt import DocumentKind

__all__ = ["DocumentReader"]

EVERY_S: Final = 300.0
#: The cloud tells its own limits in X-RateLimit-*; one request a second is far below what it is known to allow.
BUDGET: Final = (5, 5.0)
AWAY_S: Final = 60.0
RETRY_MAX_S: Final = 3_600.0
#: Documents of terminals that had no line come late, with the time at which they were closed.
BACK_MS: Final = 3 * 24 * 3_600 * 1_000
_TROUBLES: Final = {
    401: "the cloud does not take this shop's token; make a new one in the user's account",
    402: "the app is not installed or not paid at this user's; its documents are not told",
    403: "the app has no right to read documents; its permissions are set in the developer's account",
}


class DocumentReader:
    """See `drivers.tills.clouds.CloudReader`."""

    def __init__(self, settings: EvotorSettings, context: DoorContext) -> None:
        self._context = context
        self._base = settings.api_url.rstrip("/")
        self._stores = [one.strip() for one in settings.stores.split(",") if one.strip()]

    @property
    def every_s(self) -> float:
        """Between two visits."""
        return EVERY_S

    @property
    def budget(self) -> tuple[int, float]:
        """What we allow ourselves."""
        return BUDGET

    def read(self, cursor: str, *, now: datetime) -> Generator[CloudRequest, HttpReply, ReadBatch]:
        """One page of each store; a shop that was never read begins with what closes from now on."""
        until = int(now.timestamp() * 1_000)
        places: dict[str, dict[str, Any]] = loads(cursor.encode()) if cursor else {}
        receipts: list[ReadReceipt] = []
        unread: list[str] = []
        more = False
        for store in self._stores:
            place = places.setdefault(store, {"since": until, "until": until, "next": ""})
            if not place["next"]:
                place["until"] = until
            reply = yield self._request(store, place)
            if reply.status != 200:
                pause_s = _pause_s(reply)
                return ReadBatch(cursor=cursor, pause_s=pause_s, trouble=_TROUBLES.get(reply.status, ""))
            try:
                told = loads(reply.body)
                items = told["items"]
                following = str((told.get("paging") or {}).get("next_cursor") or "")
            except (ValueError, AttributeError, TypeError, KeyError) as error:
                return ReadBatch(cursor=cursor, pause_s=AWAY_S, trouble=f"store {store}: {error}")
            for one in items if isinstance(items, list) else ():
                self._take(one, receipts, unread)
            if following:
                place["next"], more = following, True
            else:
                place["next"], place["since"] = "", max(int(place["since"]), int(place["until"]) - BACK_MS)
        return ReadBatch(
            receipts=tuple(receipts), cursor=json.dumps(places, sort_keys=True), more=more, unread=tuple(unread)
        )

    def _request(self, store: str, place: dict[str, Any]) -> CloudRequest:
        query = {"since": place["since"], "until": place["until"], "type": "SELL,PAYBACK"}
        if place["next"]:
            query = {"cursor": place["next"]}
        headers = (
            ("authorization", f"Bearer {self._context.token}"),
            ("accept", "application/vnd.evotor.v2+json"),
            ("content-type", "application/vnd.evotor.v2+json"),
        )
        return CloudRequest(url=f"{self._base}/stores/{store}/documents?{urlencode(query)}", headers=headers)

    def _take(self, told: Any, receipts: list[ReadReceipt], unread: list[str]) -> None:
        try:
            found = document_of(told, self._context.currency)
        except ValueError as error:
            name = told.get("id") if isinstance(told, dict) else "?"
            unread.append(f"document {str(name)[:60]}: {error}")
            return
        if found is None:
            return
        if found.receipt.kind is DocumentKind.SALE:
            receipts.append(ReadReceipt(confirm=ConfirmRequest(receipt=found.receipt, code=found.code or None)))
        else:
            receipts.append(ReadReceipt(refund=RefundRequest(receipt=found.receipt)))


def _pause_s(reply: HttpReply) -> float:
    """How long the cloud wants to be left alone."""
    if reply.status in _TROUBLES:
        return RETRY_MAX_S
    told = reply.headers.get("retry-after", "")
    if reply.status == 429 and told.isascii() and told.isdigit():
        return min(RETRY_MAX_S, max(1.0, float(told)))
    return AWAY_S
