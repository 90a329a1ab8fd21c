"""Reads closed sales and returns out of МойСклад's JSON API 1.2, from a cursor on; yields requests, does no I/O.

What the Loyalty API told already is known by its uid and passed over; the rest (sold while the centre was away, or
before the account was connected) earns as it was closed. Documents come in the order of their last change, so a page
that is read twice costs nothing and none is passed by. dev.moysklad.ru/doc/api/remap/1.2
"""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from datetime import datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any, Final
from urllib.parse import quote

from msgspec import Meta, Struct

from drivers.tills.amounts import quantity_of
from drivers.tills.clouds import CloudRequest, ReadBatch, ReadReceipt
from drivers.tills.contract import DoorContext, HttpReply
from drivers.tills.moysklad.receipts import document_uid, moment_of
from drivers.tills.moysklad.settings import MoySkladSettings
from drivers.tills.moysklad.wire import Assortment, Counterparty, Ref, RetailStore, WireError, loads, read
from drivers.vocabulary.checkout import ConfirmRequest, RefundRequest
from drivers.vocabulary.money import Money, Quantity, line_total
from drivers.vocabulary.receipt import DocumentKind, Line, Receipt, Tender, TenderKind

__all__ = ["PAGE", "DemandReader"]

PAGE: Final = 100  # with `expand` no page may have more
POSITIONS_PAGE: Final = 1_000
EVERY_S: Final = 60.0
#: 45 of weight within 3 s for a user; what a request weighs the documentation leaves open, so each is taken for 5.
BUDGET: Final = (45, 3.0)
WEIGHT: Final = 5
AWAY_S: Final = 60.0
RETRY_MAX_S: Final = 600.0
MOSCOW: Final = timezone(timedelta(hours=3))  # every moment of the API is in Moscow time
_FORMAT: Final = "%Y-%m-%d %H:%M:%S"
_KINDS: Final = ("retaildemand", "retailsalesreturn")


class _Row(Struct, frozen=True, kw_only=True, rename="camel"):
    """A position; `price` in kopecks, `discount` in percent."""

    quantity: Decimal
    price: Decimal
    discount: Decimal = Decimal(0)
    assortment: Assortment = Assortment()


class _Size(Struct, frozen=True, kw_only=True, rename="camel"):
    size: int = 0


class _Rows(Struct, frozen=True, kw_only=True, rename="camel"):
    meta: _Size = _Size()
    rows: Annotated[list[_Row], Meta(max_length=2_000)] = []


class _Demand(Struct, frozen=True, kw_only=True, rename="camel"):
    meta: Ref = Ref()
    sync_id: str = ""
    name: str = ""
    moment: str = ""


class _Document(Struct, frozen=True, kw_only=True, rename="camel"):
    """A sale or a return; sums in kopecks."""

    id: str
    name: str = ""
    moment: str = ""
    updated: str = ""
    sync_id: str = ""
    applicable: bool = True
    deleted: str = ""
    sum: Decimal = Decimal(0)
    cash_sum: Decimal = Decimal(0)
    no_cash_sum: Decimal = Decimal(0)
    qr_sum: Decimal = Decimal(0)
    agent: Counterparty | None = None
    retail_store: RetailStore = RetailStore()
    positions: _Rows = _Rows()
    demand: _Demand | None = None


class _Place(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far one kind of documents has been read: from `updated` on, but for the first `skip`."""

    updated: str = ""
    skip: int = 0


class _Silent(Exception):  # noqa: N818 - how a visit ends
    """The cloud did not answer as it should; `pause_s` until it is asked again."""

    def __init__(self, pause_s: float, trouble: str = "") -> None:
        super().__init__(trouble)
        self.pause_s = pause_s
        self.trouble = trouble


class DemandReader:
    """See `drivers.tills.clouds.CloudReader`."""

    def __init__(self, settings: MoySkladSettings, context: DoorContext) -> None:
        self._settings = settings
        self._context = context
        self._base = settings.api_url.rstrip("/")

    @property
    def every_s(self) -> float:
        """Between two visits."""
        return EVERY_S

    @property
    def budget(self) -> tuple[int, float]:
        """What the cloud allows."""
        return BUDGET

    def read(self, cursor: str, *, now: datetime) -> Generator[CloudRequest, HttpReply, ReadBatch]:
        """One page of sales and one of returns; an account that was never read begins with what closes from now on."""
        until = (now - timedelta(seconds=self._settings.lag_s)).astimezone(MOSCOW).strftime(_FORMAT)
        places = _places(cursor, until)
        receipts: list[ReadReceipt] = []
        unread: list[str] = []
        more = False
        try:
            for kind in _KINDS:
                found, places[kind] = yield from self._page(kind, places[kind], until)
                more = more or places[kind].skip > 0 or len(found) == PAGE
                for told in found:
                    yield from self._take(kind, told, receipts, unread)
        except _Silent as silent:
            return ReadBatch(cursor=cursor, pause_s=silent.pause_s, trouble=silent.trouble)
        kept = {kind: {"updated": place.updated, "skip": place.skip} for kind, place in places.items()}
        return ReadBatch(
            receipts=tuple(receipts), cursor=json.dumps(kept, sort_keys=True), more=more, unread=tuple(unread)
        )

    def _page(
        self, kind: str, place: _Place, until: str
    ) -> Generator[CloudRequest, HttpReply, tuple[list[Any], _Place]]:
        limits = f"updated>={place.updated};updated<={until}"
        expand = "agent,positions,retailStore" + (",demand" if kind == _KINDS[1] else "")
        told = yield from self._ask(
            f"{kind}?filter={quote(limits, safe='=;<>')}&order=updated,asc&limit={PAGE}&offset={place.skip}"
            f"&expand={expand}"
        )
        rows = told.get("rows") if isinstance(told, dict) else None
        if not isinstance(rows, list) or not all(isinstance(one, dict) for one in rows):
            raise _Silent(AWAY_S, f"{kind}: the answer has no rows")
        last = str(rows[-1].get("updated", ""))[:19] if rows else ""
        if not last or last == place.updated:
            return rows, _Place(updated=place.updated, skip=place.skip + PAGE if len(rows) == PAGE else 0)
        return rows, _Place(updated=last)

    def _take(
        self, kind: str, told: dict[str, Any], receipts: list[ReadReceipt], unread: list[str]
    ) -> Generator[CloudRequest, HttpReply, None]:
        try:
            document = read(told, _Document)
            if not document.applicable or document.deleted:
                return
            rows = list(document.positions.rows)
            while len(rows) < document.positions.meta.size:
                path = f"{kind}/{document.id}/positions?limit={POSITIONS_PAGE}&offset={len(rows)}"
                more = read((yield from self._ask(path)), _Rows)
                if not more.rows:
                    break
                rows += more.rows
            receipts.append(self._receipt(kind, document, rows))
        except (WireError, ValueError) as error:
            unread.append(f"{kind} {str(told.get('name') or told.get('id'))[:60]}: {error}")

    def _ask(self, path: str) -> Generator[CloudRequest, HttpReply, Any]:
        """One answer.

        Raises:
            _Silent: there is none, or it says why not.
        """
        headers = (
            ("authorization", f"Bearer {self._context.token}"),
            ("accept", "application/json;charset=utf-8"),
            ("accept-encoding", "gzip"),
        )
        reply = yield CloudRequest(url=f"{self._base}/entity/{path}", headers=headers, weight=WEIGHT)
        if reply.status == 429:
            raise _Silent(_retry_s(reply))
        if reply.status in (401, 403):
            raise _Silent(RETRY_MAX_S, "the account does not take this shop's token; make a new one in МойСклад")
        if reply.status != 200:
            raise _Silent(AWAY_S, f"the account answers {reply.status}" if reply.status else "")
        try:
            return loads(reply.body)
        except WireError as error:
            raise _Silent(AWAY_S, str(error)) from None

    # ── Documents ───────────────────────────────────────────────────────────────────────────────

    def _receipt(self, kind: str, document: _Document, rows: Sequence[_Row]) -> ReadReceipt:
        sale = kind == _KINDS[0]
        lines = self._lines(rows)
        total = Money(int(document.sum), self._context.currency)
        rest = total.minor - sum(line.total.minor for line in lines)
        store = document.retail_store.meta.name
        base = document.demand
        receipt = Receipt(
            uid=document_uid("ms" if sale else "msr", document.id, store="", name="", moment=""),
            kind=DocumentKind.SALE if sale else DocumentKind.RETURN,
            total=total,
            lines=lines,
            adjustment=total.with_minor(rest) if rest else None,
            tenders=self._tenders(document, total),
            closed_at=moment_of(document.moment, MOSCOW),
            shop=document.retail_store.name,
            number=document.name,
            base_uid=_uids("ms", base.meta.name, base, store)[0] if base is not None and not sale else None,
            channel="moysklad",
        )
        others = _uids("ms" if sale else "msr", document.id, document, store)[1:]
        person = document.agent.names[0] if document.agent is not None and document.agent.names else ""
        if not sale:
            bases = _uids("ms", base.meta.name, base, store) if base is not None else ()
            return ReadReceipt(refund=RefundRequest(receipt=receipt), other_uids=others, base_uids=bases, person=person)
        return ReadReceipt(
            confirm=ConfirmRequest(receipt=receipt, code=_code(document.agent)), other_uids=others, person=person
        )

    def _lines(self, rows: Sequence[_Row]) -> tuple[Line, ...]:
        lines = []
        for number, row in enumerate(rows, start=1):
            quantity = quantity_of(row.quantity)
            price = self._kopecks(row.price)
            gross = line_total(price, quantity)
            off = self._kopecks(Decimal(gross.minor) * row.discount / 100)
            if off.minor < 0:  # a surcharge is written as a discount below nothing
                price, gross, off = self._dearer(gross - off, quantity)
            lines.append(
                Line(
                    number=number,
                    name="",
                    quantity=quantity,
                    price=price,
                    total=gross - off,
                    discount=off or None,
                    product_id=row.assortment.name,
                )
            )
        return tuple(lines)

    def _dearer(self, total: Money, quantity: Quantity) -> tuple[Money, Money, Money]:
        price = self._kopecks(Decimal(total.minor) * 1_000_000 / quantity.steps)
        gross = line_total(price, quantity)
        return price, gross, total.with_minor(0)

    def _kopecks(self, amount: Decimal) -> Money:
        return Money(int(amount.quantize(Decimal(1), ROUND_HALF_UP)), self._context.currency)

    def _tenders(self, document: _Document, total: Money) -> tuple[Tender, ...]:
        told = (
            (TenderKind.CASH, document.cash_sum),
            (TenderKind.CARD, document.no_cash_sum),
            (TenderKind.OTHER, document.qr_sum),
        )
        tenders = tuple(Tender(kind=kind, amount=self._kopecks(amount)) for kind, amount in told if amount)
        return tenders if sum(one.amount.minor for one in tenders) == total.minor else ()


def _uids(prefix: str, identity: str, document: _Document | _Demand, store: str) -> tuple[str, ...]:
    """Every uid under which the Loyalty API may have told of a document, its own first."""
    found = [document_uid(prefix, identity, store="", name="", moment="")]
    if document.sync_id:
        found.append(document_uid(prefix, document.sync_id, store="", name="", moment=""))
    if document.name and document.moment:
        found.append(document_uid(prefix, "", store=store, name=document.name, moment=document.moment))
    return tuple(found)


def _code(agent: Counterparty | None) -> str | None:
    if agent is None:
        return None
    return (agent.phone or "").strip()[:200] or (agent.discount_card_number or "").strip()[:200] or None


def _places(cursor: str, until: str) -> dict[str, _Place]:
    told = loads(cursor.encode()) if cursor else {}
    return {kind: read(told.get(kind, {"updated": until}), _Place) for kind in _KINDS}


def _retry_s(reply: HttpReply) -> float:
    """How long a cloud that was asked too often wants to be left alone: it says so in milliseconds."""
    told = reply.headers.get("x-lognex-retry-after", "")
    return min(RETRY_MAX_S, max(1.0, int(told) / 1000)) if told.isascii() and told.isdigit() else 3.0
