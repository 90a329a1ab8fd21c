"""МойСклад's JSON API 1.2 as far as closed sales go: a fake that answers from documents in memory.

It is as rude as the real one is said to be: it wants gzip, counts the weight of requests within three seconds, bounds
pages, and tells when it may be asked again.
"""

from __future__ import annotations

import gzip
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit
from uuid import NAMESPACE_URL, uuid5

from drivers.tills.contract import HttpReply
from drivers.tills.moysklad.wire import encode, errors

__all__ = ["MoySkladCloud"]

WEIGHT_MAX: Final = 45
WITHIN_S: Final = 3.0
PAGE_MAX: Final = 1_000
EXPANDED_MAX: Final = 100
_LIMIT: Final = re.compile(r"(\w+)(>=|<=|>|<|=)(.*)")


@dataclass(slots=True)
class MoySkladCloud:
    """One account.

    Attributes:
        base: the address it is reached at.
        weight: of every request.
        away: answers 503 while it is True.
    """

    base: str
    token: str
    weight: int = 5
    away: bool = False
    asked: int = 0
    refused: int = 0
    _documents: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _spent: deque[tuple[float, int]] = field(default_factory=deque)

    def close(
        self,
        uid: str,
        *,
        at: datetime,
        updated: datetime,
        positions: Sequence[tuple[str, Decimal, int, Decimal]],
        name: str = "",
        phone: str = "",
        returns: str = "",
    ) -> str:
        """A document is closed; positions are (goods, quantity, kopecks for one, percent off). Its id."""
        kind = "retailsalesreturn" if returns else "retaildemand"
        identity = self.id_of(uid)
        rows = [self._row(f"{uid}:{place}", one) for place, one in enumerate(positions)]
        total = sum(row["price"] * row["quantity"] * (100 - row["discount"]) / 100 for row in rows)
        document: dict[str, Any] = {
            "meta": self._meta(kind, identity),
            "id": identity,
            "name": name or f"{len(self._documents.get(kind, [])) + 1:05d}",
            "moment": f"{at:%Y-%m-%d %H:%M:%S}.000",
            "updated": f"{updated:%Y-%m-%d %H:%M:%S}.000",
            "applicable": True,
            "sum": Decimal(int(total + Decimal("0.5"))),
            "cashSum": Decimal(0),
            "noCashSum": Decimal(int(total + Decimal("0.5"))),
            "agent": self._agent(phone),
            "retailStore": {"meta": self._meta("retailstore", self.id_of("shop-1")), "name": "Shop 1"},
            "positions": rows,
        }
        if returns:
            document["demand"] = {"meta": self._meta("retaildemand", self.id_of(returns))}
        self._documents.setdefault(kind, []).append(document)
        return identity

    @staticmethod
    def id_of(uid: str) -> str:
        """The account's id of something."""
        return str(uuid5(NAMESPACE_URL, uid))

    def answer(self, method: str, url: str, headers: dict[str, str], now_s: float) -> HttpReply:
        """One request; header names in small letters."""
        self.asked += 1
        if self.away:
            return HttpReply(status=503, body=b"")
        if headers.get("authorization") != f"Bearer {self.token}":
            return _problem(401, "Ошибка аутентификации", 1056)
        if "gzip" not in headers.get("accept-encoding", ""):
            return _problem(415, "Accept-Encoding: gzip", 1062)
        over_s = self._over_s(now_s)
        if over_s:
            self.refused += 1
            told = {"x-lognex-retry-after": str(int(over_s * 1000) + 1)}
            return HttpReply(status=429, body=errors("Превышено ограничение", "too many", code=1049), headers=told)
        reply = self._page(method, url)
        if reply.status != 200:
            return reply
        return HttpReply(body=gzip.compress(reply.body), headers={"content-encoding": "gzip"})

    def _over_s(self, now_s: float) -> float:
        while self._spent and self._spent[0][0] <= now_s - WITHIN_S:
            self._spent.popleft()
        if sum(one for _, one in self._spent) + self.weight > WEIGHT_MAX:
            return self._spent[0][0] + WITHIN_S - now_s
        self._spent.append((now_s, self.weight))
        return 0.0

    def _page(self, method: str, url: str) -> HttpReply:
        parts = urlsplit(url)
        path = parts.path.partition("/entity/")[2].split("/")
        query = dict(parse_qsl(parts.query))
        if method != "GET" or path[0] not in ("retaildemand", "retailsalesreturn"):
            return _problem(404, "Неизвестный путь", 1005)
        limit, offset = int(query.get("limit", PAGE_MAX)), int(query.get("offset", "0"))
        expanded = query.get("expand", "").split(",") if query.get("expand") else []
        if limit > (EXPANDED_MAX if expanded else PAGE_MAX):
            return _problem(400, "limit", 1041)
        documents = self._documents.get(path[0], [])
        if len(path) == 3:
            one = next((each for each in documents if each["id"] == path[1]), None)
            if one is None:
                return _problem(404, "Объект не найден", 1021)
            return self._rows(url, one["positions"], limit, offset)
        found = [one for one in documents if all(_holds(one, each) for each in query.get("filter", "").split(";"))]
        if query.get("order", "").startswith("updated"):
            found.sort(key=lambda one: str(one["updated"]))
        return self._rows(url, [self._shown(one, expanded) for one in found], limit, offset)

    def _rows(self, url: str, rows: Sequence[dict[str, Any]], limit: int, offset: int) -> HttpReply:
        meta: dict[str, Any] = {"href": url, "type": "list", "mediaType": "application/json"}
        meta |= {"size": len(rows), "limit": limit, "offset": offset, "nextHref": "", "previousHref": ""}
        return HttpReply(body=encode({"meta": meta, "rows": rows[offset : offset + limit]}))

    def _shown(self, document: dict[str, Any], expanded: Sequence[str]) -> dict[str, Any]:
        shown = dict(document)
        rows = document["positions"]
        meta = {**self._meta("retaildemand", f"{document['id']}/positions"), "size": len(rows)}
        shown["positions"] = {"meta": meta} | ({"rows": rows[:EXPANDED_MAX]} if "positions" in expanded else {})
        for name in ("agent", "retailStore"):
            if name not in expanded:
                shown[name] = {"meta": document[name]["meta"]}
        return shown

    def _agent(self, phone: str) -> dict[str, Any]:
        identity = self.id_of(f"counterparty:{phone}")
        agent = {"meta": self._meta("counterparty", identity), "id": identity, "name": "Розничный покупатель"}
        return agent | ({"phone": phone} if phone else {})

    def _row(self, uid: str, told: tuple[str, Decimal, int, Decimal]) -> dict[str, Any]:
        goods, quantity, kopecks, discount = told
        return {
            "id": self.id_of(uid),
            "quantity": quantity,
            "price": Decimal(kopecks),
            "discount": discount,
            "vat": 0,
            "assortment": {"meta": self._meta("product", self.id_of(f"goods:{goods}"))},
        }

    def _meta(self, kind: str, identity: str) -> dict[str, Any]:
        return {"href": f"{self.base}/entity/{kind}/{identity}", "type": kind, "mediaType": "application/json"}


def _holds(document: dict[str, Any], limit: str) -> bool:
    found = _LIMIT.fullmatch(limit)
    if found is None:
        return True
    have, word, want = str(document.get(found[1], ""))[:19], found[2], found[3][:19]
    return {">=": have >= want, "<=": have <= want, ">": have > want, "<": have < want, "=": have == want}[word]


def _problem(status: int, title: str, code: int) -> HttpReply:
    return HttpReply(status=status, body=errors(title, title, code=code))
